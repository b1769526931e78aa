/**
 * `node test/shells/main.ts`: plays seeds of the check of the shells one after the other and prints what broke, with the
 * schedule and the command that plays it again. Exit 0: nothing broke; 1: something did; 2: usage.
 */
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { breaks } from "./breaks.ts";
import { errorText } from "./node.ts";
import { run } from "./run.ts";
import type { Report } from "./run.ts";
import { told } from "./schedule.ts";
import type { Witness } from "./witness.ts";

const program = "node test/shells/main.ts";
const usage = `${program} --seeds N [--from S] [--json] [--break NAME]
${program} --seed S [--times N] [--only N,N,…] [--story] [--break NAME]
With a break it ends with the first seed that finds it. Breaks: ${Object.keys(breaks).join(", ")}`;
const loader = new URL("./break-loader.ts", import.meta.url).href;

let witness: Witness | undefined;
for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (error: unknown) => witness?.broken("uncaught", errorText(error)));

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "10" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      times: { type: "string", default: "1" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
      story: { type: "boolean", default: false },
      break: { type: "string" },
    },
  });
  const breakName = values.break;
  const rule = breakName === undefined ? undefined : breaks[breakName];
  if (breakName !== undefined && rule === undefined) refuse();
  if (breakName !== undefined && process.env["BATON_BREAK"] === undefined) {
    const again = ["--import", loader, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
    const env = { ...process.env, BATON_BREAK: breakName };
    process.exit(spawnSync(process.execPath, again, { stdio: "inherit", env }).status ?? 1);
  }
  const only = values.only === undefined ? undefined : new Set(values.only.split(",").map(Number));
  const seeds =
    values.seed === undefined
      ? Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.from) + index)
      : Array.from({ length: Number(values.times) }, () => Number(values.seed));
  if (![...seeds, ...(only ?? [])].every(Number.isSafeInteger)) refuse();
  const totals = new Map<string, number>();
  let failures = 0;
  for (const seed of seeds) {
    const folder = join(tmpdir(), `baton-shells-${process.pid}`, String(seed));
    const report = await run({ seed, folder, only, rule }, (one) => (witness = one));
    for (const [what, count] of report.counts) totals.set(what, (totals.get(what) ?? 0) + count);
    if (values.story) print(report.story.join("\n"));
    if (report.violation === undefined) {
      rmSync(folder, { recursive: true, force: true });
      if (!values.json) print(`seed ${seed} holds: ${report.committed} records, ${report.epoch} epochs`);
      continue;
    }
    failures += 1;
    print(failureText(report, folder));
    if (breakName !== undefined) break;
  }
  const counts = Object.fromEntries([...totals].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  print(values.json ? JSON.stringify({ version: 1, seeds: seeds.length, failures, counts }) : JSON.stringify(counts));
  process.exit(failures > 0 ? 1 : 0);
}

function failureText({ seed, violation, schedule, story }: Report, folder: string): string {
  const file = join(tmpdir(), `baton-shells-${seed}.txt`);
  writeFileSync(file, story.join("\n"));
  return [
    `seed ${seed}: ${violation?.rule} is broken: ${violation?.sentence}`,
    ...schedule.map(told),
    `files: ${folder}; story: ${file}`,
    `again: ${program} --seed ${seed} --times 5`,
  ].join("\n");
}

function refuse(): never {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
