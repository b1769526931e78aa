/**
 * `scripts/demo`: reads the options, plays the story, prints what was measured and the verdict. With --json the story goes
 * to stderr and the last line of stdout is the result object alone. Whatever ends it, nothing it started outlives it.
 */
import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Cluster } from "../rig/cluster.ts";
import { changesLeader, faultKinds } from "./faults.ts";
import type { FaultKind } from "./faults.ts";
import { drawFailover } from "./picture.ts";
import { resultOf } from "./result.ts";
import type { DemoResult } from "./result.ts";
import { runDemo, startDemoCluster } from "./run.ts";
import type { DemoOptions } from "./run.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

const usage = `usage: scripts/demo [--fault FAULT] [--orders N] [--seed N] [--uniqueness RULE] [--keep] [--json] [--picture FILE]

  --fault FAULT       ${faultKinds.join(" | ")}; default leader-kill
  --orders N          at least so many orders are asked for, 120 a second; default 3600. A run asks for about 1,300 of them
                      at the least, since its TWAP alone takes ten seconds
  --seed N            of the market and of the orders; default 1
  --uniqueness RULE   how long the exchange refuses a client order id it has seen: open-only | forever | none
  --picture FILE      writes the failover as an SVG, drawn from the exchange's log
  --keep              stays up after the verdict, until Ctrl-C, and prints each node's URL
  --json              the last line of stdout is the result object`;

const uniquenessRules = ["open-only", "forever", "none"] as const;

interface Asked extends DemoOptions {
  readonly json: boolean;
  readonly keep: boolean;
  readonly picture: string | undefined;
}

process.exitCode = await main(process.argv.slice(2));

async function main(parameters: readonly string[]): Promise<number> {
  if (parameters.includes("--help")) {
    console.log(usage);
    return 0;
  }
  let asked: Asked;
  try {
    asked = optionsOf(parameters);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const stage = openStage(asked.json ? process.stderr : process.stdout);
  let cluster: Cluster | undefined;
  // Ctrl-C ends a cluster that was kept with the verdict of its run; before that it says that there is none.
  const ended = { status: 130 };
  const end = (): void => {
    stage.close();
    void Promise.resolve(cluster?.stop()).finally(() => process.exit(ended.status));
  };
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    cluster = await startDemoCluster(asked, stage);
    const { verdict, evidence } = await runDemo(cluster, asked, stage);
    const result = resultOf(verdict, asked);
    print(result, stage, asked.fault);
    if (asked.picture !== undefined) {
      writeFileSync(asked.picture, drawFailover(evidence, verdict));
      stage.write(`picture: ${asked.picture}`);
    }
    if (result.verdict === "fail") stage.write(`the logs and journals of this run are kept: ${keepRecords(cluster)}`);
    if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    const status = result.verdict === "pass" ? 0 : 1;
    if (asked.keep) {
      ended.status = status;
      await keep(cluster, stage);
    }
    return status;
  } catch (error) {
    stage.close();
    console.error(error instanceof Error ? error.message : String(error));
    if (cluster !== undefined) console.error(`the logs and journals of this run are kept: ${keepRecords(cluster)}`);
    return 1;
  } finally {
    await cluster?.stop();
  }
}

function optionsOf(parameters: readonly string[]): Asked {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      json: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      fault: { type: "string", default: "leader-kill" },
      orders: { type: "string", default: "3600" },
      rate: { type: "string", default: "120" },
      seed: { type: "string", default: "1" },
      uniqueness: { type: "string", default: "open-only" },
      picture: { type: "string" },
      dir: { type: "string" },
    },
  });
  return {
    json: values.json,
    keep: values.keep,
    fault: oneOf("--fault", faultKinds, values.fault) satisfies FaultKind,
    orders: whole("--orders", values.orders),
    perSecond: whole("--rate", values.rate),
    seed: whole("--seed", values.seed),
    uniqueness: oneOf("--uniqueness", uniquenessRules, values.uniqueness),
    picture: values.picture,
    ...(values.dir !== undefined && { dir: values.dir }),
  };
}

function oneOf<T extends string>(option: string, allowed: readonly T[], given: string): T {
  const found = allowed.find((each) => each === given);
  if (found === undefined) throw new Error(`${option} ${given}: must be one of ${allowed.join(", ")}`);
  return found;
}

function whole(option: string, given: string): number {
  if (!/^\d{1,9}$/.test(given)) throw new Error(`${option} ${given}: must be a whole number`);
  return Number(given);
}

function print(result: DemoResult, stage: Stage, fault: FaultKind): void {
  const { rpo, orders, parent, phases } = result;
  const ms = (value: number | null): string => (value === null ? "–" : `${Math.round(value)} ms`);
  const epochs = result.epochs.map(({ epoch, node, reason }) => `${epoch} ${node} (${reason})`).join(", ");
  stage.write("");
  if (fault !== "none") {
    stage.write(`  RTO      ${ms(result.rtoMs)}, ${gapOf(fault)}`);
    if (changesLeader(fault)) {
      stage.write(
        `           detect ${ms(phases.detect)}, elect ${ms(phases.elect)}, promote ${ms(phases.promote)}, first order ${ms(phases.firstOrder)}`,
      );
    }
    stage.write(
      `  blocked  ${ms(result.blockedMs)}, the longest that an order in flight at the fault stayed undecided`,
    );
  }
  stage.write(`  RPO      ${rpo.lost} of ${rpo.acknowledged} acknowledged intents lost`);
  stage.write(
    `  orders   ${orders.accepted} accepted of ${orders.intents} intents, ${orders.duplicates} duplicates, ${orders.unexplained} unexplained`,
  );
  stage.write(
    `  parent   ${parent.done} of ${parent.slices} slices done, ${parent.repeated} repeated, ${parent.skipped} skipped on record`,
  );
  stage.write(`  epochs   ${epochs}`);
  stage.write("");
  for (const { rule, sentence } of result.findings.slice(0, 20)) stage.write(`  ${rule}: ${sentence}`, "bad");
  const more = result.findings.length - 20;
  if (more > 0) stage.write(`  and ${more} more`, "bad");
  stage.write(`verdict: ${result.verdict}`, result.verdict === "pass" ? "good" : "bad");
}

/** What the measured gap is from and to. */
function gapOf(fault: FaultKind): string {
  if (fault === "standby-kill") return "the longest pause between two orders at the exchange after the fault";
  if (fault === "switchover") return "the last order of the old epoch to the first of the next at the exchange";
  return "the fault to the first order of the next epoch at the exchange";
}

/** A failed run leaves what it is judged by, without etcd's data; gives the folder. */
function keepRecords(cluster: Cluster): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-failed-run-"));
  cpSync(cluster.dir, folder, { recursive: true, filter: (path) => path !== join(cluster.dir, "etcd") });
  return folder;
}

/** Waits for Ctrl-C. */
function keep(cluster: Cluster, stage: Stage): Promise<never> {
  stage.write("");
  for (const node of cluster.nodes) stage.write(`  up: ${node.id}  ${node.endpoint}`);
  stage.write("");
  stage.write(`In another terminal: scripts/baton status --endpoint ${cluster.endpoints[0] ?? ""}`);
  stage.write(`The configuration of a node: ${cluster.configFiles[0] ?? ""}`);
  stage.write("Ctrl-C ends it and removes everything.");
  return new Promise<never>(() => setInterval(() => undefined, 60_000));
}
