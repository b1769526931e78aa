/**
 * `scripts/soak`: real processes under random overlapping faults with takeovers until so many orders have been asked for,
 * then the checker's verdict. Ends in the demo's result object; `rtoMs` is null, because no single fault is measured.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { resultOf } from "../demo/result.ts";
import { judge, openFlow, untilSettled, watch } from "../demo/session.ts";
import { openStage } from "../demo/stage.ts";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster, Uniqueness } from "../rig/cluster.ts";
import { storm, weatherLinks } from "./weather.ts";

const usage = "usage: scripts/soak [--orders N] [--uniqueness open-only|forever|none] [--seed S] [--json]";

process.exitCode = await main(process.argv.slice(2));

async function main(parameters: readonly string[]): Promise<number> {
  const asked = optionsOf(parameters);
  if (asked === undefined) {
    console.error(usage);
    return 2;
  }
  const stage = openStage(asked.json ? process.stderr : process.stdout);
  let cluster: Cluster | undefined;
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
      onStep: (sentence) => stage.tell(sentence),
    });
    const flow = await openFlow(cluster, { seed: asked.seed, perSecond: 120, run: `soak-${asked.seed}` });
    const picture = watch(cluster, flow, stage);
    const fault = { kind: "none", atMonoMs: Number(process.hrtime.bigint()) / 1e6, atWallMs: Date.now() };
    await flow.start();
    await storm(cluster, { flow, stage, seed: asked.seed, isOver: () => flow.count.asked >= asked.orders });
    await flow.finish();
    await delay(500);
    await untilSettled(cluster);
    picture.stop();
    const { verdict } = await judge(cluster, { flow, fault });
    const result = resultOf(verdict, { fault: "soak", seed: asked.seed, uniqueness: asked.uniqueness });
    const { rpo, orders } = result;
    stage.write(
      `${rpo.acknowledged} acknowledged, ${rpo.lost} lost; ${orders.accepted} accepted, ${orders.duplicates} duplicates; ${result.epochs.length} epochs`,
    );
    for (const { rule, sentence } of result.findings.slice(0, 20)) stage.write(`  ${rule}: ${sentence}`, "bad");
    stage.write(`verdict: ${result.verdict}`, result.verdict === "pass" ? "good" : "bad");
    if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return result.verdict === "pass" ? 0 : 1;
  } catch (error) {
    stage.close();
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await cluster?.stop();
  }
}

function optionsOf(
  parameters: readonly string[],
): { orders: number; seed: number; uniqueness: Uniqueness; json: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: {
        orders: { type: "string", default: "10000" },
        uniqueness: { type: "string", default: "open-only" },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
      },
    });
    const { uniqueness } = values;
    if (uniqueness !== "open-only" && uniqueness !== "forever" && uniqueness !== "none") return undefined;
    if (!/^\d{1,9}$/.test(values.orders) || !/^\d{1,9}$/.test(values.seed)) return undefined;
    return { orders: Number(values.orders), seed: Number(values.seed), uniqueness, json: values.json };
  } catch {
    return undefined;
  }
}
