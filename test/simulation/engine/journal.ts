/**
 * The journal of one process, as `@baton/journal` holds it: what is sealed, what is durable, what is committed. Events of
 * one turn become a frame; a sealed frame goes to the peers and to the disk in the same instant. Frames are core's: sealed
 * by `sealFrame`, checked by `frameFault`.
 */
import { assert, encodeEvent, frameFault, genesisHash, merged, sealFrame } from "@baton/core";
import type { Epoch, EtcdPin, Frame, JournalEvent, Mark, Promised, Sequence } from "@baton/core";
import { hash } from "node:crypto";
import type { Bent } from "../breaks/bent.ts";
import type { Disk, DiskWriter } from "../world/disk.ts";

/** SHA-256 as lowercase hex. */
function sha256(text: string): string {
  return hash("sha256", text);
}

/** Frames whose chain is checked at every opening: fewer than the real journal's 256, so that rot is older more often. */
export const checkedFrames = 64;

/** Why the last frames do not chain, those that are not in the tables among them; undefined when all is well. */
export function whyTailBroken({ content, tables, isSuspect }: Disk): string | undefined {
  const { frames } = content;
  const unapplied = frames.filter((frame) => frame.last > (tables?.applied ?? 0)).length;
  return whyBroken(frames, isSuspect ? 0 : Math.max(0, frames.length - Math.max(checkedFrames, unapplied)));
}

function whyBroken(frames: readonly Frame[], start: number, end = frames.length): string | undefined {
  const before = frames[start - 1];
  let mark = before === undefined ? { sequence: 0, hash: genesisHash } : { sequence: before.last, hash: before.hash };
  for (const frame of frames.slice(start, end)) {
    const fault = frameFault(mark, frame, sha256);
    if (fault !== undefined) return `the frame that ends at ${frame.last} ${fault}`;
    mark = { sequence: frame.last, hash: frame.hash };
  }
  return undefined;
}

export interface EpochMark extends Mark {
  readonly epoch: Epoch;
}

/** A frame that does not follow on; the link is dropped. */
export class FrameRefused extends Error {}

/** Asked to cut below the own commit point. */
export class Forked extends Error {}

export interface JournalListeners {
  onSealed(frame: Frame): void;
  onDurable(upTo: Sequence): void;
  onCut(after: Sequence): void;
  onReplaced(): void;
  /** A frame came whose bytes are not what its hash says. */
  onRotten(): void;
  /** What was read to be sent on is not what was written. */
  onRotFound(why: string): void;
}

const frameEventsMax = 64;
const settleMs = 5;

export class SimJournal {
  readonly disk: Disk;
  durable: Sequence;
  promises: Promised;
  /** By position of their end in the journal; sealed or received. */
  frames: Frame[];
  readonly #bent: Bent;
  readonly #writer: DiskWriter;
  readonly #listeners: JournalListeners;
  readonly #soon: (ms: number, act: () => void) => void;
  #last: EpochMark;
  #commit: EpochMark;
  #tail: EpochMark[];
  #asked: Promised;
  #queue: string[] = [];
  #queueEpoch: Epoch = 0;
  #inFlight = 0;
  #generation = 0;
  #isSealing = false;
  #isSettling = false;
  hasFailed = false;

  constructor(
    disk: Disk,
    bent: Bent,
    writer: DiskWriter,
    soon: (ms: number, act: () => void) => void,
    listeners: JournalListeners,
  ) {
    this.disk = disk;
    this.#bent = bent;
    this.#writer = writer;
    this.#soon = soon;
    this.#listeners = listeners;
    const { content } = disk;
    this.frames = [...content.frames];
    this.durable = disk.last;
    this.promises = content.promised;
    this.#asked = content.promised;
    const marks = this.frames.map(markOf);
    this.#last = marks.at(-1) ?? { sequence: 0, hash: genesisHash, epoch: 0 };
    const committed = marks.findLast((mark) => mark.sequence <= content.commit);
    this.#commit = committed ?? { sequence: 0, hash: genesisHash, epoch: 0 };
    this.#tail = marks.filter((mark) => mark.sequence > this.#commit.sequence);
  }

  get last(): EpochMark {
    return this.#last;
  }

