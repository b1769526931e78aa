/** The leader's end of replication: hello → cut (or snapshot) → backfill → live. What a hello means is core's `rejoin`. */
import { doesAckCount, marksToCompare, rejoin } from "@baton/core";
import type { BootId, ClusterId, Epoch, Frame, JournalId, NodeId, RejoinState, Standing } from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { SimJournal } from "./journal.ts";
import type { ToFollower, ToLeader } from "./messages.ts";

/** A follower's connection, seen from the leader. */
export interface ServedLink {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly journal: JournalId;
  send(message: ToFollower): void;
}

export interface LeaderSidePorts {
  followerUp(link: ServedLink): void;
  followerDown(node: NodeId): void;
  ack(link: ServedLink, message: Extract<ToLeader, { kind: "ack" }>): void;
  rejoined(node: NodeId, state: RejoinState, sentence: string): void;
  /** A frame leaves for a follower. */
  sent(frame: Frame): void;
  soon(ms: number, act: () => void): void;
}

interface Session {
  readonly link: ServedLink;
  epoch: Epoch | undefined;
  shipped: number;
  isLive: boolean;
  /** Counts hellos, so that work for an older one ends. */
  generation: number;
}

/** An empty follower that is further behind than so many events gets a snapshot. */
const snapshotBehind = 300;
const pageFrames = 40;

export class LeaderSide {
  readonly #journal: SimJournal;
  readonly #cluster: ClusterId;
  readonly #me: { readonly node: NodeId; readonly boot: BootId };
  readonly #bent: Bent;
  readonly #ports: LeaderSidePorts;
  readonly #sessions = new Set<Session>();
  leading: Epoch | undefined;
  #round = 0;

  constructor(o: {
    journal: SimJournal;
    cluster: ClusterId;
    me: { readonly node: NodeId; readonly boot: BootId };
    bent: Bent;
    ports: LeaderSidePorts;
  }) {
    this.#journal = o.journal;
    this.#cluster = o.cluster;
    this.#me = o.me;
    this.#bent = o.bent;
    this.#ports = o.ports;
  }

  lead(epoch: Epoch): void {
    this.leading = epoch;
    for (const session of this.#sessions) {
      reset(session);
      this.#announce(session, epoch);
    }
  }

  stopLeading(): void {
    this.leading = undefined;
    for (const session of this.#sessions) reset(session);
  }

  up(link: ServedLink): void {
    for (const other of this.#sessions) if (other.link.node === link.node) this.down(other.link);
    const session: Session = { link, epoch: undefined, shipped: 0, isLive: false, generation: 0 };
    this.#sessions.add(session);
    if (this.leading !== undefined) this.#announce(session, this.leading);
  }

  down(link: ServedLink): void {
    const session = this.#sessionOf(link);
    if (session === undefined) return;
    this.#sessions.delete(session);
    session.generation += 1;
    session.isLive = false;
    if (session.epoch !== undefined) this.#ports.followerDown(link.node);
  }

  hello(link: ServedLink, message: Extract<ToLeader, { kind: "hello" }>): void {
    const session = this.#sessionOf(link);
    if (session === undefined || message.epoch !== this.leading) return;
    reset(session);
    session.epoch = message.epoch;
    const { generation } = session;
    // Marks may have to be read from the disk: the turn ends here.
    this.#ports.soon(0.3, () => {
      if (session.generation === generation) this.#rejoin(session, message.epoch, message.standing);
    });
  }

  acknowledged(link: ServedLink, message: Extract<ToLeader, { kind: "ack" }>): void {
    const session = this.#sessionOf(link);
    if (session === undefined || this.leading === undefined) return;
    if (session.epoch !== this.leading) return;
    if (!doesAckCount({ epoch: this.leading, boot: this.#me.boot }, link, message)) return;
    this.#ports.ack(link, message);
  }

  /** A frame was sealed here. */
  ship(frame: Frame): void {
    if (this.leading === undefined) return;
    for (const session of this.#sessions) {
      if (session.isLive && session.shipped + 1 === frame.first) this.#sendFrame(session, frame);
    }
  }

  /** A question to the followers, which leaves with the next heartbeat; gives its number. */
  ask(): number {
    this.#round += 1;
    return this.#round;
  }

  beat(): void {
    if (this.leading === undefined || this.#journal.hasFailed) return;
    const beat = { kind: "heartbeat", epoch: this.leading, boot: this.#me.boot, round: this.#round } as const;
    for (const session of this.#sessions) session.link.send({ ...beat, commit: this.#journal.commitMark.sequence });
  }

  #rejoin(session: Session, epoch: Epoch, standing: Standing): void {
    const leader = {
      cluster: this.#cluster,
      schema: 1,
      epoch,
      last: this.#journal.last.sequence,
      pruned: 0,
      snapshotBehind,
    };
    const marks = marksToCompare(leader, standing);
    const held = this.#bent.is("cut-by-length") ? marks : this.#journal.held(marks);
    const verdict = rejoin(leader, standing, held);
    const { link } = session;
    this.#ports.rejoined(link.node, verdict.state, "sentence" in verdict ? verdict.sentence : "");
    switch (verdict.state) {
      case "in-sync":
      case "catching-up":
      case "tail-divergent":
        session.shipped = verdict.after;
        link.send({ kind: "cut", epoch, after: verdict.after });
        this.#ports.followerUp(link);
        if (this.#bent.is("stale-acks")) this.#countWhatItHeld(link, epoch, standing);
        this.#pump(session, session.generation);
        return;
      case "needs-snapshot": {
        const frames = this.#journal.sound(0, this.#journal.indexAfter(this.#journal.durable));
        if (frames === undefined) return;
        for (const frame of frames) this.#ports.sent(frame);
        link.send({ kind: "snapshot", epoch, frames, commit: this.#journal.commitMark.sequence });
        return;
      }
      case "forked":
      case "foreign-cluster":
      case "other-schema":
      case "newer-epoch":
        link.send({ kind: "refused", state: verdict.state, sentence: verdict.sentence });
    }
  }

  /** Broken on purpose: what it acknowledged to whomever before, cut or not. */
  #countWhatItHeld(link: ServedLink, epoch: Epoch, standing: Standing): void {
    const position = standing.tail.at(-1)?.sequence ?? standing.commit.sequence;
    const { journal } = link;
    this.#ports.ack(link, { kind: "ack", epoch, leaderBoot: this.#me.boot, journal, position, round: 0 });
  }

  #pump(session: Session, generation: number): void {
    if (session.generation !== generation) return;
    if (session.shipped >= this.#journal.last.sequence) {
      session.isLive = true;
      return;
    }
    const start = this.#journal.indexAfter(session.shipped);
    const page = this.#journal.sound(start, Math.min(start + pageFrames, this.#journal.frames.length));
    if (page === undefined) return;
    for (const frame of page) this.#sendFrame(session, frame);
    this.#ports.soon(0.2, () => this.#pump(session, generation));
  }

  #sendFrame(session: Session, frame: Frame): void {
    this.#ports.sent(frame);
    session.link.send({ kind: "frame", frame, commit: this.#journal.commitMark.sequence });
    session.shipped = frame.last;
  }

  #announce(session: Session, epoch: Epoch): void {
    session.link.send({ kind: "lead", epoch, boot: this.#me.boot, node: this.#me.node });
  }

  #sessionOf(link: ServedLink): Session | undefined {
    for (const session of this.#sessions) if (session.link === link) return session;
    return undefined;
  }
}

function reset(session: Session): void {
  session.generation += 1;
  session.isLive = false;
  session.epoch = undefined;
  session.shipped = 0;
}
