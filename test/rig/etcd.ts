/** A real etcd on loopback, for tests; the demo starts the same one. */
export { etcdMissing, startEtcd } from "@baton/drills";
export type { EtcdMember, EtcdRig, EtcdRigOptions } from "@baton/drills";
