/**
 * `scripts/simulate`: runs seeds of the simulated world, shrinks what fails, and says what took part. Exit 0: nothing broke
 * and every transition occurred (or `--seeds` is below 200, when that cannot be asked), 1: something broke, 2: usage.
 */
import { parseArgs } from "node:util";
import { breaks } from "../breaks/bent.ts";
import type { BreakName } from "../breaks/bent.ts";
import { told } from "../faults/schedule.ts";
import { runMany } from "./pool.ts";
import { run } from "./run.ts";
import { shrink } from "./shrink.ts";
import { coverage, toJson, toText } from "./tally.ts";
import type { Failure } from "./tally.ts";

const usage = `scripts/simulate --seeds N [--from S] [--json] [--break NAME]
scripts/simulate --seed S [--only N,N,…] [--break NAME] [--trace] [--shrink]
breaks: ${Object.keys(breaks).join(", ")}`;

const coverageSeedsMin = 200;
const shrunkMax = 5;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(why: string): never {
  process.stderr.write(`${why}\n${usage}\n`);
  process.exit(2);
}

function whole(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text)) fail(`--${name} takes a whole number`);
  return Number(text);
}

async function many(first: number, count: number, breakName: BreakName | undefined, isJson: boolean): Promise<void> {
  const began = performance.now();
  const tally = await runMany({
    first,
    count,
    breakName,
    onProgress: (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count} seeds`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\r");
  const failures: Failure[] = [];
  for (const { seed } of tally.violations.slice(0, shrunkMax)) {
    const failure = shrink(seed, breakName);
    if (failure !== undefined) failures.push(failure);
  }
  for (const { seed, violation } of tally.violations.slice(shrunkMax)) {
    if (violation === undefined) continue;
    const { invariant, sentence } = violation;
    failures.push({ seed, invariant, sentence, schedule: [], replay: `scripts/simulate --seed ${seed} --shrink` });
  }
  const tookMs = performance.now() - began;
  print(isJson ? JSON.stringify(toJson(tally, failures, tookMs)) : toText(tally, failures, tookMs));
  const isUncovered = breakName === undefined && count >= coverageSeedsMin && coverage(tally).missing.length > 0;
  process.exitCode = failures.length > 0 || isUncovered ? 1 : 0;
}

function one(
  seed: number,
  o: { only: string | undefined; breakName: BreakName | undefined; trace: boolean; shrink: boolean },
): void {
  if (o.shrink) {
    const failure = shrink(seed, o.breakName);
    print(failure === undefined ? `seed ${seed} holds` : JSON.stringify(failure, undefined, 1));
    return;
  }
  const only =
    o.only === undefined
      ? undefined
      : new Set(
          o.only
            .split(",")
            .filter((text) => text !== "")
            .map(Number),
        );
  const report = run(seed, {
    breakName: o.breakName,
    only,
    ...(o.trace && {
      onSaid: ({ at, who, event, sentence }) =>
        print(`${(at / 1_000).toFixed(3).padStart(8)}  ${who.padEnd(9)} ${event.padEnd(24)} ${sentence}`),
    }),
  });
  for (const incident of report.schedule) print(told(incident));
  const { violation } = report;
  if (violation === undefined) return print(`seed ${seed} holds`);
  print(
    `seed ${seed}, at ${(violation.atMs / 1_000).toFixed(3)} s: ${violation.invariant} is broken: ${violation.sentence}`,
  );
  process.exitCode = 1;
}

const { values } = ((): ReturnType<typeof read> => {
  try {
    return read();
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
})();

function read() {
  return parseArgs({
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      first: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      break: { type: "string" },
      json: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
      shrink: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}

const breakName = values.break;
if (values.help) print(usage);
else if (breakName !== undefined && !Object.hasOwn(breaks, breakName)) fail(`there is no break ${breakName}`);
else if (values.seed !== undefined) {
  one(whole(values.seed, 1, "seed"), {
    only: values.only,
    breakName: breakName as BreakName | undefined,
    trace: values.trace,
    shrink: values.shrink,
  });
} else {
  const first = whole(values.from ?? values.first, 1, "from");
  await many(first, whole(values.seeds, 50, "seeds"), breakName as BreakName | undefined, values.json);
}
