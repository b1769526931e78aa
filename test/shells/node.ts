/**
 * One node of a run: the production journal on a real file, its links on real sockets, and the engine's succession and
 * ledger over them, wired as `engine/src/node` does. There is no supervisor: who fences itself is started again, and an
 * operator gives a node whose file is rotten an empty one where somebody else holds a copy.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { bootSuccession, id, isEpochOpen, isReadable, monoMs, openingOf, tagOf, wallMs } from "@baton/core";
import type { BootId, ClusterId, Epoch, LeaseId, NodeId, Sequence, TakeoverReason } from "@baton/core";
import { Leadership, Ledger, Reads, hearJournal, hearLinks, monoNow, wallNow } from "@baton/engine/shells";
import type { Hearer, LeadershipPorts } from "@baton/engine/shells";
import { JournalError, openJournal, startReplication } from "@baton/journal";
import type { Journal, Replication } from "@baton/journal";
import type { Dice } from "../simulation/world/dice.ts";
import type { EtcdWay } from "./etcd-way.ts";
import { HeldWriter, mendRot, plantRot } from "./disk.ts";
import type { Rot } from "./disk.ts";
import { readFile } from "./files.ts";
import type { NodeName, Phase } from "./schedule.ts";
import type { Witness } from "./witness.ts";
import { Workload } from "./workload.ts";

export const cluster: ClusterId = id<ClusterId>("11111111-1111-4111-8111-111111111111");

const timing = {
  silenceMs: 250,
  shrinkMs: 100,
  disconnectedShrinkMs: 40,
  preempt: true,
  switchoverMs: 500,
  growAfterMs: 100,
  courtesyMs: 50,
};
const tickMs = 20;
const readEveryMs = 60;
/** The lease of a process that died ends so much later. */
const leaseMs = 400;
/** Small, so that whatever happens only above a bound happens in these few seconds. */
const limits = { snapshotBehind: 60, bufferedBytesMax: 8_000, pageBytes: 4_000 };

/** What a node has of the run it is in. */
export interface Around {
  readonly folder: string;
  readonly etcd: EtcdWay;
  readonly witness: Witness;
  readonly dice: Dice;
  /** Where each other node is dialled. */
  readonly addresses: ReadonlyMap<NodeId, string>;
  /** Is there another member of the set whose disk holds all that is committed? */
  holdsAnother(node: ShellNode): boolean;
  isVowedBelow(node: NodeId, epoch: Epoch, position: Sequence): boolean;
  entered(node: ShellNode, phase: Phase, follows: NodeId): void;
}

/** How a node is taken down, and what is done to its file before it comes back. */
export interface Ending {
  readonly how: "stop" | "kill";
  readonly downMs: number;
  readonly file?: { readonly do: "lose" } | { readonly do: "rot"; readonly place: number };
}

export class ShellNode {
  readonly name: NodeName;
  readonly id: NodeId;
  readonly server: Server = createServer();
  readonly #around: Around;
  readonly #tag = tagOf(cluster);
  #running: Running | undefined;
  #boots = 0;
  #ending: Promise<void> | undefined;
  #etcdAwayUntil = 0;
  /** What was planted in its file and is there still. */
  rot: Rot | undefined;

  constructor(name: NodeName, around: Around) {
    this.name = name;
    this.id = id<NodeId>(name);
    this.#around = around;
  }

