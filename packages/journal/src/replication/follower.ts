/**
 * The follower's end of replication: whom this node follows, and what it may take from them. A leader that names a newer
 * epoch is followed only after that epoch is durable here; frames count only on its connection and after its cut; what is
 * acknowledged is on the disk, under the epoch promised, and never under a vow (the engine answers that). Forked and
 * foreign are ends, not retries. Invariants I5, I6, I19.
 */
import { mayCut, onLeadHeard, whyFrameRefused } from "@baton/core";
import type { BootId, Epoch, Frame, MonoMs, NodeId, RejoinState, Sequence } from "@baton/core";
import { ForkedError, JournalError } from "../errors.ts";
import type { Journal } from "../journal.ts";
import type { JournalOpened } from "../options.ts";
import { monoNow } from "../link/connection.ts";
import type { DialledLink } from "../link/dial.ts";
import { plainMarks } from "../link/messages.ts";
import type { BinaryMessage, Introduction, ToFollower } from "../link/messages.ts";
import { Emitter } from "../signal.ts";
import type { SnapshotLabel } from "../store/snapshot.ts";
import type { Promises } from "../store/store.ts";
import type { Following, Stopped } from "./following.ts";
import { IncomingSnapshot } from "./incoming.ts";
import { PruneAlong } from "./prune-along.ts";

interface Peer {
  readonly node: NodeId;
  readonly link: DialledLink;
  lead: { readonly epoch: Epoch; readonly boot: BootId; readonly schema: number } | undefined;
  stopped: Stopped | undefined;
}

interface Joined {
  readonly peer: Peer;
  readonly epoch: Epoch;
  readonly boot: BootId;
  phase: Following["phase"];
  /** The leader's newest question; 0: none has come. */
  round: number;
  incoming: IncomingSnapshot | undefined;
}

export interface FollowerSideOptions {
  readonly journal: Journal;
  readonly me: Omit<Introduction, "schema">;
  readonly mayFollow: (epoch: Epoch) => boolean;
  readonly mayAcknowledge: (epoch: Epoch) => boolean;
  /** Bytes at the writer above which no more is read from the link. */
  readonly inFlightBytesMax: number;
}

export class FollowerSide {
  readonly heard: Emitter<{
    readonly node: NodeId;
    readonly boot: BootId;
    readonly epoch: Epoch;
    readonly atMonoMs: MonoMs;
  }> = new Emitter();
  readonly committed: Emitter<Sequence> = new Emitter();
  readonly frame: Emitter<Frame> = new Emitter();
  readonly promised: Emitter<Promises> = new Emitter();
  readonly stopped: Emitter<Stopped> = new Emitter();
  readonly changed: Emitter<Following | undefined> = new Emitter();
  /** A newer epoch was heard while this node leads: called before anything of it is taken. */
  readonly superseded: Emitter<{ readonly epoch: Epoch; readonly node: NodeId; readonly boot: BootId }> = new Emitter();

  readonly #o: FollowerSideOptions;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #unsubscribe: (() => void)[];
  readonly #pruning: PruneAlong;
  #joined: Joined | undefined;
  /** A copy that is coming in, or that is being installed or dropped; whoever sent it may be followed no more. */
  #copy: IncomingSnapshot | undefined;
  /** Received, not durable yet. */
  #pending: Frame[] = [];
  #isPaused = false;
  /** Commit point that was told. */
  #told: Sequence = 0;

