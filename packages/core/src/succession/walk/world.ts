/**
 * The walk: a few processes, one etcd, and chance. Each turn does one small thing, most of them useful, some of them harm;
 * at the end all harm stops, and a healthy cluster must come out of it. A seed gives the same walk every time.
 */
import type { OperationId } from "../../ids.ts";
import { id } from "../../ids.ts";
import { wallMs } from "../../time.ts";
import { isEpochOpen } from "../leading.ts";
import { WalkBroken } from "./checks.ts";
import { WalkCluster, newDisk } from "./cluster.ts";
import { Dice } from "./dice.ts";
import type { Link } from "./link.ts";
import type { WalkNode } from "./node.ts";

/** How one walk went. */
export interface WalkReport {
  readonly seed: number;
  /** Undefined: every check held. */
  readonly broken: string | undefined;
  readonly schedule: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

const steps = 500;
const healRounds = 400;

/** One walk. With `isTraced` the report has the schedule (it is slower). */
export function walk(seed: number, isTraced = false): WalkReport {
  const schedule: string[] = [];
  const world = new World(seed, isTraced ? schedule : undefined);
  let broken: string | undefined;
  try {
    world.warmUp();
    for (let step = 0; step < steps; step++) world.turn();
    world.heal();
  } catch (error) {
    broken = error instanceof WalkBroken ? error.message : String(error instanceof Error ? error.stack : error);
  }
  return { seed, broken, schedule, counts: world.cluster.checks.counts };
}

class World {
  readonly cluster: WalkCluster;
  readonly #dice: Dice;
  readonly #actions: readonly (readonly [number, () => void])[];
  readonly #weight: number;
  #operations = 0;
  #backup: (() => void) | undefined;

