/**
 * An engine with its disk open, wired as the engine wires itself: the succession machine, the journal, both ends of
 * replication, the links, the desk, the operations. Nothing is decided here; every rule is core's, and what is broken on
 * purpose is broken where `bent` is asked.
 */
import {
  bootSuccession,
  id,
  isEpochOpen,
  monoMs,
  refused,
  tagOf,
  usualPromotabilityRules,
  wallMs,
  whyNotSuccessor,
  yieldTo,
  sightOf,
} from "@baton/core";
import type {
  EtcdView,
  Epoch,
  MemberRecord,
  NodeId,
  OperationId,
  Refusal,
  Sequence,
  StandbySight,
  TakeoverReason,
} from "@baton/core";
import { Desk } from "../desk/desk.ts";
import { DiskWriter } from "../world/disk.ts";
import type { Boot } from "./boot.ts";
import { Failsafe } from "./failsafe.ts";
import { FollowerSide } from "./follower-side.ts";
import { SimJournal } from "./journal.ts";
import type { KeeperEvent } from "./keeper.ts";
import { LeaderSide } from "./leader-side.ts";
import type { ServedLink } from "./leader-side.ts";
import { SimLeadership } from "./leadership.ts";
import type { LeadershipPorts } from "./leadership.ts";
import { SimLedger } from "./ledger.ts";
import { Links } from "./links.ts";
import type { ToLeader } from "./messages.ts";
import { Operations } from "./operations.ts";
import { SimReads } from "./reads.ts";
import { recordOf } from "./standing.ts";

const presenceEveryMs = 1_000;
const statusEveryMs = 250;

export class Running {
  readonly journal: SimJournal;
  readonly writer: DiskWriter;
  readonly ledger: SimLedger;
  readonly leadership: SimLeadership;
  readonly leaderSide: LeaderSide;
  readonly followerSide: FollowerSide;
  readonly links: Links;
  readonly desk: Desk;
  readonly operations: Operations;
  readonly failsafe: Failsafe;
  readonly reads: SimReads;
  readonly #boot: Boot;
  readonly #first: EtcdView;
  readonly #words = new Map<NodeId, StandbySight>();
  #isClosed = false;

