/**
 * What leading is on this node: what each effect of the succession does to the rest of it, how a term begins, opens and
 * ends, and how long its phases took. Who leads is decided in `core/succession`; the order of the steps in here is the
 * order of the promises: announce, open, trade (see "the life of a failover" on the map).
 */
import type { BootId, Config, Epoch, EtcdView, Sequence, TakeoverReason } from "@baton/core";
import { isReadable, monoMs, wallMs } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import type { Journal, Replication } from "@baton/journal";
import { wallNow } from "../clock.ts";
import type { Desk } from "../desk/desk.ts";
import type { Leadership, LeadershipPorts } from "../leadership.ts";
import type { Ledger } from "../ledger.ts";
import type { Metrics } from "../metrics.ts";
import type { Strategies } from "../strategies/strategies.ts";
import type { Failsafe } from "./failsafe.ts";
import type { Housekeeping } from "./housekeeping.ts";
import { inheritedSendForMs } from "./inherited-bound.ts";
import type { JournalKeeping } from "./journal-keeping.ts";
import type { Operations } from "./operations.ts";
import { Reads } from "./reads.ts";
import type { Standing } from "./standing.ts";
import { TakeoverClock } from "./takeover-clock.ts";

/** What a term takes hold of. The parts need each other: each is there by the time that it is used. */
export interface LedNode {
  readonly leadership: Leadership;
  readonly ledger: Ledger;
  readonly desk: Desk;
  readonly strategies: Strategies;
  readonly replication: Replication;
  readonly operations: Operations;
  readonly failsafe: Failsafe;
  readonly housekeeping: Housekeeping;
  readonly keeping: JournalKeeping;
  readonly standing: Standing;
  readonly epoch: Epoch;
  readonly isLeading: boolean;
  say(event: string, sentence: string): void;
  warn(event: string, error: unknown): void;
  onView(view: EtcdView): void;
  /** This boot ends. */
  fence(reason: string): void;
}

/** What a term needs of the world. */
export interface LeadingParts {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly keeper: Keeper;
  readonly journal: Journal;
  readonly metrics: Pick<Metrics, "takeover" | "takeovers">;
}

/**
 * After a takeover the orders come first. What is only told of it waits until they flow: each word costs etcd a write, and
 * every node a read of what it changed, on the cores that the successor needs.
 */
const toldAfterMs = 500;

export class Leading {
  readonly #o: LeadingParts;
  readonly #node: LedNode;
  readonly #takeover = new TakeoverClock();
  readonly #tellers = new Set<NodeJS.Timeout>();
  /** What this leader is asked, and when it may say what it knows. */
  readonly reads: Reads;

  constructor(o: LeadingParts, node: LedNode) {
    this.#o = o;
    this.#node = node;
    this.reads = new Reads({
      ask: () => node.replication.ask(),
      isReadable: (round, now) =>
        isReadable(node.leadership.state, { round, deadlineMonoMs: o.keeper.deadline() }, now),
    });
  }

  /** What the succession's effects do. */
  ports(): LeadershipPorts {
    const { etcd, journal, keeper } = this.#o;
    const node = this.#node;
    return {
      read: () => etcd.read(),
      transact: (transaction) => {
        if (transaction.kind === "takeover") this.#takeover.mark("asked");
        return etcd.transact(transaction);
      },
      persist: async (promised) => {
        // A winner follows nobody from here on: nothing may come between its journal's end and its first record.
        if (node.leadership.state.role.role === "winner") node.replication.release();
        if (node.leadership.state.role.role === "candidate") this.#takeover.start();
        await journal.persist(promised);
        this.journalMoved();
      },
      failsafe: (effect) => node.failsafe.execute(effect),
      pin: (pin) => void journal.persist({ ...journal.promises, etcd: pin }).catch(() => undefined),
      sendVowed: (to, epoch, version) => void node.replication.sendVowed(to, epoch, version),
      lead: (epoch, reason) => this.#lead(epoch, reason),
      commit: (upTo) => this.#commit(upTo),
      acknowledgeAgain: () => node.replication.acknowledgeAgain(),
      hold: () => node.desk.hold(),
      resume: (operation, why) => {
        node.desk.resume();
        node.strategies.setTrading(true);
        node.say("switchover.aborted", `The switchover did not happen: ${why}.`);
        void node.operations.ended(operation, "aborted", why);
      },
      handedOff: (operation, to, epoch) => {
        this.stop();
        keeper.follow();
        const detail = `epoch ${epoch} was handed to ${to}`;
        this.#tellLater(() => node.operations.ended(operation, "done", detail, epoch));
      },
      refuseSwitchover: (operation, why) => {
        node.say("switchover.refused", `No switchover: ${why}.`);
        void node.operations.ended(operation, "failed", why);
      },
      refuseFailover: (operation, why) => {
        node.say("failover.refused", `No failover: ${why}.`);
        void node.operations.refused(operation, why);
      },
      fence: (reason) => node.fence(reason),
      say: (event, sentence) => node.say(event, sentence),
      deadline: () => (node.desk.maySend ? keeper.deadline() : monoMs(0)),
      onView: (view) => node.onView(view),
    };
  }

