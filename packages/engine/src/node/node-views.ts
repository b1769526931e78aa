/** This node's knowledge as the admin contract shows it. What it does not know is null, never a guess. */
import type {
  BookView,
  BootId,
  ClusterView,
  Config,
  Epoch,
  FeedView,
  HistoryPage,
  IntentId,
  MemberView,
  NodeId,
  NodeRole,
  OperationView,
  OrderEvent,
  Promotability,
  Sequence,
  SymbolId,
  VenueId,
} from "@baton/core";
import {
  bars,
  id,
  isSettled,
  killRank,
  limitsOfVenue,
  rejoinStates,
  subtract,
  venueProfiles,
  whyNotCandidate,
} from "@baton/core";
import type { OperationId } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import { monoNow, wallNow } from "../clock.ts";
import { depthLevels } from "../metrics.ts";
import type { MetricsSnapshot } from "../metrics.ts";
import type { EngineNode } from "./node.ts";
import { etcdFreshMs, etcdView, leaderlessView } from "./etcd-views.ts";
import { viewOf } from "./operations.ts";
import { build, configDigestOf } from "./presence.ts";
import { judged } from "./standing.ts";

export interface NodeViewsOptions {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly keeper: Keeper;
  readonly journal: Journal;
  readonly node: EngineNode;
  /** Certificates in use and how long they last. */
  readonly certificates: () => MetricsSnapshot["certificates"];
}

const qualityRank = { stale: 0, degraded: 1, live: 2 } as const;
const breakerRank = { closed: 0, probing: 1, open: 2 } as const;

export class NodeViews {
  readonly #o: NodeViewsOptions;
  #caughtUpMono = monoNow();

  constructor(o: NodeViewsOptions) {
    this.#o = o;
  }

  /** Who answers for orders now: this node, or the leader that it follows. */
  leader(): { readonly node: NodeId; readonly isHere: boolean } | undefined {
    const { node, config } = this.#o;
    if (node.leadership.leading !== undefined) return { node: config.node.id, isHere: true };
    const following = node.replication.following;
    return following === undefined ? undefined : { node: following.node, isHere: false };
  }

