/** The engine's process, started before it is known what it will run. Nothing heavy may be imported here. */
import { fileURLToPath } from "node:url";
import { PreparedEngine } from "@baton/cluster/prepared-engine";
import { engineEnvironment, engineFlags } from "./engine-flags.ts";

export type { PreparedEngine } from "@baton/cluster/prepared-engine";

/** Starts one; `startNode` takes it. */
export function prepareEngine(): PreparedEngine {
  return new PreparedEngine({
    module: fileURLToPath(new URL("./engine-main.ts", import.meta.url)),
    execArgv: engineFlags,
    // What an operator has set there stays.
    environment: { ...engineEnvironment, ...process.env },
  });
}