  /** The epoch's record is committed here: from now on it is open to whoever asks. */
  recordCommitted(epoch: Epoch): void {
    if (epoch === this.#node.leadership.leading?.epoch) this.#takeover.mark("opened");
  }

  /** The journal holds more, or less, than the succession was told last. */
  journalMoved(): void {
    const node = this.#node;
    const { journal } = this.#o;
    node.leadership.feed({ kind: "journal", durable: journal.durable, last: journal.last.sequence + journal.queued });
  }

  /** Nothing more is told: etcd is about to be closed. */
  close(): void {
    for (const timer of this.#tellers) clearTimeout(timer);
  }

  /** Nothing new is taken, sent or shipped. What is under way is left to the successor. */
  stop(): void {
    const node = this.#node;
    this.reads.end();
    node.desk.end();
    node.strategies.setTrading(false);
    node.replication.stopLeading();
    node.keeping.stopLeading();
    node.ledger.abandonWaiters("this node no longer leads");
  }

  #lead(epoch: Epoch, reason: TakeoverReason): Sequence {
    const node = this.#node;
    // A handover has no campaign: its clock starts here.
    if (reason === "switchover" || reason === "yield") this.#takeover.start();
    this.#takeover.mark("won");
    const { keeper, config, boot, metrics } = this.#o;
    keeper.lead(epoch);
    node.replication.lead(epoch);
    this.reads.begin();
    const opened = node.ledger.speculative.engine.epoch;
    const sendForMs = inheritedSendForMs({ reason, epoch, opened, ttlMs: keeper.ttlMs });
    const inheritedSendByWallMs = wallMs(wallNow() + sendForMs);
    const isReconcileDue = node.leadership.leading?.known.record.reconcileDue !== undefined;
    const sequence = node.desk.begin({ epoch, boot, reason, inheritedSendByWallMs, isReconcileDue });
    metrics.takeovers.inc({ reason });
    node.desk.applyKill(node.leadership.state.view?.kill.value);
    node.desk.takeUp();
    node.strategies.setTrading(true);
    // A planned change wakes nobody, and neither does the first leader of a cluster.
    const event = reason === "switchover" || reason === "first" ? "leadership.leads" : "leadership.taken";
    node.say(event, `${config.node.id} leads epoch ${epoch} (${reason}).`);
    this.journalMoved();
    return sequence;
  }

  #commit(upTo: Sequence): void {
    const node = this.#node;
    this.#o.journal.commit(upTo);
    const wasOpen = node.ledger.committed.engine.epoch === node.epoch;
    node.ledger.commit(upTo);
    if (!wasOpen && node.isLeading) this.#opened();
  }

  #opened(): void {
    const node = this.#node;
    const { etcd, boot, metrics } = this.#o;
    const phases = this.#takeover.phases();
    for (const [phase, ms] of Object.entries(phases)) metrics.takeover.observe({ phase }, ms / 1_000);
    const took = Object.entries(phases).map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`);
    node.say("epoch.open", `Epoch ${node.epoch} is open: ${took.join(", ")}.`);
    const { epoch } = node;
    this.#tellLater(async () => {
      await etcd
        .completeHistory({ epoch, boot, phases })
        .catch((error: unknown) => node.warn("history.unrecorded", error));
      await node.standing.publish();
    });
    node.housekeeping.opened();
    node.keeping.opened();
  }

  #tellLater(tell: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#tellers.delete(timer);
      void tell();
    }, toldAfterMs);
    this.#tellers.add(timer);
  }
}
