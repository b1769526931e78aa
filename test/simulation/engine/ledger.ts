/**
 * Committed and speculative state, as the engine keeps them: events are applied to the speculative one before they leave,
 * so what is on its way never shares headroom; effects hang on the commit of their event and on nothing earlier.
 */
import { applyEvent, assert, copyState, decodeEvent, emptyState, refusalOf } from "@baton/core";
import type { EngineState, Epoch, Frame, JournalEvent, Sequence } from "@baton/core";

/** The event was never recorded. */
export class EventRefused extends Error {
  readonly code: string;
  constructor(code: string, event: JournalEvent) {
    super(`${event.kind} refused: ${code}`);
    this.code = code;
  }
}

interface Pending {
  readonly sequence: Sequence;
  readonly epoch: Epoch;
  readonly event: JournalEvent;
}

/** `done(false)`: it will never be known here. */
interface Waiter {
  readonly sequence: Sequence;
  readonly done: (isCommitted: boolean) => void;
}

export class SimLedger {
  committed: EngineState;
  speculative: EngineState;
  #pending: Pending[] = [];
  #waiters: Waiter[] = [];
  readonly #append: (epoch: Epoch, events: readonly JournalEvent[]) => Sequence;
  readonly #onCommitted: (event: JournalEvent, sequence: Sequence, epoch: Epoch) => void;

  constructor(
    frames: readonly Frame[],
    committed: Sequence,
    tables: EngineState | undefined,
    append: (epoch: Epoch, events: readonly JournalEvent[]) => Sequence,
    onCommitted: (event: JournalEvent, sequence: Sequence, epoch: Epoch) => void,
  ) {
    this.#append = append;
    this.#onCommitted = onCommitted;
    this.committed = stateOfFrames(frames, committed, tables);
    this.speculative = copyState(this.committed);
    for (const frame of frames) if (frame.last > committed) this.receive(frame);
  }

  submit(epoch: Epoch, events: readonly JournalEvent[]): Sequence {
    const start = this.speculative.applied;
    for (const [index, event] of events.entries()) {
      const code = refusalOf(this.speculative, event);
      if (code !== undefined) {
        assert(index === 0, `events submitted together are acceptable together (${event.kind}: ${code})`);
        throw new EventRefused(code, event);
      }
      this.#take({ sequence: start + index + 1, epoch, event });
    }
    const last = this.#append(epoch, events);
    assert(last === start + events.length, `the journal's last sequence is ${start + events.length}, it says ${last}`);
    return last;
  }

  receive(frame: Frame): void {
    for (const [index, event] of eventsOf(frame).entries()) {
      this.#take({ sequence: frame.first + index, epoch: frame.epoch, event });
    }
  }

  commit(upTo: Sequence): void {
    let count = 0;
    for (const next of this.#pending) {
      if (next.sequence > upTo) break;
      count += 1;
    }
    if (count === 0) return;
    const due = this.#pending.splice(0, count);
    for (const { event, sequence, epoch } of due) {
      applyEvent(this.committed, sequence, event);
      this.#onCommitted(event, sequence, epoch);
    }
    const applied = this.committed.applied;
    const waiters = this.#waiters.filter((waiter) => waiter.sequence <= applied);
    if (waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.sequence > applied);
    for (const waiter of waiters) waiter.done(true);
  }

  whenCommitted(sequence: Sequence, done: (isCommitted: boolean) => void): void {
    if (sequence <= this.committed.applied) done(true);
    else this.#waiters.push({ sequence, done });
  }

  /** The tail after `position` was cut. */
  cut(position: Sequence): void {
    assert(position >= this.committed.applied, "a cut is never at or below the committed point");
    const kept = this.#pending.filter((pending) => pending.sequence <= position);
    this.#pending = [];
    this.speculative = copyState(this.committed);
    for (const pending of kept) this.#take(pending);
    this.abandonWaiters();
  }

  /** A snapshot took the journal's place. */
  replace(frames: readonly Frame[], committed: Sequence): void {
    this.committed = stateOfFrames(frames, committed);
    this.speculative = copyState(this.committed);
    this.#pending = [];
    for (const frame of frames) if (frame.last > committed) this.receive(frame);
    this.abandonWaiters();
  }

  abandonWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.done(false);
  }

  #take(pending: Pending): void {
    applyEvent(this.speculative, pending.sequence, pending.event);
    this.#pending.push(pending);
  }
}

/** What all events up to `upTo` add up to; `tables` is what an earlier process left of a shorter prefix. */
export function stateOfFrames(frames: readonly Frame[], upTo: Sequence, tables?: EngineState): EngineState {
  const state = tables === undefined || tables.applied > upTo ? emptyState() : copyState(tables);
  for (const frame of frames) {
    if (frame.last > upTo) break;
    if (frame.last <= state.applied) continue;
    for (const [index, event] of eventsOf(frame).entries()) applyEvent(state, frame.first + index, event);
  }
  return state;
}

/** A frame is read once, however many nodes take it and however often it is replayed: what is read never changes. */
const read = new WeakMap<Frame, readonly JournalEvent[]>();

function eventsOf(frame: Frame): readonly JournalEvent[] {
  let events = read.get(frame);
  if (events === undefined) {
    events = frame.body.split("\n").map((text) => decodeEvent(text));
    read.set(frame, events);
  }
  return events;
}
