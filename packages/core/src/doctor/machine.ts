/**
 * Is the machine fit: Node, the SQLite that it loads, the clock and who keeps it, the unit that starts the node. What a
 * start refuses (`engine/src/node/startup-checks.ts`, the journal's own versions) is a failure here, in the same numbers.
 */
import type { Finding } from "./report.ts";
import { Judge } from "./report.ts";

/** What was read of the machine. */
export interface MachineFacts {
  /** `process.versions.node`. */
  readonly node: string;
  /** What loading better-sqlite3 in a process of its own came to. */
  readonly sqlite:
    | { readonly kind: "loaded"; readonly sqlite: string; readonly library: string }
    | { readonly kind: "broken"; readonly cause: string };
  readonly wallMs: number;
  /** By how much wall and monotonic clock went apart while the doctor looked, with sign. */
  readonly steppedMs: number;
  readonly timeKeeper: TimeKeeper;
  readonly unit: UnitFacts;
}

/** What keeps the wall clock; `unknown`: nothing here tells. */
export type TimeKeeper =
  | { readonly kind: "synchronized" | "unsynchronized"; readonly by: string; readonly offsetMs?: number }
  | { readonly kind: "unknown"; readonly why: string };

/** The systemd unit as systemd has it; times as it prints them. */
export type UnitFacts =
  | { readonly kind: "absent"; readonly why: string }
  | { readonly kind: "not-loaded"; readonly unit: string }
  | {
      readonly kind: "loaded";
      readonly unit: string;
      readonly restart: string;
      readonly restartSec: string;
      readonly watchdog: string;
      readonly filesMax: string;
      /** The highest real-time priority that the unit may take, and whether it is kept from any. */
      readonly realtimeMax: string;
      readonly restrictRealtime: string;
    };

export const nodeMajorMin = 24;
/** SQLite versions before it can corrupt a WAL that is checkpointed and written at once. */
export const sqliteMin = "3.51.3";
/** A clock that moves further than this in a few seconds was set; slewing never does. */
const stepMaxMs = 200;
const wallMinYear = 2026;
const filesMin = 4_096;
const restartMaxMs = 2_000;

/** What the configuration asks of the unit. `leaseTtlMs`: within which a wedged leader must be gone. */
export interface UnitWanted {
  readonly leaseTtlMs: number;
  readonly realtime: boolean;
}

/** All findings on the machine. */
export function judgeMachine(facts: MachineFacts, wanted: UnitWanted): readonly Finding[] {
  return [nodeOf(facts), sqliteOf(facts), clockOf(facts), keeperOf(facts), unitOf(facts, wanted)];
}

function nodeOf({ node }: MachineFacts): Finding {
  const judge = new Judge("machine.node");
  if (Number(node.replace(/^v/, "").split(".")[0]) >= nodeMajorMin)
    return judge.ok(`Node ${node}; needed is ${nodeMajorMin} or newer.`);
  return judge.failure(`Node ${node} runs this; needed is ${nodeMajorMin} or newer.`, "install a newer Node.");
}

function sqliteOf({ sqlite: found, node }: MachineFacts): Finding {
  const judge = new Judge("machine.sqlite");
  if (found.kind === "broken")
    return judge.failure(
      `better-sqlite3 does not load under Node ${node}: ${found.cause}.`,
      "install the dependencies anew with this Node.",
    );
  const { sqlite, library } = found;
  const read = `better-sqlite3 ${library} loads under Node ${node}, with SQLite ${sqlite}`;
  if (!isOlder(sqlite, sqliteMin)) return judge.ok(`${read}; needed is ${sqliteMin} or newer.`);
  return judge.failure(
    `${read}, which can corrupt a WAL; needed is ${sqliteMin} or newer.`,
    "install the dependencies anew from the lockfile.",
  );
}

function clockOf({ wallMs, steppedMs }: MachineFacts): Finding {
  const judge = new Judge("machine.clock");
  const year = 1970 + Math.floor(wallMs / 31_556_952_000);
  if (year < wallMinYear)
    return judge.failure(
      `The wall clock says ${year}; it must be later than ${wallMinYear}-01-01.`,
      "set the clock, and see that something keeps it.",
    );
  const ms = Math.round(Math.abs(steppedMs));
  if (ms > stepMaxMs)
    return judge.failure(
      `The wall clock was set by ${ms} ms while the doctor looked; a leader ends at ${stepMaxMs} ms.`,
      "let the clock be slewed, not stepped, while a node runs.",
    );
  return judge.ok(`The wall clock moved ${ms} ms against the monotonic one while the doctor looked.`);
}

