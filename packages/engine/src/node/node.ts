/**
 * One engine process after its start: every room wired to the core. What is decided here is only who is told what; who
 * leads is decided in `core/succession`, what is traded in `desk/`. Opened and let go of in `run-node.ts`.
 */
import type { BootId, Config, DeploymentTag, Epoch, EtcdView, NodeId, Refusal } from "@baton/core";
import { isEpochOpen, isOrderKilled, refused, tagOf, whyNotAborted, whyNotReinit, whyNotSuccessor } from "@baton/core";
import type { Etcd, Keeper, KeeperEvent } from "@baton/cluster";
import type { Journal, Replication } from "@baton/journal";
import { EventStreams } from "../api/event-stream.ts";
import { monoNow, wallNow } from "../clock.ts";
import { Desk } from "../desk/desk.ts";
import { pause } from "../desk/pause.ts";
import { VolumeTapes } from "../desk/volume-tapes.ts";
import { Leadership } from "../leadership.ts";
import { Ledger } from "../ledger.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { OrderTraces } from "../order-trace.ts";
import { Strategies } from "../strategies/strategies.ts";
import type { Admitted } from "./admission.ts";
import { Failsafe } from "./failsafe.ts";
import { hearJournal, hearKeeper, hearLinks } from "./hearing.ts";
import { Housekeeping } from "./housekeeping.ts";
import { JournalKeeping } from "./journal-keeping.ts";
import { KillRelay } from "./kill-relay.ts";
import { LeadersWord, tradingWordOf } from "./leaders-word.ts";
import { Leading } from "./leading.ts";
import { leaveInOrder } from "./leaving.ts";
import type { LocalKills } from "./local-kills.ts";
import { MarketDrift } from "./market-drift.ts";
import { Markets } from "./markets.ts";
import { Operations } from "./operations.ts";
import { SlaLedger } from "./sla-ledger.ts";
import { forgetSetAside, wishSetAside } from "./set-aside.ts";
import { Standing } from "./standing.ts";
import { onClockAhead } from "./stood-still.ts";
import { successionAtBoot } from "./succession-at-boot.ts";
import { whyLeaderMayNot } from "./trading-views.ts";
import { VenueDoors } from "./venue-doors.ts";
import { Wakes } from "./wakes.ts";
import { Yielding } from "./yielding.ts";
import type { NodeWord } from "./yielding.ts";

export interface NodeParts {
  readonly config: Config;
  readonly log: Logger;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly keeper: Keeper;
  readonly journal: Journal;
  readonly openReplication: (hooks: {
    readonly mayFollow: (epoch: Epoch) => boolean;
    readonly mayAcknowledge: (epoch: Epoch) => boolean;
  }) => Replication;
  readonly metrics: Metrics;
  readonly localKills: LocalKills;
  /** See `RunOptions`. */
  readonly bustSettledMs?: number | undefined;
  /** This process has to end; the supervisor starts a new boot. */
  readonly end: (why: string) => void;
  /** This process has to end in order, and the next boot begins. */
  readonly beginAnew: (why: string) => void;
}

const tickMs = 20;
const presenceEveryMs = 1_000;
const statusEveryMs = 250;
/** A venue that does not answer must not hold up the end of a node. */
const disarmWithinMs = 1_000;

export class EngineNode {
  readonly #o: NodeParts;
  readonly leadership: Leadership;
  readonly leading: Leading;
  readonly ledger: Ledger;
  readonly desk: Desk;
  readonly strategies: Strategies;
  readonly kills: KillRelay;
  readonly markets: Markets;
  readonly drift: MarketDrift;
  readonly doors: VenueDoors;
  /** What each provider's service was worth. */
  readonly sla: SlaLedger;
  readonly standing: Standing;
  readonly keeping: JournalKeeping;
  readonly housekeeping: Housekeeping;
  readonly failsafe: Failsafe;
  readonly yielding: Yielding;
  /** What this node's leader says of its trading. */
  readonly leadersWord: LeadersWord = new LeadersWord();
  readonly operations: Operations;
  readonly replication: Replication;
  readonly traces: OrderTraces = new OrderTraces();
  readonly volume: VolumeTapes = new VolumeTapes();
  readonly events: EventStreams;
  readonly #timers: NodeJS.Timeout[] = [];
  #unwatch: (() => void) | undefined;
  #sentence = "starting";
  #isEnding = false;
  #viewReadMono: number | undefined;
  #tickMono = monoNow();

