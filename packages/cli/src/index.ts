/** The one door of the command line: its HTTP client, for drills and other programs, and the program itself. */
export { BatonClient, RefusedError, StrangeAnswerError, UnreachableError } from "./client.ts";
export type { ClientOptions, OrdersQuery } from "./client.ts";
export type { EngineDoor, InitVerdict, JournalVerdict } from "./engine-door.ts";
export { runBaton } from "./program.ts";
export type { Terminal } from "./terminal.ts";
