/** The one door of the cluster room: etcd, the lease keeper, and the supervisor. */
export * from "./errors.ts";
export type { GuardedWrite } from "./etcd/control.ts";
export type { EtcdAccess, EtcdTls } from "./etcd/endpoint.ts";
export type { EndpointHealth, EtcdHealth } from "./etcd/health.ts";
export { connectEtcd } from "./etcd/connect.ts";
export type { Etcd } from "./etcd/connect.ts";
export type { Wake, Watch } from "./etcd/watch.ts";