  /** Takes its port, under which it is dialled for the whole run. */
  async listen(): Promise<number> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }

  get file(): string {
    return `${this.#around.folder}/${this.name}.db`;
  }

  /** Undefined while it is down. */
  get running(): Running | undefined {
    return this.#running;
  }

  get isAway(): boolean {
    return performance.now() < this.#etcdAwayUntil;
  }

  cutFromEtcd(forMs: number): void {
    this.#etcdAwayUntil = performance.now() + forMs;
  }

  /** Opens the journal; the links come with `run`. */
  async open(): Promise<Journal> {
    this.#boots += 1;
    const boot = id<BootId>(`${this.name}-${this.#boots}`);
    const writer = new HeldWriter();
    const options = { file: this.file, cluster, node: this.id, bootId: boot, create: true, frameEventsMax: 8 };
    const journal = await openJournal(options, writer);
    this.#running = new Running({ node: this, boot, journal, writer, around: this.#around, tag: this.#tag });
    return journal;
  }

  /** Takes part from here on. */
  run(): void {
    this.#running?.run();
  }

  /** Ends the process and starts it again; while that is under way, nothing more is done to it. */
  end(ending: Ending): void {
    if (this.#ending !== undefined || this.#running === undefined) return;
    this.#ending = this.#end(this.#running, ending)
      .catch((error: unknown) => this.#around.witness.broken("running", errorText(error)))
      .finally(() => (this.#ending = undefined));
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.#ending;
    if (this.#running !== undefined) await this.#down(this.#running, "stop");
    this.server.closeAllConnections();
    await once(this.server.close(), "close");
  }

  async #end(running: Running, { how, downMs, file }: Ending): Promise<void> {
    await this.#down(running, how);
    const { etcd, witness } = this.#around;
    if (file?.do === "rot" && this.rot === undefined) {
      this.rot = plantRot(this.file, file.place);
      if (this.rot !== undefined) this.#say(`record ${this.rot.sequence} of its file rots`);
    }
    if (file?.do === "lose") {
      // A request that is still under way may make it the only member.
      while (etcd.underWay > 0) await delay(tickMs);
      if (this.#around.holdsAnother(this)) this.#loseFile("its disk is replaced");
      else witness.count("disk kept: it held the last copy");
    }
    await delay(downMs);
    await this.#openAgain();
    this.run();
  }

  async #openAgain(): Promise<void> {
    try {
      await this.open();
    } catch (error) {
      const isRotten = error instanceof JournalError && error.code === "journal-corrupt" && this.rot !== undefined;
      if (!isRotten) throw error;
      this.#around.witness.count("rot found at an opening");
      this.#repair(this.rot);
      await this.open();
    }
  }

  /** What an operator does about a file that is not opened. */
  #repair(rot: Rot | undefined): void {
    if (this.#around.etcd.underWay === 0 && this.#around.holdsAnother(this))
      return this.#loseFile("it gets an empty file");
    if (rot !== undefined) mendRot(this.file, rot);
    this.rot = undefined;
    this.#say("its file is mended");
  }

  async #down(running: Running, how: Ending["how"]): Promise<void> {
    this.#running = undefined;
    this.#say(how === "kill" ? "is killed" : "stops");
    const { promised } = await running.end(how);
    this.#around.witness.closed(this.name, readFile(this.file), { promised, rot: this.rot });
  }

  #loseFile(why: string): void {
    for (const rest of ["", "-wal", "-shm", ".incoming", ".replaced", ".head-key"])
      rmSync(this.file + rest, { force: true });
    this.rot = undefined;
    this.#around.witness.count("empty file");
    this.#say(why);
  }

  #say(what: string): void {
    this.#around.witness.say(this.name, what);
  }
}

interface Parts {
  readonly node: ShellNode;
  readonly boot: BootId;
  readonly journal: Journal;
  readonly writer: HeldWriter;
  readonly around: Around;
  readonly tag: ReturnType<typeof tagOf>;
}

/** One process of a node. */
export class Running {
  readonly boot: BootId;
  readonly journal: Journal;
  readonly writer: HeldWriter;
  readonly ledger: Ledger;
  readonly leadership: Leadership;
  readonly replication: Replication;
  readonly reads: Reads;
  readonly #node: ShellNode;
  readonly #around: Around;
  readonly #workload: Workload;
  readonly #timers: NodeJS.Timeout[] = [];
  #lease: LeaseId;
  #leases = 0;
  /** The epoch that it has opened and not stopped to lead. */
  #term: Epoch | undefined;
  #isHeld = false;
  #isEnding = false;
  /** Its newest vow, and what was durable when that was. */
  #vowed: { readonly epoch: Epoch; readonly durable: Sequence } | undefined;

