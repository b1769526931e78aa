/**
 * The two states: committed (what the wait set holds durably) and speculative (committed plus what is on its way). Events
 * are applied to the speculative state before they leave, so pipelined intents never share headroom, and an event that
 * would break the state is refused with a code instead of ending each leader in turn. Effects (a venue request, an answer
 * to a client) hang on the commit of their event and on nothing earlier. Invariants I4, I12, I19.
 */
import type { EngineState, Epoch, Frame, JournalEvent, MonoMs, Sequence } from "@baton/core";
import { applyEvent, assert, copyState, decodeEvent, refusalOf } from "@baton/core";
import { monoNow } from "./clock.ts";

/** Where events go on the leader: the journal's queue. Gives the sequence of the last one. */
export type Append = (epoch: Epoch, events: readonly JournalEvent[]) => Sequence;

/** Why an event could not be recorded. */
export class EventRefused extends Error {
  override readonly name = "EventRefused";
  readonly code: string;
  constructor(code: string, event: JournalEvent) {
    super(`${event.kind} refused: ${code}`);
    this.code = code;
  }
}

/** The commit of an event will never be known here: this node stopped leading, or is ending. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
  readonly code = "unknown";
}

/** Told of each committed event, in order; `epoch` is the epoch under which its frame was written. */
export type CommitListener = (event: JournalEvent, sequence: Sequence, epoch: Epoch) => void;

/** How long an event that was submitted here took to be committed, in ms. */
export type CommitTimed = (ms: number) => void;

interface Pending {
  readonly sequence: Sequence;
  readonly epoch: Epoch;
  readonly event: JournalEvent;
  /** Undefined for what was received. */
  readonly submittedMono: MonoMs | undefined;
}

interface Waiter {
  readonly sequence: Sequence;
  readonly done: () => void;
  readonly failed: (error: CommitUnknown) => void;
}

export class Ledger {
  committed: EngineState;
  speculative: EngineState;
  readonly #pending: Pending[] = [];
  #pendingStart = 0;
  #waiters: Waiter[] = [];
  readonly #append: Append;
  readonly #listener: CommitListener;
  readonly #timed: CommitTimed;

  /** `tail`: frames of the own journal after the committed point; the epoch of each rides along. */
  constructor(
    committed: EngineState,
    tail: readonly Frame[],
    append: Append,
    listener: CommitListener,
    timed: CommitTimed = () => undefined,
  ) {
    this.#timed = timed;
    this.committed = committed;
    this.speculative = copyState(committed);
    this.#append = append;
    this.#listener = listener;
    for (const frame of tail) this.receive(frame);
  }

  /** Leader: records facts, all in one frame's order, all or none. Throws `EventRefused` with nothing changed. Gives the last sequence. */
  submit(epoch: Epoch, events: readonly JournalEvent[]): Sequence {
    assert(events.length > 0, "something is submitted");
    return this.submitEach(
      epoch,
      events.map((event) => () => event),
    );
  }

  /** As `submit`, of events that are made one after the other, each on the state that has those before it. Some may be none. */
  submitEach(epoch: Epoch, makers: readonly ((state: EngineState) => JournalEvent | undefined)[]): Sequence {
    const start = this.speculative.applied;
    const submittedMono = monoNow();
    const events: JournalEvent[] = [];
    let last: Sequence;
    try {
      for (const make of makers) {
        const event = make(this.speculative);
        if (event === undefined) continue;
        const code = refusalOf(this.speculative, event);
        if (code !== undefined) throw new EventRefused(code, event);
        events.push(event);
        this.#take({ sequence: start + events.length, epoch, event, submittedMono });
      }
      if (events.length === 0) return start;
      last = this.#append(epoch, events);
    } catch (error) {
      // Whatever went wrong, the speculative state never holds what the journal was not given.
      if (events.length > 0) this.#takeBack(start);
      throw error;
    }
    assert(last === start + events.length, `the journal's last sequence is ${start + events.length}, it says ${last}`);
    return last;
  }

  /** Follower: a frame that is durable here. */
  receive(frame: Frame): void {
    for (const [index, text] of frame.body.split("\n").entries()) {
      this.#take({
        sequence: frame.first + index,
        epoch: frame.epoch,
        event: decodeEvent(text),
        submittedMono: undefined,
      });
    }
  }

  /** Moves the committed state; listeners and waiters are told in order. Positions beyond what is held are held back. */
  commit(upTo: Sequence): void {
    const now = monoNow();
    while (this.#pendingStart < this.#pending.length) {
      const next = this.#pending[this.#pendingStart];
      assert(next !== undefined, "a pending event");
      if (next.sequence > upTo) break;
      this.#pendingStart += 1;
      applyEvent(this.committed, next.sequence, next.event);
      if (next.submittedMono !== undefined) this.#timed(now - next.submittedMono);
      this.#listener(next.event, next.sequence, next.epoch);
    }
    if (this.#pendingStart > 1_024 || this.#pendingStart === this.#pending.length) {
      this.#pending.splice(0, this.#pendingStart);
      this.#pendingStart = 0;
    }
    if (this.#waiters.length === 0) return;
    const applied = this.committed.applied;
    const due = this.#waiters.filter((w) => w.sequence <= applied);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((w) => w.sequence > applied);
    for (const waiter of due) waiter.done();
  }

  /** Resolves when `sequence` is committed; rejects with `CommitUnknown` when that will not be known here. */
  whenCommitted(sequence: Sequence): Promise<void> {
    if (sequence <= this.committed.applied) return Promise.resolve();
    return new Promise((done, failed) => this.#waiters.push({ sequence, done, failed }));
  }

  /** The tail after `position` was cut from the journal: the speculative state is made anew. */
  cut(position: Sequence): void {
    assert(position >= this.committed.applied, "a cut is never at or below the committed point");
    // A takeover cuts on each follower and mostly nothing: a copy of the state would hold up the first order.
    if (position < this.speculative.applied) this.#takeBack(position);
    this.abandonWaiters("the journal's tail was cut");
  }

  /** Everything was replaced by a snapshot; `tail` are its frames after the committed point. */
  replace(committed: EngineState, tail: readonly Frame[]): void {
    this.committed = committed;
    this.speculative = copyState(committed);
    this.#pending.length = 0;
    this.#pendingStart = 0;
    for (const frame of tail) this.receive(frame);
    this.abandonWaiters("the journal was replaced by a snapshot");
  }

  /** Nobody here will learn of these commits any more. */
  abandonWaiters(why: string): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.failed(new CommitUnknown(why));
  }

  /** Makes the speculative state anew, as it was at `position`: a later event is acceptable only after the earlier ones. */
  #takeBack(position: Sequence): void {
    const kept = this.#pending.slice(this.#pendingStart).filter((p) => p.sequence <= position);
    this.#pending.length = 0;
    this.#pendingStart = 0;
    this.speculative = copyState(this.committed);
    for (const pending of kept) this.#take(pending);
  }

  #take(pending: Pending): void {
    applyEvent(this.speculative, pending.sequence, pending.event);
    this.#pending.push(pending);
  }
}
