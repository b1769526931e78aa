/** The follower's end in the walk: whom to follow, what may be cut, received and acknowledged; as `@baton/journal` does it. */
import { id } from "../../ids.ts";
import type { BootId, ClusterId, NodeId } from "../../ids.ts";
import { mayCut, onLeadHeard, whyFrameRefused } from "../../replication/rejoin.ts";
import { mayAcknowledgeNow, mayFollow } from "../machine.ts";
import type { ToFollower, ToLeader } from "./link.ts";
import type { NodePorts, WalkNode } from "./node.ts";

interface Joined {
  readonly peer: NodeId;
  readonly epoch: number;
  readonly boot: BootId;
  phase: "promising" | "greeting" | "cutting" | "following";
}

export class WalkFollower {
  readonly #node: WalkNode;
  readonly #ports: NodePorts;
  #joined: Joined | undefined;
  readonly #leads = new Map<NodeId, { readonly epoch: number; readonly boot: BootId }>();

  constructor(node: WalkNode, ports: NodePorts) {
    this.#node = node;
    this.#ports = ports;
  }

  onMessage(from: NodeId, message: ToFollower): void {
    const joined = this.#joined;
    switch (message.kind) {
      case "lead":
        this.#leads.set(from, message);
        return this.#consider(from);
      case "beat":
        if (joined?.peer !== from || joined.epoch !== message.epoch || joined.boot !== message.boot) {
          if (this.#leads.get(from)?.epoch === message.epoch) this.#consider(from);
          return;
        }
        this.#hear(joined);
        if (joined.phase !== "cutting" && joined.phase !== "following") return;
        this.#followCommit(message.commit);
        return this.acknowledge();
      case "cut":
        if (joined?.peer === from && joined.phase === "greeting") this.#onCut(joined, message);
        return;
      case "frame":
        if (joined?.peer === from && (joined.phase === "cutting" || joined.phase === "following")) {
          this.#onFrame(joined, message);
        }
        return;
      case "ask-promise":
        return;
      case "refused":
        if (joined?.peer === from) this.#joined = undefined;
        if (message.state !== "newer-epoch")
          this.#ports.broken(`${this.#node.node} was refused by ${from}: ${message.state}`);
        this.#leads.delete(from);
    }
  }

  release(): void {
    this.#joined = undefined;
  }

  down(peer: NodeId): void {
    this.#leads.delete(peer);
    if (this.#joined?.peer === peer) this.#joined = undefined;
  }

  /** A vow was lifted: the last position is repeated, and whom to follow is asked anew. */
  acknowledgeAgain(): void {
    if (this.#joined === undefined) for (const peer of this.#leads.keys()) this.#consider(peer);
    this.acknowledge();
  }

  #consider(peer: NodeId): void {
    const lead = this.#leads.get(peer);
    if (lead === undefined || (this.#joined !== undefined && this.#joined.epoch >= lead.epoch)) return;
    const { epochMax } = this.#node.journal.promises;
    const may = mayFollow(this.#node.state, lead.epoch);
    const decision = onLeadHeard({ epoch: lead.epoch, epochMax, mayFollow: may });
    if (decision === "ignore") return;
    this.#node.superseded();
    const joined: Joined = { peer, epoch: lead.epoch, boot: lead.boot, phase: "promising" };
    this.#joined = joined;
    if (decision === "hello") return this.#hello(joined);
    const promised = { epochMax: lead.epoch, vow: undefined };
    this.#node.journal.persist(promised, () => {
      this.#node.feed({ kind: "promised", promised: this.#node.journal.promises });
      if (this.#joined === joined) this.#hello(joined);
    });
  }

  #hello(joined: Joined): void {
    if (this.#node.journal.promises.epochMax !== joined.epoch || !mayFollow(this.#node.state, joined.epoch)) {
      this.#joined = undefined;
      return;
    }
    this.#hear(joined);
    joined.phase = "greeting";
    const standing = {
      cluster: id<ClusterId>("walk"),
      node: this.#node.node,
      journal: this.#node.journal.disk.journal,
      boot: this.#node.boot,
      schema: 1,
      epochMax: joined.epoch,
      ...this.#node.journal.marks(),
    };
    this.#ports.toLeader(this.#node.node, joined.peer, { kind: "hello", epoch: joined.epoch, standing });
  }

  #onCut(joined: Joined, message: Extract<ToFollower, { kind: "cut" }>): void {
    const { journal } = this.#node;
    if (!mayCut({ epoch: message.epoch, epochMax: journal.promises.epochMax, joined: joined.epoch })) {
      this.#joined = undefined;
      return;
    }
    if (message.after < journal.commit) this.#ports.broken(`${this.#node.node} forked: cut to ${message.after}`);
    joined.phase = "cutting";
    journal.cut(message.after, () => {
      if (this.#joined !== joined) return;
      joined.phase = "following";
      this.acknowledge();
    });
  }

  #onFrame(joined: Joined, message: Extract<ToFollower, { kind: "frame" }>): void {
    const { journal } = this.#node;
    const { epochMax } = journal.promises;
    if (joined.epoch !== epochMax) {
      this.#joined = undefined;
      return;
    }
    this.#hear(joined);
    const last = journal.log.at(-1);
    const why = whyFrameRefused({
      connectionEpoch: joined.epoch,
      epochMax,
      lastEpoch: last?.epoch ?? 0,
      frameEpoch: message.record.epoch,
    });
    if (why !== undefined || message.at !== journal.log.length + 1 || message.afterUid !== (last?.uid ?? 0)) {
      this.#joined = undefined;
      this.#ports.drop(this.#node.node, joined.peer);
      return;
    }
    journal.push(message.record);
    this.#followCommit(message.commit);
  }

  #followCommit(upTo: number): void {
    this.#node.journal.commit = Math.max(this.#node.journal.commit, Math.min(upTo, this.#node.journal.log.length));
  }

  acknowledge(): void {
    const joined = this.#joined;
    if (joined?.phase !== "following" || this.#node.journal.promises.epochMax !== joined.epoch) return;
    if (!mayAcknowledgeNow(this.#node.state, joined.epoch)) return;
    const position = this.#node.journal.durable;
    this.#ports.onAck(this.#node, joined.epoch, position);
    const { boot, epoch } = joined;
    const ack: ToLeader = { kind: "ack", epoch, leaderBoot: boot, journal: this.#node.journal.disk.journal, position };
    this.#ports.toLeader(this.#node.node, joined.peer, ack);
  }

  #hear(joined: Joined): void {
    this.#node.feed({ kind: "heard", from: joined.peer, boot: joined.boot, epoch: joined.epoch });
  }
}
