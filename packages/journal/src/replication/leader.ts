/**
 * The leader's end of replication: one session per follower, which goes hello → (cut | snapshot) → backfill → live. Live
 * frames leave in the turn in which they are sealed; a follower that does not take them fast enough falls back to reading
 * from the journal, so that what is held for it in memory has a bound. What a hello means is decided in core's `rejoin`.
 * Invariants I4 (an acknowledgement counts for one leadership and one disk), I19.
 */
import { rm } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { doesAckCount, marksToCompare, rejoin } from "@baton/core";
import type {
  BootId,
  Epoch,
  Frame,
  JournalId,
  LeaderStanding,
  MonoMs,
  NodeId,
  RejoinState,
  Sequence,
  Standing,
} from "@baton/core";
import type { Journal } from "../journal.ts";
import { monoNow } from "../link/connection.ts";
import { encodeChunk, encodeFrame } from "../link/messages.ts";
import type { ToFollower, ToLeader } from "../link/messages.ts";
import type { ServedLink } from "../link/serve.ts";
import { Emitter } from "../signal.ts";

/** What is known of one follower under the present leadership. */
export interface FollowerView {
  readonly node: NodeId;
  readonly journal: JournalId;
  readonly boot: BootId;
  /** `idle`: connected, has not said hello in this epoch. */
  readonly phase: "idle" | RejoinState;
  /** Epoch of its last hello. */
  readonly epoch: Epoch | undefined;
  readonly shipped: Sequence;
  readonly acked: Sequence;
  readonly lastAckMonoMs: MonoMs | undefined;
  readonly rttMs: number | undefined;
  /** Bytes sent to it that have not left this process. */
  readonly bufferedBytes: number;
}

export interface AckHeard {
  readonly node: NodeId;
  readonly journal: JournalId;
  readonly boot: BootId;
  readonly epoch: Epoch;
  readonly leaderBoot: BootId;
  readonly position: Sequence;
  /** The newest of this node's questions that had reached it when it said so. */
  readonly round: number;
}

/** Bounds of one session. */
export interface SessionLimits {
  /** A session with more bytes waiting to leave is no longer live. */
  readonly bufferedBytesMax: number;
  /** One read from the journal. */
  readonly pageBytes: number;
  /** An empty follower further behind than so many events gets a snapshot. */
  readonly snapshotBehind: number;
}

interface Session {
  readonly link: ServedLink;
  /** Format of its file when it said hello. */
  schema: number;
  phase: FollowerView["phase"];
  epoch: Epoch | undefined;
  shipped: Sequence;
  acked: Sequence;
  lastAckMonoMs: MonoMs | undefined;
  /** Counts hellos, so that work for an older one ends. */
  generation: number;
  isLive: boolean;
}

export class LeaderSide {
  readonly ack: Emitter<AckHeard> = new Emitter();
  readonly followerUp: Emitter<FollowerView> = new Emitter();
  readonly followerDown: Emitter<FollowerView & { readonly why: string }> = new Emitter();
  readonly refused: Emitter<{ readonly node: NodeId; readonly state: RejoinState; readonly sentence: string }> =
    new Emitter();
  readonly phase: Emitter<FollowerView> = new Emitter();

  readonly #journal: Journal;
  readonly #boot: BootId;
  readonly #limits: SessionLimits;
  readonly #sessions = new Set<Session>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stopSealed: () => void;
  #leading: Epoch | undefined;
  #snapshots = 0;
  /** Never starts anew, so that no answer is taken for one to a question of a later term. */
  #round = 0;

  constructor(o: { journal: Journal; boot: BootId; heartbeatMs: number; limits: SessionLimits }) {
    this.#journal = o.journal;
    this.#boot = o.boot;
    this.#limits = o.limits;
    this.#heartbeat = setInterval(() => this.#beat(), o.heartbeatMs);
    this.#stopSealed = o.journal.onSealed.on((frame) => this.#ship(frame));
  }

  get leading(): Epoch | undefined {
    return this.#leading;
  }

