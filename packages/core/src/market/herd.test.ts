/**
 * A herd: five hundred lines of a hundred and twenty-five processes that are cut at one moment, under virtual time. What
 * the venue sees of their return is a histogram, and that histogram is judged by a statistical test.
 */
import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import type { AttemptBudget, AttemptRules } from "./backoff.ts";
import { closeHost, fullBudget, takeAttempt } from "./backoff.ts";
import type { LineInput, LineRules } from "./line-contract.ts";
import type { Line } from "./line.ts";
import { lineState, newLine, stepLine } from "./line.ts";

const rules: LineRules = {
  connectWithinMs: 5_000,
  closeWithinMs: 1_000,
  paceMs: 250,
  batchMax: 100,
  ackWithinMs: 1_000,
  ackAttempts: 3,
  pingEveryMs: 10_000_000,
  pongWithinMs: 5_000,
  backoff: { baseMs: 250, capMs: 10_000 },
  stableAfterMs: 30_000,
  giveUpAfter: 12,
  switchAfter: 3,
  probeEveryMs: 30_000,
  rotateBetweenMs: [72_000_000, 82_800_000],
};
const attemptRules: AttemptRules = { attempts: 150, perMs: 300_000 };
const wants = { streams: new Set(["btcusdt@trade"]), books: new Set<string>() };
const [lines, linesPerProcess] = [500, 4];

interface Attempt {
  readonly atMs: number;
  readonly process: number;
  readonly isAccepted: boolean;
}

/** What the venue does with an attempt: undefined accepts it; a number refuses it, with that Retry-After (0: none). */
type Door = (atMs: number, acceptedBefore: readonly Attempt[]) => number | undefined;

/** Lets the herd live for a minute, cuts it at 60 s, and returns every attempt after that until `untilMs`. */
function herd(random: () => number, door: Door, untilMs: number): { attempts: readonly Attempt[]; live: number } {
  const budgets: AttemptBudget[] = Array.from({ length: lines / linesPerProcess }, () =>
    fullBudget(attemptRules, monoMs(0)),
  );
  const attempts: Attempt[] = [];
  const herdLines: { line: Line; wakeMs: number }[] = Array.from({ length: lines }, () => ({
    line: newLine(rules, wants),
    wakeMs: Infinity,
  }));
  const step = (at: number, first: LineInput, nowMs: number): void => {
    const one = herdLines[at] as { line: Line; wakeMs: number };
    const inputs = [first];
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
      const stepped = stepLine(one.line, input, { nowMono: monoMs(nowMs), random: random() });
      one.line = stepped.line;
      for (const effect of stepped.effects) {
        if (effect.type === "wake-at") one.wakeMs = effect.atMono ?? Infinity;
        if (effect.type === "send") {
          inputs.push({ type: "acknowledged", connection: effect.connection, id: effect.request.id });
        }
        if (effect.type !== "connect") continue;
        const { connection } = effect;
        const process = Math.floor(at / linesPerProcess);
        const taken = takeAttempt(budgets[process] as AttemptBudget, attemptRules, monoMs(nowMs));
        budgets[process] = taken.budget;
        if (taken.deniedUntilMono !== undefined) {
          inputs.push({ type: "denied", connection, untilMono: taken.deniedUntilMono });
          continue;
        }
        const refused = nowMs < 60_000 ? undefined : door(nowMs, attempts);
        if (nowMs >= 60_000) attempts.push({ atMs: nowMs, process, isAccepted: refused === undefined });
        if (refused === undefined) {
          inputs.push({ type: "opened", connection }, { type: "data", connection });
          continue;
        }
        if (refused > 0) budgets[process] = closeHost(taken.budget, monoMs(nowMs + refused));
        inputs.push({
          type: "closed",
          connection,
          cause: "maintenance",
          sentence: "refused",
          ...(refused > 0 ? { retryAfterMs: refused } : {}),
        });
      }
    }
  };
  for (let at = 0; at < lines; at += 1) step(at, { type: "start" }, at);
  for (let at = 0; at < lines; at += 1) {
    const { line } = herdLines[at] as { line: Line };
    step(at, { type: "closed", connection: line.connections, cause: "reset", sentence: "cut" }, 60_000);
  }
  for (;;) {
    let [next, nextMs] = [-1, untilMs];
    for (const [at, { wakeMs }] of herdLines.entries()) if (wakeMs < nextMs) [next, nextMs] = [at, wakeMs];
    if (next === -1) break;
    step(next, { type: "wake" }, nextMs);
  }
  return { attempts, live: herdLines.filter(({ line }) => lineState(line) === "live").length };
}