  get commitMark(): EpochMark {
    return this.#commit;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Leader: queues events; gives the sequence of the last one. Sealed at the end of this turn, or when the disk is free. */
  append(epoch: Epoch, events: readonly JournalEvent[]): Sequence {
    assert(!this.hasFailed, "the journal has not failed");
    assert(epoch >= this.#last.epoch, "epochs never fall");
    assert(this.#queue.length === 0 || this.#queueEpoch === epoch, "what an earlier epoch queued was dropped");
    this.#queueEpoch = epoch;
    for (const event of events) this.#queue.push(encodeEvent(event));
    if (!this.#isSealing) {
      this.#isSealing = true;
      this.#soon(0, () => {
        this.#isSealing = false;
        this.#seal();
      });
    }
    return this.#last.sequence + this.#queue.length;
  }

  dropQueued(): void {
    this.#queue = [];
  }

  /** Follower: takes a frame. Throws `FrameRefused`. */
  receive(frame: Frame): void {
    assert(this.#queue.length === 0, "who receives does not append");
    const fault = frameFault(this.#last, frame, sha256);
    if (fault?.startsWith("its hash") === true) this.#listeners.onRotten();
    const isLetPass = this.#bent.is("hash-unchecked") && fault?.startsWith("its hash") === true;
    if (fault !== undefined && !isLetPass) throw new FrameRefused(`the frame ${frame.first}–${frame.last} ${fault}`);
    this.#note(frame);
    this.#write(frame);
  }

  commit(upTo: Sequence): void {
    let count = 0;
    for (const mark of this.#tail) {
      if (mark.sequence > upTo) break;
      this.#commit = mark;
      count += 1;
    }
    if (count === 0) return;
    this.#tail.splice(0, count);
    if (this.#isSettling) return;
    this.#isSettling = true;
    this.#soon(settleMs, () => {
      this.#isSettling = false;
      this.#writer.post({ kind: "commit", commit: this.#commit.sequence });
    });
  }

  persist(promised: Promised, done: () => void): void {
    const asked = merged(this.#asked, promised);
    this.#asked = asked;
    this.#writer.post({ kind: "persist", promised: asked }, () => {
      this.promises = asked;
      done();
    });
  }

  pin(pin: EtcdPin): void {
    this.#writer.post({ kind: "pin", pin });
  }

  /** Quarantines and deletes every frame after `after`. Throws `Forked`. */
  cut(after: Sequence, done: () => void): void {
    this.dropQueued();
    if (after < this.#commit.sequence) {
      throw new Forked(`asked to cut after ${after}, but ${this.#commit.sequence} is known committed here`);
    }
    if (after === this.#last.sequence) return done();
    const mark = [this.#commit, ...this.#tail].find((known) => known.sequence === after);
    assert(mark !== undefined, "a cut falls on the end of a frame");
    this.#tail = this.#tail.filter((known) => known.sequence <= after);
    this.#last = mark;
    this.frames = this.frames.filter((frame) => frame.last <= after);
    this.durable = Math.min(this.durable, after);
    this.#generation += 1;
    this.#listeners.onCut(after);
    this.#writer.post({ kind: "cut", after }, done);
  }

  /** Follower: a snapshot takes the journal's place. */
  install(frames: readonly Frame[], commit: Sequence, done: () => void): void {
    this.dropQueued();
    this.#generation += 1;
    this.#writer.post({ kind: "install", frames, commit }, () => {
      this.frames = [...frames];
      const marks = this.frames.map(markOf);
      this.#last = marks.at(-1) ?? { sequence: 0, hash: genesisHash, epoch: 0 };
      this.#commit = marks.findLast((mark) => mark.sequence <= commit) ?? this.#commit;
      this.#tail = marks.filter((mark) => mark.sequence > this.#commit.sequence);
      this.durable = this.#last.sequence;
      this.#listeners.onReplaced();
      done();
    });
  }

  /** Frames to be sent on; undefined where one of them is not as it was written, and then this journal has failed. */
  sound(start: number, end: number): readonly Frame[] | undefined {
    const why = this.#bent.is("rot-sent-on") ? undefined : whyBroken(this.frames, start, end);
    if (why === undefined) return this.frames.slice(start, end);
    this.hasFailed = true;
    this.disk.isSuspect = true;
    this.#listeners.onRotFound(why);
    return undefined;
  }

  /** For the hello: the commit point and the end of every frame after it. */
  marks(): { readonly commit: Mark; readonly tail: readonly Mark[] } {
    return { commit: plain(this.#commit), tail: this.#tail.map(plain) };
  }

  /** Those marks that this journal holds with the same hash. */
  held(marks: readonly Mark[]): readonly Mark[] {
    return marks.filter((mark) => {
      if (mark.sequence === 0) return mark.hash === genesisHash;
      const frame = this.frames[this.indexAfter(mark.sequence - 1)];
      return frame?.last === mark.sequence && frame.hash === mark.hash;
    });
  }

  /** Index of the first frame that ends after `after`. */
  indexAfter(after: Sequence): number {
    let low = 0;
    let high = this.frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.frames[middle]?.last ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #seal(): void {
    while (this.#queue.length > 0 && !this.hasFailed) {
      const isFree = this.#inFlight === 0 || (this.#queue.length >= frameEventsMax && this.#inFlight < 4);
      if (!isFree) return;
      const frame = sealFrame(this.#last, this.#queueEpoch, this.#queue.splice(0, frameEventsMax), sha256);
      this.#note(frame);
      this.#listeners.onSealed(frame);
      this.#write(frame);
    }
  }

  #note(frame: Frame): void {
    this.#last = markOf(frame);
    this.#tail.push(this.#last);
    this.frames.push(frame);
  }

  #write(frame: Frame): void {
    const generation = this.#generation;
    this.#inFlight += 1;
    this.#writer.post({ kind: "frame", frame, commit: this.#commit.sequence }, () => {
      this.#inFlight -= 1;
      if (this.#queue.length > 0) this.#seal();
      // Of a generation that was cut since, only what the cut left counts; it was counted by then or will be anew.
      if (generation !== this.#generation && frame.last > this.durable && !this.#holds(frame)) return;
      if (frame.last <= this.durable) return;
      this.durable = frame.last;
      this.#listeners.onDurable(frame.last);
    });
  }

  #holds(frame: Frame): boolean {
    const known = this.frames[this.indexAfter(frame.last - 1)];
    return known?.hash === frame.hash && known.last === frame.last;
  }
}

function markOf(frame: Frame): EpochMark {
  return { sequence: frame.last, hash: frame.hash, epoch: frame.epoch };
}

function plain({ sequence, hash: text }: Mark): Mark {
  return { sequence, hash: text };
}
