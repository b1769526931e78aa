/**
 * The follower's end of replication: whom to follow, and what may be taken from them. A newer epoch is followed only after
 * it is durable here, frames count only on its connection and after its cut, and what is acknowledged is on the disk.
 */
import { mayCut, onLeadHeard, whyFrameRefused } from "@baton/core";
import type { BootId, ClusterId, Epoch, Frame, NodeId, RejoinState, Sequence } from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import { Forked, FrameRefused } from "./journal.ts";
import type { SimJournal } from "./journal.ts";
import type { ToFollower, ToLeader } from "./messages.ts";

export interface FollowerSidePorts {
  readonly mayFollow: (epoch: Epoch) => boolean;
  readonly mayAcknowledge: (epoch: Epoch) => boolean;
  /** False when there is no connection. */
  send(to: NodeId, message: ToLeader): boolean;
  drop(peer: NodeId, why: string): void;
  superseded(epoch: Epoch, node: NodeId): void;
  heard(node: NodeId, boot: BootId, epoch: Epoch): void;
  frame(frame: Frame): void;
  committed(upTo: Sequence): void;
  promised(): void;
  stopped(state: RejoinState, sentence: string): void;
  followed(node: NodeId, epoch: Epoch): void;
}

interface Joined {
  readonly peer: NodeId;
  readonly epoch: Epoch;
  readonly boot: BootId;
  phase: "promising" | "greeting" | "cutting" | "snapshot" | "following";
  /** The leader's newest question. */
  round: number;
}

export class FollowerSide {
  readonly #journal: SimJournal;
  readonly #me: { readonly node: NodeId; readonly boot: BootId; readonly cluster: ClusterId };
  readonly #bent: Bent;
  readonly #ports: FollowerSidePorts;
  readonly #leads = new Map<NodeId, { readonly epoch: Epoch; readonly boot: BootId }>();
  readonly #stopped = new Map<NodeId, RejoinState>();
  #joined: Joined | undefined;
  #pending: Frame[] = [];
  #told: Sequence;

  constructor(o: {
    journal: SimJournal;
    me: { readonly node: NodeId; readonly boot: BootId; readonly cluster: ClusterId };
    bent: Bent;
    ports: FollowerSidePorts;
  }) {
    this.#journal = o.journal;
    this.#me = o.me;
    this.#bent = o.bent;
    this.#ports = o.ports;
    this.#told = o.journal.commitMark.sequence;
  }

  onMessage(from: NodeId, message: Exclude<ToFollower, { kind: "promise-answer" }>): void {
    const joined = this.#joined;
    switch (message.kind) {
      case "lead":
        this.#leads.set(from, { epoch: message.epoch, boot: message.boot });
        return this.#consider(from);
      case "heartbeat":
        return this.#onHeartbeat(from, message);
      case "cut":
        if (joined?.peer === from && joined.phase === "greeting") this.#onCut(joined, message.epoch, message.after);
        return;
      case "snapshot":
        if (joined?.peer === from && joined.epoch === message.epoch && joined.phase === "greeting") {
          this.#onSnapshot(joined, message);
        }
        return;
      case "frame":
        if (joined?.peer !== from) return;
        this.#hear(joined);
        if (joined.phase === "cutting" || joined.phase === "following") {
          this.#onFrame(joined, message.frame, message.commit);
        }
        return;
      case "refused":
        return this.#onRefused(from, message.state, message.sentence);
    }
  }

  /** Follows nobody: this node is about to lead. */
  release(): void {
    this.#joined = undefined;
  }

