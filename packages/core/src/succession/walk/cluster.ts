/**
 * The cluster of a walk: places with disks, processes on them, the links between them, and requests on their way to etcd
 * and back. It moves only when the walk says what moves; whatever chance decides on the way comes from the walk's dice.
 */
import type { BootId, JournalId, LeaseId, NodeId } from "../../ids.ts";
import { id } from "../../ids.ts";
import { monoMs } from "../../time.ts";
import { planAnchor } from "../anchor.ts";
import type { Transaction, MemberRecord } from "../records.ts";
import type { SuccessionTiming } from "../state.ts";
import { Checks } from "./checks.ts";
import type { Dice } from "./dice.ts";
import type { Disk } from "./disk.ts";
import { WalkEtcd } from "./etcd.ts";
import type { Link } from "./link.ts";
import type { NodePorts } from "./node.ts";
import { WalkNode } from "./node.ts";

interface Place {
  disk: Disk;
  process: WalkNode | undefined;
  boots: number;
}

/** A request on its way to etcd, or its answer on the way back. */
interface Transit {
  readonly node: WalkNode;
  readonly transaction: Transaction;
  /** The etcd that its asker believes to ask. */
  readonly etcdClusterId: number;
  answer: ReturnType<WalkEtcd["apply"]> | undefined;
  isAnswered: boolean;
}

export class WalkCluster {
  readonly checks: Checks;
  readonly etcd: WalkEtcd;
  readonly places: Map<NodeId, Place> = new Map();
  readonly links: Link[] = [];
  readonly transits: Transit[] = [];
  readonly timing: SuccessionTiming;
  now = 1_000;
  readonly #dice: Dice;
  readonly #schedule: string[] | undefined;
  #uid = 0;

  constructor(dice: Dice, schedule: string[] | undefined) {
    this.#dice = dice;
    this.#schedule = schedule;
    const nodes = (dice.chance(0.25) ? ["a", "b"] : ["a", "b", "c"]).map((name) => id<NodeId>(name));
    this.timing = {
      silenceMs: 50,
      shrinkMs: 24,
      disconnectedShrinkMs: 8,
      preempt: dice.chance(0.85),
      switchoverMs: 80,
      growAfterMs: 4,
    };
    for (const node of nodes) this.places.set(node, { disk: newDisk(node, 1), process: undefined, boots: 0 });
    const first = nodes.slice(0, dice.chance(0.3) ? 1 : nodes.length);
    const members = first.map((node) => ({ node, journal: id<JournalId>(`${node}-disk1`) }));
    this.checks = new Checks({
      etcd: () => this.etcd,
      disks: this.places,
      now: () => this.now,
      processOf: (boot) => this.running().find((process) => process.boot === boot),
    });
    this.etcd = new WalkEtcd(members, (transaction, before) => this.checks.onApplied(transaction, before));
    for (const follower of nodes) {
      for (const leader of nodes) {
        if (follower !== leader)
          this.links.push({ follower, leader, isUp: false, isStalled: false, toFollower: [], toLeader: [] });
      }
    }
    for (const node of nodes) this.start(node);
  }

  running(): WalkNode[] {
    return [...this.places.values()].flatMap((place) => (place.process === undefined ? [] : [place.process]));
  }

  isRunning(process: WalkNode): boolean {
    return this.places.get(process.node)?.process === process;
  }

  /** One that is not frozen. */
  pickRunning(which: (process: WalkNode) => boolean = () => true): WalkNode | undefined {
    return this.#dice.pick(this.running().filter((process) => !process.isFrozen && which(process)));
  }

  freeze(process: WalkNode | undefined): void {
    if (process === undefined) return;
    this.trace(() => `freeze ${process.boot}`);
    process.isFrozen = true;
  }

  /** It goes on: what came meanwhile is still to be read, and it finds out which connections ended. */
  thaw(process: WalkNode | undefined): void {
    if (process?.isFrozen !== true) return;
    this.trace(() => `thaw ${process.boot}`);
    process.isFrozen = false;
    for (const link of this.links) {
      if (link.isUp) continue;
      if (link.follower === process.node) process.dialledDown(link.leader);
      else if (link.leader === process.node) process.sessionDown(link.follower);
    }
  }