  get followers(): readonly FollowerView[] {
    return [...this.#sessions].map(viewOf);
  }

  /** Announces the epoch to everyone connected, and to each that connects from now on. */
  lead(epoch: Epoch): void {
    this.#leading = epoch;
    for (const session of this.#sessions) {
      this.#reset(session);
      this.#announce(session, epoch);
    }
  }

  /** Ships nothing more; acknowledgements count no more. */
  stopLeading(): void {
    this.#leading = undefined;
    for (const session of this.#sessions) this.#reset(session);
  }

  /** Asks every follower now for an acknowledgement, which names the number given here, or a later one. */
  ask(): number {
    this.#round += 1;
    this.#beat();
    return this.#round;
  }

  /** Tells every follower of this leadership whose file has the format of this one. */
  tell(message: ToFollower): void {
    for (const session of this.#sessions) {
      const isOfFormat = session.schema === this.#journal.care.format;
      if (session.epoch === this.#leading && session.epoch !== undefined && isOfFormat) this.#send(session, message);
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#stopSealed();
    this.#leading = undefined;
  }

  up(link: ServedLink): void {
    for (const other of this.#sessions) {
      // The same node again: its older connection is dead, whether its socket knows or not.
      if (other.link.peer.node !== link.peer.node) continue;
      this.down(other.link, "the same node connected again");
      other.link.connection.close("the same node connected again");
    }
    const session: Session = {
      link,
      schema: link.peer.schema,
      phase: "idle",
      epoch: undefined,
      shipped: 0,
      acked: 0,
      lastAckMonoMs: undefined,
      generation: 0,
      isLive: false,
    };
    this.#sessions.add(session);
    if (this.#leading !== undefined) this.#announce(session, this.#leading);
  }

  down(link: ServedLink, why: string): void {
    const session = this.#sessionOf(link);
    if (session === undefined) return;
    this.#sessions.delete(session);
    session.generation += 1;
    session.isLive = false;
    if (session.epoch !== undefined) this.followerDown.emit({ ...viewOf(session), why });
  }

  hello(link: ServedLink, message: Extract<ToLeader, { kind: "hello" }>): void {
    const session = this.#sessionOf(link);
    if (session === undefined || message.epoch !== this.#leading) return;
    this.#reset(session);
    session.epoch = message.epoch;
    session.schema = message.standing.schema;
    // A session's failure is that connection's: it is dropped, and the follower dials again.
    this.#rejoin(session, message.epoch, message.standing).catch((error: unknown) =>
      link.connection.close(error instanceof Error ? error.message : String(error)),
    );
  }

  acknowledged(link: ServedLink, message: Extract<ToLeader, { kind: "ack" }>): void {
    const session = this.#sessionOf(link);
    if (session === undefined || this.#leading === undefined || session.epoch !== this.#leading) return;
    if (!doesAckCount({ epoch: this.#leading, boot: this.#boot }, link.peer, message)) return;
    session.acked = Math.max(session.acked, message.position);
    session.lastAckMonoMs = monoNow();
    if (session.phase === "catching-up" && session.isLive && session.acked >= this.#journal.durable) {
      this.#enter(session, "in-sync");
    }
    const { node, journal, boot } = link.peer;
    // A standby of an older version knows of no rounds. It counts as having answered, so that the roll of a new version
    // refuses no read: until it runs the new one, reads are as they were.
    const { epoch, leaderBoot, position, round = this.#round } = message;
    this.ack.emit({ node, journal, boot, epoch, leaderBoot, position, round });
  }

  async #rejoin(session: Session, epoch: Epoch, standing: Standing): Promise<void> {
    const { generation } = session;
    const asked = this.#standing(epoch);
    const held = await this.#journal.held(marksToCompare(asked, standing));
    if (session.generation !== generation) return;
    // A mark that went by pruning while it was looked up is none that this journal never held: that would be a fork.
    const verdict = rejoin({ ...asked, pruned: this.#journal.care.prunedOrSoon }, standing, held);
    switch (verdict.state) {
      case "in-sync":
      case "catching-up":
      case "tail-divergent":
        this.#enter(session, verdict.state);
        session.shipped = verdict.after;
        this.#send(session, { kind: "cut", epoch, after: verdict.after });
        this.followerUp.emit(viewOf(session));
        this.#enter(session, "catching-up");
        await this.#pump(session, generation);
        return;
      case "needs-snapshot":
        this.#enter(session, verdict.state);
        await this.#sendSnapshot(session, generation, epoch);
        return;
      case "forked":
      case "foreign-cluster":
      case "other-schema":
      case "newer-epoch":
        this.#enter(session, verdict.state);
        this.#send(session, { kind: "refused", code: verdict.state, sentence: verdict.sentence });
        this.refused.emit({ node: standing.node, state: verdict.state, sentence: verdict.sentence });
        return;
    }
  }

  #standing(epoch: Epoch): LeaderStanding {
    return {
      cluster: this.#journal.identity.cluster,
      schema: this.#journal.care.format,
      epoch,
      last: this.#journal.last.sequence,
      pruned: this.#journal.pruned,
      snapshotBehind: this.#limits.snapshotBehind,
    };
  }

  /** Backfill in pages, until there is nothing left that was not shipped: from that turn on the session is live. */
  async #pump(session: Session, generation: number): Promise<void> {
    while (session.generation === generation) {
      if (session.link.connection.bufferedBytes > this.#limits.bufferedBytesMax) {
        await session.link.connection.drained();
        continue;
      }
      if (session.shipped >= this.#journal.last.sequence) {
        session.isLive = true;
        return;
      }
      const page = await this.#journal.frames(session.shipped, this.#limits.pageBytes);
      if (session.generation !== generation) return;
      if (page[0]?.first !== session.shipped + 1) throw new Error("what follows was pruned meanwhile");
      for (const frame of page) this.#sendFrame(session, frame);
    }
  }

  #ship(frame: Frame): void {
    if (this.#leading === undefined) return;
    let bytes: Buffer | undefined;
    for (const session of this.#sessions) {
      if (!session.isLive || session.shipped + 1 !== frame.first) continue;
      const { connection } = session.link;
      if (connection.bufferedBytes > this.#limits.bufferedBytesMax) {
        session.isLive = false;
        this.#enter(session, "catching-up");
        this.#pump(session, session.generation).catch((error: unknown) => connection.close(String(error)));
        continue;
      }
      bytes ??= encodeFrame(frame, this.#journal.commitMark.sequence);
      connection.sendBinary(bytes);
      session.shipped = frame.last;
    }
  }

  #sendFrame(session: Session, frame: Frame): void {
    session.link.connection.sendBinary(encodeFrame(frame, this.#journal.commitMark.sequence));
    session.shipped = frame.last;
  }

  async #sendSnapshot(session: Session, generation: number, epoch: Epoch): Promise<void> {
    this.#snapshots += 1;
    const file = `${this.#journal.file}.outgoing-${this.#snapshots}`;
    try {
      const label = await this.#journal.snapshot(file);
      const { connection } = session.link;
      if (session.generation !== generation) return;
      this.#send(session, { kind: "snapshot-begin", epoch, label });
      for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
        if (session.generation !== generation || !connection.isOpen) return;
        connection.sendBinary(encodeChunk(chunk as Buffer));
        if (connection.bufferedBytes > this.#limits.bufferedBytesMax) await connection.drained();
      }
      if (session.generation === generation) this.#send(session, { kind: "snapshot-end", epoch });
    } finally {
      await rm(file, { force: true });
    }
  }

  #beat(): void {
    if (this.#leading === undefined || this.#journal.failure !== undefined) return;
    const commit = this.#journal.commitMark.sequence;
    const last = this.#journal.last.sequence;
    const { pruned } = this.#journal;
    const what = { epoch: this.#leading, boot: this.#boot, commit, last, round: this.#round, pruned };
    for (const session of this.#sessions) this.#send(session, { kind: "heartbeat", ...what });
  }

  #announce(session: Session, epoch: Epoch): void {
    const { identity, care } = this.#journal;
    this.#send(session, { kind: "lead", epoch, boot: this.#boot, node: identity.node, schema: care.format });
  }

  #enter(session: Session, phase: FollowerView["phase"]): void {
    if (session.phase === phase) return;
    session.phase = phase;
    this.phase.emit(viewOf(session));
  }

  #reset(session: Session): void {
    session.generation += 1;
    session.isLive = false;
    session.phase = "idle";
    session.epoch = undefined;
    session.shipped = 0;
    session.acked = 0;
    session.lastAckMonoMs = undefined;
  }

  #send(session: Session, message: ToFollower): void {
    session.link.connection.send(message);
  }

  #sessionOf(link: ServedLink): Session | undefined {
    for (const session of this.#sessions) if (session.link === link) return session;
    return undefined;
  }
}

function viewOf(session: Session): FollowerView {
  const { node, journal, boot } = session.link.peer;
  const { phase, epoch, shipped, acked, lastAckMonoMs } = session;
  const { rttMs, bufferedBytes } = session.link.connection;
  return { node, journal, boot, phase, epoch, shipped, acked, lastAckMonoMs, rttMs, bufferedBytes };
}