/** A seeded uniform source (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chi-square of counts against equal ones. */
function chiSquare(counts: readonly number[]): number {
  const wanted = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - wanted) ** 2 / wanted, 0);
}

/** Attempts per tenth of a window. */
function histogram(attempts: readonly Attempt[], fromMs: number, windowMs: number): readonly number[] {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const { atMs } of attempts) {
    const bucket = Math.floor(((atMs - fromMs) / windowMs) * 10);
    if (bucket >= 0 && bucket < 10) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** Most attempts of one process in any five minutes. */
function mostInBudgetWindow(attempts: readonly Attempt[]): number {
  let most = 0;
  for (let process = 0; process < lines / linesPerProcess; process += 1) {
    const times = attempts.filter((one) => one.process === process).map(({ atMs }) => atMs);
    for (const from of times) {
      most = Math.max(most, times.filter((at) => at >= from && at < from + attemptRules.perMs).length);
    }
  }
  return most;
}

/** 99.9 % quantile of chi-square with nine degrees of freedom: a uniform herd exceeds it once in a thousand seeds. */
const limit = 27.88;

describe("a herd of five hundred lines that is cut at one moment", () => {
  test("comes back spread evenly over the first bound (chi-square), each line once", () => {
    const { attempts, live } = herd(seeded(7), () => undefined, 120_000);
    expect(attempts).toHaveLength(lines);
    expect(live).toBe(lines);
    const counts = histogram(attempts, 60_000, 250);
    expect(chiSquare(counts)).toBeLessThan(limit);
    // The test itself can tell: the same herd without chance comes as one.
    expect(
      chiSquare(
        histogram(
          herd(
            () => 0.5,
            () => undefined,
            120_000,
          ).attempts,
          60_000,
          250,
        ),
      ),
    ).toBeGreaterThan(1_000);
  });

  test("to a venue that is away for a minute asks less and less, and nobody exceeds its budget", () => {
    const { attempts, live } = herd(seeded(11), (atMs) => (atMs < 120_000 ? 0 : undefined), 200_000);
    const perTenSeconds = histogram(attempts, 60_000, 100_000).slice(0, 6);
    expect(perTenSeconds[0]).toBeGreaterThan(2 * (perTenSeconds[2] ?? 0));
    // Once everybody is at the cap the rest of the outage is one even rain: one attempt per line each five seconds.
    const rain = histogram(attempts, 72_000, 16_000);
    expect(Math.max(...rain)).toBeLessThan(2 * Math.min(...rain));
    expect(mostInBudgetWindow(attempts)).toBeLessThanOrEqual(attemptRules.attempts);
    expect(live).toBe(lines);
  });

  test("to a venue that admits twenty in 100 ms and refuses the others gets in without a storm", () => {
    const door: Door = (atMs, before) =>
      before.filter((one) => one.isAccepted && one.atMs > atMs - 100).length < 20 ? undefined : 0;
    const { attempts, live } = herd(seeded(13), door, 120_000);
    expect(live).toBe(lines);
    // A client that knew nothing of the others but waited its full bound would need as many.
    expect(attempts.length / lines).toBeLessThan(6);
    expect(mostInBudgetWindow(attempts)).toBeLessThanOrEqual(attemptRules.attempts);
  });

  test("that is told to wait asks nothing before, and comes spread after", () => {
    const { attempts, live } = herd(seeded(17), (atMs) => (atMs < 70_000 ? 10_000 : undefined), 200_000);
    const told = new Map<number, number>();
    for (const { process, atMs, isAccepted } of attempts) {
      const notBefore = told.get(process) ?? 0;
      expect(atMs).toBeGreaterThanOrEqual(notBefore);
      if (!isAccepted) told.set(process, atMs + 10_000);
    }
    expect(attempts.filter(({ isAccepted }) => !isAccepted)).toHaveLength(lines / linesPerProcess);
    expect(live).toBe(lines);
  });
});
