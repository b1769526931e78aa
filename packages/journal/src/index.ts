/** The one door of the journal: the file and its threads, and the node links that keep the copies equal. */
export * from "./errors.ts";
export * from "./journal.ts";
export { verifyJournal } from "./store/chain.ts";
