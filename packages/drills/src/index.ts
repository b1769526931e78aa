/** The one door of drills: the checker with its evidence, and the rig that rehearsals and tests run on. */
export { check } from "./checker/check.ts";
export type { EpochLine, Verdict } from "./checker/check.ts";
export type { Acknowledged, Evidence, FaultEvidence, Finding, JournalEvidence, RuleName } from "./checker/evidence.ts";
export { readAudit, readHistory, readJournal } from "./checker/read-files.ts";
export type { DemoResult } from "./demo/result.ts";
export { judge, openFlow, stillness, untilParentEnded, untilSettled } from "./demo/session.ts";
export { clientOf, startCluster } from "./rig/cluster.ts";
export type { Cluster, ClusterOptions } from "./rig/cluster.ts";
export { EngineNode } from "./rig/engine-node.ts";
export { startGuard } from "./rig/guard.ts";
export { openLink } from "./rig/link.ts";
export { rigAccount } from "./rig/node-config.ts";
export { etcdMissing, startEtcd } from "./rig/etcd.ts";
export type { EtcdMember, EtcdRig, EtcdRigOptions } from "./rig/etcd.ts";
export { freePorts } from "./rig/ports.ts";
export { askSwitchover, verdictOf } from "./rig/switchover.ts";
export { checkout, failureOf, startProgram } from "./rig/processes.ts";
