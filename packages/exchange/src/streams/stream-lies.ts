/**
 * What the armed faults make of the messages of one connection: which are swallowed, spoiled, doubled, held back, sent
 * again or cut in the middle. The order in which they act on one message is fixed: first what swallows it, then what
 * spoils it, then what changes its place, then what adds to it. What strikes is in the audit before anything leaves.
 */
import type { ArmedFault, FaultBoard, Subject } from "../faults/fault-board.ts";
import { modeOf } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import { corrupted, garbage, type Parcel } from "./garbage.ts";

/** How a connection lets something out. */
export interface Outlet {
  /** In order, none before `delayMs` are over. */
  readonly send: (parcel: Parcel, delayMs: number) => void;
  /** Later and out of order. */
  readonly sendLater: (parcel: Parcel, delayMs: number) => void;
  /** Half of a frame, then a reset. */
  readonly cutWithin: (text: string) => void;
}

interface HeldBack {
  readonly text: string;
  /** How many messages of its stream still go before it. */
  behind: number;
}

/** A held message goes after this time, also when no other of its stream has come. */
const HELD_MS = 2_000;
const SPAN_REORDERED = 1;
const SPAN_REPLAYED = 5;

/** The lies of one connection. */
export class StreamLies {
  readonly #faults: FaultBoard;
  readonly #outlet: Outlet;
  readonly #recorded = new Set<number>();
  readonly #held = new Map<string, Set<HeldBack>>();
  /** The last messages of each stream that a replay may bring back. */
  readonly #recent = new Map<string, string[]>();

  constructor(faults: FaultBoard, outlet: Outlet) {
    this.#faults = faults;
    this.#outlet = outlet;
  }

  /** True when a message cannot simply be sent. */
  get isBusy(): boolean {
    return !this.#faults.isQuiet || this.#held.size > 0;
  }

  /** Sends a message as the armed faults will have it. */
  publish(text: string, subject: Subject & { readonly stream: string }): void {
    const strike = (name: FaultName): ArmedFault | undefined =>
      this.#faults.strike("stream", subject, { names: [name] });
    if (this.#isSwallowed(subject)) return;
    const delayMs = this.#lasting("stream-slow", subject)?.delayMs ?? 0;
    const rubbish = strike("stream-garbage");
    if (rubbish !== undefined) this.#outlet.send(garbage(modeOf(rubbish), this.#faults.dice), delayMs);
    let body = strike("stream-corrupt") === undefined ? text : corrupted(text);
    if (strike("stream-truncate") !== undefined) body = body.slice(0, Math.floor(body.length / 2));
    if (strike("stream-reset") !== undefined) {
      this.#outlet.cutWithin(body);
      return;
    }
    const late = strike("stream-reorder");
    if (late !== undefined) {
      this.#holdBack(body, subject.stream, late);
      return;
    }
    this.#outlet.send(textParcel(body), delayMs);
    const doubled = strike("stream-duplicate");
    if (doubled !== undefined) {
      if (doubled.delayMs === undefined) this.#outlet.send(textParcel(body), 0);
      else this.#outlet.sendLater(textParcel(body), doubled.delayMs);
    }
    this.#release(subject.stream);
    this.#replay(body, subject);
  }

  #isSwallowed(subject: Subject): boolean {
    if (this.#lasting("stream-stall", subject) !== undefined) return true;
    if (subject.stream === "user" && this.#faults.strike("user-stream", subject) !== undefined) return true;
    return this.#faults.strike("stream", subject, { names: ["stream-gap"] }) !== undefined;
  }

  /** A fault that holds for every message while it is armed: recorded once per connection, or it would fill the audit. */
  #lasting(name: FaultName, subject: Subject): ArmedFault | undefined {
    const fault = this.#faults.find("stream", subject, { names: [name] });
    if (fault !== undefined && !this.#recorded.has(fault.id)) {
      this.#recorded.add(fault.id);
      this.#faults.note(fault, subject);
    }
    return fault;
  }

  #holdBack(text: string, stream: string, fault: ArmedFault): void {
    const held: HeldBack = { text, behind: fault.span ?? SPAN_REORDERED };
    const ofStream = this.#held.get(stream) ?? new Set();
    this.#held.set(stream, ofStream.add(held));
    setTimeout(() => this.#letGo(stream, held), fault.delayMs ?? HELD_MS).unref();
  }

  #release(stream: string): void {
    for (const held of this.#held.get(stream) ?? []) {
      held.behind -= 1;
      if (held.behind <= 0) this.#letGo(stream, held);
    }
  }

  #letGo(stream: string, held: HeldBack): void {
    const ofStream = this.#held.get(stream);
    if (ofStream?.delete(held) !== true) return;
    if (ofStream.size === 0) this.#held.delete(stream);
    this.#outlet.send(textParcel(held.text), 0);
  }

  #replay(text: string, subject: Subject & { readonly stream: string }): void {
    const armed = this.#faults.find("stream", subject, { names: ["stream-replay"] });
    if (armed === undefined) {
      this.#recent.delete(subject.stream);
      return;
    }
    const recent = this.#recent.get(subject.stream) ?? [];
    this.#recent.set(subject.stream, recent);
    recent.push(text);
    if (recent.length > (armed.span ?? SPAN_REPLAYED)) recent.shift();
    if (recent.length < (armed.span ?? SPAN_REPLAYED)) return;
    if (!this.#faults.strikeWith(armed, subject)) return;
    for (const again of recent) this.#outlet.send(textParcel(again), 0);
    this.#recent.delete(subject.stream);
  }
}

function textParcel(text: string): Parcel {
  return { kind: "text", text };
}
