/**
 * What a planned switchover does to those who trade: 500 orders a second through the API of every node, a hundred orders at
 * rest in the exchange's book, a TWAP under way, and the leadership going round five times in the middle. No request may be
 * refused for ever, no order cancelled, placed anew or left in doubt; how long the exchange saw nothing is the figure.
 */
import { startCluster } from "@baton/drills";
import { switchUnderLoad } from "../rig/switchover-load.ts";
import type { BenchOptions, Figure } from "./figure.ts";

const perSecond = 500;
const everyMs = 3_000;

/** About a minute. `samples`: how many switchovers. */
export async function run(o: BenchOptions): Promise<readonly Figure[]> {
  const switchovers = o.samples ?? 5;
  await using cluster = await startCluster();
  const seen = await switchUnderLoad(cluster, { perSecond, switchovers, everyMs, restingOrders: 100 });
  for (const { rule, sentence } of seen.findings) process.stderr.write(`  ${rule}: ${sentence}\n`);
  if (seen.refusals !== "none") process.stderr.write(`  refused by checks: ${seen.refusals}\n`);
  for (const { gapMs, untilOpeningMs, withdrawn } of seen.changes) {
    const after = `${ms(gapMs - untilOpeningMs)} from there to the first order`;
    process.stderr.write(
      `  a gap of ${ms(gapMs)}: ${ms(untilOpeningMs)} to the new epoch's record, ${after}; ${withdrawn} taken back\n`,
    );
  }
  const none = (name: string, value: number): Figure => {
    return { name, unit: "", value, samples: switchovers, goal: { atMost: 0 } };
  };
  return [
    { name: "orders asked for", unit: "", value: seen.asked, samples: switchovers },
    { name: "of them acknowledged", unit: "", value: seen.acknowledged, samples: switchovers },
    { name: "told to ask again later", unit: "", value: seen.overloaded, samples: switchovers },
    { name: "placed at the exchange", unit: "/s", value: seen.placedPerSecond, samples: switchovers },
    { name: "switchovers given up and asked anew", unit: "", value: seen.aborted, samples: switchovers },
    none("given up after 20 s of asking", seen.givenUp),
    none("cancelled at the exchange, unasked", seen.cancelled),
    none("placed twice", seen.replaced),
    none("resting orders that do not rest any more", seen.restingLost),
    {
      name: "handed over in doubt, the most at one switchover",
      unit: "",
      value: seen.handedOverInDoubt,
      samples: switchovers,
    },
    none("in doubt when each had its proof time", seen.inDoubt),
    none("findings of the checker", seen.findings.length),
    {
      name: "longest gap at the exchange",
      unit: "ms",
      value: seen.longestGapMs,
      samples: switchovers,
      goal: { atMost: 250 },
    },
  ];
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
