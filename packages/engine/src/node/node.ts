/**
 * One engine process after its start: every room wired to the core. What is decided here is only who is told what; who
 * leads is decided in `core/succession`, what is traded in `desk/`. Opened and let go of in `run-node.ts`.
 */
import type {
  BootId,
  Config,
  DeploymentTag,
  Epoch,
  EtcdView,
  KillScope,
  NodeId,
  Refusal,
  Sequence,
  TakeoverReason,
} from "@baton/core";
import {
  bootSuccession,
  isEpochOpen,
  isOrderKilled,
  monoMs,
  refused,
  rejoinAdvice,
  scopesOf,
  tagOf,
  wallMs,
} from "@baton/core";
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
import { inheritedSendForMs } from "./inherited-bound.ts";
import type { Admitted } from "./admission.ts";
import { Failsafe, promisedBefore } from "./failsafe.ts";
import { Housekeeping } from "./housekeeping.ts";
import { JournalKeeping } from "./journal-keeping.ts";
import { leaveInOrder } from "./leaving.ts";
import type { LocalKills } from "./local-kills.ts";
import { MarketDrift } from "./market-drift.ts";
import { Markets } from "./markets.ts";
import { Operations } from "./operations.ts";
import { SlaLedger } from "./sla-ledger.ts";
import { Seldom } from "./seldom.ts";
import { rulesOf, Standing } from "./standing.ts";
import { onClockAhead } from "./stood-still.ts";
import { TakeoverClock } from "./takeover-clock.ts";
import { VenueDoors } from "./venue-doors.ts";
import { Yielding } from "./yielding.ts";
import type { StandbyWord } from "./yielding.ts";

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
  /** This process has to end; the supervisor starts a new boot. */
  readonly end: (why: string) => void;
}

const tickMs = 20;
const presenceEveryMs = 1_000;
const statusEveryMs = 250;
/** A venue that does not answer must not hold up the end of a node. */
const disarmWithinMs = 1_000;