  constructor(boot: Boot, first: EtcdView) {
    this.#boot = boot;
    this.#first = first;
    const { world, disk, main, settings, bent, node } = boot;
    const soon = (ms: number, act: () => void): void => void main.after(ms, act);
    this.writer = new DiskWriter({
      ...{ agenda: world.agenda, disk, process: main, bent },
      dice: world.dice.fork(`disk ${boot.boot}`),
      onFailed: (why) => {
        this.journal.hasFailed = true;
        world.watch.diskFailed(boot, why);
        boot.fence(`the journal failed: ${why}`);
      },
    });
    this.journal = new SimJournal(disk, bent, this.writer, soon, {
      onSealed: (frame) => {
        world.watch.sealed(boot, frame);
        this.leaderSide.ship(frame);
      },
      onDurable: (upTo) => {
        this.#feedJournal();
        this.followerSide.onDurable(upTo);
      },
      onCut: (after) => {
        world.watch.note("cut");
        this.ledger.cut(after);
        this.followerSide.onCut(after);
      },
      onRotten: () => world.watch.note("frame refused: its bytes are others"),
      onRotFound: (why) => {
        world.watch.note("rot found before it was sent on");
        boot.fence(`the journal failed: ${why}`);
      },
      onReplaced: () => {
        world.watch.note("snapshot installed");
        this.ledger.replace(this.journal.frames, this.journal.commitMark.sequence);
        this.followerSide.onReplaced();
      },
    });
    this.ledger = new SimLedger(
      this.journal.frames,
      this.journal.commitMark.sequence,
      disk.tables,
      (epoch, events) => this.journal.append(epoch, events),
      (event, _sequence, epoch) => {
        if (bent.is("apply-reads-clock") && event.kind === "epoch.opened") {
          const { committed } = this.ledger;
          committed.engine = { ...committed.engine, openedWallMs: main.clock.wall() };
        }
        this.desk.onCommitted(event, epoch);
      },
    );
    this.leadership = new SimLeadership(
      bootSuccession({
        me: { node, boot: boot.boot, journal: disk.content.journal },
        timing: settings.succession,
        promised: this.journal.promises,
        durable: this.journal.durable,
        now: main.clock.mono(),
        rules: { ...usualPromotabilityRules, flap: settings.flap, loop: settings.loop },
        pin: disk.content.pin,
        promisedForMs: disk.content.promisedForMs,
      }),
      main.clock,
      bent,
      this.#leadershipPorts(),
    );
    this.leaderSide = new LeaderSide({
      ...{ journal: this.journal, cluster: world.cluster, me: { node, boot: boot.boot }, bent },
      ports: {
        followerUp: (link) =>
          this.leadership.feed({ kind: "follower-up", node: link.node, journal: link.journal, boot: link.boot }),
        followerDown: (peer) => this.leadership.feed({ kind: "follower-down", node: peer }),
        ack: (link, { epoch, leaderBoot, position, round }) => {
          world.watch.note("ack");
          const { journal } = link;
          this.leadership.feed({ kind: "ack", node: link.node, journal, epoch, leaderBoot, position, round });
          this.reads.look();
        },
        sent: (frame) => world.watch.commits.sent(boot, frame),
        rejoined: (peer, state, sentence) => world.watch.rejoined(boot, peer, state, sentence),
        soon,
      },
    });
    this.reads = new SimReads(boot, this);
    this.followerSide = this.#newFollowerSide();
    this.links = new Links(world, boot, {
      onMessage: (peer, message) => {
        if (message.kind !== "promise-answer") return this.followerSide.onMessage(peer, message);
        const { journal, token } = message;
        if (journal !== undefined) this.leadership.feed({ kind: "promise", node: peer, journal, token });
      },
      onUp: (peer) => this.followerSide.up(peer),
      onDown: (peer) => this.followerSide.down(peer),
    });
    this.operations = new Operations(node, boot.client, main, {
      switchover: (operation, to) => this.leadership.feed({ kind: "switchover", operation, to, reason: "switchover" }),
      failover: ({ id: operation, allowDataLoss = false, journal }) => {
        const { timing, validityMs, limits } = settings;
        const waitMs = timing.ttlMs + validityMs + limits.clockErrorMaxMs;
        const uncleanAfterMs = bent.is("unclean-hasty") ? 0 : waitMs;
        const isFailsafe = settings.failsafe;
        this.leadership.feed({ kind: "failover", operation, allowDataLoss, journal, uncleanAfterMs, isFailsafe });
      },
    });
    this.failsafe = new Failsafe(boot, this);
    this.desk = new Desk(
      {
        ...{ node, settings, process: main, bent, door: boot.door, instruments: world.rules },
        tag: tagOf(world.cluster),
        permits: this.leadership,
        price: (symbol) => {
          const market = boot.prices.view(symbol, main.clock.mono());
          if (market.kind === "fresh") world.watch.decidedOn(boot, symbol, market.basis.updateId);
          return market;
        },
        reconciled: (epoch, sequence) => this.leadership.feed({ kind: "reconciled", epoch, sequence }),
        whyNoRisk: () => this.#whyNoRisk(),
        note: (what) => world.watch.note(what),
      },
      this.ledger,
    );
  }

