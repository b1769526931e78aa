/** The engine's process: what the supervisor forks. Its only argument is the configuration file. */
import { engineLink } from "@baton/cluster";
import { configWarnings, startAgainStatus } from "@baton/core";
import { AlertPosts } from "./alerts/alert-posts.ts";
import { ConfigError, loadConfig, problemText } from "./config/load.ts";
import { lowerHelperThreads } from "./helper-threads.ts";
import { whyNotLive } from "./live-start.ts";
import { openLog } from "./log.ts";
import { newBoot, runNode } from "./node/run-node.ts";
import type { RunOptions } from "./node/run-node.ts";
import { checkMachine, StartRefused } from "./node/startup-checks.ts";
import { becomeRealtime } from "./realtime.ts";
import { prepareThreads } from "./threads.ts";
import type { PreparedThreads } from "./threads.ts";

/** How long a fenced boot may take to let go of everything. */
const endWithinMs = 3_000;

/** Runs the engine in this process until it ends; gives the exit status. `rehearsed`: what a rehearsal does not wait for. */
export async function runEngineProcess(
  configFile: string,
  prepared: PreparedThreads = prepareThreads(),
  rehearsed: Pick<RunOptions, "bustSettledMs"> = {},
): Promise<number> {
  await using threads = prepared;
  const link = engineLink();
  const stop = new AbortController();
  link?.onStop(() => stop.abort());
  if (link === undefined) for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    checkMachine({ nodeVersion: process.version, wallMs: Date.now() });
    const config = loadConfig(configFile);
    const unconfirmed = whyNotLive(config, process.env);
    if (unconfirmed !== undefined) {
      process.stderr.write(`baton: ${unconfirmed}\n`);
      return 78;
    }
    const boot = newBoot();
    const ownLog = openLog({ level: config.log.level, node: config.node.id, boot });
    const { alertmanagerUrl } = config.alerts;
    await using posts = alertmanagerUrl === undefined ? undefined : new AlertPosts(config, alertmanagerUrl, ownLog);
    const log = posts?.listening() ?? ownLog;
    for (const { event, sentence } of configWarnings(config)) log.warn({ event }, sentence);
    const notLowered = lowerHelperThreads();
    if (notLowered !== undefined) log.warn({ event: "threads.not-lowered" }, notLowered);
    const notRealtime = config.node.realtime ? await becomeRealtime() : undefined;
    if (notRealtime !== undefined) log.warn({ event: "threads.not-realtime" }, notRealtime);
    // A fenced boot that cannot let go of something would keep its lease: the process ends whatever hangs.
    const onFenced = (): void => void setTimeout(() => process.exit(1), endWithinMs).unref();
    const end = await runNode({ config, log, boot, link, threads, stop: stop.signal, onFenced, ...rehearsed });
    if (end.kind === "fenced") log.error({ event: "node.ended" }, end.why);
    return end.kind === "stopped" ? 0 : end.kind === "again" ? startAgainStatus : 1;
  } catch (error) {
    if (error instanceof ConfigError) {
      for (const problem of error.problems) process.stderr.write(`${problemText(problem)}\n`);
      return 78;
    }
    const isExpected = error instanceof StartRefused || (error instanceof Error && "code" in error);
    const text = error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
    process.stderr.write(`baton: ${text}\n`);
    const isConfiguration = error instanceof Error && "code" in error && error.code === "timing-refused";
    return isConfiguration ? 78 : 1;
  }
}
