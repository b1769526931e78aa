/**
 * One run of an engine process, wired as the engine wires itself: the keeper's thread first, then the node's id in etcd,
 * its disk, the succession machine, the links, the desk. What it does is core's decisions executed; what is decided here
 * is only who is told what.
 */
import { bootSuccession, decimal, id, isEpochOpen, monoMs, refused, tagOf, wallMs, yieldTo } from "@baton/core";
import type {
  BootId,
  EtcdView,
  Epoch,
  InstrumentRules,
  MarketView,
  MemberRecord,
  NodeId,
  OperationId,
  Refusal,
  Sequence,
  SuccessionEffect,
  SymbolId,
  TakeoverReason,
} from "@baton/core";
import { amountDecimal } from "@baton/exchange";
import type { Bent } from "../breaks/bent.ts";
import { Desk } from "../desk/desk.ts";
import { Process } from "../world/process.ts";
import type { Disk } from "../world/disk.ts";
import { DiskWriter } from "../world/disk.ts";
import type { World } from "../world/world.ts";
import { EtcdClient } from "./etcd-client.ts";
import { FollowerSide } from "./follower-side.ts";
import { SimJournal } from "./journal.ts";
import { Keeper } from "./keeper.ts";
import type { KeeperEvent } from "./keeper.ts";
import { LeaderSide } from "./leader-side.ts";
import type { ServedLink } from "./leader-side.ts";
import { SimLeadership } from "./leadership.ts";
import { SimLedger } from "./ledger.ts";
import { Links } from "./links.ts";
import { Operations } from "./operations.ts";
import type { Settings } from "./settings.ts";
import { VenueDoor } from "./venue-door.ts";

const tickMs = 20;
const presenceEveryMs = 1_000;
const statusEveryMs = 250;
const joinRetryMs = 100;

/** What is only there once the disk is open. */
interface Running {
  readonly journal: SimJournal;
  readonly writer: DiskWriter;
  readonly ledger: SimLedger;
  readonly leadership: SimLeadership;
  readonly leaderSide: LeaderSide;
  readonly followerSide: FollowerSide;
  readonly links: Links;
  readonly desk: Desk;
  readonly operations: Operations;
}

export class Boot {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly disk: Disk;
  readonly main: Process;
  readonly keeperThread: Process;
  readonly keeper: Keeper;
  readonly door: VenueDoor;
  readonly #world: World;
  readonly #settings: Settings;
  readonly #bent: Bent;
  readonly #client: EtcdClient;
  readonly #onEnded: (why: string) => void;
  readonly #words = new Map<NodeId, { readonly reachesVenue: boolean; readonly saidMono: number }>();
  readonly #tops = new Map<
    SymbolId,
    { readonly bid: bigint; readonly ask: bigint; readonly updateId: number; readonly atMono: number }
  >();
  #running: Running | undefined;
  #mainBeat = 0;
  #isEnding = false;
  #isClosing = false;
  #isJoining = false;
  #unfit: readonly string[] = ["starting"];

