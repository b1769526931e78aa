/**
 * Which faults are armed, and which of them strikes now. The first armed fault that fits its point and its match
 * strikes, spends one of its count, and is written to the audit before its effect.
 *
 * Without `match.call` a fault about acceptance strikes the requests that change orders (`order.place`, `order.cancel`,
 * `openOrders.cancelAll`); 403-html, 429, 418, venue-down and query-lag strike any.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Random } from "../flow/random.ts";
import type { Fault, FaultMatch, FaultName, FaultPoint } from "./fault.ts";

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
}

/** A fault on the board. */
export interface ArmedFault extends Fault {
  readonly id: number;
  strikes: number;
}

const ORDER_CHANGING: readonly string[] = ["order.place", "order.cancel", "openOrders.cancelAll"];
const STRIKES_ANY: readonly FaultName[] = ["403-html", "429", "418", "query-lag"];

/** The armed faults of one exchange. */
export class FaultBoard {
  readonly #audit: AuditLog;
  readonly #random: Random;
  readonly #armed = new Map<number, ArmedFault>();
  readonly #timers = new Map<number, NodeJS.Timeout>();
  readonly #onCleared: (fault: ArmedFault) => void;
  #lastId = 0;

  constructor(options: {
    readonly audit: AuditLog;
    readonly random: Random;
    readonly onCleared: (fault: ArmedFault) => void;
  }) {
    this.#audit = options.audit;
    this.#random = options.random;
    this.#onCleared = options.onCleared;
  }

  /** Arms a fault; it strikes from now on. */
  arm(fault: Fault): ArmedFault {
    this.#lastId += 1;
    const armed: ArmedFault = { ...fault, id: this.#lastId, strikes: 0 };
    this.#armed.set(armed.id, armed);
    this.#audit.append({ type: "fault-armed", ...named(armed) });
    this.#audit.flush();
    if (fault.durationMs !== undefined) {
      this.#timers.set(
        armed.id,
        setTimeout(() => this.clear(armed.id), fault.durationMs),
      );
    }
    return armed;
  }

  /** True while nothing is armed: the common case, asked for every message. */
  get isQuiet(): boolean {
    return this.#armed.size === 0;
  }

  /** True when a fault's match fits a subject. */
  fits(fault: ArmedFault, subject: Subject): boolean {
    return fits(fault, subject);
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

  /** The fault that strikes `subject` at `point` now, already spent and recorded; undefined when none does. */
  strike(point: FaultPoint, subject: Subject, names?: readonly FaultName[]): ArmedFault | undefined {
    if (this.#armed.size === 0) return undefined;
    const fault = this.find(point, subject, names);
    if (fault === undefined) return undefined;
    if (fault.probability !== undefined && this.#random.next() >= fault.probability) return undefined;
    this.record(fault, subject);
    return fault;
  }

  /** The fault that fits, without spending it. */
  find(point: FaultPoint, subject: Subject, names?: readonly FaultName[]): ArmedFault | undefined {
    for (const fault of this.#armed.values()) {
      if (fault.point !== point || (names !== undefined && !names.includes(fault.fault))) continue;
      if (fits(fault, subject)) return fault;
    }
    return undefined;
  }

  /** Spends one strike of a fault and writes it to the audit. */
  record(fault: ArmedFault, subject: Subject): void {
    fault.strikes += 1;
    if (fault.count !== undefined && fault.strikes >= fault.count) this.#remove(fault);
    this.#audit.append({ type: "fault", ...named(fault), ...described(subject) });
  }

  /** Stops all timers. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#armed.clear();
  }

  #remove(fault: ArmedFault): void {
    this.#armed.delete(fault.id);
    clearTimeout(this.#timers.get(fault.id));
    this.#timers.delete(fault.id);
  }
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