export class EngineNode {
  readonly #o: NodeParts;
  readonly leadership: Leadership;
  readonly ledger: Ledger;
  readonly desk: Desk;
  readonly markets: Markets;
  readonly drift: MarketDrift;
  readonly doors: VenueDoors;
  /** What each provider's service was worth. */
  readonly sla: SlaLedger;
  readonly standing: Standing;
  readonly keeping: JournalKeeping;
  readonly housekeeping: Housekeeping;
  readonly failsafe: Failsafe;
  readonly operations: Operations;
  readonly replication: Replication;
  readonly traces: OrderTraces = new OrderTraces();
  readonly volume: VolumeTapes = new VolumeTapes();
  readonly events: EventStreams;
  readonly #strategies: Strategies;
  readonly #takeover = new TakeoverClock();
  readonly #yielding: Yielding;
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
        if (event.kind === "epoch.opened" && epoch === this.leadership.leading?.epoch) this.#takeover.mark("opened");
        this.desk.onCommitted(event, epoch);
        this.#strategies.onCommitted(event);
        this.events.onCommitted(event, sequence, epoch);
      },
      (ms) => o.metrics.journalCommit.observe(ms / 1_000),
    );
    this.events = new EventStreams({
      committed: () => this.ledger.committed.applied,
      pruned: () => journal.pruned,
      frames: (after, maxBytes) => journal.frames(after, maxBytes),
    });
    this.leadership = new Leadership(
      bootSuccession({
        me: { node: config.node.id, boot: o.boot, journal: journal.identity.journal },
        timing: {
          silenceMs: config.replication.silenceMs,
          silenceMaxMs: config.replication.silenceMaxMs,
          shrinkMs: config.replication.shrinkMs,
          disconnectedShrinkMs: Math.ceil(config.replication.shrinkMs / 3),
          preempt: config.leadership.preempt,
          switchoverMs: 2_000,
        },
        promised: { epochMax: journal.promises.epochMax, vow: journal.promises.vow },
        durable: journal.durable,
        now: monoNow(),
        rules: rulesOf(config),
        pin: journal.promises.etcd,
        promisedForMs: promisedBefore(config),
        isAdmitted: false,
      }),
      this.#leadershipPorts(),
    );
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
      say: (event, sentence) => this.#log(event, sentence),
      refuse: (why) => this.#fence(why),
    });
    this.markets = new Markets(config, {
      change: (change) => this.#log(`feed.${change.type}`, `${change.feed}: ${change.reason}`),
      top: (top) => this.#strategies.onTop(top),
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
        reassertKill: (scope) => this.#tellEtcd(scope),
        localKill: () => o.localKills.state,
        reconciled: (epoch, sequence) => this.leadership.feed({ kind: "reconciled", epoch, sequence }),
        whyNoRisk: () => this.#whyNoRisk(),
        say: (event, sentence, facts) => o.log.info({ event, epoch: this.epoch, ...facts }, sentence),
        warn: (event, sentence, facts) => o.log.warn({ event, epoch: this.epoch, ...facts }, sentence),
      },
      this.ledger,
    );
    this.#strategies = new Strategies(config.strategies, this.desk, () => this.ledger.speculative);
    this.operations = new Operations({
      ...{ node: config.node.id, cluster: config.cluster.name, etcd: o.etcd, venues: config.venues },
      killHere: (scope) => this.#killHere(scope),
      say: (event, sentence) => this.say(event, sentence),
      whenRead: () => this.leadership.whenRead(),
      switchover: (operation, to) => this.leadership.feed({ kind: "switchover", operation, to, reason: "switchover" }),
      failover: (operation, allowDataLoss) =>
        this.leadership.feed({
          ...{ kind: "failover", operation, allowDataLoss, uncleanAfterMs: this.uncleanAfterMs },
          isFailsafe: config.leadership.failsafe === "on",
        }),
    });
    this.housekeeping = new Housekeeping({
      ...{ config, etcd: o.etcd, isLeading: () => this.isLeading },
      say: (event, sentence) => this.say(event, sentence),
    });
    this.standing = new Standing({
      ...{ config, boot: o.boot, etcd: o.etcd, journal, doors: this.doors },
      lease: () => o.keeper.lease,
      kill: () => this.ledger.committed.engine.kill,
      keeping: () => this.keeping,
      epoch: () => this.epoch,
      succession: () => this.leadership.state,
      onIdTaken: (error) => {
        if (this.leadership.leading === undefined) this.#warn("node-id-in-use", error);
      },
    });
    this.#yielding = new Yielding({
      leadership: this.leadership,
      yieldMs: config.leadership.yieldMs,
      ownLostSinceMonoMs: () => this.doors.lostSinceMonoMs,
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
    this.#wire();
  }

  /** etcd has counted this boot: it takes part from here on. */
  admit({ view, lastMetro }: Admitted): void {
    this.standing.admitted();
    this.leadership.feed({ kind: "admitted", lastMetro });
    const watch = this.#o.etcd.watch(() => this.leadership.requestRead());
    this.#unwatch = () => watch.stop();
    this.#onView(view);
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
    switch (event.kind) {
      case "granted":
        this.leadership.feed({ kind: "lease", lease: event.lease });
        void this.standing.publish();
        return;
      case "lost":
        // Another leader is for a read of etcd to judge (it may be the successor of a handover); there is no permit meanwhile.
        if (event.reason === "other-leader") return this.leadership.requestRead();
        return this.leadership.feed({ kind: "lease-lost", reason: event.detail });
      case "stalled":
        return this.say(
          "keeper.stalled",
          `No lease renewal: ${event.what} has stood still for ${Math.round(event.forMs)} ms.`,
        );
      case "slack":
        return;
    }
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
    this.drift.close();
    this.desk.end();
    this.replication.close();
    this.ledger.abandonWaiters("this node is stopping");
    await Promise.all([this.#strategies.close(), this.markets.close(), this.doors.close(), this.keeping.close()]);
    this.sla.close();
    await this.#o.journal.close();
  }

  #leadershipPorts(): ConstructorParameters<typeof Leadership>[1] {
    const { etcd, journal, keeper } = this.#o;
    return {
      read: () => etcd.read(),
      transact: (transaction) => {
        if (transaction.kind === "takeover") this.#takeover.mark("asked");
        return etcd.transact(transaction);
      },
      persist: async (promised) => {
        // A winner follows nobody from here on: nothing may come between its journal's end and its first record.
        if (this.leadership.state.role.role === "winner") this.replication.release();
        if (this.leadership.state.role.role === "candidate") this.#takeover.start();
        await journal.persist(promised);
        this.#feedJournal();
      },
      failsafe: (effect) => this.failsafe.execute(effect),
      pin: (pin) => void journal.persist({ ...journal.promises, etcd: pin }).catch(() => undefined),
      sendVowed: (to, epoch, version) => void this.replication.sendVowed(to, epoch, version),
      lead: (epoch, reason) => this.#lead(epoch, reason),
      commit: (upTo) => this.#commit(upTo),
      acknowledgeAgain: () => this.replication.acknowledgeAgain(),
      hold: () => this.desk.hold(),
      resume: (operation, why) => {
        this.desk.resume();
        this.#strategies.setTrading(true);
        this.say("switchover.aborted", `The switchover did not happen: ${why}.`);
        void this.operations.ended(operation, "aborted", why);
      },
      handedOff: (operation, to, epoch) => {
        this.#stopLeading();
        keeper.follow();
        void this.operations.ended(operation, "done", `epoch ${epoch} was handed to ${to}`, epoch);
      },
      refuseSwitchover: (operation, why) => {
        this.say("switchover.refused", `No switchover: ${why}.`);
        void this.operations.ended(operation, "failed", why);
      },
      refuseFailover: (operation, why) => {
        this.say("failover.refused", `No failover: ${why}.`);
        void this.operations.refused(operation, why);
      },
      fence: (reason) => this.#fence(reason),
      say: (event, sentence) => this.say(event, sentence),
      deadline: () => (this.desk.maySend ? keeper.deadline() : monoMs(0)),
      onView: (view) => this.#onView(view),
    };
  }

  #wire(): void {
    const { journal } = this.#o;
    const { replication, leadership } = this;
    journal.onDurable.on((upTo) => {
      this.traces.durable(upTo);
      this.#feedJournal();
    });
    journal.onFailed.on((failure) => this.#fence(`the journal failed (${failure.code}): ${failure.message}`));
    journal.onCut.on((after) => this.ledger.cut(after));
    journal.onReplaced.on((opened) => this.ledger.replace(opened.state, opened.tail));
    journal.onCommitTimed.on((timing) => this.#o.metrics.journalFsync.observe(timing.commitMs / 1_000));
    replication.onFrame.on((frame) => this.ledger.receive(frame));
    replication.onCommit.on((upTo) => this.ledger.commit(upTo));
    replication.onHeard.on(({ node, boot, epoch }) => leadership.feed({ kind: "heard", from: node, boot, epoch }));
    replication.onPromised.on((promises) => {
      leadership.feed({ kind: "promised", promised: { epochMax: promises.epochMax, vow: promises.vow } });
    });
    replication.onSuperseded.on(({ epoch, node }) => {
      if (leadership.leading === undefined) return;
      this.say("leadership.superseded", `${node} leads epoch ${epoch}; this node stops and asks etcd.`);
      this.#stopLeading();
      leadership.requestRead();
    });
    replication.onStopped.on(({ state, sentence }) => {
      if (state === "forked" || state === "foreign-cluster") this.#fence(`${state}: ${sentence}`);
      else this.say("replication.stopped", `${sentence}. ${rejoinAdvice(state)}`);
    });
    replication.onFollowerUp.on(({ node, journal: disk, boot }) => {
      leadership.feed({ kind: "follower-up", node, journal: disk, boot });
    });
    replication.onFollowerDown.on(({ node }) => leadership.feed({ kind: "follower-down", node }));
    replication.onFollowerRefused.on(({ node, state, sentence }) => {
      this.say("follower.refused", `${node}: ${sentence}. ${rejoinAdvice(state)}`);
    });
    const turnedAway = new Seldom((sentence) => this.#o.log.warn({ event: "link.refused" }, `${sentence}.`));
    replication.onTurnedAway.on(({ who, sentence }) => turnedAway.say(`No link from ${who}: ${sentence}`, monoNow()));
    replication.onMisfit.on(({ node, address, sentence }) => {
      turnedAway.say(`No link to ${node} at ${address}: ${sentence}`, monoNow());
    });
    replication.onAck.on((ack) => leadership.feed({ kind: "ack", ...ack }));
    replication.onVowed.on(({ node, epoch, version }) => leadership.feed({ kind: "vowed", node, epoch, version }));
    replication.onStatus.on(({ node, payload }) => {
      const word = payload as StandbyWord;
      this.#yielding.heard(node, word);
      if (word.isLeaving === true) leadership.feed({ kind: "leaving", node });
    });
    this.#timers.push(
      setInterval(() => this.#tick(), tickMs),
      setInterval(() => void this.standing.publish(), presenceEveryMs),
      setInterval(() => replication.sendStatus(this.#word()), statusEveryMs),
    );
  }

  #word(): StandbyWord {
    return { reachesVenue: this.doors.reachesAll, ...(this.standing.isStopping && { isLeaving: true }) };
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
    this.#yielding.consider();
    this.failsafe.consider();
  }

  #lead(epoch: Epoch, reason: TakeoverReason): Sequence {
    // A handover has no campaign: its clock starts here.
    if (reason === "switchover" || reason === "yield") this.#takeover.start();
    this.#takeover.mark("won");
    const { keeper, config, boot, metrics } = this.#o;
    keeper.lead(epoch);
    this.replication.lead(epoch);
    const opened = this.ledger.speculative.engine.epoch;
    const sendForMs = inheritedSendForMs({ reason, epoch, opened, ttlMs: keeper.ttlMs });
    const inheritedSendByWallMs = wallMs(wallNow() + sendForMs);
    const isReconcileDue = this.leadership.leading?.known.record.reconcileDue !== undefined;
    const sequence = this.desk.begin({ epoch, boot, reason, inheritedSendByWallMs, isReconcileDue });
    metrics.takeovers.inc({ reason });
    this.desk.applyKill(this.leadership.state.view?.kill.value);
    this.#strategies.setTrading(true);
    this.say("leadership.leads", `${config.node.id} leads epoch ${epoch} (${reason}).`);
    this.#feedJournal();
    return sequence;
  }

  #commit(upTo: Sequence): void {
    this.#o.journal.commit(upTo);
    const wasOpen = this.ledger.committed.engine.epoch === this.epoch;
    this.ledger.commit(upTo);
    if (!wasOpen && this.isLeading) this.#opened();
  }

  #opened(): void {
    const { etcd, boot, metrics } = this.#o;
    const phases = this.#takeover.phases();
    for (const [phase, ms] of Object.entries(phases)) metrics.takeover.observe({ phase }, ms / 1_000);
    const took = Object.entries(phases).map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`);
    this.say("epoch.open", `Epoch ${this.epoch} is open: ${took.join(", ")}.`);
    void etcd
      .completeHistory({ epoch: this.epoch, boot, phases })
      .catch((error: unknown) => this.#warn("history.unrecorded", error));
    this.housekeeping.opened();
    this.keeping.opened();
    void this.standing.publish();
  }

  #onView(view: EtcdView): void {
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
    // Whoever leads: a kill on this node's disk alone would be in force only once this node leads.
    for (const scope of scopesOf(this.#o.localKills.state)) this.#tellEtcd(scope);
    this.operations.tend(view, this.isLeading);
  }

  #feedJournal(): void {
    const { journal } = this.#o;
    this.leadership.feed({ kind: "journal", durable: journal.durable, last: journal.last.sequence + journal.queued });
  }

  /** A kill that an operator told to this node itself: it is on the disk already. */
  killedHere(scope: KillScope): void {
    this.desk.killHere(scope);
    this.#tellEtcd(scope);
  }

  #tellEtcd(scope: KillScope): void {
    void this.operations
      .reassert(scope)
      .then((hasIt) => {
        if (hasIt) this.#o.localKills.told(scope);
      })
      // It stays on the disk, and etcd is told again: the same kill under the same operation.
      .catch((error: unknown) => this.#warn("kill.not-forgotten", error));
  }

  async #killHere(scope: KillScope): Promise<boolean> {
    const sequence = this.desk.killHere(scope);
    if (sequence === undefined) return false;
    return await this.ledger.whenCommitted(sequence).then(
      () => true,
      () => false,
    );
  }

  #whyNoRisk(): Refusal | undefined {
    const role = this.leadership.leading;
    if (role === undefined) return refused("no-leader");
    if (role.heldStart !== undefined) return refused("held");
    return this.keeping.whyNoRisk(role.known.record.members.length);
  }

  #stopLeading(): void {
    this.desk.end();
    this.#strategies.setTrading(false);
    this.replication.stopLeading();
    this.keeping.stopLeading();
    this.ledger.abandonWaiters("this node no longer leads");
  }

  #fence(reason: string): void {
    if (this.#isEnding) return;
    this.#stopLeading();
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

  #warn(event: string, error: unknown): void {
    this.#o.log.warn({ event }, error instanceof Error ? error.message : String(error));
  }
}
