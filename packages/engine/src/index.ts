/** The one door of the engine. What is heavy (ccxt, SQLite, the node itself) is loaded by the functions that need it. */
export * from "./config/load.ts";
export * from "./config/secrets.ts";
export { verifyJournal } from "./verify-journal.ts";