/** An offset of the kept clock beyond which an operator should look; orders are refused at `risk.clockErrorMaxMs`. */
const keptOffsetMaxMs = 50;

function keeperOf({ timeKeeper }: MachineFacts): Finding {
  const judge = new Judge("machine.ntp");
  switch (timeKeeper.kind) {
    case "synchronized": {
      const { by, offsetMs } = timeKeeper;
      if (offsetMs === undefined) return judge.ok(`${by} says that the clock is kept.`);
      const off = `${Math.abs(offsetMs).toFixed(1)} ms`;
      if (Math.abs(offsetMs) <= keptOffsetMaxMs)
        return judge.ok(`${by} keeps the clock within ${off}; the limit is ${keptOffsetMaxMs} ms.`);
      return judge.warning(
        `${by} says that the clock is ${off} off; the limit is ${keptOffsetMaxMs} ms.`,
        "look at its sources, and wait until it has settled.",
      );
    }
    case "unsynchronized":
      return judge.warning(
        `${timeKeeper.by} says that nothing keeps the clock.`,
        "run chrony or systemd-timesyncd: venues refuse orders that are signed at a wrong time.",
      );
    case "unknown":
      return judge.skipped(
        `Who keeps the clock is not told here: ${timeKeeper.why}. The venues' time is compared below.`,
      );
  }
}

function unitOf({ unit: facts }: MachineFacts, { leaseTtlMs, realtime }: UnitWanted): Finding {
  const judge = new Judge("machine.systemd", facts.kind === "absent" ? undefined : facts.unit);
  if (facts.kind === "absent") return judge.skipped(`No unit to look at: ${facts.why}.`);
  if (facts.kind === "not-loaded")
    return judge.skipped("systemd knows no such unit; whatever starts the node has to start a dead one again.");
  const restartMs = systemdMs(facts.restartSec);
  const watchdogMs = systemdMs(facts.watchdog);
  const files = facts.filesMax === "infinity" ? Number.POSITIVE_INFINITY : Number(facts.filesMax);
  if (facts.restart === "no")
    return judge.failure("Restart=no: a dead node stays dead.", "set Restart=on-failure, as in the shipped unit.");
  const faults: string[] = [];
  if (watchdogMs === undefined || watchdogMs === 0 || watchdogMs === Number.POSITIVE_INFINITY)
    faults.push("WatchdogSec is not set, a wedged supervisor stays");
  else if (watchdogMs >= leaseTtlMs) faults.push(`WatchdogSec is ${watchdogMs} ms, the lease ${leaseTtlMs} ms`);
  if (restartMs === undefined || restartMs > restartMaxMs)
    faults.push(`RestartSec is ${facts.restartSec}, at most ${restartMaxMs} ms is wanted`);
  if (!(files >= filesMin)) faults.push(`LimitNOFILE is ${facts.filesMax}, ${filesMin} at least is wanted`);
  if (realtime && (facts.restrictRealtime === "yes" || facts.realtimeMax === "0"))
    faults.push("node.realtime is on, the unit permits none: infra/systemd/baton@.service.d/realtime.conf is missing");
  if (faults.length > 0)
    return judge.warning(`${faults.join("; ")}.`, "compare the unit with infra/systemd/baton@.service.");
  return judge.ok(
    `Restart=${facts.restart} after ${facts.restartSec}, watchdog ${facts.watchdog} (lease ${leaseTtlMs} ms), ${facts.filesMax} files.`,
  );
}

/** Milliseconds of a span as `systemctl show` prints it (`1.500s`, `1min 30s`, `200ms`, `infinity`); undefined for none. */
export function systemdMs(text: string): number | undefined {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };
  const parts = text.trim().split(/\s+/);
  let sum = 0;
  for (const part of parts) {
    const [, figure, unit] = /^(\d+(?:\.\d+)?)(us|ms|s|min|h)?$/.exec(part) ?? [];
    if (figure === undefined) return undefined;
    // A bare number is of microseconds, as the bus has it; 0 is what an unset watchdog says.
    sum += Number(figure) * (units[unit ?? "us"] ?? 0);
  }
  return sum;
}

/** True when a version of three numbers is below another. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(/[.-]/).map(Number)) as [number[], number[]];
  for (let at = 0; at < 3; at += 1) {
    const [left, right] = [a[at] ?? 0, b[at] ?? 0];
    // What is no number is no version that we know: as good as older.
    if (Number.isNaN(left)) return true;
    if (left !== right) return left < right;
  }
  return false;
}
