/**
 * Orders: the way of one (`--kind way`), as many as pass (`--kind rate`), and two hundred whose fate nobody knows when the
 * leader dies (`--kind doubts`). All three without `--kind`.
 */
import type { BenchOptions, Figure } from "./figure.ts";
import { runDoubts } from "./order-doubts.ts";
import { runThroughput } from "./order-throughput.ts";
import { runWay } from "./order-way.ts";

const kinds: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  way: runWay,
  rate: runThroughput,
  doubts: runDoubts,
};

/** Measures all of it, about two minutes. */
export async function run({ kind }: BenchOptions): Promise<readonly Figure[]> {
  const asked = kind === undefined ? Object.values(kinds) : [kinds[kind]];
  const figures: Figure[] = [];
  for (const measure of asked) {
    if (measure === undefined) throw new Error(`--kind takes one of ${Object.keys(kinds).join(", ")}`);
    figures.push(...(await measure()));
  }
  return figures;
}