  constructor(o: {
    world: World;
    node: NodeId;
    boot: BootId;
    disk: Disk;
    settings: Settings;
    bent: Bent;
    onEnded: (why: string) => void;
  }) {
    const { world } = o;
    this.#world = world;
    this.node = o.node;
    this.boot = o.boot;
    this.disk = o.disk;
    this.#settings = o.settings;
    this.#bent = o.bent;
    this.#onEnded = o.onEnded;
    const clock = world.host(o.node).clock;
    const onCrash = (error: unknown): void => world.watch.crashed(this, error);
    this.main = new Process(world.agenda, clock, onCrash);
    this.keeperThread = new Process(world.agenda, clock, onCrash);
    const client = (process: Process): EtcdClient =>
      new EtcdClient({ etcd: world.etcd, network: world.network, place: o.node, process, bent: o.bent });
    this.#client = client(this.main);
    this.#mainBeat = clock.mono();
    this.door = new VenueDoor({
      venue: world.venue,
      network: world.network,
      process: this.main,
      dice: world.dice.fork(`door ${o.boot}`),
      settings: o.settings,
      bent: o.bent,
      ports: {
        place: o.node,
        node: o.node,
        permits: { current: (now) => this.#running?.leadership.current(now) },
        isKilled: () => this.#running?.ledger.speculative.engine.kill.level !== "off",
        lateAnswer: (clientOrderId, outcome) => this.#running?.desk.lateAnswer(clientOrderId, outcome),
        wrote: (write) => world.watch.wrote(this, write),
      },
    });
    this.door.waitMs = world.host(o.node).socketWaitMs;
    this.keeper = new Keeper({
      process: this.keeperThread,
      etcd: world.etcd,
      client: client(this.keeperThread),
      timing: o.settings.timing,
      bent: o.bent,
      ports: {
        place: o.node,
        node: o.node,
        boot: o.boot,
        tell: (event) => this.main.run(() => this.#onKeeper(event)),
        mainBeat: () => this.#mainBeat,
        diskBusySince: () => this.#running?.writer.busySinceMono ?? 0,
        kept: (sentMono, ttlMs) => world.watch.kept(this, sentMono, ttlMs),
        confirmed: (sentMono, epoch) => world.watch.confirmed(this, sentMono, epoch),
      },
    });
    this.main.every(tickMs, () => this.#tick());
  }

  get leadership(): SimLeadership | undefined {
    return this.#running?.leadership;
  }

  get journal(): SimJournal | undefined {
    return this.#running?.journal;
  }

  get ledger(): SimLedger | undefined {
    return this.#running?.ledger;
  }

  get desk(): Desk | undefined {
    return this.#isClosing ? undefined : this.#running?.desk;
  }

  get links(): Links | undefined {
    return this.#running?.links;
  }

  get isLeading(): boolean {
    const role = this.#running?.leadership.leading;
    return role !== undefined && isEpochOpen(role);
  }

  /** The market as this node's feed tells it now. */
  onTop(symbol: SymbolId, top: { readonly bid: bigint; readonly ask: bigint; readonly updateId: number }): void {
    this.#tops.set(symbol, { ...top, atMono: this.main.clock.mono() });
  }

  /** A peer's connection, seen from here as the leader's end; undefined while this process is not ready for it. */
  serve(): LeaderSide | undefined {
    return this.#isClosing ? undefined : this.#running?.leaderSide;
  }

  onServed(link: ServedLink, message: import("./messages.ts").ToLeader): void {
    const running = this.#running;
    if (running === undefined || this.#isClosing) return;
    switch (message.kind) {
      case "hello":
        return running.leaderSide.hello(link, message);
      case "ack":
        return running.leaderSide.acknowledged(link, message);
      case "vowed":
        return running.leadership.feed({
          kind: "vowed",
          node: link.node,
          epoch: message.epoch,
          version: message.version,
        });
      case "status":
        this.#words.set(link.node, { reachesVenue: message.reachesVenue, saidMono: this.main.clock.mono() });
        return;
      case "introduce":
        return;
    }
  }

  /** The process is gone: killed, crashed, fenced, or with its machine. */
  end(why: string, isPowerLost = false): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.main.end();
    this.keeperThread.end();
    const running = this.#running;
    if (running !== undefined) {
      running.leadership.close();
      running.writer.crash(isPowerLost);
      running.links.gone(isPowerLost);
      running.desk.end();
      this.disk.openedBy = undefined;
      const { committed } = running.ledger;
      if (committed.applied <= this.disk.content.commit) this.disk.tables = committed;
    }
    this.#world.watch.ended(this, why);
    this.#onEnded(why);
  }

  #tick(): void {
    this.#mainBeat = this.main.clock.mono();
    const running = this.#running;
    if (this.#isClosing) return;
    if (running === undefined) return this.#join();
    const unfit = this.#whyUnfit();
    if (unfit.join() !== this.#unfit.join()) {
      this.#unfit = unfit;
      running.leadership.feed({ kind: "fit", unfit });
      this.#publish();
    }
    running.leadership.feed({ kind: "tick" });
    this.#considerYield(running);
  }

  /** The id first, then the disk. */
  #join(): void {
    if (this.#isJoining || this.keeper.lease === undefined) return;
    this.#isJoining = true;
    const again = (): void => {
      this.main.after(joinRetryMs, () => {
        this.#isJoining = false;
      });
    };
    this.#client.read((view) => {
      if (view === undefined) return again();
      this.#client.first(
        (store) => ({ refusal: store.publish(this.#presence()) }),
        (answer) => {
          if (answer === undefined || answer.refusal !== undefined) return again();
          if (this.disk.openedBy !== undefined) return again();
          this.#open(view);
        },
      );
    });
  }

  #open(first: EtcdView): void {
    const world = this.#world;
    const { node, boot, disk, main } = this;
    disk.openedBy = boot;
    const soon = (ms: number, act: () => void): void => void main.after(ms, act);
    const writer = new DiskWriter({
      agenda: world.agenda,
      dice: world.dice.fork(`disk ${boot}`),
      disk,
      process: main,
      bent: this.#bent,
      onFailed: (why) => {
        journal.hasFailed = true;
        world.watch.diskFailed(this, why);
        this.#fence(`the journal failed: ${why}`);
      },
    });
    const journal: SimJournal = new SimJournal(disk, writer, soon, {
      onSealed: (frame) => {
        world.watch.sealed(this, frame);
        leaderSide.ship(frame);
      },
      onDurable: (upTo) => {
        this.#feedJournal();
        followerSide.onDurable(upTo);
      },
      onCut: (after) => {
        world.watch.note("cut");
        ledger.cut(after);
        followerSide.onCut(after);
      },
      onReplaced: () => {
        world.watch.note("snapshot installed");
        ledger.replace(journal.frames, journal.commitMark.sequence);
        followerSide.onReplaced();
      },
    });
    const ledger: SimLedger = new SimLedger(
      journal.frames,
      journal.commitMark.sequence,
      disk.tables,
      (epoch, events) => journal.append(epoch, events),
      (event, _sequence, epoch) => desk.onCommitted(event, epoch),
    );
    const leadership: SimLeadership = new SimLeadership(
      bootSuccession({
        me: { node, boot, journal: disk.content.journal },
        timing: this.#settings.succession,
        promised: journal.promises,
        durable: journal.durable,
        now: main.clock.mono(),
      }),
      main.clock,
      this.#bent,
      {
        read: (done) => this.#client.read(done),
        transact: (transaction, done) => {
          world.watch.asked(this, transaction);
          for (const wait of [...world.ambushes]) wait(node, transaction);
          this.#client.transact(transaction, (answer) => {
            world.watch.answered(this, transaction, answer);
            done(answer);
          });
        },
        persist: (promised, done) => {
          const { role } = leadership.state.role;
          if (role === "winner") followerSide.release();
          if (role === "winner" && this.#bent.is("epoch-unpersisted")) {
            journal.persist(promised, () => undefined);
            return soon(0, done);
          }
          journal.persist(promised, () => {
            this.#feedJournal();
            done();
          });
        },
        sendVowed: (to, epoch, version) => void links.toLeader(to, { kind: "vowed", epoch, version }),
        lead: (epoch, reason) => this.#lead(epoch, reason),
        commit: (upTo) => {
          const from = journal.commitMark.sequence;
          journal.commit(upTo);
          world.watch.committed(this, from, journal.commitMark.sequence);
          ledger.commit(journal.commitMark.sequence);
        },
        acknowledgeAgain: () => followerSide.acknowledgeAgain(),
        hold: (operation, done) => {
          world.watch.held(this, operation);
          desk.hold(done);
        },
        resume: (operation, why) => {
          desk.resume();
          world.watch.holdEnded(this, operation, "resumed");
          operations.ended(operation, "aborted", why);
        },
        handedOff: (operation, to, epoch) => {
          this.#stopLeading();
          this.keeper.follow();
          world.watch.holdEnded(this, operation, "handed off");
          operations.ended(operation, "done", `epoch ${epoch} was handed to ${to}`, epoch);
        },
        refuseSwitchover: (operation, why) => {
          world.watch.note("switchover refused");
          operations.ended(operation, "failed", why);
        },
        fence: (reason) => this.#fence(reason),
        say: (event, sentence) => world.say(node, event, sentence),
        deadline: () => (desk.maySend || this.#bent.is("held-sends") ? this.keeper.deadline : monoMs(0)),
        onView: (view) => this.#onView(view),
        onEffect: (effect: SuccessionEffect) => world.watch.effect(this, effect),
        onStep: (before, after) => world.watch.stepped(this, before, after),
      },
    );
    const leaderSide: LeaderSide = new LeaderSide({
      journal,
      cluster: world.cluster,
      me: { node, boot },
      bent: this.#bent,
      ports: {
        followerUp: (link) =>
          leadership.feed({ kind: "follower-up", node: link.node, journal: link.journal, boot: link.boot }),
        followerDown: (peer) => leadership.feed({ kind: "follower-down", node: peer }),
        ack: (link, { epoch, leaderBoot, position }) => {
          world.watch.note("ack");
          leadership.feed({ kind: "ack", node: link.node, journal: link.journal, epoch, leaderBoot, position });
        },
        rejoined: (peer, state, sentence) => world.watch.rejoined(this, peer, state, sentence),
        soon,
      },
    });
    const followerSide: FollowerSide = new FollowerSide({
      journal,
      me: { node, boot, cluster: world.cluster },
      bent: this.#bent,
      ports: {
        mayFollow: (epoch) => leadership.mayFollow(epoch),
        mayAcknowledge: (epoch) => leadership.mayAcknowledge(epoch),
        send: (to, message) => {
          if (message.kind === "ack") world.watch.acknowledged(this, message);
          return links.toLeader(to, message);
        },
        drop: (peer) => links.drop(peer),
        superseded: (epoch, peer) => {
          leaderSide.stopLeading();
          journal.dropQueued();
          if (leadership.leading === undefined) return;
          world.watch.note("superseded on the link");
          world.say(node, "leadership.superseded", `${peer} leads epoch ${epoch}; this node stops and asks etcd.`);
          this.#stopLeading();
          leadership.requestRead();
        },
        heard: (from, leaderBoot, epoch) => leadership.feed({ kind: "heard", from, boot: leaderBoot, epoch }),
        frame: (frame) => ledger.receive(frame),
        committed: (upTo) => ledger.commit(upTo),
        promised: () => leadership.feed({ kind: "promised", promised: journal.promises }),
        stopped: (state, sentence) => {
          world.watch.note(`stopped: ${state}`);
          if (state === "forked" || state === "foreign-cluster") this.#fence(`${state}: ${sentence}`);
        },
        followed: () => world.watch.note("follow"),
      },
    });
    const links: Links = new Links(world, this, {
      onMessage: (peer, message) => followerSide.onMessage(peer, message),
      onUp: (peer) => followerSide.up(peer),
      onDown: (peer) => followerSide.down(peer),
    });
    const operations: Operations = new Operations(this.#client, main, (operation, to) =>
      leadership.feed({ kind: "switchover", operation, to, reason: "switchover" }),
    );
    const desk: Desk = new Desk(
      {
        node,
        tag: tagOf(world.cluster),
        settings: this.#settings,
        process: main,
        door: this.door,
        permits: leadership,
        bent: this.#bent,
        instruments: world.rules,
        price: (symbol) => this.#price(symbol),
        whyNoRisk: () => this.#whyNoRisk(),
        note: (what) => world.watch.note(what),
      },
      ledger,
    );
    this.#running = { journal, writer, ledger, leadership, leaderSide, followerSide, links, desk, operations };
    world.watch.started(this);
    this.#client.watch(() => leadership.requestRead());
    if (this.keeper.lease !== undefined) leadership.feed({ kind: "lease", lease: this.keeper.lease });
    links.dialAll();
    main.every(presenceEveryMs, () => this.#publish());
    main.every(this.#settings.timing.heartbeatMs, () => leaderSide.beat());
    main.every(statusEveryMs, () => links.toAll({ kind: "status", reachesVenue: this.door.reaches }));
    this.#onView(first);
    leadership.feed({ kind: "view", view: first });
    this.#publish();
  }

  #lead(epoch: Epoch, reason: TakeoverReason): Sequence {
    const { ledger, leaderSide, followerSide, desk, leadership } = this.#up();
    followerSide.release();
    this.#world.watch.leads(this, epoch, reason);
    this.keeper.lead(epoch);
    leaderSide.lead(epoch);
    const opened = ledger.speculative.engine.epoch;
    const isOver = reason === "crash-release" || reason === "switchover" || reason === "yield";
    const sendForMs = isOver && opened === epoch - 1 ? 0 : this.#settings.timing.ttlMs;
    const inheritedSendByWallMs = wallMs(this.main.clock.wall() + sendForMs);
    const sequence = desk.begin({ epoch, boot: this.boot, reason, inheritedSendByWallMs });
    desk.applyKill(leadership.state.view?.kill.value);
    this.#feedJournal();
    return sequence;
  }

  #onKeeper(event: KeeperEvent): void {
    const running = this.#running;
    if (event.kind === "granted") return running?.leadership.feed({ kind: "lease", lease: event.lease });
    if (event.reason === "other-leader") return running?.leadership.requestRead();
    running?.leadership.feed({ kind: "lease-lost", reason: event.detail });
  }

  #onView(view: EtcdView): void {
    const { desk, operations } = this.#up();
    desk.applyKill(view.kill.value);
    operations.tend(view, this.isLeading);
  }