  start(node: NodeId): void {
    const place = this.places.get(node);
    if (place === undefined || place.process !== undefined) return;
    place.boots += 1;
    const boot = id<BootId>(`${node}${place.boots}`);
    const lease = this.grant(boot);
    this.trace(() => `start ${boot} with ${place.disk.log.length} records, ${JSON.stringify(place.disk.promised)}`);
    place.process = new WalkNode({ node, boot, lease, disk: place.disk, timing: this.timing, ports: this.#ports() });
    this.etcd.publish({ node, boot, journal: place.disk.journal, lease });
  }

  end(process: WalkNode, orders: number): void {
    const place = this.places.get(process.node);
    if (place?.process !== process) return;
    process.journal.crash(orders);
    process.isFrozen = false;
    place.process = undefined;
    this.checks.onGone(process.boot);
    for (const link of this.links) {
      if (link.follower === process.node || link.leader === process.node) this.disconnect(link);
    }
  }

  grant(boot: BootId): LeaseId {
    const lease = id<LeaseId>(`${boot}-${this.etcd.revision}`);
    this.etcd.leases.add(lease);
    return lease;
  }

  applyOne(): void {
    const transit = this.#dice.pick(this.transits.filter((one) => one.answer === undefined));
    if (transit === undefined) return;
    const answer = this.etcd.apply(transit.transaction);
    // The shell knows by the answer's header that another etcd gave it, and says that it does not know.
    const isOther = transit.etcdClusterId !== this.etcd.clusterId;
    transit.answer = isOther ? { kind: "unknown", cause: "another etcd answers" } : answer;
    const { kind, id: number } = transit.transaction;
    this.trace(() => `etcd: ${kind} ${number} of ${transit.node.boot}: ${transit.answer?.kind ?? ""}`);
    this.#forget(transit);
  }

  answerOne(isUnknown: boolean): void {
    const transit = this.#dice.pick(
      this.transits.filter((one) => !one.isAnswered && !one.node.isFrozen && (isUnknown || one.answer !== undefined)),
    );
    if (transit === undefined) return;
    transit.isAnswered = true;
    const answer =
      isUnknown || transit.answer === undefined ? ({ kind: "unknown", cause: "lost" } as const) : transit.answer;
    this.trace(
      () => `answer to ${transit.node.boot}: ${transit.transaction.kind} ${transit.transaction.id} ${answer.kind}`,
    );
    this.checks.count(`${transit.transaction.kind} ${answer.kind}`);
    if (this.isRunning(transit.node)) transit.node.feed({ kind: "answered", id: transit.transaction.id, answer });
    this.#forget(transit);
  }

  #forget(transit: Transit): void {
    if (transit.isAnswered && transit.answer !== undefined) this.transits.splice(this.transits.indexOf(transit), 1);
  }

  /** etcd comes back from a backup. Requests on their way died with the old one. */
  restoreEtcd(restore: () => void): void {
    const isBusy = this.running().some((process) => process.state.role.role === "candidate");
    const areAllPinned = [...this.places.values()].every((place) => place.disk.pin !== undefined);
    if (isBusy || !areAllPinned) return;
    for (const transit of [...this.transits]) transit.answer ??= { kind: "unknown", cause: "etcd was restored" };
    for (const process of this.running()) if (process.reading !== undefined) process.reading.snapshot = undefined;
    this.trace(() => "etcd is restored from a backup");
    restore();
    this.checks.onEtcdRestored();
  }

  /** The operator compares all journals, once nobody leads any more and everyone that knew etcd has stopped to believe it. */
  reAnchor(): void {
    const processes = this.running();
    const hasNoticed = (one: WalkNode): boolean =>
      one.state.restored !== undefined || one.state.pin?.clusterId === String(this.etcd.clusterId);
    const isQuiet = processes.every((one) => one.state.role.role === "standby" && hasNoticed(one));
    const isNoticed = processes.some((one) => one.state.restored !== undefined);
    if (processes.length < this.places.size || !isQuiet || !isNoticed) return;
    const view = this.etcd.view();
    const asked = { nodes: [...this.places.keys()], without: [], nonce: `asked at ${view.revision}` };
    const members = new Map(processes.map((process) => [process.node, answering(process.record(), asked.nonce)]));
    const planned = planAnchor(view, asked);
    const told = planAnchor({ ...view, members }, asked);
    if (planned.kind === "plan") this.checks.broken("a plan was made without the journals");
    if (told.kind === "refused") return this.etcd.expire(view.leader?.value.lease as LeaseId);
    this.trace(() => `re-anchored: ${told.plan.sentence}`);
    this.etcd.reAnchor(told.plan);
    this.checks.onReAnchored(told.plan.epoch);
    for (const process of processes) {
      if (!this.etcd.leases.has(process.lease)) this.noticeLease(process);
      const { node, boot, lease } = process;
      this.etcd.publish({ node, boot, journal: process.journal.disk.journal, lease });
    }
  }

  /** First the answer is made, later it arrives. */
  serveRead(process: WalkNode | undefined): void {
    if (process?.reading === undefined || !this.isRunning(process)) return;
    if (process.reading.snapshot === undefined) {
      process.reading.snapshot = this.etcd.view();
      return;
    }
    const { revision } = process.reading.snapshot;
    this.trace(() => `${process.boot} reads revision ${revision}`);
    process.answerRead(false);
  }

  loseRead(process: WalkNode | undefined): void {
    if (process?.reading?.snapshot !== undefined) process.answerRead(true);
  }