  /** A connection stands: the peer introduced itself. */
  up(peer: NodeId): void {
    if (this.#stopped.get(peer) !== "forked") this.#stopped.delete(peer);
  }

  down(peer: NodeId): void {
    this.#leads.delete(peer);
    if (this.#joined?.peer === peer) this.#joined = undefined;
  }

  acknowledgeAgain(): void {
    if (this.#joined === undefined) for (const peer of this.#leads.keys()) this.#consider(peer);
    this.#acknowledge();
  }

  onDurable(upTo: Sequence): void {
    let count = 0;
    for (const frame of this.#pending) {
      if (frame.last > upTo) break;
      count += 1;
    }
    const durable = this.#pending.splice(0, count);
    this.#acknowledge();
    for (const frame of durable) this.#ports.frame(frame);
    this.#tellCommitted();
  }

  onCut(after: Sequence): void {
    this.#pending = this.#pending.filter((frame) => frame.last <= after);
  }

  onReplaced(): void {
    this.#pending = [];
    this.#told = this.#journal.commitMark.sequence;
  }

  #consider(peer: NodeId): void {
    const lead = this.#leads.get(peer);
    if (lead === undefined || this.#stopped.has(peer) || this.#journal.hasFailed) return;
    if (this.#joined !== undefined && this.#joined.epoch >= lead.epoch) return;
    const { epochMax } = this.#journal.promises;
    const decision = onLeadHeard({ epoch: lead.epoch, epochMax, mayFollow: this.#ports.mayFollow(lead.epoch) });
    if (decision === "ignore") return;
    this.#ports.superseded(lead.epoch, peer);
    const next: Joined = { peer, epoch: lead.epoch, boot: lead.boot, phase: "promising", round: 0 };
    this.#joined = next;
    if (decision === "hello") return this.#hello(next);
    this.#journal.persist({ epochMax: lead.epoch, vow: undefined }, () => {
      this.#ports.promised();
      if (this.#joined === next) this.#hello(next);
    });
  }

  #hello(joined: Joined): void {
    if (this.#journal.promises.epochMax !== joined.epoch || !this.#ports.mayFollow(joined.epoch)) {
      this.#joined = undefined;
      return;
    }
    this.#hear(joined);
    joined.phase = "greeting";
    const standing = {
      cluster: this.#me.cluster,
      node: this.#me.node,
      journal: this.#journal.disk.content.journal,
      boot: this.#me.boot,
      schema: 1,
      epochMax: joined.epoch,
      ...this.#journal.marks(),
    };
    this.#ports.send(joined.peer, { kind: "hello", epoch: joined.epoch, standing });
  }

  #onCut(joined: Joined, epoch: Epoch, after: Sequence): void {
    if (!mayCut({ epoch, epochMax: this.#journal.promises.epochMax, joined: joined.epoch })) {
      this.#joined = undefined;
      return;
    }
    joined.phase = "cutting";
    try {
      this.#journal.cut(after, () => {
        if (this.#joined !== joined) return;
        joined.phase = "following";
        this.#ports.followed(joined.peer, joined.epoch);
        this.#acknowledge();
      });
    } catch (error) {
      if (!(error instanceof Forked)) throw error;
      this.#onRefused(joined.peer, "forked", error.message);
    }
  }

  #onSnapshot(joined: Joined, message: Extract<ToFollower, { kind: "snapshot" }>): void {
    joined.phase = "snapshot";
    this.#journal.install(message.frames, message.commit, () => {
      if (this.#joined === joined) this.#hello(joined);
    });
  }

  #onFrame(joined: Joined, frame: Frame, commit: Sequence): void {
    const { epochMax } = this.#journal.promises;
    if (joined.epoch !== epochMax || this.#journal.hasFailed) {
      this.#joined = undefined;
      return;
    }
    const why = whyFrameRefused({
      connectionEpoch: joined.epoch,
      epochMax,
      lastEpoch: this.#journal.last.epoch,
      frameEpoch: frame.epoch,
    });
    try {
      if (why !== undefined) throw new FrameRefused(`the frame ${frame.first}–${frame.last} ${why}`);
      this.#journal.receive(frame);
    } catch (error) {
      if (!(error instanceof FrameRefused)) throw error;
      this.#joined = undefined;
      this.#ports.drop(joined.peer, error.message);
      return;
    }
    this.#pending.push(frame);
    if (this.#bent.is("ack-before-fsync")) this.#acknowledge();
    this.#commit(commit);
  }

  #onHeartbeat(peer: NodeId, beat: Extract<ToFollower, { kind: "heartbeat" }>): void {
    const joined = this.#joined;
    if (joined?.peer !== peer || joined.epoch !== beat.epoch || joined.boot !== beat.boot) {
      if (this.#leads.get(peer)?.epoch === beat.epoch) this.#consider(peer);
      return;
    }
    this.#hear(joined);
    joined.round = beat.round;
    if (joined.phase !== "cutting" && joined.phase !== "following") return;
    this.#commit(beat.commit);
    this.#acknowledge();
  }

  #commit(upTo: Sequence): void {
    this.#journal.commit(upTo);
    this.#tellCommitted();
  }

  #tellCommitted(): void {
    const committed = Math.min(this.#journal.commitMark.sequence, this.#journal.durable);
    if (committed <= this.#told) return;
    this.#told = committed;
    this.#ports.committed(committed);
  }

  #acknowledge(): void {
    const joined = this.#joined;
    if (joined?.phase !== "following" || this.#journal.hasFailed) return;
    if (this.#journal.promises.epochMax !== joined.epoch || !this.#ports.mayAcknowledge(joined.epoch)) return;
    this.#ports.send(joined.peer, {
      kind: "ack",
      epoch: joined.epoch,
      leaderBoot: joined.boot,
      journal: this.#journal.disk.content.journal,
      position: this.#bent.is("ack-before-fsync") ? this.#journal.last.sequence : this.#journal.durable,
      round: joined.round,
    });
  }

  #onRefused(peer: NodeId, state: RejoinState, sentence: string): void {
    if (this.#joined?.peer === peer) this.#joined = undefined;
    if (state === "newer-epoch") {
      this.#leads.delete(peer);
      return;
    }
    this.#stopped.set(peer, state);
    this.#ports.stopped(state, sentence);
  }

  #hear(joined: Joined): void {
    this.#ports.heard(joined.peer, joined.boot, joined.epoch);
  }
}