  #considerYield({ leadership }: Running): void {
    const role = leadership.leading;
    if (role === undefined || role.hold !== undefined || !isEpochOpen(role)) return;
    const since = this.door.lostSinceMono;
    const now = this.main.clock.mono();
    const to = yieldTo({
      now,
      yieldMs: this.#settings.yieldMs,
      ownLostSinceMonoMs: since === undefined ? undefined : monoMs(since),
      standbys: role.known.record.members.flatMap(({ node }) => {
        const word = this.#words.get(node);
        return word === undefined ? [] : [{ node, reachesVenue: word.reachesVenue, saidMonoMs: monoMs(word.saidMono) }];
      }),
    });
    if (to === undefined) return;
    const operation = id<OperationId>(`yield-${role.epoch}-${Math.round(now)}`);
    leadership.feed({ kind: "switchover", operation, to, reason: "yield" });
  }

  #whyUnfit(): readonly string[] {
    if (!this.door.isOpen) return ["not connected to the venue since start"];
    const offBy = this.door.clock.offBy();
    const max = this.#settings.limits.clockErrorMaxMs;
    if (offBy === undefined) return ["the time of the venue is not known"];
    return offBy > max ? ["the wall clock is too far off the venue's time"] : [];
  }

  #whyNoRisk(): Refusal | undefined {
    const role = this.#running?.leadership.leading;
    if (role === undefined) return refused("no-leader");
    const isAlone = role.known.record.members.length < 2;
    return this.#settings.durability === "strict" && isAlone ? refused("durability") : undefined;
  }

  #price(symbol: SymbolId): MarketView {
    const top = this.#tops.get(symbol);
    if (top === undefined) return { kind: "stale", why: "no price has come yet" };
    const ageMs = this.main.clock.mono() - top.atMono;
    if (ageMs > this.#settings.staleAfterMs && !this.#bent.is("stale-price")) {
      return { kind: "stale", why: `the price is older than ${this.#settings.staleAfterMs} ms` };
    }
    const { updateId } = top;
    this.#world.watch.decidedOn(this, symbol, updateId);
    const basis = {
      feed: "feed",
      updateId,
      ageMs: Math.round(ageMs),
      bid: amountDecimal(top.bid),
      ask: amountDecimal(top.ask),
    };
    return { kind: "fresh", basis };
  }

  #feedJournal(): void {
    const { leadership, journal } = this.#up();
    leadership.feed({ kind: "journal", durable: journal.durable, last: journal.last.sequence + journal.queued });
  }

  #publish(): void {
    if (this.#isClosing) return;
    this.#client.first(
      (store) => ({ refusal: store.publish(this.#presence()) }),
      () => undefined,
    );
  }

  #presence(): MemberRecord {
    const { journal, leadership } = this.#running ?? {};
    return {
      node: this.node,
      boot: this.boot,
      journal: this.disk.content.journal,
      lease: this.keeper.lease ?? id("none"),
      address: this.node,
      site: "site",
      build: "simulation",
      configDigest: "simulation",
      schema: 1,
      position: {
        epoch: leadership?.state.promised.epochMax ?? 0,
        durable: journal?.durable ?? 0,
        committed: journal?.commitMark.sequence ?? 0,
      },
      unfit: this.#unfit,
      reachesVenue: this.door.reaches,
      tags: [],
    };
  }

  #stopLeading(): void {
    const running = this.#running;
    if (running === undefined) return;
    running.desk.end();
    running.leaderSide.stopLeading();
    running.ledger.abandonWaiters();
  }

  /** Nothing is decided any more; what is already on its way to a socket still meets the last check there. */
  #fence(reason: string): void {
    if (this.#isEnding || this.#isClosing) return;
    this.#world.watch.fenced(this, reason);
    if (this.#bent.is("fenced-acts")) return;
    this.#isClosing = true;
    this.#stopLeading();
    this.keeper.follow();
    const running = this.#running;
    running?.leadership.close();
    running?.links.gone(false);
    this.main.after(this.#world.dice.skewed(1, 1_500), () => this.end(`fenced: ${reason}`));
  }

  #up(): Running {
    if (this.#running === undefined) throw new Error("this boot is not running yet");
    return this.#running;
  }
}

/** The venue's rules as nodes know them, from its published filters. */
export function rulesOf(o: {
  readonly base: string;
  readonly tick: string;
  readonly step: string;
}): readonly [SymbolId, InstrumentRules] {
  const symbol = id<SymbolId>(`${o.base}/USDT`);
  return [
    symbol,
    {
      symbol,
      base: o.base,
      quote: "USDT",
      tickSize: decimal(o.tick),
      lotSize: decimal(o.step),
      quantityMin: decimal(o.step),
      quantityMax: decimal(9_000),
      notionalMin: decimal(5),
    },
  ];
}
