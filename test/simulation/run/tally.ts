/** What many runs add up to, and what of the protocol none of them showed. The format of `--json`. */
import { neverInTruth, transitions } from "../checks/coverage.ts";
import { invariants, notJudged } from "../checks/invariants.ts";
import type { InvariantName } from "../checks/invariants.ts";
import type { Report } from "./run.ts";

/** One seed that broke something, with its schedule cut down to what is needed. */
export interface Failure {
  readonly seed: number;
  readonly invariant: InvariantName;
  readonly sentence: string;
  readonly schedule: readonly string[];
  readonly replay: string;
}

export interface Tally {
  seeds: number;
  simulatedMs: number;
  epochs: number;
  intents: number;
  accepted: number;
  acknowledged: number;
  steps: number;
  readonly faults: Record<string, number>;
  readonly counts: Record<string, number>;
  readonly violations: Pick<Report, "seed" | "violation">[];
}

export function emptyTally(): Tally {
  return {
    seeds: 0,
    simulatedMs: 0,
    epochs: 0,
    intents: 0,
    accepted: 0,
    acknowledged: 0,
    steps: 0,
    faults: {},
    counts: {},
    violations: [],
  };
}

export function add(tally: Tally, report: Report): void {
  tally.seeds += 1;
  tally.simulatedMs += report.simulatedMs;
  tally.epochs += report.epochs;
  tally.intents += report.intents;
  tally.accepted += report.accepted;
  tally.acknowledged += report.acknowledged;
  tally.steps += report.steps;
  addInto(tally.faults, report.faults);
  addInto(tally.counts, report.counts);
  if (report.violation !== undefined) tally.violations.push({ seed: report.seed, violation: report.violation });
}

export function merge(into: Tally, other: Tally): void {
  into.seeds += other.seeds;
  into.simulatedMs += other.simulatedMs;
  into.epochs += other.epochs;
  into.intents += other.intents;
  into.accepted += other.accepted;
  into.acknowledged += other.acknowledged;
  into.steps += other.steps;
  addInto(into.faults, other.faults);
  addInto(into.counts, other.counts);
  into.violations.push(...other.violations);
}

/** Transitions that took part, and those that did not. */
export function coverage(tally: Tally): {
  readonly covered: Readonly<Record<string, number>>;
  readonly missing: readonly string[];
  readonly notExpected: Readonly<Record<string, string>>;
} {
  const seen = transitions.filter((name) => (tally.counts[name] ?? 0) > 0);
  return {
    covered: Object.fromEntries(seen.map((name) => [name, tally.counts[name] ?? 0])),
    missing: transitions.filter((name) => !seen.includes(name) && neverInTruth[name] === undefined),
    notExpected: neverInTruth,
  };
}

/** Takeovers by what began them. */
function takeovers(tally: Tally): Readonly<Record<string, number>> {
  const kinds = Object.entries(tally.counts).filter(([name]) =>
    /^(takeover|handoff): (expired|pre-emption|crash-release|switchover|yield|unclean)$/.test(name),
  );
  return Object.fromEntries(kinds.map(([name, count]) => [name.replace(/^\w+: /, ""), count]));
}

/** Faults that would have gone beyond what is promised, and were not done. */
function withheld(tally: Tally): Readonly<Record<string, number>> {
  const prefix = "withheld: ";
  const some = Object.entries(tally.counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(some.map(([name, count]) => [name.slice(prefix.length), count]));
}

/** What the run prints as JSON. */
export function toJson(tally: Tally, failures: readonly Failure[], tookMs: number): unknown {
  return {
    version: 1,
    seeds: tally.seeds,
    simulatedHours: Math.round(tally.simulatedMs / 36_000) / 100,
    tookSeconds: Math.round(tookMs / 100) / 10,
    failures,
    epochs: tally.epochs,
    takeovers: takeovers(tally),
    intents: tally.intents,
    acknowledged: tally.acknowledged,
    accepted: tally.accepted,
    faults: tally.faults,
    withheld: withheld(tally),
    transitions: coverage(tally),
    invariants: Object.fromEntries(
      Object.keys(invariants).map((name) => [
        name,
        notJudged[name as InvariantName] === undefined
          ? "judged"
          : `judged, but for: ${notJudged[name as InvariantName]}`,
      ]),
    ),
  };
}

/** The same for people. */
export function toText(tally: Tally, failures: readonly Failure[], tookMs: number): string {
  const { covered, missing, notExpected } = coverage(tally);
  const lines = [
    `${tally.seeds} seeds, ${(tally.simulatedMs / 3_600_000).toFixed(2)} simulated hours in ${(tookMs / 1_000).toFixed(1)} s`,
    `${tally.epochs} epochs (${listed(takeovers(tally))})`,
    `${tally.intents} intents, ${tally.acknowledged} acknowledged to clients, ${tally.accepted} orders accepted by the venue`,
    `faults: ${listed(tally.faults)}`,
    `held back, since nothing is promised there: ${listed(withheld(tally))}`,
    `transitions (${Object.keys(covered).length} of ${transitions.length}): ${listed(covered)}`,
    ...(missing.length > 0 ? [`never occurred: ${missing.join(", ")}`] : []),
    ...Object.entries(notExpected).map(([name, why]) => `not expected in a true system: ${name} (${why})`),
    ...Object.entries(notJudged).map(([name, what]) => `not judged in this world: ${name}, ${what}`),
    ...failures.flatMap(toLines),
    failures.length === 0 ? "no invariant was broken" : `${failures.length} seeds broke an invariant`,
  ];
  return lines.join("\n");
}

function toLines(failure: Failure): string[] {
  return [
    "",
    `seed ${failure.seed}: ${failure.invariant} is broken: ${failure.sentence}`,
    `  ${invariants[failure.invariant]}`,
    ...failure.schedule.map((line) => `  ${line}`),
    `  replay: ${failure.replay}`,
  ];
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function addInto(into: Record<string, number>, other: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(other)) into[name] = (into[name] ?? 0) + count;
}
