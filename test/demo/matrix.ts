/**
 * Every fault with every uniqueness rule once, and leader-kill with ten seeds: `node test/demo/matrix.ts [FAULT…]`. Prints
 * one line a run and the medians; ends with 1 when any run did not pass. Minutes long, so a command and no test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DemoResult } from "@baton/drills";

const program = fileURLToPath(new URL("../../scripts/demo", import.meta.url));
const faults = ["leader-kill", "leader-freeze", "leader-cut", "leader-uplink", "standby-kill", "switchover", "none"];
const rules = ["open-only", "forever", "none"];
const seeds = 10;

interface Run {
  readonly fault: string;
  readonly uniqueness: string;
  readonly seed: number;
}

const asked = process.argv.slice(2);
const chosen = faults.filter((fault) => asked.length === 0 || asked.includes(fault));
const runs: Run[] = [
  ...chosen.flatMap((fault) => rules.map((uniqueness) => ({ fault, uniqueness, seed: 1 }))),
  ...(chosen.includes("leader-kill")
    ? Array.from({ length: seeds }, (_, at) => ({ fault: "leader-kill", uniqueness: "open-only", seed: at + 1 }))
    : []),
];

const rows = ["fault", "uniqueness", "seed", "verdict", "RTO ms", "blocked", "lost", "acknowledged", "duplicates"];
const widths = [14, 11, 5, 8, 8, 8, 5, 13, 10];
const results: (DemoResult | undefined)[] = [];
print(rows);
for (const run of runs) {
  const result = await play(run);
  results.push(result);
  print([
    run.fault,
    run.uniqueness,
    `${run.seed}`,
    result?.verdict ?? "no end",
    figure(result?.rtoMs),
    figure(result?.blockedMs),
    figure(result?.rpo.lost),
    figure(result?.rpo.acknowledged),
    figure(result?.orders.duplicates),
  ]);
  for (const { rule, sentence } of result?.findings.slice(0, 5) ?? []) say(`  ${rule}: ${sentence}`);
}
for (const fault of chosen) {
  const times = results.flatMap((result) => (result?.fault === fault && result.rtoMs !== null ? [result.rtoMs] : []));
  times.sort((a, b) => a - b);
  if (times.length === 0) continue;
  const median = times[Math.floor((times.length - 1) / 2)];
  say(`${fault}: median ${median} ms, maximum ${times.at(-1)} ms of ${times.length} runs`);
}
process.exitCode = results.every((result) => result?.verdict === "pass") ? 0 : 1;

async function play(run: Run): Promise<DemoResult | undefined> {
  const parameters = ["--json", "--fault", run.fault, "--uniqueness", run.uniqueness, "--seed", `${run.seed}`];
  const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, story] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (part: string) => (out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (story += part));
  await once(child, "close");
  try {
    return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as DemoResult;
  } catch {
    process.stderr.write(story);
    return undefined;
  }
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function print(cells: readonly string[]): void {
  say(
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(" ")
      .trimEnd(),
  );
}
