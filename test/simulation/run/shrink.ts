/**
 * Cuts a failing schedule down: leaves out halves, quarters, single incidents, as long as the same invariant still breaks
 * (delta debugging), until nothing can be left out or the budget of runs is used up.
 */
import type { BreakName } from "../breaks/bent.ts";
import { told } from "../faults/schedule.ts";
import { run } from "./run.ts";
import type { Report } from "./run.ts";
import type { Failure } from "./tally.ts";

const runsMax = 250;

export function shrink(seed: number, breakName: BreakName | undefined): Failure | undefined {
  const whole = run(seed, { breakName });
  const first = whole.violation;
  if (first === undefined) return undefined;
  const spent = { runs: 0 };
  let best: Report = whole;
  let kept = whole.schedule.filter((one) => one.atMs <= first.atMs).map((one) => one.n);
  const fails = (only: readonly number[]): boolean => {
    if (spent.runs >= runsMax) return false;
    spent.runs += 1;
    const report = run(seed, { breakName, only: new Set(only) });
    if (report.violation?.invariant !== first.invariant) return false;
    best = report;
    return true;
  };
  if (!fails(kept)) kept = whole.schedule.map((one) => one.n);
  let size = Math.ceil(kept.length / 2);
  while (size >= 1) {
    const shorter = withoutOne(kept, size, fails);
    if (shorter !== undefined) kept = shorter;
    else size = size === 1 ? 0 : Math.ceil(size / 2);
    size = Math.min(size, Math.ceil(kept.length / 2));
  }
  const { violation } = best;
  const options = breakName === undefined ? "" : ` --break ${breakName}`;
  return {
    seed,
    invariant: violation?.invariant ?? first.invariant,
    sentence: violation?.sentence ?? first.sentence,
    schedule: best.schedule.map(told),
    replay: `scripts/simulate --seed ${seed} --only ${kept.join(",")}${options} --trace`,
  };
}

/** The list without the first run of `size` that can be left out; undefined when none can. */
function withoutOne(
  kept: readonly number[],
  size: number,
  fails: (only: readonly number[]) => boolean,
): number[] | undefined {
  for (let start = 0; start < kept.length; start += size) {
    const without = kept.filter((_, index) => index < start || index >= start + size);
    if (fails(without)) return without;
  }
  return undefined;
}
