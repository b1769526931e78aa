/**
 * `baton node`: the engine under its supervisor, in the foreground; what systemd starts. The first start that would trade
 * real money on this disk passes the doctor and asks for the cluster's name, typed; that it did is kept beside the journal
 * (decision 36).
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { liveSubject } from "@baton/core";
import type { Config } from "@baton/core";
import type { PreparedEngine } from "@baton/engine/prepared-engine";
import type { Command } from "commander";
import { engineDoor } from "../engine-door.ts";
import { namesOf, reportText } from "./doctor.ts";
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
export function addNodeCommand(
  program: Command,
  terminal: Terminal,
  o: { readonly exitWith: (status: number) => void; readonly prepared: PreparedEngine | undefined },
): void {
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
      const { config: configFile, supervisor: supervised } = options;
      o.exitWith(await engine.startNode({ configFile, supervised, prepared: o.prepared }));
    });
}

/**
 * The gate before real money: the doctor finds no failure, and a person types the cluster's name. It is passed once for
 * this node, these accounts and these keys (`liveSubject`); what was found stands in the marker, so that anybody can read
 * later on what it was opened. A node that has passed starts again by itself, whatever the doctor would say then: at 3 a.m.
 * a leader's successor must not wait for a warning about a certificate.
 */
async function confirmLiveStart(config: Config, options: NodeOptions, terminal: Terminal): Promise<void> {
  const subject = liveSubject(config);
  if (subject === undefined) return;
  const marker = join(config.node.dataDir, "live-confirmed");
  if (confirmedIn(marker) === subject) return;
  const live = config.venues.filter((venue) => venue.mode === "live").map((venue) => `${venue.id}/${venue.account}`);
  terminal.err(`this node would trade real money on ${live.join(", ")}.`);
  // Who is asked reads the doctor's findings first; where nobody can be asked, nothing is looked at for nothing.
  const isAsked = options.yes !== true && terminal.isInteractive && options.input !== false;
  if (!isAsked) await confirmOrEnd(config, options, terminal);
  const engine = await engineDoor();
  const report = await engine.examine({ configFile: options.config, config });
  terminal.err(reportText(terminal, report));
  const failed = report.findings.filter((each) => each.result === "failure");
  if (failed.length > 0)
    throw new CliEnd("refused", `the first live start needs a doctor without failures: ${namesOf(failed)}.`);
  if (isAsked) await confirmOrEnd(config, options, terminal);
  const codes = (result: "warning" | "skipped"): readonly string[] =>
    report.findings.filter((each) => each.result === result).map((each) => each.code);
  const found = { ...report.counts, warnings: codes("warning"), leftOut: codes("skipped") };
  mkdirSync(config.node.dataDir, { recursive: true });
  const passed = { version: 1, subject, confirmedAt: new Date().toISOString(), doctor: found };
  keep(marker, `${JSON.stringify(passed, undefined, 2)}\n`);
}

/** Whole or not at all, and on the disk: a node that forgot it in a power loss would stay down until a person comes. */
function keep(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { flush: true });
  renameSync(`${file}.new`, file);
  const folder = openSync(dirname(file), "r");
  fsyncSync(folder);
  closeSync(folder);
}

async function confirmOrEnd(config: Config, options: NodeOptions, terminal: Terminal): Promise<void> {
  try {
    await confirm(terminal, config.cluster.name, options);
  } catch (error) {
    // A service manager has nobody to ask and must not start again and again: this is for a person to settle.
    if (error instanceof CliEnd && error.exit === "usage") {
      throw new CliEnd("configuration", `the first live start needs a person: ${error.message}`, { field: "venues" });
    }
    throw error;
  }
}

/** What a marker confirms; undefined where there is none, or where it cannot be read: then it is asked again. */
function confirmedIn(file: string): string | undefined {
  try {
    const marker = JSON.parse(readFileSync(file, "utf8")) as { readonly subject?: unknown } | null;
    return typeof marker?.subject === "string" ? marker.subject : undefined;
  } catch {
    return undefined;
  }
}