  start(): void {
    const { boot } = { boot: this.#boot };
    const { main, keeper, settings } = boot;
    boot.world.watch.started(boot);
    boot.client.watch(() => this.leadership.requestRead());
    if (keeper.lease !== undefined) this.leadership.feed({ kind: "lease", lease: keeper.lease });
    this.links.dialAll();
    main.every(presenceEveryMs, () => this.#publish());
    main.every(settings.timing.heartbeatMs, () => this.leaderSide.beat());
    main.every(statusEveryMs, () => this.tellWord());
    this.#onView(this.#first);
    this.leadership.feed({ kind: "view", view: this.#first });
    this.#publish();
  }

  /** One turn of the main loop. */
  tick(): void {
    const { leadership } = this;
    const self = this.#record();
    const isNews = self.unfit.join() !== leadership.state.self?.unfit.join();
    leadership.feed({ kind: "fit", unfit: [], self });
    if (isNews) this.#publish();
    leadership.feed({ kind: "tick" });
    this.reads.look();
    this.failsafe.consider();
    this.#considerYield();
  }

  /** What a standby says of itself, several times a second. */
  tellWord(): void {
    const isLeaving = this.#boot.isStopping;
    const { reaches, reachedAgoMs } = this.#boot.door;
    this.links.toAll({ kind: "status", reachesVenue: reaches, reachedAgoMs, isLeaving });
  }

  /** Nobody waits for this standby any more: it is out of the set, or nobody leads. */
  get mayLeave(): boolean {
    const { view, me } = this.leadership.state;
    const members = view?.insync?.value.members ?? [];
    return view?.leader === undefined || !members.some((m) => m.node === me.node && m.journal === me.journal);
  }

  onServed(link: ServedLink, message: ToLeader): void {
    switch (message.kind) {
      case "hello":
        return this.leaderSide.hello(link, message);
      case "ack":
        return this.leaderSide.acknowledged(link, message);
      case "ask-promise":
        return this.failsafe.asked(link, message);
      case "vowed":
        return this.leadership.feed({ ...message, node: link.node });
      case "status": {
        const { reachesVenue, reachedAgoMs, isLeaving } = message;
        const said = { node: link.node, reachesVenue, reachedAgoMs, seesMarket: reachesVenue };
        this.#words.set(link.node, sightOf(this.#words.get(link.node), said, this.#boot.main.clock.mono()));
        if (isLeaving) this.leadership.feed({ kind: "leaving", node: link.node });
      }
    }
  }

  onKeeper(event: KeeperEvent): void {
    if (this.#isClosed) return;
    if (event.kind === "granted") return this.leadership.feed({ kind: "lease", lease: event.lease });
    if (event.reason === "other-leader") return this.leadership.requestRead();
    this.leadership.feed({ kind: "lease-lost", reason: event.detail });
  }

  /** Decides nothing any more, and is heard by nobody. */
  close(): void {
    this.#isClosed = true;
    this.#stopLeading();
    this.leadership.close();
    this.links.gone(false);
  }

  /** The process is gone; what the next one finds is on the disk. */
  end(isPowerLost: boolean): void {
    const { disk } = this.#boot;
    this.leadership.close();
    this.writer.crash(isPowerLost);
    this.links.gone(isPowerLost);
    this.desk.end();
    const { committed } = this.ledger;
    if (committed.applied <= disk.content.commit) disk.tables = committed;
  }

  #leadershipPorts(): LeadershipPorts {
    const { world, client, main, node, bent, keeper } = this.#boot;
    const { watch } = world;
    const boot = this.#boot;
    return {
      read: (done) => client.read(done),
      transact: (transaction, done) => {
        watch.asked(boot, transaction);
        for (const wait of world.ambushes) wait(node, transaction);
        client.transact(transaction, (answer) => {
          watch.answered(boot, transaction, answer);
          done(answer);
        });
      },
      persist: (promised, done) => {
        const isWinner = this.leadership.state.role.role === "winner";
        if (isWinner) this.followerSide.release();
        if (isWinner && bent.is("epoch-unpersisted")) {
          this.journal.persist(promised, () => undefined);
          main.after(0, done);
          return;
        }
        this.journal.persist(promised, () => {
          this.#feedJournal();
          done();
        });
      },
      failsafe: (effect) => this.failsafe.execute(effect),
      pin: (pin) => this.journal.pin(pin),
      sendVowed: (to, epoch, version) => void this.links.toLeader(to, { kind: "vowed", epoch, version }),
      lead: (epoch, reason) => this.#lead(epoch, reason),
      commit: (upTo) => {
        const from = this.journal.commitMark.sequence;
        this.journal.commit(upTo);
        watch.committed(boot, from, this.journal.commitMark.sequence);
        this.ledger.commit(this.journal.commitMark.sequence);
      },
      acknowledgeAgain: () => this.followerSide.acknowledgeAgain(),
      hold: (operation, done) => {
        watch.held(boot, operation);
        this.desk.hold(done);
      },
      resume: (operation, why) => {
        this.desk.resume();
        watch.holdEnded(boot, operation, "resumed");
        if (!bent.is("verdict-forgotten")) this.operations.ended(operation, "aborted", why);
      },
      handedOff: (operation, to, epoch) => {
        this.#stopLeading();
        keeper.follow();
        watch.holdEnded(boot, operation, "handed off");
        this.operations.ended(operation, "done", `epoch ${epoch} was handed to ${to}`, epoch);
      },
      refuseSwitchover: (operation, why) => {
        watch.note("switchover refused");
        if (!bent.is("verdict-forgotten")) this.operations.ended(operation, "failed", why);
      },
      refuseFailover: (operation, why) => {
        watch.note("failover refused");
        this.operations.refused(operation, why);
      },
      fence: (reason) => boot.fence(reason),
      say: (event, sentence) => world.say(node, event, sentence),
      deadline: () => (this.desk.maySend || bent.is("held-sends") ? keeper.deadline : monoMs(0)),
      onView: (view) => this.#onView(view),
      onEffect: (effect) => watch.effect(boot, effect),
      onStep: (before, after, input) => watch.stepped(boot, before, after, input),
    };
  }

  #newFollowerSide(): FollowerSide {
    const { world, node, bent, boot } = this.#boot;
    const { watch } = world;
    return new FollowerSide({
      ...{ journal: this.journal, me: { node, boot, cluster: world.cluster }, bent },
      ports: {
        mayFollow: (epoch) => this.leadership.mayFollow(epoch),
        mayAcknowledge: (epoch) => this.leadership.mayAcknowledge(epoch),
        send: (to, message) => {
          if (message.kind === "ack") watch.acknowledged(this.#boot, message);
          return this.links.toLeader(to, message);
        },
        drop: (peer) => this.links.drop(peer),
        superseded: (epoch, peer) => {
          this.leaderSide.stopLeading();
          this.journal.dropQueued();
          if (this.leadership.leading === undefined) return;
          watch.note("superseded on the link");
          world.say(node, "leadership.superseded", `${peer} leads epoch ${epoch}; this node stops and asks etcd.`);
          this.#stopLeading();
          this.leadership.requestRead();
        },
        heard: (from, leaderBoot, epoch) => this.leadership.feed({ kind: "heard", from, boot: leaderBoot, epoch }),
        frame: (frame) => {
          watch.note("receive");
          this.ledger.receive(frame);
        },
        committed: (upTo) => this.ledger.commit(upTo),
        promised: () => this.leadership.feed({ kind: "promised", promised: this.journal.promises }),
        stopped: (state, sentence) => {
          watch.note(`stopped: ${state}`);
          if (state === "forked") this.#boot.disk.isForked = true;
          if (state === "forked" || state === "foreign-cluster") this.#boot.fence(`${state}: ${sentence}`);
        },
        followed: () => {
          watch.note("follow");
          this.#boot.disk.isForked = false;
        },
      },
    });
  }

  #lead(epoch: Epoch, reason: TakeoverReason): Sequence {
    const { world, keeper, main, settings, boot, disk } = this.#boot;
    this.followerSide.release();
    // Whatever an earlier leader found of it: from now on the cluster's history is this one.
    disk.isForked = false;
    world.watch.leads(this.#boot, epoch, reason);
    keeper.lead(epoch);
    this.leaderSide.lead(epoch);
    const opened = this.ledger.speculative.engine.epoch;
    const isOver = reason === "crash-release" || reason === "switchover" || reason === "yield";
    const sendForMs = isOver && opened === epoch - 1 ? 0 : settings.timing.ttlMs;
    const inheritedSendByWallMs = wallMs(main.clock.wall() + sendForMs);
    const isReconcileDue = this.leadership.leading?.known.record.reconcileDue !== undefined;
    const sequence = this.desk.begin({ epoch, boot, reason, inheritedSendByWallMs, isReconcileDue });
    this.desk.applyKill(this.leadership.state.view?.kill.value);
    this.#feedJournal();
    return sequence;
  }

  #onView(view: EtcdView): void {
    this.desk.applyKill(view.kill.value);
    const role = this.leadership.leading;
    this.operations.tend(view, role !== undefined && isEpochOpen(role));
  }

  #considerYield(): void {
    const role = this.leadership.leading;
    if (role === undefined || role.hold !== undefined || !isEpochOpen(role)) return;
    const since = this.#boot.door.lostSinceMono;
    const now = this.#boot.main.clock.mono();
    const to = yieldTo({
      now,
      ownBlindSinceMonoMs: undefined,
      yieldMs: this.#boot.settings.yieldMs,
      ownLostSinceMonoMs: since === undefined ? undefined : monoMs(since),
      standbys: role.known.record.members.flatMap(({ node }) => this.#words.get(node) ?? []),
      isFit: (node) => {
        const how = { whom: "automatic", wall: this.#boot.main.clock.wall() } as const;
        return whyNotSuccessor(this.leadership.state, role, node, how) === undefined;
      },
    })?.to;
    if (to === undefined) return;
    const operation = id<OperationId>(`yield-${role.epoch}-${Math.round(now)}`);
    this.leadership.feed({ kind: "switchover", operation, to, reason: "yield" });
  }

  #whyNoRisk(): Refusal | undefined {
    const role = this.leadership.leading;
    if (role === undefined) return refused("no-leader");
    if (role.heldStart !== undefined) return refused("held");
    const isAlone = role.known.record.members.length < 2;
    return this.#boot.settings.durability === "strict" && isAlone ? refused("durability") : undefined;
  }

  #feedJournal(): void {
    const { journal } = this;
    const last = journal.last.sequence + journal.queued;
    this.leadership.feed({ kind: "journal", durable: journal.durable, last });
  }

  #publish(): void {
    if (this.#isClosed) return;
    const record = this.#record();
    this.#boot.world.watch.losing.published(record);
    this.#boot.client.first(
      (store) => ({ refusal: store.publish(record) }),
      () => undefined,
    );
  }

  #record(): MemberRecord {
    const { node, boot, disk, door, keeper, isStopping, world, main } = this.#boot;
    return recordOf({
      ...{ node, boot, disk, door, isStopping, cluster: world.cluster, lease: keeper.lease },
      ...{ journal: this.journal, succession: this.leadership.state, wall: main.clock.wall() },
    });
  }

  #stopLeading(): void {
    this.reads.end();
    this.desk.end();
    this.leaderSide.stopLeading();
    this.ledger.abandonWaiters();
  }
}
