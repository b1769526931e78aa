/**
 * `baton cluster`: `re-anchor` goes on after etcd was restored. `init` is genesis, once in a cluster's life. The nodes make their journals at their first start and publish
 * them; this writes the cluster's UUID, epoch 0 and the first in-sync set of all that are published. No node ever does.
 */
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { durationMs } from "../durations.ts";
import { engineDoor } from "../engine-door.ts";
import type { ReAnchorVerdict } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { configEnd, loadConfigOrEnd, print, withJson } from "../session.ts";
import { confirm, facts } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface InitOptions {
  readonly config: string;
  readonly member?: readonly MemberOption[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly cluster?: string;
  readonly input?: boolean;
  readonly timeout: number;
  readonly json?: boolean;
}

interface ReAnchorOptions extends Omit<InitOptions, "member"> {
  readonly reason: string;
  readonly without?: readonly string[];
}

interface MemberOption {
  readonly node: string;
  readonly journal: string;
}

/** Adds `baton cluster`. */
export function addClusterCommands(program: Command, terminal: Terminal): void {
  const cluster = program.command("cluster").description("found a cluster, or go on after etcd was restored");
  withJson(cluster.command("init"))
    .description("found the cluster in etcd, once: its UUID, epoch 0 and the first in-sync set")
    .requiredOption("-c, --config <file>", "the configuration file of one of its nodes")
    .option("--member <node=journal>", "first members, instead of every node that has published its journal", member)
    .option("--dry-run", "say what would be written")
    .option("--yes", "do not ask (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .option("--timeout <span>", "how long to wait for the nodes to publish their journals", durationMs, 30_000)
    .action((options: InitOptions) => initialise(options, terminal));
  withJson(cluster.command("re-anchor"))
    .description("go on after etcd was restored or replaced: compare all journals, epoch and version beyond them all")
    .requiredOption("-c, --config <file>", "the configuration file of one of its nodes")
    .requiredOption("--reason <text>", "why; it stands in etcd")
    .option("--without <node...>", "nodes that are stopped and stay so: their journals are not compared")
    .option("--dry-run", "say what would be written")
    .option("--yes", "do not ask (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .option("--timeout <span>", "how long to wait for the nodes to publish their journals", durationMs, 30_000)
    .action((options: ReAnchorOptions) => reAnchor(options, terminal));
}

/** First the plan, then the question: what the journals hold is known before anything is decided. */
async function reAnchor(options: ReAnchorOptions, terminal: Terminal): Promise<void> {
  const config = await loadConfigOrEnd(options.config);
  const { name } = config.cluster;
  const engine = await engineDoor();
  const by = terminal.environment["USER"] ?? "operator";
  const asked = {
    ...{ configFile: options.config, name, by, reason: options.reason, timeoutMs: options.timeout },
    ...(options.without !== undefined && { without: options.without }),
  };
  const ask = async (dryRun: boolean): Promise<Exclude<ReAnchorVerdict, { kind: "refused" }>> => {
    const verdict = await engine.reAnchorCluster({ ...asked, dryRun });
    if (verdict.kind === "refused") throw new CliEnd(verdict.exit, verdict.sentence);
    return verdict;
  };
  let verdict = await ask(true);
  terminal.err(`plan:\n  1. ${verdict.sentence}\n  2. every node believes etcd again, and one of the set takes over`);
  if (options.dryRun !== true) {
    await confirm(terminal, name, options);
    verdict = await ask(false);
  }
  const { kind } = verdict;
  print(terminal, options, { version: 1, dryRun: kind === "planned", name, ...verdict }, () =>
    facts([
      [kind === "planned" ? "would re-anchor" : "re-anchored", name],
      ["epoch", `${verdict.epoch}, version ${verdict.setVersion}`],
      ...verdict.members.map((each) => ["member", `${each.node} (journal ${each.journal})`] as const),
    ]),
  );
}

async function initialise(options: InitOptions, terminal: Terminal): Promise<void> {
  const config = await loadConfigOrEnd(options.config);
  const { name } = config.cluster;
  terminal.err(
    `plan:\n  1. wait until ${config.cluster.nodes.join(", ")} have published their journals\n` +
      `  2. write the UUID, epoch 0 and the first in-sync set of cluster ${name} to ${config.etcd.endpoints.join(", ")}`,
  );
  if (options.dryRun !== true) await confirm(terminal, name, options);
  const engine = await engineDoor();
  const verdict = await engine
    .initCluster({
      configFile: options.config,
      name,
      ...(options.member !== undefined && { members: options.member }),
      dryRun: options.dryRun === true,
      timeoutMs: options.timeout,
    })
    .catch((error: unknown) => {
      throw configEnd(error) ?? error;
    });
  if (verdict.kind === "refused") throw new CliEnd(verdict.exit, verdict.sentence);
  const document = { version: 1, dryRun: verdict.kind === "planned", name, ...verdict };
  print(terminal, options, document, () =>
    facts([
      [verdict.kind === "planned" ? "would found" : "founded", name],
      ["id", verdict.clusterId],
      ...verdict.members.map((each) => ["member", `${each.node} (journal ${each.journal})`] as const),
    ]),
  );
}

function member(text: string, before: readonly MemberOption[] | undefined): readonly MemberOption[] {
  const [, node, journal] = /^([a-z0-9-]+)=([0-9a-fA-F-]{36})$/.exec(text) ?? [];
  if (node === undefined || journal === undefined) {
    throw new InvalidArgumentError("Write node=journal, with the journal's UUID.");
  }
  return [...(before ?? []), { node, journal }];
}
