/** The one door of the journal: the file and its threads, and the node links that keep the copies equal. */
export * from "./errors.ts";
export type { Journal } from "./journal.ts";
export { openJournal, PreparedWriter } from "./open.ts";
export type { CommitTiming, JournalLimits, JournalOpened, JournalOptions } from "./options.ts";
export type { Signal } from "./signal.ts";
export { verifyJournal } from "./store/chain.ts";
export type { VerifyReport } from "./store/chain.ts";
export type { EpochMark } from "./store/read.ts";
export { journalFormat } from "./store/schema.ts";
export type { SnapshotLabel } from "./store/snapshot.ts";
export type { JournalIdentity, Promises } from "./store/store.ts";
export { linkPath } from "./link/serve.ts";
export type { Liveness } from "./link/connection.ts";
export type { Following, Stopped } from "./replication/follower.ts";
export type { AckHeard, FollowerView, SessionLimits } from "./replication/leader.ts";
export * from "./replication/replication.ts";
