/**
 * Runs benchmarks by name (all without one) and prints each figure with its unit, its samples, and the ratio to the peer
 * that was measured in the same run. `--json` prints one object on stdout instead. Exit 1 when a goal is missed. A long one
 * runs in slices: `takeover --kind kill --samples 50 --keep FILE`.
 */
import { readdir } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { BenchOptions, Figure, Goal } from "./figure.ts";
import { meetsGoal } from "./figure.ts";

/** Files in this folder that measure nothing themselves. */
const parts = new Set(["main", "figure"]);

const names = (await readdir(import.meta.dirname))
  .filter((file) => /^[a-z]+\.ts$/u.test(file))
  .map((file) => file.slice(0, -3))
  .filter((name) => !parts.has(name))
  .toSorted();
const usage = `usage: scripts/bench [NAME…] [--json] [--samples N] [--seconds N] [--kind KIND] [--keep FILE]
names: ${names.join(", ")}`;

const { values, positionals } = read();

function read() {
  try {
    return parseArgs({
      options: {
        json: { type: "boolean" },
        samples: { type: "string" },
        seconds: { type: "string" },
        kind: { type: "string" },
        keep: { type: "string" },
        help: { type: "boolean" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(2);
  }
}

if (values.help === true) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
for (const name of ["samples", "seconds"] as const) {
  if (values[name] === undefined || /^[1-9]\d{0,5}$/u.test(values[name])) continue;
  process.stderr.write(`--${name} takes a whole number\n`);
  process.exit(2);
}
const asked: BenchOptions = {
  ...(values.samples !== undefined && { samples: Number(values.samples) }),
  ...(values.seconds !== undefined && { seconds: Number(values.seconds) }),
  ...(values.kind !== undefined && { kind: values.kind }),
  ...(values.keep !== undefined && { keep: values.keep }),
};
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are: ${names.join(", ")}\n`);
  process.exit(2);
}

const benches: { name: string; figures: readonly Figure[] }[] = [];
for (const name of positionals.length > 0 ? positionals : names) {
  process.stderr.write(`${name} …\n`);
  const bench = (await import(new URL(`${name}.ts`, import.meta.url).href)) as {
    run(o: BenchOptions): Promise<readonly Figure[]>;
  };
  const figures = await bench.run(asked);
  benches.push({ name, figures });
  if (values.json !== true) process.stdout.write(`${name}\n${figures.map(line).join("")}`);
}
const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? "", memoryBytes: totalmem(), node: process.version };
if (values.json === true) process.stdout.write(`${JSON.stringify({ version: 1, machine, benches })}\n`);
else process.stdout.write(`on ${machine.cpus} × ${machine.model}, Node ${machine.node}\n`);
process.exitCode = benches.every(({ figures }) => figures.every(meetsGoal)) ? 0 : 1;

function line(figure: Figure): string {
  const { name, unit, value, samples, peer, ratio, goal } = figure;
  const beside =
    peer === undefined || ratio === undefined ? "" : `  ${round(ratio)} × ${peer.name} (${round(peer.value)})`;
  const wanted = goal === undefined ? "" : `  goal ${told(goal)}: ${meetsGoal(figure) ? "met" : "MISSED"}`;
  return `  ${name.padEnd(44)} ${round(value)} ${unit} (n=${samples})${beside}${wanted}\n`;
}

function told(goal: Goal): string {
  return [
    ...(goal.atMost === undefined ? [] : [`≤ ${goal.atMost}`]),
    ...(goal.atLeast === undefined ? [] : [`≥ ${goal.atLeast}`]),
  ].join(", ");
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
