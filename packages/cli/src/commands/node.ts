/**
 * `baton node`: the engine under its supervisor, in the foreground; what systemd starts. The first start that would trade
 * real money on this disk asks for the cluster's name, typed, and remembers the answer beside the journal.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "@baton/core";
import type { Command } from "commander";
import { engineDoor } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { loadConfigOrEnd } from "../session.ts";
import { confirm } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface NodeOptions {
  readonly config: string;
  readonly supervisor: boolean;
  readonly yes?: boolean;
  readonly cluster?: string;
  readonly input?: boolean;
}

/** Adds `baton node`; its status is the engine's own. */
export function addNodeCommand(program: Command, terminal: Terminal, exitWith: (status: number) => void): void {
  program
    .command("node")
    .description("run the engine of one node under its supervisor, until it is told to stop")
    .requiredOption("-c, --config <file>", "the configuration file of this node")
    .option("--no-supervisor", "run the engine in this process; a crash is then noticed by the lease only")
    .option("--yes", "confirm the first live start (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .action(async (options: NodeOptions) => {
      const config = await loadConfigOrEnd(options.config);
      await confirmLiveStart(config, options, terminal);
      const engine = await engineDoor();
      exitWith(await engine.startNode({ configFile: options.config, supervised: options.supervisor }));
    });
}

async function confirmLiveStart(config: Config, options: NodeOptions, terminal: Terminal): Promise<void> {
  const live = config.venues.filter((venue) => venue.mode === "live").map((venue) => `${venue.id}/${venue.account}`);
  if (live.length === 0) return;
  const marker = join(config.node.dataDir, "live-confirmed");
  const wanted = [config.cluster.name, ...live.toSorted()].join("\n");
  if (readIfThere(marker) === wanted) return;
  terminal.err(`this node would trade real money on ${live.join(", ")}.`);
  try {
    await confirm(terminal, config.cluster.name, options);
  } catch (error) {
    // A service manager has nobody to ask and must not start again and again: this is for a person to settle.
    if (error instanceof CliEnd && error.exit === "usage") {
      throw new CliEnd("configuration", `the first live start needs a person: ${error.message}`, { field: "venues" });
    }
    throw error;
  }
  mkdirSync(config.node.dataDir, { recursive: true });
  writeFileSync(marker, wanted);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
