/**
 * Which faults are armed, and which of them strikes now. Of those that fit a point and a subject each rolls its own
 * dice, in the order in which they were armed, until one strikes: so two faults of one half each strike three times in
 * four, and none hides behind another. What strikes spends one of its count and is written to the audit before its
 * effect. A fault with a `share` draws once for each connection whether that one is among its own, and keeps to it.
 *
 * Without `match.call` a fault about acceptance strikes the requests that change orders (`order.place`, `order.cancel`,
 * `order.cancelReplace`, `openOrders.cancelAll`, batches); the ones in `STRIKES_ANY`, and all at `connect`, strike any.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Random } from "../flow/random.ts";
import { MODES, type Fault, type FaultMatch, type FaultMode, type FaultName, type FaultPoint } from "./fault.ts";

/** What a fault may strike: a request, a connection or a message on a stream. */
export interface Subject {
  readonly apiKey?: string | undefined;
  readonly account?: string | undefined;
  readonly call?: string | undefined;
  readonly symbol?: string | undefined;
  readonly side?: string | undefined;
  readonly source?: string | undefined;
  readonly stream?: string | undefined;
  readonly recvN?: number | undefined;
  /** The stream connection, counted from 1. */
  readonly connection?: number | undefined;
  /** What the message told: its trade id, or the first and last update id. */
  readonly ids?: readonly number[] | undefined;
}

/** Which of the faults at a point are asked for. */
export interface Only {
  readonly names?: readonly FaultName[];
  readonly modes?: readonly FaultMode[];
}

/** A fault on the board. */
export interface ArmedFault extends Fault {
  readonly id: number;
  strikes: number;
  /** False while it is only announced. */
  hasBegun: boolean;
  /** The wall time at which it begins or began, in ms. */
  readonly startsAtMs: number;
}

const ORDER_CHANGING: readonly string[] = [
  "order.place",
  "order.cancel",
  "order.cancelReplace",
  "openOrders.cancelAll",
];
const STRIKES_ANY: readonly FaultName[] = [
  "403-html",
  "429",
  "418",
  "query-lag",
  "orders-purged",
  "stale-snapshot",
  "maintenance",
  "key-revoked",
];

/** The armed faults of one exchange. */
export class FaultBoard {
  readonly #audit: AuditLog;
  readonly #random: Random;
  readonly #armed = new Map<number, ArmedFault>();
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** Per fault with a share: what was drawn for each connection. */
  readonly #drawn = new Map<number, Map<number, boolean>>();
  readonly #onBegun: (fault: ArmedFault) => void;
  readonly #onCleared: (fault: ArmedFault) => void;
  #lastId = 0;

  constructor(options: {
    readonly audit: AuditLog;
    readonly random: Random;
    /** A fault strikes from now on. */
    readonly onBegun: (fault: ArmedFault) => void;
    readonly onCleared: (fault: ArmedFault) => void;
  }) {
    this.#audit = options.audit;
    this.#random = options.random;
    this.#onBegun = options.onBegun;
    this.#onCleared = options.onCleared;
  }

  /** Arms a fault; it strikes from now on, or from the time that it says. */
  arm(fault: Fault): ArmedFault {
    this.#lastId += 1;
    const { startsInMs = 0 } = fault;
    const startsAtMs = Date.now() + startsInMs;
    const armed: ArmedFault = { ...fault, id: this.#lastId, strikes: 0, hasBegun: false, startsAtMs };
    this.#armed.set(armed.id, armed);
    this.#audit.append({ type: "fault-armed", ...named(armed), ...told(fault) });
    this.#audit.flush();
    if (startsInMs === 0) this.#begin(armed);
    else
      this.#timers.set(
        armed.id,
        setTimeout(() => {
          this.#audit.append({ type: "fault-begun", ...named(armed) });
          this.#audit.flush();
          this.#begin(armed);
        }, startsInMs),
      );
    return armed;
  }

  /** True while nothing is armed: the common case, asked for every message. */
  get isQuiet(): boolean {
    return this.#armed.size === 0;
  }