  constructor({ node, boot, journal, writer, around, tag }: Parts) {
    this.#node = node;
    this.#around = around;
    this.boot = boot;
    this.journal = journal;
    this.writer = writer;
    this.#lease = this.#newLease();
    const { state, tail } = journal.opened;
    this.ledger = new Ledger(
      state,
      tail,
      (epoch, events) => journal.append(epoch, events, true),
      (event, sequence, epoch) => around.witness.committed(node.name, { event, sequence, epoch }),
    );
    this.#workload = new Workload({
      ledger: this.ledger,
      dice: around.dice.fork(`${boot}/work`),
      tag,
      witness: around.witness,
    });
    const succession = bootSuccession({
      me: { node: node.id, boot, journal: journal.identity.journal },
      timing,
      promised: { epochMax: journal.promises.epochMax, vow: journal.promises.vow },
      durable: journal.durable,
      now: monoNow(),
      pin: journal.promises.etcd,
    });
    this.leadership = new Leadership(succession, this.#ports());
    this.reads = new Reads({
      ask: () => this.replication.ask(),
      isReadable: (round, now) =>
        isReadable(this.leadership.state, { round, deadlineMonoMs: monoMs(now + leaseMs) }, now),
    });
    this.replication = startReplication({
      journal,
      server: node.server,
      boot,
      heartbeatMs: tickMs,
      limits,
      digests: { everyFrames: 60, everyMs: 700 },
      headsEveryMs: 150,
      mayFollow: (epoch) => this.leadership.mayFollow(epoch),
      mayAcknowledge: (epoch) => this.leadership.mayAcknowledge(epoch),
    });
  }

  /** Leads an open epoch, and takes what clients bring. */
  get isServing(): boolean {
    const role = this.leadership.leading;
    const isOpen = role !== undefined && role.hold === undefined && role.epoch === this.#term && isEpochOpen(role);
    return isOpen && !this.#isHeld && this.journal.failure === undefined;
  }

  run(): void {
    const { replication, journal } = this;
    const { witness, addresses } = this.#around;
    const hearer = this.#hearer();
    hearJournal(hearer, journal, { journalFsync: { observe: () => undefined } as never });
    journal.onReplaced.on(() => witness.count("copy installed"));
    journal.onCut.on(() => witness.count("tail cut"));
    hearLinks(hearer, replication, { warn: () => undefined } as never);
    replication.onAck.on(({ node, journal: disk, epoch, position }) => {
      if (position > journal.last.sequence)
        witness.broken("I5", `${node} acknowledges ${position}, its leader's journal ends at ${journal.last.sequence}`);
      witness.acked({ node, journal: disk, epoch, position });
      if (this.#around.isVowedBelow(node, epoch, position))
        witness.broken("I5", `${node} acknowledges ${position} in epoch ${epoch} under a vow`);
    });
    replication.onDiverged.on(({ node, at }) => {
      witness.broken("I19", `the states of ${this.#node.name} and ${node} differ after record ${at}`);
    });
    replication.onFollowing.on((following) => {
      if (following === undefined) return;
      witness.count(`phase ${following.phase}`);
      this.#around.entered(this.#node, following.phase, following.node);
    });
    this.leadership.feed({ kind: "lease", lease: this.#lease });
    this.#publish();
    replication.setPeers(addresses);
    this.#timers.push(
      setInterval(() => this.#tick(), tickMs),
      setInterval(() => {
        this.#publish();
        this.leadership.requestRead();
      }, readEveryMs),
    );
    this.leadership.requestRead();
  }

  /** A vow bars this acknowledgement, and has since before it could be given. */
  isVowedBelow(epoch: Epoch, position: Sequence): boolean {
    const vowed = this.#vowed;
    return vowed?.epoch === epoch && position > vowed.durable && !this.leadership.mayAcknowledge(epoch);
  }

  /** One request of a client, and one of a reader. */
  serve(): void {
    const role = this.leadership.leading;
    if (!this.isServing || role === undefined) return;
    this.#workload.request(role.epoch);
    const least = this.#around.witness.answeredMax;
    void this.reads.whenReadable().then((isReadableNow) => {
      if (!isReadableNow || this.#isEnding) return;
      this.#around.witness.count("read");
      const told = this.ledger.committed.applied;
      if (told < least)
        this.#around.witness.broken(
          "reading",
          `${this.#node.name} reads at ${told}, a client had been told of ${least}`,
        );
    });
  }

  /** Many events at once. */
  burst(events: number): void {
    const role = this.leadership.leading;
    if (this.isServing && role !== undefined) this.#workload.burst(role.epoch, events);
  }

  prune(keep: number): void {
    if (!this.isServing) return;
    const held = this.replication.followers.filter((one) => one.phase === "in-sync").map((one) => one.acked);
    const upTo = Math.min(this.journal.commitMark.sequence - keep, ...held);
    if (upTo <= this.journal.pruned) return;
    this.#around.witness.count("pruned");
    // The journal has failed or is closing, and says so itself.
    this.journal.care.prune(upTo).catch(() => undefined);
  }

  switchOver(operation: number): void {
    if (this.leadership.leading === undefined) return;
    const reason: TakeoverReason = "switchover";
    this.leadership.feed({ kind: "switchover", operation: id(`op-${operation}`), to: undefined, reason });
  }

  /** Its lease ends in etcd, and it gets another. */
  loseLease(): void {
    this.#around.etcd.store.endLease(this.#lease);
    this.#lease = this.#newLease();
    this.leadership.feed({ kind: "lease", lease: this.#lease });
  }

  /** Lets go of everything; what its journal says to have promised is the answer. */
  async end(how: Ending["how"]): Promise<{ readonly promised: Journal["promises"] }> {
    this.#isEnding = true;
    this.leadership.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopLeading();
    this.replication.close();
    const { promises: promised } = this.journal;
    if (how === "kill") await this.writer.die();
    else this.writer.hurry();
    await this.journal.close();
    this.#around.etcd.endLease(this.#lease, this.#around.dice.chance(0.5) ? 0 : leaseMs);
    return { promised };
  }

  #newLease(): LeaseId {
    this.#leases += 1;
    const lease = id<LeaseId>(`${this.boot}-lease-${this.#leases}`);
    this.#around.etcd.store.leases.add(lease);
    return lease;
  }

  #tick(): void {
    this.leadership.feed({ kind: "fit", unfit: [] });
    this.leadership.feed({ kind: "tick" });
    this.reads.look();
  }

  #publish(): void {
    const { journal, boot } = this;
    const position = { epoch: journal.last.epoch, durable: journal.durable, committed: journal.commitMark.sequence };
    this.#around.etcd.store.publish({
      ...{ node: this.#node.id, boot, journal: journal.identity.journal, lease: this.#lease, address: this.#node.name },
      ...{
        site: "one",
        build: "one",
        configDigest: "one",
        schema: 1,
        position,
        unfit: [],
        reachesVenue: true,
        tags: [],
      },
    });
  }

  #hearer(): Hearer {
    const node = this.#node;
    return {
      leadership: this.leadership,
      ledger: this.ledger,
      leading: {
        journalMoved: () => this.#journalMoved(),
        stop: () => this.#stopLeading(),
        reads: this.reads,
      },
      traces: { durable: () => undefined },
      standing: { publish: () => Promise.resolve() },
      yielding: { heard: () => undefined },
      leadersWord: { heard: () => undefined },
      say: (event, sentence) => this.#around.witness.say(node.name, `${event}: ${sentence}`),
      fence: (reason) => this.#fence(reason),
    };
  }

  #ports(): LeadershipPorts {
    const { journal } = this;
    const { etcd, witness, dice } = this.#around;
    const node = this.#node;
    const isAway = (): boolean => node.isAway;
    return {
      read: () => etcd.read(isAway),
      transact: (transaction) => etcd.transact(transaction, isAway),
      persist: async (promised) => {
        if (this.leadership.state.role.role === "winner") this.replication.release();
        await journal.persist(promised);
        if (promised.vow !== undefined) this.#vowed = { epoch: promised.vow.epoch, durable: journal.durable };
        this.#journalMoved();
      },
      failsafe: () => undefined,
      pin: (pin) => void journal.persist({ ...journal.promises, etcd: pin }).catch(() => undefined),
      sendVowed: (to, epoch, version) => void this.replication.sendVowed(to, epoch, version),
      lead: (epoch, reason) => this.#lead(epoch, reason),
      commit: (upTo) => {
        journal.commit(upTo);
        this.ledger.commit(upTo);
      },
      acknowledgeAgain: () => this.replication.acknowledgeAgain(),
      hold: async () => {
        this.#isHeld = true;
        await delay(dice.between(0, 30));
        return this.#isHeld ? this.ledger.speculative.applied : undefined;
      },
      resume: () => {
        this.#isHeld = false;
        witness.count("switchover given up");
      },
      handedOff: () => {
        witness.count("handed off");
        this.#stopLeading();
      },
      refuseSwitchover: () => witness.count("switchover refused"),
      refuseFailover: () => undefined,
      fence: (reason) => this.#fence(reason),
      say: (event, sentence) => witness.say(node.name, `${event}: ${sentence}`),
      deadline: () => monoMs(monoNow() + leaseMs),
      onView: () => undefined,
    };
  }

  #lead(epoch: Epoch, reason: TakeoverReason): Sequence {
    const { witness } = this.#around;
    witness.led(epoch, this.boot);
    witness.count(`lead: ${reason}`);
    witness.say(this.#node.name, `leads ${epoch} (${reason}) from ${this.journal.last.sequence}`);
    this.replication.lead(epoch);
    this.reads.begin();
    this.#term = epoch;
    this.#isHeld = false;
    const atWallMs = wallNow();
    const start = { epoch, node: this.#node.id, boot: this.boot, reason, atWallMs, isReconcileDue: false };
    const inheritedSendByWallMs = wallMs(atWallMs + leaseMs);
    const opening = openingOf(this.ledger.speculative, { ...start, inheritedSendByWallMs });
    const sequence = this.ledger.submit(epoch, [opening]);
    this.#journalMoved();
    return sequence;
  }

  #journalMoved(): void {
    const { journal } = this;
    this.leadership.feed({ kind: "journal", durable: journal.durable, last: journal.last.sequence + journal.queued });
  }

  #stopLeading(): void {
    this.#term = undefined;
    this.#isHeld = false;
    this.reads.end();
    this.replication.stopLeading();
    this.ledger.abandonWaiters("this node no longer leads");
  }

  /** This boot ends, and another begins. */
  #fence(reason: string): void {
    if (this.#isEnding) return;
    const { witness } = this.#around;
    witness.count("fenced");
    witness.say(this.#node.name, `is fenced: ${reason}`);
    const isRot = this.#node.rot !== undefined && this.journal.failure?.code === "journal-corrupt";
    if (this.journal.failure !== undefined && !isRot)
      witness.broken("I20", `the journal of ${this.#node.name} failed: ${reason}`);
    if (/^(?:forked|foreign)/u.test(reason)) witness.broken("I19", `${this.#node.name}: ${reason}`);
    if (isRot) witness.count("rot found in use");
    this.#stopLeading();
    this.#node.end({ how: "stop", downMs: 0 });
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