  constructor(o: NodeParts) {
    this.#o = o;
    const { config, journal } = o;
    const opened = journal.opened;
    this.ledger = new Ledger(
      opened.state,
      opened.tail,
      (epoch, events) => journal.append(epoch, events, true),
      (event, sequence, epoch) => {
        if (event.kind === "epoch.opened") this.leading.recordCommitted(epoch);
        this.desk.onCommitted(event, epoch);
        this.strategies.onCommitted(event, sequence);
        this.events.onCommitted(event, sequence, epoch);
      },
      (ms) => o.metrics.journalCommit.observe(ms / 1_000),
    );
    this.events = new EventStreams({
      committed: () => this.ledger.committed.applied,
      pruned: () => journal.pruned,
      frames: (after, maxBytes) => journal.frames(after, maxBytes),
    });
    this.leading = new Leading(o, this);
    this.leadership = new Leadership(successionAtBoot(config, journal, o.boot), this.leading.ports());
    this.sla = new SlaLedger(config, (sentence) => o.log.warn({ event: "sla.file" }, sentence));
    this.doors = new VenueDoors(config, {
      permits: this.leadership,
      isKilled: (order) => isOrderKilled(this.ledger.speculative, order.clientOrderId),
      onLateAnswer: (clientOrderId, outcome) => this.desk.lateAnswer(clientOrderId, outcome),
      onTelemetry: (venue, request) => this.#onTelemetry(venue, request),
      onClockAhead: onClockAhead({
        keeper: o.keeper,
        warn: (event, sentence) => o.log.warn({ event, epoch: this.epoch }, sentence),
      }),
      onReached: (venue) => this.markets.hurry(venue),
      say: (event, sentence) => this.#log(event, sentence),
      refuse: (why) => this.fence(why),
    });
    this.markets = new Markets(config, {
      change: (change) => this.#log(`feed.${change.type}`, `${change.feed}: ${change.reason}`),
      top: (top) => this.strategies.onTop(top),
      trade: (venue, feed, event) => this.volume.note(venue, feed, event),
    });
    this.desk = new Desk(
      {
        node: config.node.id,
        config,
        tag: this.tag,
        venues: this.doors.venues,
        reaches: (venue) => this.doors.reaches(venue),
        price: (venue, symbol) => this.markets.price(venue, symbol),
        volume: this.volume,
        permits: this.leadership,
        metrics: o.metrics,
        traces: this.traces,
        reassertKill: (scope) => this.kills.tellEtcd(scope),
        localKill: () => o.localKills.state,
        reconciled: (epoch, sequence) => this.leadership.feed({ kind: "reconciled", epoch, sequence }),
        whyNoRisk: () => this.#whyNoRisk(),
        bustSettledMs: o.bustSettledMs,
        say: (event, sentence, facts) => o.log.info({ event, epoch: this.epoch, ...facts }, sentence),
        warn: (event, sentence, facts) => o.log.warn({ event, epoch: this.epoch, ...facts }, sentence),
      },
      this.ledger,
    );
    this.kills = new KillRelay({
      ...{ localKills: o.localKills, desk: this.desk, ledger: this.ledger, operations: () => this.operations },
      warn: (event, error) => this.warn(event, error),
    });
    this.strategies = new Strategies(config.strategies, this.desk, this.ledger);
    this.operations = new Operations({
      ...{ node: config.node.id, cluster: config.cluster.name, etcd: o.etcd, venues: config.venues },
      ...{ nodes: config.cluster.nodes, journal: journal.identity.journal },
      killHere: (scope) => this.kills.record(scope),
      say: (event, sentence) => this.say(event, sentence),
      whenRead: () => this.leadership.whenRead(),
      switchover: (operation, to) => this.leadership.feed({ kind: "switchover", operation, to, reason: "switchover" }),
      failover: ({ id: operation, allowDataLoss = false, journal: stated }) =>
        this.leadership.feed({
          ...{ kind: "failover", operation, allowDataLoss, journal: stated, uncleanAfterMs: this.uncleanAfterMs },
          isFailsafe: config.leadership.failsafe === "on",
        }),
      abort: (operation, why) => {
        const past = whyNotAborted(this.leadership.leading, operation);
        if (past === undefined) this.leadership.feed({ kind: "abort-switchover", operation, why });
        return past;
      },
      reinit: (operation) => {
        const why = this.#whyJournalStays();
        if (why !== undefined) throw new Error(why);
        wishSetAside(config.node.dataDir, { operation, journal: journal.identity.journal });
        o.beginAnew(`an operator has its journal rebuilt (operation ${operation})`);
      },
    });
    this.housekeeping = new Housekeeping({
      ...{ config, etcd: o.etcd, isLeading: () => this.isLeading },
      revision: () => this.leadership.state.view?.revision,
      say: (event, sentence) => this.say(event, sentence),
      warn: (event, sentence) => o.log.warn({ event, epoch: this.epoch }, sentence),
    });
    this.standing = new Standing({
      ...{ config, boot: o.boot, etcd: o.etcd, journal, doors: this.doors },
      seesMarket: (venue) => this.markets.sees(venue),
      lease: () => o.keeper.lease,
      kill: () => this.ledger.committed.engine.kill,
      keeping: () => this.keeping,
      epoch: () => this.epoch,
      succession: () => this.leadership.state,
      onIdTaken: (error) => {
        if (this.leadership.leading === undefined) this.warn("node-id-in-use", error);
      },
    });
    this.yielding = new Yielding({
      leadership: this.leadership,
      yieldMs: config.leadership.yieldMs,
      ownLostSinceMonoMs: () => this.doors.lostSinceMonoMs,
      unseen: () => this.markets.unseen(),
      isFit: (role, node) =>
        whyNotSuccessor(this.leadership.state, role, node, { whom: "automatic", wall: wallNow() }) === undefined,
      node: config.node.id,
      say: (event, sentence) => this.say(event, sentence),
    });
    this.failsafe = new Failsafe({
      ...{ config, boot: o.boot, keeper: o.keeper, leadership: this.leadership },
      request: (to, payload, withinMs) => this.replication.request(to, payload, withinMs),
      journal: journal.identity.journal,
      cancelOpen: () => this.desk.takeBackAll("quorum-loss"),
      say: (event, sentence) => this.say(event, sentence),
    });
    this.replication = o.openReplication({
      mayFollow: (epoch) => this.leadership.mayFollow(epoch),
      mayAcknowledge: (epoch) => this.leadership.mayAcknowledge(epoch),
    });
    this.drift = new MarketDrift({
      leader: () =>
        this.leadership.leading === undefined ? this.leadership.state.view?.leader?.value.node : undefined,
      request: (to, payload, withinMs) => this.replication.request(to, payload, withinMs),
      marks: () => this.markets.marks(),
      say: (event, sentence) => this.say(event, sentence),
      warn: (event, sentence) => o.log.warn({ event, epoch: this.epoch }, sentence),
    });
    this.keeping = new JournalKeeping({
      ...{ config, journal, replication: this.replication },
      isLeading: () => this.isLeading,
      committed: () => this.ledger.committed,
      say: (event, sentence) => this.say(event, sentence),
      warn: (event, sentence) => o.log.warn({ event, epoch: this.epoch }, sentence),
    });
    hearJournal(this, journal, o.metrics);
    hearLinks(this, this.replication, o.log);
    this.#timers.push(
      setInterval(() => this.#tick(), tickMs),
      setInterval(() => void this.standing.publish(), presenceEveryMs),
      setInterval(() => this.replication.sendStatus(this.#word()), statusEveryMs),
    );
  }

  /** etcd has counted this boot: it takes part from here on. */
  admit({ view, lastMetro }: Admitted): void {
    this.standing.admitted();
    this.leadership.feed({ kind: "admitted", lastMetro });
    const wakes = new Wakes({ read: () => this.leadership.requestRead(), isLeading: () => this.isLeading });
    const watch = this.#o.etcd.watch((wake) => wakes.woken(wake));
    this.#unwatch = () => {
      watch.stop();
      wakes.close();
    };
    this.onView(view);
    this.leadership.feed({ kind: "view", view });
    void this.standing.publish();
  }

  /** False while this boot has not been held against etcd. */
  get isAdmitted(): boolean {
    return this.leadership.state.isAdmitted;
  }

  get epoch(): Epoch {
    return this.leadership.leading?.epoch ?? this.leadership.state.promised.epochMax;
  }

  /** What the loop did last and why. */
  get sentence(): string {
    return this.#sentence;
  }

  /** Age of the newest read of etcd, ms. */
  get viewAgeMs(): number | undefined {
    return this.#viewReadMono === undefined ? undefined : monoNow() - this.#viewReadMono;
  }

  /** How long the leader key must be absent before a node that is not in sync may lead: lease and request validity. */
  get uncleanAfterMs(): number {
    const validityMs = Math.max(...this.#o.config.venues.map((venue) => venue.validityMs));
    return this.#o.keeper.ttlMs + validityMs + this.#o.config.risk.clockErrorMaxMs;
  }

  /** Marks this cluster's orders at a venue. */
  get tag(): DeploymentTag {
    return tagOf(this.#o.journal.identity.cluster);
  }

  /** True while this node leads an epoch that is open. */
  get isLeading(): boolean {
    const role = this.leadership.leading;
    return role !== undefined && isEpochOpen(role);
  }

  /** Why the main loop is not making progress; undefined when it is. */
  get whyNotLive(): string | undefined {
    const lateMs = monoNow() - this.#tickMono;
    return lateMs > 2_000 ? `the main loop has not turned for ${Math.round(lateMs)} ms` : undefined;
  }

  say(event: string, sentence: string): void {
    this.#sentence = sentence;
    this.#log(event, sentence);
  }

  /** A fact of one venue or feed: it does not say what this node is doing. */
  #log(event: string, sentence: string): void {
    this.#o.log.info({ event, epoch: this.epoch }, sentence);
  }

  onKeeper(event: KeeperEvent): void {
    hearKeeper(this, event);
  }

  /** Orderly stop: hands over when it leads and another can; a standby leaves the set first, so that nobody waits for it. */
  async handOver(withinMs: number): Promise<void> {
    this.standing.stopping();
    this.leadership.feed({ kind: "fit", unfit: [], self: this.standing.record() });
    await this.standing.publish();
    await leaveInOrder({
      leadership: this.leadership,
      boot: this.#o.boot,
      tell: () => this.replication.sendStatus(this.#word()),
      withinMs,
    });
    // What made it safe to set the journal aside may be gone by now; the operation goes on where it is safe again.
    if (this.#whyJournalStays() !== undefined) forgetSetAside(this.#o.config.node.dataDir);
    // Nobody took over: what is armed only while somebody leads is taken back, as long as the right to do so lasts.
    if (this.isLeading) await Promise.race([this.desk.disarmSwitches(), pause(disarmWithinMs)]);
  }

  async close(): Promise<void> {
    this.#isEnding = true;
    this.leadership.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#unwatch?.();
    this.events.close();
    this.standing.close();
    this.housekeeping.close();
    this.leading.close();
    this.drift.close();
    this.desk.end();
    this.replication.close();
    this.ledger.abandonWaiters("this node is stopping");
    await Promise.all([this.strategies.close(), this.markets.close(), this.doors.close(), this.keeping.close()]);
    this.sla.close();
    await this.#o.journal.close();
  }

  /** Why this node's journal must not be set aside at this moment; undefined when it may be. */
  #whyJournalStays(): string | undefined {
    const { role, view } = this.leadership.state;
    if (role.role !== "standby") return "it is taking over";
    return view === undefined ? "etcd has not been read" : whyNotReinit(view, this.#o.config.node.id);
  }

  #word(): NodeWord {
    const sight = {
      reachesVenue: this.doors.reachesAll,
      reachedAgoMs: this.doors.reachedAgoMs,
      seesMarket: this.markets.unseen() === undefined,
    };
    const role = this.leadership.leading;
    return {
      ...sight,
      ...(this.standing.isStopping && { isLeaving: true }),
      ...(role !== undefined && {
        trading: tradingWordOf(
          role.epoch,
          whyLeaderMayNot({ node: this, config: this.#o.config, keeper: this.#o.keeper }, role),
        ),
      }),
    };
  }

  #tick(): void {
    const now = monoNow();
    this.#o.metrics.eventLoopLag.observe(Math.max(0, now - this.#tickMono - tickMs) / 1_000);
    this.#tickMono = now;
    const { leadership } = this;
    const self = this.standing.record();
    const isNews = self.unfit.join() !== leadership.state.self?.unfit.join();
    leadership.feed({ kind: "fit", unfit: [], self });
    if (isNews) void this.standing.publish();
    leadership.feed({ kind: "tick" });
    this.leading.reads.look();
    this.yielding.consider();
    this.failsafe.consider();
  }

  /** A read of etcd was answered. */
  onView(view: EtcdView): void {
    this.#viewReadMono = monoNow();
    if (!this.isAdmitted) return;
    const addresses = new Map<NodeId, string>();
    for (const [node, member] of view.members) {
      if (node === this.#o.config.node.id) continue;
      addresses.set(node, this.#o.config.replication.peers[node] ?? member.address);
      this.doors.adoptUsage(member.facts?.venues ?? []);
    }
    // A node that left etcd (its lease ended) may still be linked: only newcomers and new addresses change anything.
    for (const peer of this.replication.peers) if (!addresses.has(peer.node)) addresses.set(peer.node, peer.address);
    this.replication.setPeers(addresses);
    this.desk.applyKill(view.kill.value);
    this.kills.tellAgain();
    this.operations.tend(view, this.isLeading);
  }

  #whyNoRisk(): Refusal | undefined {
    const role = this.leadership.leading;
    if (role === undefined) return refused("no-leader");
    if (role.heldStart !== undefined) return refused("held");
    return this.keeping.whyNoRisk(role.known.record.members.length);
  }

  /** This boot ends: it takes nothing more, and its successor is a new boot. */
  fence(reason: string): void {
    if (this.#isEnding) return;
    this.leading.stop();
    this.#o.keeper.follow();
    this.#o.log.error({ event: "node.fenced", epoch: this.epoch }, `This boot ends: ${reason}`);
    this.#o.end(reason);
  }

  #onTelemetry(
    venue: string,
    request: Parameters<ConstructorParameters<typeof VenueDoors>[1]["onTelemetry"]>[1],
  ): void {
    this.traces.requested(request);
    this.sla.note(venue, request);
    const { call, decidedMonoMs, answeredMonoMs, result } = request;
    if (answeredMonoMs === undefined) return;
    this.#o.metrics.apiRequest.observe({ venue, call, outcome: result }, (answeredMonoMs - decidedMonoMs) / 1_000);
  }

  warn(event: string, error: unknown): void {
    this.#o.log.warn({ event }, error instanceof Error ? error.message : String(error));
  }
}
