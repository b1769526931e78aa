/**
 * A process of the walk: the production machine, executed effect by effect as the engine does it, around a small journal
 * and a small replication that keeps to the same rules (it asks core's `rejoin`; the follower's end is in `follower.ts`).
 */
import { assert } from "../../assert.ts";
import { id } from "../../ids.ts";
import type { BootId, ClusterId, LeaseId, NodeId, OperationId } from "../../ids.ts";
import { marksToCompare, rejoin } from "../../replication/rejoin.ts";
import type { MonoMs } from "../../time.ts";
import { wallMs } from "../../time.ts";
import { isEpochOpen } from "../leading.ts";
import { bootSuccession, stepSuccession } from "../machine.ts";
import type { EtcdView, MemberRecord, Transaction } from "../records.ts";
import type { LeaderRole, Succession, SuccessionEffect, SuccessionInput, SuccessionTiming } from "../state.ts";
import type { Disk, WalkRecord } from "./disk.ts";
import { WalkJournal } from "./disk.ts";
import { WalkFollower } from "./follower.ts";
import type { ToFollower, ToLeader } from "./link.ts";

/** The world as one process sees it, and the checks. */
export interface NodePorts {
  now(): MonoMs;
  transact(node: WalkNode, transaction: Transaction): void;
  /** False when the connection is down. */
  toLeader(from: NodeId, to: NodeId, message: ToLeader): boolean;
  toFollower(from: NodeId, to: NodeId, message: ToFollower): boolean;
  drop(follower: NodeId, leader: NodeId): void;
  nextUid(): number;
  onLead(node: WalkNode, epoch: number): void;
  onCommit(node: WalkNode, role: LeaderRole, from: number, upTo: number): void;
  onAck(node: WalkNode, epoch: number, position: number): void;
  onStep(node: WalkNode): void;
  onHold(node: WalkNode, operation: OperationId): void;
  onHoldEnded(node: WalkNode, operation: OperationId, how: string): void;
  onExtended(node: WalkNode): void;
  onFailoverRefused(node: WalkNode, operation: OperationId): void;
  onFenced(node: WalkNode, reason: string): void;
  broken(what: string): never;
  trace(line: () => string): void;
}

interface Session {
  epoch: number | undefined;
  boot: BootId;
  isLive: boolean;
}

type Unstamped<T> = T extends unknown ? Omit<T, "now" | "wall"> : never;

export class WalkNode {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly journal: WalkJournal;
  lease: LeaseId;
  state: Succession;
  reading: { snapshot: EtcdView | undefined; again: boolean } | undefined;
  /** A hold was asked for; the engine has not sealed yet. */
  draining: OperationId | undefined;
  isSealed = false;
  /** Stopped by the machine it runs on: it does nothing and hears nothing until it goes on. */
  isFrozen = false;
  /** Highest position of the own epoch that was handed to the venue. */
  sentUpTo = 0;
  readonly #ports: NodePorts;
  readonly #inputs: SuccessionInput[] = [];
  #isStepping = false;
  #leading: number | undefined;
  readonly #following: WalkFollower;
  readonly #sessions = new Map<NodeId, Session>();

  constructor(o: {
    node: NodeId;
    boot: BootId;
    lease: LeaseId;
    disk: Disk;
    timing: SuccessionTiming;
    ports: NodePorts;
  }) {
    this.node = o.node;
    this.boot = o.boot;
    this.lease = o.lease;
    this.#ports = o.ports;
    this.journal = new WalkJournal(o.disk, () => {
      this.#feedJournal();
      this.#following.acknowledge();
    });
    this.#following = new WalkFollower(this, o.ports);
    this.state = bootSuccession({
      me: { node: o.node, boot: o.boot, journal: o.disk.journal },
      timing: o.timing,
      promised: o.disk.promised,
      pin: o.disk.pin,
      promisedForMs: o.disk.promisedForMs,
      durable: this.journal.durable,
      now: o.ports.now(),
    });
    this.feed({ kind: "lease", lease: o.lease });
    this.feed({ kind: "fit", unfit: [] });
    this.requestRead();
  }

  /** The leader's part, while this process really leads: not held up by a newer epoch that its links told of. */
  get leading(): LeaderRole | undefined {
    const { role } = this.state;
    return role.role === "leader" && this.#leading === role.epoch ? role : undefined;
  }

