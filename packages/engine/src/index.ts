/** The one door of the engine. What is heavy (ccxt, SQLite, the node itself) is loaded by the functions that need it. */
import type { Config, DoctorReport } from "@baton/core";
import type { DirectKillOptions, DirectKillVerdict } from "./direct-kill.ts";
import type { PreparedEngine } from "./prepared-engine.ts";
import type { InitOptions, InitVerdict } from "./init-cluster.ts";
import type { ReAnchorOptions, ReAnchorVerdict } from "./re-anchor.ts";

export * from "./config/load.ts";
export * from "./config/secrets.ts";
export { engineFlags } from "./engine-flags.ts";
export { lowerHelperThreads } from "./helper-threads.ts";
export { becomeRealtime } from "./realtime.ts";
export type { DirectKillOptions, DirectKillVerdict } from "./direct-kill.ts";
export type { InitOptions, InitVerdict } from "./init-cluster.ts";
export type { ReAnchorOptions, ReAnchorVerdict } from "./re-anchor.ts";
export type { Strategy, StrategyContext, StrategyInput, StrategyIntent } from "./strategies/strategy.ts";
export { copyJournal, exportJournal, readQuarantine, restoreJournal, verifyJournal } from "./verify-journal.ts";
export type { RestoreRequest } from "./verify-journal.ts";

/** `baton node`: runs until the node ends; gives the exit status. Throws `ConfigError`. */
export async function startNode(o: {
  readonly configFile: string;
  readonly supervised: boolean;
  readonly prepared?: PreparedEngine | undefined;
}): Promise<number> {
  const { startNode: start } = await import("./start-node.ts");
  return await start(o);
}

/** `baton cluster init`: genesis, once. Throws `ConfigError`. */
export async function initCluster(o: InitOptions): Promise<InitVerdict> {
  const { initCluster: init } = await import("./init-cluster.ts");
  return await init(o);
}

/** `baton cluster re-anchor`: goes on after etcd was restored. Throws `ConfigError`. */
export async function reAnchorCluster(o: ReAnchorOptions): Promise<ReAnchorVerdict> {
  const { reAnchorCluster: reAnchor } = await import("./re-anchor.ts");
  return await reAnchor(o);
}

/** `baton doctor`: reads, and changes nothing; see `doctor/examine.ts`. */
export async function examine(o: { readonly configFile: string; readonly config: Config }): Promise<DoctorReport> {
  const { examine: look } = await import("./doctor/examine.ts");
  return await look(o);
}

/** The venue's part of `baton kill --direct`: no node, no leader, no etcd. */
export async function killDirect(o: DirectKillOptions): Promise<readonly DirectKillVerdict[]> {
  const { killDirect: kill } = await import("./direct-kill.ts");
  return await kill(o);
}

/** The pages that are made of the code, by file name; see `scripts/reference`. */
export async function writtenPages(): Promise<ReadonlyMap<string, string>> {
  const [{ referencePages }, { version }] = await Promise.all([
    import("./reference-pages.ts"),
    import("./node/presence.ts"),
  ]);
  return referencePages(version);
}
