/** `baton node`: the supervisor as the main process and the engine as its child, or the engine alone. */
import { fileURLToPath } from "node:url";
import type { PreparedEngine } from "@baton/cluster/prepared-engine";
import { supervise } from "@baton/cluster/supervisor";
import type { SupervisorEvent } from "@baton/cluster/supervisor";
import { loadConfig } from "./config/load.ts";
import { engineEnvironment, engineFlags } from "./engine-flags.ts";
import { liveEnvironment } from "./live-start.ts";
import { openLog } from "./log.ts";
import { etcdAccessOf } from "./node/etcd-access.ts";

/**
 * Runs until the node ends in order or cannot run; gives the exit status. Throws `ConfigError`. `engine`: the module of the
 * supervised child, for rehearsals that have one of their own.
 */
export async function startNode(o: {
  readonly configFile: string;
  readonly supervised: boolean;
  readonly engine?: URL;
  /** A process that waits to be the engine. */
  readonly prepared?: PreparedEngine | undefined;
}): Promise<number> {
  if (!o.supervised) {
    const { runEngineProcess } = await import("./engine-process.ts");
    return await runEngineProcess(o.configFile);
  }
  const config = loadConfig(o.configFile);
  const log = openLog({ level: config.log.level, node: config.node.id, boot: "supervisor" });
  return await supervise({
    module: fileURLToPath(o.engine ?? new URL("./engine-main.ts", import.meta.url)),
    args: [o.configFile],
    execArgv: engineFlags,
    // What an operator has set there stays.
    environment: { ...engineEnvironment, ...process.env, ...liveEnvironment(config) },
    prepared: o.prepared,
    etcd: etcdAccessOf(config),
    log: (fact: SupervisorEvent) => log.info(fact, fact.event),
  });
}