  /** What it publishes of itself for an operator who compares journals. */
  record(): MemberRecord {
    const { promised, pin, restored = null } = this.state;
    const head = this.journal.log.at(-1);
    const anchor = {
      cluster: id<ClusterId>("walk"),
      epochMax: Math.max(promised.epochMax, pin?.epoch ?? 0),
      versionMax: Math.max(promised.vow?.version ?? 0, pin?.version ?? 0),
      last: { epoch: head?.epoch ?? 0, sequence: this.journal.log.length, hash: String(head?.uid ?? 0) },
    };
    const position = { epoch: promised.epochMax, durable: this.journal.durable, committed: this.journal.commit };
    return {
      ...{
        node: this.node,
        boot: this.boot,
        journal: this.journal.disk.journal,
        lease: this.lease,
        address: this.node,
      },
      ...{
        site: "walk",
        build: "walk",
        configDigest: "walk",
        schema: 1,
        position,
        unfit: [],
        reachesVenue: true,
        tags: [],
      },
      facts: {
        ...{ priority: 100, metro: "walk", isStarting: false, isStopping: false, venues: [], diskUsed: null },
        ...{ stateDigest: null, etcdRestored: restored, bootCount: 1, anchor },
      },
    };
  }

  feed(input: Unstamped<SuccessionInput>): void {
    this.#inputs.push({ ...input, now: this.#ports.now(), wall: wallMs(this.#ports.now()) } as SuccessionInput);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const stepped = stepSuccession(this.state, next);
      this.state = stepped.state;
      for (const effect of stepped.effects) this.#execute(effect);
      this.#ports.onStep(this);
    }
    this.#isStepping = false;
  }

  requestRead(): void {
    if (this.reading === undefined) this.reading = { snapshot: undefined, again: false };
    else this.reading.again = true;
  }

  /** The read answers, or fails. */
  answerRead(isLost: boolean): void {
    const { reading } = this;
    this.reading = undefined;
    if (reading?.snapshot !== undefined && !isLost) this.feed({ kind: "view", view: reading.snapshot });
    if (reading?.again === true) this.requestRead();
  }

  /** An intent is recorded, where the engine would record one. */
  append(): void {
    if (this.leading === undefined || this.isSealed) return;
    if (this.leading.hold !== undefined && this.draining === undefined) return;
    this.#append(false);
  }

  /** The engine has settled what was in flight. */
  drained(): void {
    const operation = this.draining;
    if (operation === undefined) return;
    this.draining = undefined;
    this.isSealed = true;
    this.feed({ kind: "drained", operation, last: this.journal.log.length });
  }

  /** Intents that may be sent now: own epoch, committed, not held, epoch open. */
  sendable(): readonly WalkRecord[] {
    const role = this.leading;
    if (role === undefined || role.hold !== undefined || !isEpochOpen(role)) return [];
    const fresh = this.journal.log.slice(this.sentUpTo, role.commit);
    this.sentUpTo = role.commit;
    return fresh.filter((record) => record.epoch === role.epoch && !record.opens);
  }

  beat(): void {
    const epoch = this.#leading;
    if (epoch === undefined) return;
    for (const peer of this.#sessions.keys()) {
      this.#send(peer, { kind: "beat", epoch, boot: this.boot, commit: this.journal.commit });
    }
  }

  // ---- links

  sessionUp(peer: NodeId, boot: BootId): void {
    this.#sessions.set(peer, { epoch: undefined, boot, isLive: false });
    if (this.#leading !== undefined) this.#send(peer, { kind: "lead", epoch: this.#leading, boot: this.boot });
  }

  sessionDown(peer: NodeId): void {
    const session = this.#sessions.get(peer);
    this.#sessions.delete(peer);
    if (session?.epoch !== undefined) this.feed({ kind: "follower-down", node: peer });
  }

  dialledDown(peer: NodeId): void {
    this.#following.down(peer);
  }

  onToLeader(from: NodeId, message: ToLeader): void {
    if (message.kind === "vowed") {
      this.feed({ kind: "vowed", node: from, epoch: message.epoch, version: message.version });
      return;
    }
    if (message.kind === "promise") return this.feed({ ...message, node: from });
    const session = this.#sessions.get(from);
    if (session === undefined || this.#leading === undefined) return;
    if (message.kind === "hello") {
      if (message.epoch === this.#leading) this.#onHello(from, session, message);
      return;
    }
    // The real link drops what does not name this leadership; here the machine has to.
    this.feed({ ...message, kind: "ack", node: from });
  }

  onToFollower(from: NodeId, message: ToFollower): void {
    if (message.kind === "ask-promise") return this.feed({ ...message, kind: "promise-asked", from });
    this.#following.onMessage(from, message);
  }

  // ---- effects

  #execute(effect: SuccessionEffect): void {
    this.#ports.trace(() => `${this.node} → ${JSON.stringify(effect)}`);
    const { journal } = this;
    switch (effect.kind) {
      case "persist":
        if (this.state.role.role === "winner") this.#following.release();
        return journal.persist(effect.promised, () => {
          this.#feedJournal();
          this.feed({ kind: "promised", promised: effect.promised });
        });
      case "pin":
        return journal.pin(effect.pin);
      case "request-promises":
        for (const to of effect.to) {
          const { epoch, token, forMs } = effect;
          this.#send(to, { kind: "ask-promise", epoch, boot: this.boot, token, forMs });
        }
        return;
      case "persist-promise":
        return journal.promise(effect.forMs, () => {
          const { journal: disk } = journal.disk;
          this.#ports.toLeader(this.node, effect.to, { kind: "promise", journal: disk, token: effect.token });
        });
      case "extend":
        return this.#ports.onExtended(this);
      case "answer-promise":
        return;
      case "transact":
        return this.#ports.transact(this, effect.transaction);
      case "read":
        return this.requestRead();
      case "send-vowed":
        this.#ports.toLeader(this.node, effect.to, { kind: "vowed", epoch: effect.epoch, version: effect.version });
        return;
      case "lead":
        return this.#lead(effect.epoch);
      case "commit": {
        const role = this.state.role;
        assert(role.role === "leader", "who commits leads");
        const from = journal.commit;
        journal.commit = Math.max(from, Math.min(effect.upTo, journal.log.length));
        return this.#ports.onCommit(this, role, from, effect.upTo);
      }
      case "acknowledge-again":
        return this.#following.acknowledgeAgain();
      case "hold":
        this.draining = effect.operation;
        return this.#ports.onHold(this, effect.operation);
      case "resume":
        this.draining = undefined;
        this.isSealed = false;
        return this.#ports.onHoldEnded(this, effect.operation, "resumed");
      case "handed-off":
        this.#stopLeading();
        return this.#ports.onHoldEnded(this, effect.operation, "handed off");
      case "fence":
        return this.#ports.onFenced(this, effect.reason);
      case "refuse-failover":
        return this.#ports.onFailoverRefused(this, effect.operation);
      case "refuse-switchover":
      case "say":
        return;
    }
  }

  /** A newer leader is about to be followed: nothing more is appended, shipped or counted, and etcd is asked. */
  superseded(): void {
    if (this.#leading === undefined) return;
    this.#stopLeading();
    this.requestRead();
  }

  #lead(epoch: number): void {
    this.#following.release();
    this.#leading = epoch;
    this.sentUpTo = this.journal.log.length;
    this.#ports.onLead(this, epoch);
    for (const [peer, session] of this.#sessions) {
      session.epoch = undefined;
      session.isLive = false;
      this.#send(peer, { kind: "lead", epoch, boot: this.boot });
    }
    this.#append(true);
    this.feed({ kind: "opened", epoch, sequence: this.journal.log.length });
  }

  #stopLeading(): void {
    this.#leading = undefined;
    this.draining = undefined;
    this.isSealed = false;
    for (const session of this.#sessions.values()) {
      session.epoch = undefined;
      session.isLive = false;
    }
  }

  #append(opens: boolean): void {
    assert(this.#leading !== undefined, "who appends leads");
    const record = { uid: this.#ports.nextUid(), epoch: this.#leading, opens };
    assert((this.journal.log.at(-1)?.epoch ?? 0) <= record.epoch, "epochs never fall in a journal");
    this.journal.push(record);
    for (const [peer, session] of this.#sessions) if (session.isLive) this.#sendRecord(peer, this.journal.log.length);
  }

  #feedJournal(): void {
    this.feed({ kind: "journal", durable: this.journal.durable, last: this.journal.log.length });
  }

  // ---- leader's end

  #onHello(from: NodeId, session: Session, message: Extract<ToLeader, { kind: "hello" }>): void {
    const { journal } = this;
    const leader = {
      cluster: message.standing.cluster,
      schema: 1,
      epoch: message.epoch,
      last: journal.log.length,
      pruned: 0,
      snapshotBehind: Number.POSITIVE_INFINITY,
    };
    const verdict = rejoin(leader, message.standing, journal.held(marksToCompare(leader, message.standing)));
    session.epoch = message.epoch;
    session.isLive = false;
    if (!("after" in verdict)) {
      this.#send(from, { kind: "refused", state: verdict.state });
      return;
    }
    this.#send(from, { kind: "cut", epoch: message.epoch, after: verdict.after });
    this.feed({ kind: "follower-up", node: from, journal: message.standing.journal, boot: session.boot });
    for (let at = verdict.after + 1; at <= journal.log.length; at++) this.#sendRecord(from, at);
    session.isLive = true;
  }

  #sendRecord(to: NodeId, at: number): void {
    const record = this.journal.log[at - 1];
    assert(record !== undefined, "a record that is there");
    const afterUid = this.journal.log[at - 2]?.uid ?? 0;
    this.#send(to, { kind: "frame", at, afterUid, record, commit: this.journal.commit });
  }

  #send(to: NodeId, message: ToFollower): void {
    this.#ports.toFollower(this.node, to, message);
  }
}