  /** All that are armed, in the order in which they were. */
  list(): readonly ArmedFault[] {
    return [...this.#armed.values()];
  }

  /** Takes one fault away, or all; how many there were. */
  clear(id?: number): number {
    const going = id === undefined ? this.list() : this.list().filter((one) => one.id === id);
    for (const fault of going) {
      this.#remove(fault);
      this.#audit.append({ type: "fault-cleared", ...named(fault) });
      this.#audit.flush();
      this.#onCleared(fault);
    }
    return going.length;
  }

  /**
   * The fault that strikes at `point` now, already spent and recorded; undefined when none does. Where several subjects
   * are given (the streams of one request), a fault that fits any of them rolls once.
   */
  strike(point: FaultPoint, subject: Subject | readonly Subject[], only: Only = {}): ArmedFault | undefined {
    if (this.#armed.size === 0) return undefined;
    for (const fault of this.#armed.values()) {
      const struck = this.#fitting(fault, point, subject, only);
      if (struck === undefined) continue;
      if (fault.probability !== undefined && this.#random.next() >= fault.probability) continue;
      this.record(fault, struck);
      return fault;
    }
    return undefined;
  }

  /** The first fault that fits, without rolling or spending it: for what holds as long as it is armed. */
  find(point: FaultPoint, subject: Subject | readonly Subject[], only: Only = {}): ArmedFault | undefined {
    for (const fault of this.#armed.values()) {
      if (this.#fitting(fault, point, subject, only) !== undefined) return fault;
    }
    return undefined;
  }

  /** Strikes with one fault alone, if it fits and its dice say so. */
  strikeWith(fault: ArmedFault, subject: Subject | readonly Subject[]): boolean {
    const struck = this.#fitting(fault, fault.point, subject, {});
    if (struck === undefined || !this.#armed.has(fault.id)) return false;
    if (fault.probability !== undefined && this.#random.next() >= fault.probability) return false;
    this.record(fault, struck);
    return true;
  }

  /** True when a fault's match fits one of the subjects, whatever its dice. */
  matches(fault: ArmedFault, subjects: readonly Subject[]): boolean {
    return this.#fitting(fault, fault.point, subjects, {}) !== undefined;
  }

  /** The dice of the faults, for what a fault draws besides whether it strikes. */
  get dice(): Random {
    return this.#random;
  }

  /** Spends one strike of a fault and writes it to the audit. */
  record(fault: ArmedFault, subject: Subject): void {
    this.note(fault, subject);
    if (fault.count !== undefined && fault.strikes >= fault.count) this.#remove(fault);
  }

  /** Writes to the audit that a fault that lasts holds for `subject` from now on; spends nothing. */
  note(fault: ArmedFault, subject: Subject): void {
    fault.strikes += 1;
    this.#audit.append({ type: "fault", ...named(fault), ...described(subject) });
  }

  /** True when any fault of these names is armed. */
  isArmed(...names: readonly FaultName[]): boolean {
    for (const fault of this.#armed.values()) if (names.includes(fault.fault)) return true;
    return false;
  }

  /** Stops all timers. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#armed.clear();
  }

  #begin(fault: ArmedFault): void {
    fault.hasBegun = true;
    if (fault.durationMs !== undefined) {
      this.#timers.set(
        fault.id,
        setTimeout(() => this.clear(fault.id), fault.durationMs),
      );
    }
    this.#onBegun(fault);
  }

  #remove(fault: ArmedFault): void {
    this.#armed.delete(fault.id);
    this.#drawn.delete(fault.id);
    clearTimeout(this.#timers.get(fault.id));
    this.#timers.delete(fault.id);
  }

  #fitting(
    fault: ArmedFault,
    point: FaultPoint,
    subject: Subject | readonly Subject[],
    only: Only,
  ): Subject | undefined {
    if (fault.point !== point || !fault.hasBegun) return undefined;
    if (only.names !== undefined && !only.names.includes(fault.fault)) return undefined;
    if (only.modes !== undefined && !only.modes.includes(modeOf(fault) as FaultMode)) return undefined;
    const one = isList(subject)
      ? subject.find((each) => fits(fault, each))
      : fits(fault, subject)
        ? subject
        : undefined;
    return one === undefined || this.#isAmongItsShare(fault, one) ? one : undefined;
  }

  #isAmongItsShare(fault: ArmedFault, subject: Subject): boolean {
    if (fault.share === undefined || subject.connection === undefined) return true;
    let drawn = this.#drawn.get(fault.id);
    if (drawn === undefined) this.#drawn.set(fault.id, (drawn = new Map()));
    let isStruck = drawn.get(subject.connection);
    if (isStruck === undefined) drawn.set(subject.connection, (isStruck = this.#random.next() < fault.share));
    return isStruck;
  }
}

/** The manner of a fault that has more than one: what it was told, or the usual. */
export function modeOf(fault: Fault): FaultMode | undefined {
  return fault.mode ?? MODES[fault.fault]?.[0];
}

function isList(subject: Subject | readonly Subject[]): subject is readonly Subject[] {
  return Array.isArray(subject);
}

/** Everything that a fault was told, for whoever reads the audit alone. */
function told(fault: Fault): object {
  const { fault: _name, point: _point, match, ...rest } = fault;
  return { ...rest, ...(Object.keys(match).length === 0 ? {} : { match }) };
}

function named(fault: ArmedFault): { fault: string; point: string; faultId: number } {
  return { fault: fault.fault, point: fault.point, faultId: fault.id };
}

function described(subject: Subject): object {
  return Object.fromEntries(Object.entries(subject).filter(([, value]) => value !== undefined));
}

function fits(fault: ArmedFault, subject: Subject): boolean {
  const match: FaultMatch = fault.match;
  if (match.apiKey !== undefined && match.apiKey !== subject.apiKey) return false;
  if (match.account !== undefined && match.account !== subject.account) return false;
  if (match.symbol !== undefined && match.symbol !== subject.symbol) return false;
  if (match.side !== undefined && match.side !== subject.side) return false;
  if (match.source !== undefined && !(subject.source ?? "").startsWith(match.source)) return false;
  if (match.stream !== undefined) {
    const stream = subject.stream ?? "";
    if (stream !== match.stream && stream.slice(stream.indexOf("@") + 1) !== match.stream) return false;
  }
  if (subject.call === undefined) return match.call === undefined || match.call === "*";
  if (match.call !== undefined) return match.call === "*" || match.call === subject.call;
  if (fault.point === "connect" || STRIKES_ANY.includes(fault.fault)) return true;
  return ORDER_CHANGING.includes(subject.call);
}