  noticeLease(process: WalkNode): void {
    if (this.etcd.leases.has(process.lease)) return;
    if (process.leading !== undefined) return process.feed({ kind: "lease-lost", reason: "etcd does not know it" });
    process.lease = this.grant(process.boot);
    process.feed({ kind: "lease", lease: process.lease });
    const { node, boot, lease } = process;
    this.etcd.publish({ node, boot, journal: process.journal.disk.journal, lease });
  }

  /** The next message of one direction, if its reader is awake. */
  deliver(link: Link | undefined): void {
    if (link?.isUp !== true || link.isStalled) return;
    const forward = link.toFollower.length > 0 && !this.#isFrozen(link.follower);
    const back = link.toLeader.length > 0 && !this.#isFrozen(link.leader);
    if (!forward && !back) return;
    if (forward && (!back || this.#dice.chance(0.5))) {
      const message = link.toFollower.shift();
      this.trace(() => `${link.leader} ⇒ ${link.follower}: ${JSON.stringify(message)}`);
      if (message !== undefined) this.places.get(link.follower)?.process?.onToFollower(link.leader, message);
      return;
    }
    const message = link.toLeader.shift();
    if (message === undefined) return;
    this.trace(() => `${link.follower} ⇒ ${link.leader}: ${JSON.stringify(message)}`);
    this.places.get(link.leader)?.process?.onToLeader(link.follower, message);
  }

  connect(link: Link | undefined): void {
    if (link === undefined || link.isUp) return;
    const leader = this.places.get(link.leader)?.process;
    const follower = this.places.get(link.follower)?.process;
    if (leader === undefined || follower === undefined || leader.isFrozen || follower.isFrozen) return;
    link.isUp = true;
    link.isStalled = false;
    this.trace(() => `${link.follower} dials ${link.leader}`);
    leader.sessionUp(link.follower, follower.boot);
  }

  disconnect(link: Link | undefined): void {
    if (link?.isUp !== true) return;
    link.isUp = false;
    link.toFollower = [];
    link.toLeader = [];
    this.trace(() => `${link.follower} loses ${link.leader}`);
    // One that is frozen finds out when it goes on.
    if (!this.#isFrozen(link.follower)) this.places.get(link.follower)?.process?.dialledDown(link.leader);
    if (!this.#isFrozen(link.leader)) this.places.get(link.leader)?.process?.sessionDown(link.follower);
  }

  #isFrozen(node: NodeId): boolean {
    return this.places.get(node)?.process?.isFrozen === true;
  }

  #link(follower: NodeId, leader: NodeId): Link | undefined {
    return this.links.find((link) => link.follower === follower && link.leader === leader);
  }

  #ports(): NodePorts {
    const { checks } = this;
    return {
      now: () => monoMs(this.now),
      transact: (node, transaction) => {
        checks.onAsked(node, transaction);
        const known = node.state.pin?.clusterId;
        const etcdClusterId = known === undefined ? this.etcd.clusterId : Number(known);
        this.transits.push({ node, transaction, etcdClusterId, answer: undefined, isAnswered: false });
      },
      toLeader: (from, to, message) => {
        const link = this.#link(from, to);
        if (link?.isUp === true) link.toLeader.push(message);
        return link?.isUp === true;
      },
      toFollower: (from, to, message) => {
        const link = this.#link(to, from);
        if (link?.isUp === true) link.toFollower.push(message);
        return link?.isUp === true;
      },
      drop: (follower, leader) => this.disconnect(this.#link(follower, leader)),
      nextUid: () => (this.#uid += 1),
      onLead: (node, epoch) => checks.onLead(node, epoch),
      onCommit: (node, role, from, upTo) => checks.onCommit(node, role, from, upTo),
      onAck: (node, epoch, position) => checks.onAck(node, epoch, position),
      onStep: (node) => checks.onStep(node),
      onHold: (node, operation) => checks.onHold(node, operation),
      onHoldEnded: (_, operation, how) => checks.onHoldEnded(operation, how),
      onExtended: () => checks.count("deadline extended"),
      onFailoverRefused: (_, operation) => checks.onFailoverRefused(operation),
      onFenced: (node) => {
        checks.count("fenced");
        this.end(node, node.journal.orders);
      },
      broken: (what) => checks.broken(what),
      trace: (line) => this.trace(line),
    };
  }

  trace(line: () => string): void {
    this.#schedule?.push(`${this.now} ${line()}`);
  }
}

/** An empty disk; a replaced one has another number. */
export function newDisk(node: NodeId, number: number): Disk {
  return {
    journal: id<JournalId>(`${node}-disk${number}`),
    log: [],
    promised: { epochMax: 0, vow: undefined },
    commit: 0,
  };
}

/** What a node publishes once it has seen that it was asked. */
function answering(record: MemberRecord, nonce: string): MemberRecord {
  const anchor = record.facts?.anchor;
  if (record.facts === undefined || anchor === undefined) return record;
  return { ...record, facts: { ...record.facts, anchor: { ...anchor, answers: nonce } } };
}
