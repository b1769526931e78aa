/** The one door of the cluster room: etcd, the lease keeper, and the engine's link to its supervisor (whose own door is `supervise.ts`). */
export * from "./errors.ts";
export type { GuardedWrite } from "./etcd/control.ts";
export type { EtcdAccess, EtcdTls } from "./etcd/endpoint.ts";
export type { EndpointHealth, EtcdHealth, EtcdInquiry } from "./etcd/health.ts";
export { connectEtcd } from "./etcd/connect.ts";
export type { Etcd } from "./etcd/connect.ts";
export type { Wake, Watch } from "./etcd/watch.ts";
export { nanosCell, stampNow } from "./keeper/cells.ts";
export type { NanosCell } from "./keeper/cells.ts";
export { noLease, startKeeper } from "./keeper/keeper.ts";
export type { Keeper, KeeperOptions } from "./keeper/keeper.ts";
export type { KeeperEvent, LostReason } from "./keeper/rounds.ts";
export { validateTiming } from "./timing.ts";
export type { LeaseTiming } from "./timing.ts";
export { engineLink, orphanedExitCode } from "./supervisor/engine-link.ts";
export type { EngineLink } from "./supervisor/engine-link.ts";
export type { EngineIdentity } from "./supervisor/messages.ts";
