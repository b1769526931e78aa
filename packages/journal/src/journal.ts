/**
 * The journal as the engine holds it: what is sealed, what is durable, what is committed, on the main thread, while a
 * writer thread does the disk. Events that were appended in one turn of the loop become a frame at its end; while a frame
 * is at the writer, more events gather up to the cap; a sealed frame goes to the peers in the same instant as to the
 * writer. Tables follow the commit point, never the tail. After a failure of storage nothing is reported durable again.
 * Invariants I5, I19, I20; operators meet the failures in the runbook of a lost standby and of a lost leader.
 */
import { assert, decodeEvent, encodeEvent, frameFault, id, merged, sealFrame, wallMs } from "@baton/core";
import type {
  Epoch,
  Frame,
  IntentId,
  JournalEvent,
  KeyRow,
  Mark,
  OrderRow,
  ParentId,
  ParentRow,
  Sequence,
} from "@baton/core";
import type { Worker } from "node:worker_threads";
import { JournalCare } from "./care.ts";
import { CommitPoint } from "./commit-point.ts";
import { ForkedError, JournalError, JournalFailure } from "./errors.ts";
import { InFlight } from "./in-flight.ts";
import { KnownKeys } from "./known-keys.ts";
import { limitsOf, openedOf } from "./options.ts";
import type { CommitTiming, JournalLimits, JournalOpened, JournalOptions } from "./options.ts";
import { FramePace } from "./pace.ts";
import { AppendQueue } from "./queue.ts";
import { ReaderThread } from "./reader.ts";
import { RecentFrames } from "./recent.ts";
import { Emitter } from "./signal.ts";
import type { Signal } from "./signal.ts";
import { sha256 } from "./store/chain.ts";
import type { VerifyReport } from "./store/chain.ts";
import type { Fault, Installed, PastOrders, WriterReport } from "./store/messages.ts";
import type { EpochMark } from "./store/read.ts";
import type { SnapshotLabel } from "./store/snapshot.ts";
import type { JournalIdentity, Promises, StoreOpened } from "./store/store.ts";
import { PiecesRead } from "./store/tables.ts";
import { WriterThread } from "./writer.ts";

/** A node that found rot leaves no later than this, whatever its disk does. */
const rotToldWithinMs = 2_000;

/** An open journal. Exactly one process has it; one leader appends or one follower receives at a time. */
export class Journal {
  readonly file: string;
  readonly identity: JournalIdentity;
  readonly opened: JournalOpened;
  /** BigInt64 at 0: monotonic ns since when a commit has been running, 0 when idle; for the keeper of the lease. */
  readonly progress: SharedArrayBuffer;

  readonly #sealed = new Emitter<Frame>();
  /** A frame was sealed here; called in the turn of the loop in which it leaves for the writer, just before. */
  readonly onSealed: Signal<Frame> = this.#sealed;
  readonly #durableMoved = new Emitter<Sequence>();
  /** Everything up to here is on the disk. After a cut the number may be lower than before. */
  readonly onDurable: Signal<Sequence> = this.#durableMoved;
  readonly #failed = new Emitter<JournalFailure>();
  /** Storage failed. Reported once; nothing becomes durable after it. */
  readonly onFailed: Signal<JournalFailure> = this.#failed;
  readonly #wasCut = new Emitter<Sequence>();
  /** The tail after this sequence is gone; its frames go to quarantine. */
  readonly onCut: Signal<Sequence> = this.#wasCut;
  readonly #replaced = new Emitter<JournalOpened>();
  /** A snapshot took the journal's place. */
  readonly onReplaced: Signal<JournalOpened> = this.#replaced;
  readonly #timed = new Emitter<CommitTiming>();
  readonly onCommitTimed: Signal<CommitTiming> = this.#timed;
  readonly #reserve = new Emitter<boolean>();
  /** True: the disk ran out and the reserve was released. False: there is a reserve (again). */
  readonly onReserve: Signal<boolean> = this.#reserve;

  readonly #limits: JournalLimits;
  readonly #writer: WriterThread;
  readonly #reader: ReaderThread;
  /** For what an order waits for, while the other one reads the whole file: that takes as long as the file is large. */
  readonly #lookUps: ReaderThread;
  #wholeReadings = 0;
  readonly #knownKeys = new KnownKeys();
  /** Pruning, digests, the file's format, countersigned heads. */
  readonly care: JournalCare;

  #last: EpochMark;
  #durable: Sequence;
  #commit: CommitPoint;
  #commitPosted: Sequence;
  #commitTimer: NodeJS.Timeout | undefined;
  #recent: RecentFrames;
  #promises: Promises;
  #promisesAsked: Promises;

  readonly #queue: AppendQueue;
  readonly #inFlight = new InFlight();
  readonly #pace: FramePace;
  #failure: JournalFailure | undefined;
  #closing: Promise<void> | undefined;
  #isRotten = false;