  /** What this node is doing. While a standby hears its leader, that is it; what it said last may be long ago. */
  #sentence(): string {
    const { node } = this.#o;
    const following = node.replication.following;
    return this.role() === "standby" && following !== undefined
      ? `Follows ${following.node} in epoch ${following.epoch}.`
      : node.sentence;
  }

  role(): NodeRole {
    const { role, isAdmitted } = this.#o.node.leadership.state;
    if (!isAdmitted && role.role === "standby") return "starting";
    switch (role.role) {
      case "standby":
        return "standby";
      case "candidate":
      case "winner":
        return "campaigning";
      case "leader":
        return role.hold === undefined ? "leader" : "held";
      case "fenced":
        return "fenced";
    }
  }

  cluster(): ClusterView {
    const { node, config, boot, keeper } = this.#o;
    const view = node.leadership.state.view;
    const leader = view?.leader?.value;
    const insync = node.leadership.leading?.known.record ?? view?.insync?.value;
    const whyNot = this.#whyNoTrading();
    const doubts = this.#doubts();
    const kill = view?.kill.value;
    const pause = view?.pause.value;
    const running = [...(view?.operations.values() ?? [])].find((operation) => !isSettled(operation.value.phase));
    return {
      version: 1,
      // A node with a journal knows its cluster, whatever etcd says or does not say.
      cluster: {
        name: config.cluster.name,
        id: (view === undefined ? this.#o.journal.identity.cluster : view.cluster?.id) ?? null,
      },
      atWallMs: wallNow(),
      node: {
        id: config.node.id,
        boot,
        role: this.role(),
        site: config.node.site,
        address: config.api.advertise,
        sentence: this.#sentence(),
      },
      leader:
        leader === undefined
          ? null
          : {
              node: leader.node,
              boot: leader.boot,
              epoch: leader.epoch,
              sinceWallMs: leader.sinceWallMs,
              reason: leader.reason,
            },
      epoch: node.epoch,
      deadlineSlackMs: node.leadership.leading === undefined ? null : Math.max(0, keeper.deadline() - monoNow()),
      insync:
        insync === undefined
          ? null
          : { epoch: insync.epoch, version: insync.version, members: insync.members.map((member) => member.node) },
      members: this.#members(),
      control: {
        autofailover: view?.autofailover.value ?? "on",
        pause: pause === undefined ? null : pause,
        acknowledged: view?.acknowledged?.value ?? null,
      },
      leaderless: leaderlessView(node, this.#members()),
      kill: kill === undefined || kill.level === "off" ? null : kill,
      trading: { isAllowed: whyNot.length === 0, reasons: whyNot },
      orders: {
        open: this.#openOrders(),
        inDoubt: doubts.count,
        oldestInDoubtMs: doubts.oldestMs,
        fillsMissing: node.ledger.committed.indexes.fillsMissing.size,
      },
      venues: config.venues.map((venue) => {
        const profile = venueProfiles[venue.exchange];
        return { id: venue.id, title: profile.title, cannot: limitsOfVenue(profile) };
      }),
      feeds: node.markets.statuses().map((status) => ({
        id: status.id,
        quality: worst(status.symbols.map((symbol) => symbol.quality)),
        ageMs: status.ageMs ?? null,
      })),
      etcd: etcdView(node, config),
      operation: running === undefined ? null : viewOf(running.value),
      warnings: [
        ...node.keeping.warnings(node.leadership.leading?.known.record.members.length),
        ...node.drift.warnings,
      ],
    };
  }

  async history(sinceWallMs: number): Promise<HistoryPage> {
    const { etcd } = this.#o;
    const [epochs, view] = await Promise.all([etcd.history(), etcd.read()]);
    const kill = view.kill.value;
    const entries = [
      ...epochs.map((record) => ({ kind: "epoch" as const, ...record })),
      ...[...view.operations.values()].map(({ value }) => ({
        kind: "operation" as const,
        atWallMs: value.updatedWallMs,
        ...viewOf(value),
      })),
      ...(kill === undefined ? [] : [{ kind: "kill" as const, ...kill }]),
    ];
    return {
      version: 1,
      entries: entries.filter((entry) => entry.atWallMs >= sinceWallMs).toSorted((a, b) => a.atWallMs - b.atWallMs),
    };
  }

  async operation(operation: string): Promise<OperationView | undefined> {
    const found = (await this.#o.etcd.read()).operations.get(id<OperationId>(operation));
    return found === undefined ? undefined : viewOf(found.value);
  }

  promotability(): Promotability {
    return {
      version: 1,
      candidates: this.#members().map((member) => ({
        node: member.node,
        isPromotable: member.unfit.length === 0,
        isInSync: member.isInSync,
        lagRecords: member.lagRecords,
        unfit: member.unfit,
        reasons: member.reasons,
      })),
    };
  }

  feeds(): readonly FeedView[] {
    const { markets, drift } = this.#o.node;
    return markets.statuses().flatMap((status) =>
      status.symbols.map((symbol) => {
        const top = markets.top(status.id, symbol.symbol);
        return {
          id: status.id,
          venue: id<VenueId>(status.venue),
          symbol: symbol.symbol,
          state: status.state,
          quality: symbol.quality,
          ageMs: symbol.ageMs ?? null,
          bid: top?.bid ?? null,
          ask: top?.ask ?? null,
          gaps: symbol.gaps,
          reconnects: Object.values(status.reconnects).reduce((sum, count) => sum + count, 0),
          reason: symbol.reason,
          tradesMissing: symbol.tradesFlagged,
          line: symbol.line ?? null,
          reconnectsByCause: Object.fromEntries(Object.entries(status.reconnects).filter(([, count]) => count > 0)),
          lines: status.lines.map(({ line, url, state, reason, ageMs, failuresInRow, isSuccessor }) => ({
            ...{ line, url, state, reason, failuresInRow, isSuccessor },
            upMs: ageMs ?? null,
          })),
          drift: drift.of(status.id, symbol.symbol),
        };
      }),
    );
  }

  book(symbol: SymbolId, depth: number): BookView | undefined {
    const book = this.#o.node.markets.book(symbol, depth);
    if (book === undefined) return undefined;
    const levels = (side: typeof book.bids): BookView["bids"] =>
      side.map((level) => [level.price, level.quantity] as const);
    return {
      version: 1,
      feed: book.feed,
      symbol: book.symbol,
      quality: book.quality,
      ageMs: Math.max(0, monoNow() - book.currentMono),
      updateId: book.updateId,
      bids: levels(book.bids),
      asks: levels(book.asks),
    };
  }

  /** Journaled events per intent, oldest first. */
  eventsOf(intents: readonly IntentId[]): Promise<ReadonlyMap<IntentId, readonly OrderEvent[]>> {
    return this.#o.journal.eventsOf(intents);
  }

  /** The epoch under which an event was written; undefined when it was pruned. */
  async epochAt(sequence: Sequence): Promise<Epoch | undefined> {
    const { journal } = this.#o;
    if (sequence <= journal.pruned) return undefined;
    return (await journal.frames(sequence - 1, 1))[0]?.epoch;
  }

  /** Records that the leader has and this node has not; undefined where no leader is known. */
  lagRecords(): number | undefined {
    return this.#members().find((member) => member.node === this.#o.config.node.id)?.lagRecords ?? undefined;
  }

  metrics(): MetricsSnapshot {
    const { node, config, keeper } = this.#o;
    const doubts = this.#doubts();
    const insync = node.leadership.state.view?.insync?.value.members ?? [];
    const venues = [...node.doors.venues];
    return {
      isLeader: node.isLeading,
      epoch: node.epoch,
      deadlineSlackSeconds: node.isLeading ? Math.max(0, keeper.deadline() - monoNow()) / 1_000 : 0,
      unfit: bars(node.standing.reasons(), "automatic").map((one) => one.code),
      isInSync: insync.some((member) => member.node === config.node.id),
      lagRecords: this.lagRecords() ?? 0,
      lagSeconds: this.#lagSeconds(),
      inDoubt: doubts.count,
      inDoubtOldestSeconds: (doubts.oldestMs ?? 0) / 1_000,
      killLevel: killRank(node.ledger.committed.engine.kill.level),
      sla: node.sla.view().providers.map(({ venue, months: [now] }) => ({
        venue,
        availability: (now?.availabilityPercent ?? Number.NaN) / 100,
        errors: (now?.errorPercent ?? Number.NaN) / 100,
        broken: now?.broken.length ?? 0,
      })),
      rateBudget: venues.map(([venue, door]) => ({ venue, ratio: door.budget() })),
      breaker: venues.map(([venue, door]) => ({ venue, state: breakerRank[door.breaker()] })),
      certificates: this.#o.certificates(),
      clockOffset: venues.flatMap(([venue, door]) => {
        const clock = door.clock();
        return clock === undefined ? [] : [{ venue, seconds: clock.offsetMs / 1_000 }];
      }),
      feeds: node.markets.statuses().flatMap((status) =>
        status.symbols.map((symbol) => ({
          feed: status.id,
          symbol: symbol.symbol,
          quality: qualityRank[symbol.quality],
          ageSeconds: (symbol.ageMs ?? Number.NaN) / 1_000,
          gaps: symbol.gaps,
        })),
      ),
      drift: node.drift.figures,
      depth: node.markets.depths(depthLevels),
      balances: node.desk.balances(),
      drifts: [...node.ledger.committed.baselines.values()].flatMap(({ venue, drifts }) =>
        Object.entries(drifts ?? {}).map(([subject, { told, journal }]) => ({
          ...{ venue, subject, difference: Number(subtract(told, journal)) },
        })),
      ),
      keeping: node.keeping.figures,
      reconnects: node.markets
        .statuses()
        .flatMap((status) =>
          Object.entries(status.reconnects).map(([cause, count]) => ({ feed: status.id, cause, count })),
        ),
    };
  }

  /** Time since this node last held all that the leader had. */
  #lagSeconds(): number {
    const lag = this.lagRecords() ?? 0;
    if (lag === 0) this.#caughtUpMono = monoNow();
    return (monoNow() - this.#caughtUpMono) / 1_000;
  }

  #members(): readonly MemberView[] {
    const { node, config, boot, journal } = this.#o;
    const view = node.leadership.state.view;
    const leader = view?.leader?.value;
    const insync = node.leadership.leading?.known.record.members ?? view?.insync?.value.members ?? [];
    const followers = node.leadership.leading?.followers;
    const head = journal.last.sequence;
    const leaderPosition = leader === undefined ? undefined : view?.members.get(leader.node)?.position.durable;
    const published = [...(view?.members.values() ?? [])];
    // Without etcd, or before it has published itself, a node knows at least of itself.
    const own = published.some((member) => member.node === config.node.id) ? [] : [node.standing.record()];
    return [...published, ...own].map((member) => {
      const isHere = member.node === config.node.id;
      const role: NodeRole = isHere ? this.role() : leader?.boot === member.boot ? "leader" : "standby";
      const acked = isHere ? journal.durable : (followers?.get(member.node)?.acked ?? member.position.durable);
      const target = followers === undefined ? leaderPosition : head;
      const position = isHere
        ? { epoch: node.epoch, durable: journal.durable, committed: journal.commitMark.sequence }
        : { ...member.position, durable: acked };
      const reasons = judged(
        node.leadership.state,
        isHere ? node.standing.record() : { ...member, position },
        wallNow(),
      );
      return {
        node: member.node,
        boot: isHere ? boot : member.boot,
        role,
        site: member.site,
        address: member.address,
        isInSync: insync.some((each) => each.node === member.node && each.journal === member.journal),
        position,
        lagRecords: target === undefined || leader === undefined ? null : Math.max(0, target - acked),
        unfit: bars(reasons, "automatic").map((one) => one.sentence),
        reasons,
        reachesVenue: isHere ? node.doors.reachesAll : member.reachesVenue,
        build: isHere ? build : member.build,
        configDigest: isHere ? configDigestOf(config) : member.configDigest,
        tags: member.tags,
        rejoin: this.#rejoin(member.node),
      };
    });
  }

  /** How a standby's journal comes together with this leader's; only the leader knows. */
  #rejoin(standby: NodeId): NonNullable<MemberView["rejoin"]> | null {
    const phase = this.#o.node.replication.followers.find((follower) => follower.node === standby)?.phase;
    if (phase === undefined || phase === "idle") return null;
    const { needs, means, action } = rejoinStates[phase];
    return { state: phase, needs, means, action };
  }

  #whyNoTrading(): readonly string[] {
    const { node, config, keeper } = this.#o;
    const reasons: string[] = [];
    const role = node.leadership.leading;
    const leader = node.leadership.state.view?.leader;
    const viewAgeMs = node.viewAgeMs ?? Infinity;
    if (role === undefined && viewAgeMs >= etcdFreshMs) {
      reasons.push("etcd does not answer this node, which does not know who leads");
    } else if (!node.isAdmitted) {
      reasons.push("this node has started and is not admitted yet");
    } else if (role !== undefined && keeper.deadline() <= monoNow()) {
      reasons.push("the deadline has passed and etcd has not confirmed the lease");
    }
    const { view } = node.leadership.state;
    if (leader === undefined && view !== undefined) {
      const why = whyNotCandidate(node.leadership.state, view, wallNow());
      reasons.push(why === undefined ? "no node leads" : `no node leads; this one does not take over: ${why}`);
    }
    if (role?.heldStart !== undefined) reasons.push(role.heldStart.sentence);
    if (role?.hold !== undefined) reasons.push("a switchover is under way");
    for (const venue of role === undefined ? [] : config.venues) {
      const why = node.desk.whyNotReady(venue.id);
      if (why !== undefined) reasons.push(`${venue.id}: ${why}`);
    }
    if (role !== undefined) reasons.push(...node.keeping.risksBarred(role.known.record.members.length));
    const { kill } = node.ledger.committed.engine;
    // A narrower kill stops a part of the trading; it is shown, and not a reason for the whole.
    if (kill.level === "cluster") reasons.push(`killed by ${kill.by}: ${kill.reason}`);
    for (const feed of config.feeds) {
      for (const symbol of feed.symbols) {
        const price = node.markets.price(feed.venue, symbol);
        if (price.kind === "stale") reasons.push(`${symbol}: ${price.why}`);
      }
    }
    return reasons;
  }

  #openOrders(): number {
    let open = 0;
    for (const intents of this.#o.node.ledger.committed.indexes.open.values()) open += intents.size;
    return open;
  }

  #doubts(): { readonly count: number; readonly oldestMs: number | null } {
    const { indexes, orders } = this.#o.node.ledger.committed;
    let count = 0;
    let oldest: number | null = null;
    for (const intent of indexes.unsettled) {
      const order = orders.get(intent);
      if (order?.status !== "in-doubt") continue;
      count += 1;
      oldest = Math.max(oldest ?? 0, wallNow() - order.recordedWallMs);
    }
    return { count, oldestMs: oldest };
  }
}

function worst(qualities: readonly ("live" | "degraded" | "stale")[]): "live" | "degraded" | "stale" {
  if (qualities.length === 0 || qualities.includes("stale")) return "stale";
  return qualities.includes("degraded") ? "degraded" : "live";
}
