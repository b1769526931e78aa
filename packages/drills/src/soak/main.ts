/**
 * `scripts/soak`: real processes under random overlapping faults with takeovers until so many orders have been acknowledged
 * (those that were refused, or that nobody took in time, are not counted), then the checker's verdict. Ends in the demo's result object; `rtoMs` is null, because no single fault is measured. With
 * `--dir` the logs, the journals and the audit stay there.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Spread } from "../checker/measure.ts";
import { resultOf } from "../demo/result.ts";
import { endParent, judge, openFlow, untilSettled, watch } from "../demo/session.ts";
import { openStage } from "../demo/stage.ts";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster, Uniqueness } from "../rig/cluster.ts";
import { placeParents } from "./parents.ts";
import { replaceOrders } from "./replacements.ts";
import { storm, weatherLinks } from "./weather.ts";

const usage = `usage: scripts/soak [--orders N] [--uniqueness open-only|forever|none] [--seed S] [--dir FOLDER] [--json]

  --orders N          goes on until so many orders are acknowledged, 120 a second asked for; default 10000. What is under way
                      then (a fault, the parent orders, a replacement) is brought to its end, and orders come in meanwhile
  --uniqueness RULE   how long the exchange refuses a client order id it has seen
  --seed S            of the market, the orders and the faults; default 1
  --dir FOLDER        the logs, the journals and the audit stay there
  --json              the last line of stdout is the result object`;

process.exitCode = await main(process.argv.slice(2));

async function main(parameters: readonly string[]): Promise<number> {
  if (parameters.includes("--help")) {
    console.log(usage);
    return 0;
  }
  const asked = optionsOf(parameters);
  if (asked === undefined) {
    console.error(usage);
    return 2;
  }
  const stage = openStage(asked.json ? process.stderr : process.stdout);
  let cluster: Cluster | undefined;
  let isEnding = false;
  const end = (): void => {
    stage.close();
    void Promise.resolve(cluster?.stop()).finally(() => process.exit(130));
  };
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    cluster = await startCluster({
      seed: asked.seed,
      uniqueness: asked.uniqueness,
      links: weatherLinks,
      ...(asked.dir !== undefined && { dir: asked.dir }),
      onStep: (sentence) => stage.tell(sentence),
    });
    const flow = await openFlow(cluster, { seed: asked.seed, perSecond: 120, run: `soak-${asked.seed}` });
    const picture = watch(cluster, flow, stage);
    const fault = { kind: "none", atMonoMs: Number(process.hrtime.bigint()) / 1e6, atWallMs: Date.now() };
    await flow.start();
    const startedAt = performance.now();
    const isOver = (): boolean => isEnding || flow.count.acknowledged >= asked.orders;
    const [struck, parents, replaced] = await Promise.all([
      storm(cluster, { flow, stage, seed: asked.seed, isOver }),
      placeParents(flow, `soak-${asked.seed}`, isOver),
      replaceOrders(cluster, asked.seed, isOver),
    ]);
    const stormMs = performance.now() - startedAt;
    await flow.finish();
    for (const parent of parents) await endParent(cluster, parent);
    await delay(500);
    await untilSettled(cluster);
    picture.stop();
    const { asked: wished, acknowledged, refused, givenUp } = flow.count;
    stage.tell(`${[...struck].map(([kind, times]) => `${kind} ${times}`).join(", ")}; refused: ${flow.refusalText()}`);
    const { verdict } = await judge(cluster, { flow, fault });
    const { doubts, gaps } = verdict;
    const result = resultOf(verdict, { fault: "soak", seed: asked.seed, uniqueness: asked.uniqueness });
    const { rpo, orders } = result;
    const perSecond = Math.round((acknowledged * 1_000) / stormMs);
    stage.write(
      `${wished} asked for in ${Math.round(stormMs / 1_000)} s, ${acknowledged} acknowledged (${perSecond} a second), ` +
        `${refused} refused, ${givenUp} given up`,
    );
    stage.write(
      `${rpo.acknowledged} acknowledged, ${rpo.lost} lost; ${orders.accepted} accepted, ${orders.duplicates} duplicates; ${result.epochs.length} epochs`,
    );
    stage.write(
      `${replaced.asked} to be replaced: ${replaced.replaced} were, ${replaced.givenUp} had nothing in their place`,
    );
    stage.write(`doubts found at the venue: ${spreadText(doubts.found)}; proved absent: ${spreadText(doubts.absent)}`);
    stage.write(`gap at the venue over takeovers: ${spreadText(gaps)}`);
    for (const { rule, sentence } of result.findings.slice(0, 20)) stage.write(`  ${rule}: ${sentence}`, "bad");
    stage.write(`verdict: ${result.verdict}`, result.verdict === "pass" ? "good" : "bad");
    if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return result.verdict === "pass" ? 0 : 1;
  } catch (error) {
    isEnding = true;
    stage.close();
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await cluster?.stop();
    // After a failure the flow's own loops still run.
    setImmediate(() => process.exit());
  }
}

function spreadText({ count, p50Ms, p95Ms, maxMs }: Spread): string {
  return count === 0 ? "none" : `${count}, median ${p50Ms} ms, p95 ${p95Ms} ms, longest ${maxMs} ms`;
}

function optionsOf(
  parameters: readonly string[],
): { orders: number; seed: number; uniqueness: Uniqueness; dir: string | undefined; json: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: {
        orders: { type: "string", default: "10000" },
        uniqueness: { type: "string", default: "open-only" },
        seed: { type: "string", default: "1" },
        dir: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const { uniqueness } = values;
    if (uniqueness !== "open-only" && uniqueness !== "forever" && uniqueness !== "none") return undefined;
    if (!/^\d{1,9}$/.test(values.orders) || !/^\d{1,9}$/.test(values.seed)) return undefined;
    return { orders: Number(values.orders), seed: Number(values.seed), uniqueness, dir: values.dir, json: values.json };
  } catch {
    return undefined;
  }
}