  /** Use `openJournal`. */
  constructor(
    options: JournalOptions,
    writer: Worker,
    progress: SharedArrayBuffer,
    { found, opened }: { readonly found: StoreOpened; readonly opened: JournalOpened },
  ) {
    this.file = options.file;
    this.identity = found.identity;
    this.opened = opened;
    this.progress = progress;
    this.#limits = limitsOf(options);
    this.#queue = new AppendQueue({ eventsMax: this.#limits.frameEventsMax, bytesMax: this.#limits.frameBytesMax });
    this.#pace = new FramePace({
      limits: this.#limits,
      queue: this.#queue,
      inFlight: this.#inFlight,
      seal: () => this.#sealOne(),
    });
    this.#reader = new ReaderThread(options.file, (error) => void this.rotten(error));
    this.#lookUps = new ReaderThread(options.file, (error) => void this.rotten(error));
    this.#last = found.last;
    this.#durable = found.last.sequence;
    this.#commit = new CommitPoint(found.commit, this.opened.tail.map(markOf));
    this.#commitPosted = found.commit.sequence;
    this.#recent = new RecentFrames(found.last, this.#limits.recentBytesMax);
    this.#promises = found.promises;
    this.#promisesAsked = found.promises;
    this.#writer = new WriterThread(writer, {
      durable: (report) => this.#onDurableReport(report),
      keys: (told) => this.#knownKeys.heard(told),
      reserve: (isReleased) => this.#reserve.emit(isReleased),
      failed: (fault) => this.#fail(fault),
    });
    const parts = { writer: this.#writer, reader: this.#reader, build: options.build };
    const isUsable = (): boolean => this.#failure === undefined && this.#closing === undefined;
    this.care = new JournalCare({ ...parts, isUsable, postCommit: () => this.#postCommit() }, found);
    // The writer's own copy of the state comes second: a node waits for this one, and both would share its cores.
    this.#writer.post({ kind: "warm" });
  }

  /** Last event sealed or received; those still queued for sealing come after it. */
  get last(): EpochMark {
    return this.#last;
  }
  get durable(): Sequence {
    return this.#durable;
  }
  get commitMark(): EpochMark {
    return this.#commit.mark;
  }
  get pruned(): Sequence {
    return this.care.pruned;
  }
  /** The promises that are durable. */
  get promises(): Promises {
    return this.#promises;
  }
  /** Characters of frames at the writer; who receives stops reading above a bound of their own. */
  get inFlightBytes(): number {
    return this.#inFlight.bytes;
  }
  /** Events appended and not yet sealed. Who appends keeps a bound on what waits to be committed. */
  get queued(): number {
    return this.#queue.length;
  }
  get failure(): JournalFailure | undefined {
    return this.#failure;
  }

  /**
   * Leader: queues events, in order; answers the sequence of the last one. When they are sealed is decided in `pace.ts`.
   * `isTogether`: a frame gets all of them or none, if they are no more than it holds.
   * Throws the failure once storage has failed.
   */
  append(epoch: Epoch, events: readonly JournalEvent[], isTogether = false): Sequence {
    this.#assertUsable();
    assert(epoch >= this.#last.epoch, "epochs never fall");
    this.#queue.push(epoch, events.map(encodeEvent), isTogether);
    this.#pace.queued();
    return this.#last.sequence + this.#queue.length;
  }

  /** Forgets what was appended and not sealed (a fence, a cut); answers how many events that were. */
  dropQueued(): number {
    return this.#queue.drop();
  }

  /** Follower: takes a frame that follows on the last one. Throws `frame-refused` when it does not, or was altered. */
  receive(frame: Frame): void {
    this.#assertUsable();
    assert(this.#queue.length === 0, "who receives does not append");
    const fault = frameFault(this.#last, frame, sha256);
    if (fault !== undefined) {
      throw new JournalError("frame-refused", `the frame ${frame.first}–${frame.last} ${fault}`);
    }
    this.#note(frame);
    this.#write(frame);
  }

  /** Moves the commit point, at most to the end of what is held; it never moves back. */
  commit(upTo: Sequence): void {
    if (!this.#commit.move(upTo)) return;
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined;
      const isNews = this.#commitPosted < this.commitMark.sequence;
      if (isNews && this.#failure === undefined && this.#closing === undefined) this.#postCommit();
    }, this.#limits.settleMs);
  }

  /** Makes promises durable, never lowering one that was made before. */
  async persist(promises: Promises): Promise<void> {
    this.#assertUsable();
    const before = this.#promisesAsked;
    const vows = merged(
      { epochMax: before.epochMax, vow: before.vow },
      { epochMax: promises.epochMax, vow: promises.vow },
    );
    const asked: Promises = { ...vows, etcd: promises.etcd ?? before.etcd };
    this.#promisesAsked = asked;
    await this.#writer.ask("persist", { promises: asked });
    this.#promises = asked;
  }

  /**
   * Quarantines and deletes every frame after `after`, durably. Throws `ForkedError` when that would reach below the own
   * commit point. Frames may be received again at once; the promise settles when the cut is on the disk.
   */
  async cut(after: Sequence, reason: string): Promise<void> {
    this.#assertUsable();
    this.dropQueued();
    if (after < this.commitMark.sequence) {
      throw new ForkedError(
        `asked to cut after ${after}, but ${this.commitMark.sequence} is known committed here: the journals forked`,
      );
    }
    if (after === this.#last.sequence) return;
    const mark = this.#commit.cutMark(after);
    assert(mark !== undefined, "a cut falls on the end of a frame");
    this.#commit.cut(after);
    this.#last = mark;
    this.#recent.cut(mark);
    this.#inFlight.cut(after);
    this.#durable = Math.min(this.#durable, after);
    this.#wasCut.emit(after);
    const now = wallMs(Date.now());
    const { generation } = this.#inFlight;
    await this.#writer.ask("cut", { after, reason, now, generation });
  }

  /** Durable and in-flight frames that end after `after`, at least one if there is one, while they fit in `maxBytes`. */
  async frames(after: Sequence, maxBytes: number): Promise<readonly Frame[]> {
    return this.#recent.after(after, maxBytes) ?? this.#reader.frames(after, maxBytes);
  }

  /** For the hello: the commit point and the end of every frame after it, those on their way to the disk included. */
  marks(): { readonly commit: EpochMark; readonly tail: readonly EpochMark[] } {
    return { commit: this.#commit.mark, tail: this.#commit.tail };
  }

  /** Those marks that this journal holds with the same hash. */
  async held(marks: readonly Mark[]): Promise<readonly Mark[]> {
    const known = new Map(marks.map((mark) => [mark.sequence, this.#recent.holds(mark)]));
    const older = marks.filter((mark) => known.get(mark.sequence) === undefined);
    const held = older.length === 0 ? [] : await this.#reader.held(older);
    return marks.filter((mark) => known.get(mark.sequence) ?? held.some((other) => other.sequence === mark.sequence));
  }

  /** Whether this journal holds a frame that ends at this sequence with this hash. */
  async has(sequence: Sequence, hash: string): Promise<boolean> {
    return (await this.held([{ sequence, hash }])).length === 1;
  }

  /** A copy of what is durable now, beside the writer. */
  snapshot(toFile: string): Promise<SnapshotLabel> {
    return this.#whole(this.#reader.snapshot(toFile));
  }

  /**
   * Follower: proves a snapshot and puts it in the journal's place, keeping identity, promises and quarantine. Throws
   * `snapshot-refused`, and nothing has changed. Nothing may be appended or received until it settles. `isWanted` is asked
   * last, after the proof, which takes long: who sent the copy may be followed no more.
   */
  async install(snapshotFile: string, label: SnapshotLabel, isWanted: () => boolean = () => true): Promise<void> {
    this.#assertUsable();
    await this.#whole(this.#reader.prove(snapshotFile, label));
    await Promise.all([this.#reader.stop(), this.#lookUps.stop()]);
    if (!isWanted()) throw new JournalError("snapshot-refused", "whoever sent the copy is followed no more");
    this.#assertUsable();
    this.dropQueued();
    this.#knownKeys.restart();
    const installed = await this.#writer.ask<Installed>("install", { snapshotFile, label });
    // Who asked meanwhile had the old file opened again, and would read it for ever.
    await Promise.all([this.#reader.stop(), this.#lookUps.stop()]);
    const found = installed.opened;
    const rows = new PiecesRead();
    for (const piece of installed.rows) rows.add(piece);
    const opened = openedOf(found, rows);
    this.#last = found.last;
    this.#durable = found.last.sequence;
    this.#commit = new CommitPoint(found.commit, opened.tail.map(markOf));
    this.#commitPosted = found.commit.sequence;
    this.care.found(found);
    this.#recent = new RecentFrames(found.last, this.#limits.recentBytesMax);
    this.#replaced.emit(opened);
  }

  /** The committed events that name these intents, oldest first per intent. */
  async eventsOf(
    intents: readonly IntentId[],
  ): Promise<ReadonlyMap<IntentId, readonly (JournalEvent & { readonly sequence: Sequence })[]>> {
    const found = new Map<IntentId, (JournalEvent & { readonly sequence: Sequence })[]>();
    for (const { intent, sequence, payload } of await this.#reader.eventsOf(intents)) {
      if (sequence > this.commitMark.sequence) continue;
      const events = found.get(intent) ?? [];
      events.push({ ...decodeEvent(payload), sequence });
      found.set(intent, events);
    }
    return found;
  }

  /**
   * Past orders: those that have left the state, oldest first. All that the state at `applied` (which has to be committed)
   * does not hold is found.
   */
  pastOrders(which: PastOrders["which"], applied: Sequence): Promise<readonly OrderRow[]> {
    return this.#reader.pastOrders({ which, applied });
  }

  /** The same of one parent order; undefined: it has not left the state, or never was. */
  async pastParent(parent: ParentId, applied: Sequence): Promise<ParentRow | undefined> {
    const which = { intent: id<IntentId>(parent) };
    const [found] = (await this.#reader.pastOrders({ which, applied })) as readonly unknown[];
    return found as ParentRow | undefined;
  }

  /**
   * What an idempotency key, as `requestKeyOf` names it, stands for; undefined: none that was recorded up to `applied` and is
   * younger than a day. Throws `JournalError`.
   */
  async pastKey(key: string, applied: Sequence): Promise<KeyRow | undefined> {
    if (!this.#knownKeys.mayHold(key, applied)) return undefined;
    // The usual thread is there already when a node takes over; another one takes a tenth of a second to start.
    const reader = this.#wholeReadings > 0 ? this.#lookUps : this.#reader;
    return (await reader.pastKey({ key, applied })) ?? undefined;
  }

  /** Checks the whole chain on the disk. */
  verify(): Promise<VerifyReport> {
    return this.#whole(this.#reader.verify());
  }

  /**
   * Records on the disk are not what was written, as whoever read them found out: this journal fails, once the file says of
   * itself that it has to be read as a whole before it is opened again. Never rejects.
   */
  async rotten({ message }: Pick<JournalError, "message">): Promise<void> {
    if (this.#failure !== undefined || this.#closing !== undefined || this.#isRotten) return;
    this.#isRotten = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, rotToldWithinMs)));
    // A disk that does not take it any more fails the journal by itself.
    await Promise.race([this.#writer.ask("rot", { sentence: message }), late]).catch(() => undefined);
    clearTimeout(timer);
    this.#fail({ code: "journal-corrupt", message });
  }

  /** Seals and writes what is left, writes the rows, lets go of the file. Idempotent. */
  close(): Promise<void> {
    this.#writer.ending();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #whole<Answer>(reading: Promise<Answer>): Promise<Answer> {
    this.#wholeReadings += 1;
    try {
      return await reading;
    } finally {
      this.#wholeReadings -= 1;
    }
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined) {
      while (this.#queue.length > 0) this.#sealOne();
      this.#writer.post({ kind: "commit", committed: this.commitMark.sequence });
      await this.#writer.ask("close", {}).catch(() => undefined);
    }
    clearTimeout(this.#commitTimer);
    this.#pace.stop();
    await Promise.all([this.#reader.stop(), this.#lookUps.stop()]);
    await this.#writer.stop(new JournalError("journal-closed", `${this.file} is closed`));
  }

  #sealOne(): void {
    const frame = sealFrame(this.#last, this.#queue.epoch, this.#queue.take(), sha256);
    this.#note(frame);
    // The peers first: their way to the disk is the longer one.
    this.#sealed.emit(frame);
    this.#write(frame);
  }

  #note(frame: Frame): void {
    const mark = markOf(frame);
    this.#last = mark;
    this.#commit.note(mark);
    this.#recent.push(frame);
  }

  #write(frame: Frame): void {
    this.#inFlight.add(frame);
    const committed = this.commitMark.sequence;
    this.#commitPosted = committed;
    this.#writer.post({ kind: "frame", frame, generation: this.#inFlight.generation, committed });
  }

  #postCommit(): void {
    this.#assertUsable();
    this.#commitPosted = this.commitMark.sequence;
    this.#writer.post({ kind: "commit", committed: this.#commitPosted });
  }

  #onDurableReport(report: Extract<WriterReport, { kind: "durable" }>): void {
    if (this.#failure !== undefined) return;
    const reached = this.#inFlight.reported(report);
    this.#pace.go();
    if (reached > this.#durable) {
      this.#durable = reached;
      this.#recent.trim(reached);
      this.#durableMoved.emit(reached);
    }
    this.#timed.emit({ frames: report.frames, commitMs: report.commitMs });
  }

  #fail(fault: Fault): void {
    if (this.#failure !== undefined) return;
    const code = fault.code === "journal-full" || fault.code === "journal-corrupt" ? fault.code : "journal-io";
    this.#failure = new JournalFailure(code, fault.message);
    this.dropQueued();
    this.#writer.decline(this.#failure);
    this.#failed.emit(this.#failure);
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing !== undefined) throw new JournalError("journal-closed", `${this.file} is closed`);
  }
}

function markOf(frame: Frame): EpochMark {
  return { sequence: frame.last, hash: frame.hash, epoch: frame.epoch };
}