  constructor(options: FollowerSideOptions) {
    this.#o = options;
    const { journal } = options;
    this.#pruning = new PruneAlong(journal);
    this.#told = journal.commitMark.sequence;
    this.#unsubscribe = [
      journal.onDurable.on((sequence) => this.#onDurable(sequence)),
      journal.onCut.on((after) => void (this.#pending = this.#pending.filter((frame) => frame.last <= after))),
      journal.onReplaced.on((opened: JournalOpened) => {
        this.#pending = [];
        this.#told = opened.committed;
      }),
    ];
  }

  get following(): Following | undefined {
    const joined = this.#joined;
    if (joined === undefined) return undefined;
    return { node: joined.peer.node, epoch: joined.epoch, boot: joined.boot, phase: joined.phase };
  }

  close(): void {
    for (const stop of this.#unsubscribe) stop();
    // A copy that is half here is dropped, and one that is whole is not installed any more: the journal closes next.
    this.#copy?.abandon();
    this.#joined = undefined;
  }

  add(node: NodeId, link: DialledLink): void {
    this.#peers.set(node, { node, link, lead: undefined, stopped: undefined });
  }

  remove(node: NodeId): void {
    this.down(node);
    this.#peers.delete(node);
  }

  /** A peer introduced itself: it is of this cluster and format, whatever it was before. */
  up(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer?.stopped !== undefined && peer.stopped.state !== "forked") peer.stopped = undefined;
  }

  /** Follows nobody any more: this node is about to lead. */
  release(): void {
    this.#leave();
  }

  /** The connection to a peer ended. */
  down(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    peer.lead = undefined;
    if (this.#joined?.peer === peer) this.#leave();
  }

  onMessage(node: NodeId, message: ToFollower): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    switch (message.kind) {
      case "lead":
        peer.lead = { epoch: message.epoch, boot: message.boot, schema: message.schema };
        this.#consider(peer);
        return;
      case "heartbeat":
        this.#onHeartbeat(peer, message);
        return;
      case "cut":
        this.#onCut(peer, message.epoch, message.after);
        return;
      case "snapshot-begin":
        if (this.#isFollowed(peer, message.epoch)) {
          this.#enter("snapshot");
          const joined = this.#joined;
          if (joined !== undefined) joined.incoming = this.#newCopy(message.label);
        }
        return;
      case "snapshot-end":
        if (this.#isFollowed(peer, message.epoch)) this.#onSnapshotEnd(peer);
        return;
      case "refused":
        this.#onRefused(peer, message.code, message.sentence);
        return;
      case "introduced":
      case "response":
      case "digest-at":
      case "digest":
      case "head":
        return;
    }
  }

  onBinary(node: NodeId, message: BinaryMessage): void {
    const joined = this.#joined;
    if (joined === undefined || joined.peer.node !== node) return;
    this.#hear(joined.peer, joined);
    if (message.kind === "chunk") joined.incoming?.write(message.bytes);
    else if (joined.phase === "cutting" || joined.phase === "following")
      this.#onFrame(joined, message.frame, message.commit);
  }

  /** Repeats the last position: a vow was lifted, or an epoch joined. Asks anew whom to follow, too. */
  acknowledgeAgain(): void {
    if (this.#joined === undefined) for (const peer of this.#peers.values()) this.#consider(peer);
    this.#acknowledge();
  }

  #consider(peer: Peer): void {
    const { lead } = peer;
    if (lead === undefined || peer.stopped !== undefined || this.#o.journal.failure !== undefined) return;
    const joined = this.#joined;
    if (joined !== undefined && joined.epoch >= lead.epoch) return;
    const { epochMax } = this.#o.journal.promises;
    const decision = onLeadHeard({ epoch: lead.epoch, epochMax, mayFollow: this.#o.mayFollow(lead.epoch) });
    if (decision === "ignore") return;
    this.superseded.emit({ epoch: lead.epoch, node: peer.node, boot: lead.boot });
    const next: Joined = {
      peer,
      epoch: lead.epoch,
      boot: lead.boot,
      phase: "promising",
      round: 0,
      incoming: undefined,
    };
    this.#leave();
    this.#joined = next;
    this.changed.emit(this.following);
    if (decision === "hello") this.#hello(next);
    else void this.#promiseThenHello(next);
  }

  async #promiseThenHello(joined: Joined): Promise<void> {
    try {
      await this.#o.journal.persist({ epochMax: joined.epoch });
    } catch {
      // The journal has reported its failure itself.
      return;
    }
    this.promised.emit(this.#o.journal.promises);
    if (this.#joined === joined) this.#hello(joined);
  }

  #hello(joined: Joined): void {
    const { journal, me, mayFollow } = this.#o;
    if (journal.promises.epochMax !== joined.epoch || !mayFollow(joined.epoch)) {
      this.#leave();
      return;
    }
    if (this.#copy !== undefined) {
      // What this node holds is not known before that has ended; the link is heard meanwhile.
      void this.#copy.ended.then(() => {
        if (this.#joined === joined) this.#hello(joined);
      });
      return;
    }
    this.#hear(joined.peer, joined);
    // A leader of the newer format is followed with a file of that format, where this build can write it.
    journal.care.meetFormat(joined.peer.lead?.schema ?? journal.care.format);
    const { commit, tail } = journal.marks();
    const standing = {
      cluster: me.cluster,
      node: me.node,
      journal: me.journal,
      boot: me.boot,
      schema: journal.care.format,
      epochMax: joined.epoch,
      commit: { sequence: commit.sequence, hash: commit.hash },
      tail: plainMarks(tail),
    };
    this.#enter("greeting");
    joined.peer.link.send({ kind: "hello", epoch: joined.epoch, standing });
  }

  #onCut(peer: Peer, epoch: Epoch, after: Sequence): void {
    const joined = this.#joined;
    if (joined?.peer !== peer || joined.phase !== "greeting") return;
    const { journal } = this.#o;
    if (!mayCut({ epoch, epochMax: journal.promises.epochMax, joined: joined.epoch })) {
      this.#leave();
      return;
    }
    this.#enter("cutting");
    journal.cut(after, `epoch ${epoch} of ${peer.node} continues after ${after}`).then(
      () => {
        if (this.#joined !== joined) return;
        this.#enter("following");
        this.#acknowledge();
      },
      (error: unknown) => {
        if (error instanceof ForkedError) this.#onRefused(peer, "forked", error.message);
        else if (this.#joined === joined) this.#leave();
      },
    );
  }

  #onFrame(joined: Joined, frame: Frame, commit: Sequence): void {
    const { journal } = this.#o;
    const { epochMax } = journal.promises;
    if (joined.epoch !== epochMax || journal.failure !== undefined) {
      this.#leave();
      return;
    }
    const why = whyFrameRefused({
      connectionEpoch: joined.epoch,
      epochMax,
      lastEpoch: journal.last.epoch,
      frameEpoch: frame.epoch,
    });
    try {
      if (why !== undefined) throw new JournalError("frame-refused", `the frame ${frame.first}–${frame.last} ${why}`);
      journal.receive(frame);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      this.#leave();
      joined.peer.link.drop(error.message);
      return;
    }
    this.#pending.push(frame);
    this.#commit(commit);
    if (journal.inFlightBytes > this.#o.inFlightBytesMax && !this.#isPaused) {
      this.#isPaused = true;
      joined.peer.link.pause();
    }
  }

  #onHeartbeat(peer: Peer, beat: Extract<ToFollower, { kind: "heartbeat" }>): void {
    const joined = this.#joined;
    if (joined?.peer !== peer || joined.epoch !== beat.epoch || joined.boot !== beat.boot) {
      // Its announcement may have come when this node could not follow.
      if (peer.lead?.epoch === beat.epoch) this.#consider(peer);
      return;
    }
    this.#hear(peer, joined);
    joined.round = beat.round ?? 0;
    if (joined.phase !== "cutting" && joined.phase !== "following") return;
    this.#commit(beat.commit);
    this.#acknowledge();
    this.#pruning.to(beat.pruned);
  }

  /** Moves the journal's commit point; it is told once the frames up to it are durable here and were told. */
  #commit(upTo: Sequence): void {
    this.#o.journal.commit(upTo);
    this.#tellCommitted();
  }

  #tellCommitted(): void {
    const { journal } = this.#o;
    const committed = Math.min(journal.commitMark.sequence, journal.durable);
    if (committed <= this.#told) return;
    this.#told = committed;
    this.committed.emit(committed);
  }

  #onDurable(sequence: Sequence): void {
    let count = 0;
    for (const frame of this.#pending) {
      if (frame.last > sequence) break;
      count += 1;
    }
    const durable = this.#pending.splice(0, count);
    this.#acknowledge();
    for (const frame of durable) this.frame.emit(frame);
    this.#tellCommitted();
    if (this.#isPaused && this.#o.journal.inFlightBytes <= this.#o.inFlightBytesMax / 2) {
      this.#isPaused = false;
      for (const peer of this.#peers.values()) peer.link.resume();
    }
  }

  #acknowledge(): void {
    const joined = this.#joined;
    const { journal, me, mayAcknowledge } = this.#o;
    if (joined?.phase !== "following" || journal.failure !== undefined) return;
    if (journal.promises.epochMax !== joined.epoch || !mayAcknowledge(joined.epoch)) return;
    joined.peer.link.send({
      kind: "ack",
      epoch: joined.epoch,
      leaderBoot: joined.boot,
      journal: me.journal,
      position: journal.durable,
      round: joined.round,
    });
  }

  #newCopy(label: SnapshotLabel): IncomingSnapshot {
    const copy = new IncomingSnapshot(this.#o.journal, label);
    this.#copy = copy;
    void copy.ended.then(() => (this.#copy = undefined));
    return copy;
  }

  #onSnapshotEnd(peer: Peer): void {
    const joined = this.#joined;
    const incoming = joined?.incoming;
    if (joined === undefined || incoming === undefined) return;
    incoming.install().then(
      () => {
        if (this.#joined !== joined) return;
        joined.incoming = undefined;
        this.#hello(joined);
      },
      (error: unknown) => {
        if (this.#joined !== joined) return;
        this.#leave();
        peer.link.drop(error instanceof Error ? error.message : String(error));
      },
    );
  }

  #onRefused(peer: Peer, state: RejoinState, sentence: string): void {
    if (this.#joined?.peer === peer) this.#leave();
    if (state === "newer-epoch") {
      peer.lead = undefined;
      return;
    }
    peer.stopped = { node: peer.node, state, sentence };
    this.stopped.emit(peer.stopped);
  }

  #isFollowed(peer: Peer, epoch: Epoch): boolean {
    return this.#joined?.peer === peer && this.#joined.epoch === epoch;
  }

  #hear(peer: Peer, joined: Joined): void {
    this.heard.emit({ node: peer.node, boot: joined.boot, epoch: joined.epoch, atMonoMs: monoNow() });
  }

  #enter(phase: Joined["phase"]): void {
    if (this.#joined === undefined || this.#joined.phase === phase) return;
    this.#joined.phase = phase;
    this.changed.emit(this.following);
  }

  #leave(): void {
    const joined = this.#joined;
    if (joined === undefined) return;
    this.#joined = undefined;
    joined.incoming?.abandon();
    if (this.#isPaused) {
      this.#isPaused = false;
      joined.peer.link.resume();
    }
    this.changed.emit(undefined);
  }
}
