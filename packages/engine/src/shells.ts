/**
 * The side door of the engine for the check of the shells (`test/shells`), which puts a node's succession, ledger, journal
 * and links together as `node/node.ts` does, without venues, feeds and an API around them.
 */
export { monoNow, wallNow } from "./clock.ts";
export { Leadership } from "./leadership.ts";
export type { LeadershipPorts } from "./leadership.ts";
export { CommitUnknown, EventRefused, Ledger } from "./ledger.ts";
export { hearJournal, hearLinks } from "./node/hearing.ts";
export type { Hearer } from "./node/hearing.ts";
export { Reads } from "./node/reads.ts";