  constructor(seed: number, schedule: string[] | undefined) {
    const dice = new Dice(seed);
    const cluster = new WalkCluster(dice, schedule);
    this.#dice = dice;
    this.cluster = cluster;
    const harm = dice.pick([0.3, 1, 1, 2]) ?? 1;
    this.#actions = [
      [12, () => this.#pass(1 + dice.below(4))],
      [
        40,
        () =>
          cluster.deliver(dice.pick(cluster.links.filter((one) => one.toFollower.length + one.toLeader.length > 0))),
      ],
      [20, () => cluster.pickRunning((process) => process.journal.hasOrders)?.journal.write()],
      [14, () => cluster.pickRunning((process) => process.leading !== undefined)?.append()],
      [8, () => this.#send(cluster.pickRunning())],
      [8, () => cluster.pickRunning((process) => process.leading !== undefined)?.beat()],
      [8, () => cluster.serveRead(cluster.pickRunning((process) => process.reading !== undefined))],
      [8, () => cluster.applyOne()],
      [8, () => cluster.answerOne(dice.chance(0.1 * harm))],
      [4, () => cluster.pickRunning()?.requestRead()],
      [4, () => cluster.pickRunning((process) => process.draining !== undefined)?.drained()],
      [8, () => cluster.connect(dice.pick(cluster.links.filter((one) => !one.isUp)))],
      [3, () => this.#switchover()],
      [0.5 * harm, () => this.#failover()],
      [0.6 * harm, () => cluster.disconnect(dice.pick(cluster.links))],
      [0.5 * harm, () => this.#crash(dice.pick(cluster.running()))],
      [
        0.5 * harm,
        () => cluster.freeze(cluster.pickRunning((process) => process.leading !== undefined || dice.chance(0.3))),
      ],
      [0.8, () => cluster.thaw(dice.pick(cluster.running().filter((process) => process.isFrozen)))],
      [0.6 * harm, () => this.#stall(dice.pick(cluster.links))],
      [1.5, () => this.#stall(dice.pick(cluster.links.filter((one) => one.isStalled)))],
      [2, () => this.#startOne()],
      [0.25 * harm, () => this.#expire()],
      [0.3 * harm, () => cluster.loseRead(cluster.pickRunning())],
      [0.1 * harm, () => this.#control()],
      [0.04 * harm, () => this.#replaceDisk()],
      [0.3, () => (this.#backup = cluster.etcd.backup())],
      [0.03 * harm, () => this.#restoreEtcd()],
      [0.5, () => cluster.reAnchor()],
      [0.3, () => this.#leave()],
      [0.6 * harm, () => this.#askPromises()],
      [0.8 * harm, () => this.#pass(cluster.timing.silenceMs)],
    ];
    this.#weight = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
  }

  turn(): void {
    let at = this.#dice.next() * this.#weight;
    for (const [weight, action] of this.#actions) {
      at -= weight;
      if (at < 0) return action();
    }
  }

  /** Most walks begin with a cluster that has found itself. */
  warmUp(): void {
    for (let rounds = this.#dice.pick([0, 5, 12, 20]) ?? 0; rounds > 0; rounds--) this.#round();
  }

  /** All harm stops: within a bound one leader leads an open epoch, everybody follows and is in sync, nothing is held. */
  heal(): void {
    this.cluster.trace(() => "--- harm stops");
    this.cluster.etcd.setAutofailover("on");
    this.cluster.etcd.setPause(undefined);
    for (const node of this.cluster.places.keys()) this.cluster.start(node);
    for (const process of this.cluster.running()) this.cluster.thaw(process);
    for (const link of this.cluster.links) link.isStalled = false;
    const boots = new Set(this.cluster.running().map((process) => process.lease));
    for (const lease of this.cluster.etcd.leases) if (!boots.has(lease)) this.cluster.etcd.expire(lease);
    let why: string | undefined = "nothing was tried";
    for (let round = 0; round < healRounds && why !== undefined; round++) {
      this.#round();
      why = round < 3 ? why : this.#whyUnhealthy();
    }
    if (why !== undefined && this.#isRecoverable()) this.cluster.checks.broken(`stuck: ${why}`);
    this.cluster.checks.count(why === undefined ? "healed" : "lost its last disk");
  }

  #round(): void {
    for (const node of this.cluster.places.keys()) this.cluster.start(node);
    for (const link of this.cluster.links) {
      this.cluster.connect(link);
      for (let n = link.toFollower.length + link.toLeader.length; n > 0; n--) this.cluster.deliver(link);
    }
    while (this.cluster.transits.some((transit) => !transit.isAnswered)) {
      this.cluster.applyOne();
      this.cluster.answerOne(false);
    }
    this.cluster.reAnchor();
    for (const process of this.cluster.running()) {
      while (process.journal.hasOrders) process.journal.write();
      this.cluster.noticeLease(process);
      process.drained();
      if (this.cluster.isRunning(process)) process.requestRead();
      this.cluster.serveRead(process);
      this.cluster.serveRead(process);
      process.beat();
      this.#send(process);
    }
    this.#pass(1);
    if (this.cluster.now % 8 === 0) for (const process of this.cluster.running()) process.append();
  }

  #whyUnhealthy(): string | undefined {
    const leaders = this.cluster.running().filter((process) => process.leading !== undefined);
    const leader = leaders[0];
    if (leader?.leading === undefined || leaders.length > 1) return `${leaders.length} lead`;
    const role = leader.leading;
    if (!isEpochOpen(role)) return `epoch ${role.epoch} is not open`;
    if (role.hold !== undefined) return `${leader.node} holds for ${role.hold.to}`;
    if (role.pending.length > 0) return "a membership change is pending";
    if (role.known.record.members.length < this.cluster.places.size) return "a node is not in the set";
    if (role.commit < leader.journal.log.length) return `${leader.node} does not commit its last record`;
    if (this.cluster.checks.unended.length > 0)
      return `I14: operation ${this.cluster.checks.unended.join()} has no end`;
    return undefined;
  }

  /** Is a member of the set left with its disk? If not, the cluster waits for an operator, rightly. */
  #isRecoverable(): boolean {
    return this.cluster.etcd.insync.value.members.some(
      (m) => this.cluster.places.get(m.node)?.disk.journal === m.journal,
    );
  }

  #startOne(): void {
    const node = this.#dice.pick([...this.cluster.places.keys()]);
    if (node !== undefined) this.cluster.start(node);
  }

  #stall(link: Link | undefined): void {
    if (link?.isUp !== true) return;
    link.isStalled = !link.isStalled;
    this.cluster.trace(() => `${link.follower} – ${link.leader} ${link.isStalled ? "stalls" : "moves again"}`);
  }

  #crash(process: WalkNode | undefined): void {
    if (process === undefined) return;
    this.cluster.trace(() => `crash ${process.boot}`);
    this.cluster.end(process, this.#dice.below(process.journal.orders + 1));
    if (!this.#dice.chance(0.3)) return;
    const death = { node: process.node, boot: process.boot, cause: "crash", reapedWallMs: wallMs(this.cluster.now) };
    this.cluster.etcd.release(death, process.lease);
  }

  /** A new empty disk for a node that is down, where another member still has everything. */
  #replaceDisk(): void {
    const place = this.#dice.pick([...this.cluster.places.values()].filter((one) => one.process === undefined));
    if (place === undefined || this.cluster.checks.isEtcdRestored) return;
    const node = [...this.cluster.places].find(([, one]) => one === place)?.[0];
    if (node === undefined) return;
    this.cluster.trace(() => `new disk for ${node}`);
    place.disk = newDisk(node, Number(place.disk.journal.slice(-1)) + 1);
  }

  #expire(): void {
    const process = this.cluster.pickRunning();
    const lease = this.#dice.chance(0.5) ? this.cluster.etcd.leader?.value.lease : process?.lease;
    if (lease === undefined) return;
    this.cluster.trace(() => `lease ${lease} ends`);
    this.cluster.etcd.expire(lease);
    if (process !== undefined && this.#dice.chance(0.3)) this.cluster.noticeLease(process);
  }

  #control(): void {
    const { pause, autofailover } = this.cluster.etcd;
    this.cluster.trace(() => "control changes");
    if (this.#dice.chance(0.5)) {
      this.cluster.etcd.setPause(pause.value === undefined ? { by: "operator", reason: "walk" } : undefined);
    } else this.cluster.etcd.setAutofailover(autofailover.value === "on" ? "observe" : "on");
  }

  #switchover(): void {
    const process = this.cluster.pickRunning((one) => one.leading !== undefined);
    if (process === undefined) return;
    this.#operations += 1;
    const to = this.#dice.chance(0.5) ? undefined : this.#dice.pick([...this.cluster.places.keys()]);
    this.cluster.trace(() => `switchover of ${process.boot} to ${to ?? "anybody"}`);
    const operation = id<OperationId>(`o${this.#operations}`);
    process.feed({ kind: "switchover", operation, to, reason: "switchover" });
  }

  #restoreEtcd(): void {
    // With its last disk lost a cluster has nothing to go on from, whatever etcd says.
    if (this.#backup !== undefined && this.#isRecoverable()) this.cluster.restoreEtcd(this.#backup);
  }

  /** A standby that is about to stop asks to be removed first; here it may also go on. */
  #leave(): void {
    const leader = this.cluster.pickRunning((process) => process.leading !== undefined);
    const other = this.cluster.pickRunning((process) => process !== leader);
    if (leader === undefined || other === undefined) return;
    this.cluster.trace(() => `${other.boot} asks ${leader.boot} to leave the set`);
    leader.feed({ kind: "leaving", node: other.node });
    if (this.#dice.chance(0.7)) this.#crash(other);
    else for (const link of this.cluster.links) if (link.follower === other.node) this.cluster.disconnect(link);
  }

  #askPromises(): void {
    const leader = this.cluster.pickRunning((process) => process.leading !== undefined);
    leader?.feed({ kind: "ask-promises", forMs: 100 });
  }

  /** By an operator's word, so in pause too; to a node that is in sync. */
  #failover(): void {
    const process = this.cluster.pickRunning();
    if (process === undefined) return;
    this.#operations += 1;
    const operation = id<OperationId>(`f${this.#operations}`);
    this.cluster.trace(() => `failover ${operation} to ${process.boot}`);
    this.cluster.checks.onFailoverAsked(operation, process.boot);
    process.feed({ kind: "failover", operation, allowDataLoss: false, uncleanAfterMs: 0, isFailsafe: false });
  }

  #pass(ms: number): void {
    this.cluster.now += ms;
    for (const process of this.cluster.running())
      if (!process.isFrozen && this.#dice.chance(0.8)) process.feed({ kind: "tick" });
  }

  #send(process: WalkNode | undefined): void {
    if (process === undefined) return;
    const epoch = process.leading?.epoch ?? 0;
    for (const record of process.sendable()) this.cluster.checks.onSend(process, epoch, record);
  }
}
