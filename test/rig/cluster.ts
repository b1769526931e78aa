/** A whole Baton on loopback (etcd, exchange, three nodes), for tests; the demo runs on the same one. */
export { startCluster } from "@baton/drills";
export type { Cluster } from "@baton/drills";
