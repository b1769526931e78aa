/** The one door of the command line: its HTTP client, for drills and other programs, and the program itself. */
export { BatonClient } from "./client.ts";
export type { ClientOptions, OrdersQuery } from "./client.ts";
export { RefusedError, StrangeAnswerError, UnreachableError, UntrustedError } from "./failures.ts";
export type { EngineDoor, InitVerdict, JournalVerdict } from "./engine-door.ts";
export type { ClientTls } from "./secure-fetch.ts";
export { runBaton } from "./program.ts";
export type { Terminal } from "./terminal.ts";
