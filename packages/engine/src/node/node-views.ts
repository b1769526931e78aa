/**
 * This node's knowledge as the admin contract shows it, put together. What it does not know is null, never a guess. Each
 * part has its file: the nodes (`member-views.ts`), etcd (`etcd-views.ts`), the market (`market-views.ts`), whether anyone
 * may trade (`trading-views.ts`), the figures of a scrape (`metrics-snapshot.ts`).
 */
import type {
  BookView,
  ClusterView,
  Epoch,
  FeedView,
  HistoryPage,
  IntentId,
  KillState,
  NodeId,
  OperationView,
  OrderEvent,
  Promotability,
  Sequence,
  SymbolId,
} from "@baton/core";
import { id, isSettled, killInForce, limitsOfVenue, switchedOff, venueProfiles } from "@baton/core";
import type { OperationId } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { MetricsSnapshot } from "../metrics.ts";
import { etcdView, leaderlessView } from "./etcd-views.ts";
import { bookView, feedQualities, feedViews } from "./market-views.ts";
import { lagRecordsOf, memberViews, promotabilityView, roleOf } from "./member-views.ts";
import { Snapshots } from "./metrics-snapshot.ts";
import { viewOf } from "./operations.ts";
import { backlogWarnings, lossWarnings, ordersView, tradingView } from "./trading-views.ts";
import type { ViewSources } from "./view-sources.ts";

export class NodeViews {
  readonly #o: ViewSources;
  readonly #snapshots: Snapshots;

  /** `certificates`: those in use and how long they last. */
  constructor(o: ViewSources, certificates: () => MetricsSnapshot["certificates"]) {
    this.#o = o;
    this.#snapshots = new Snapshots(o, certificates);
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
    return roleOf(node) === "standby" && following !== undefined
      ? `Follows ${following.node} in epoch ${following.epoch}.`
      : node.sentence;
  }

  cluster(): ClusterView {
    const { node, config, boot, keeper } = this.#o;
    const view = node.leadership.state.view;
    const leader = view?.leader?.value;
    const insync = node.leadership.leading?.known.record ?? view?.insync?.value;
    const members = memberViews(this.#o);
    const kill = killShown(view?.kill.value, node.ledger.committed.engine.kill);
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
        role: roleOf(node),
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
      members,
      control: {
        autofailover: view?.autofailover.value ?? "on",
        pause: pause === undefined ? null : pause,
        acknowledged: view?.acknowledged?.value ?? null,
      },
      leaderless: leaderlessView(node, members),
      kill: kill.level === "off" ? null : kill,
      trading: tradingView(this.#o),
      orders: ordersView(node),
      venues: config.venues.map((venue) => {
        const profile = venueProfiles[venue.exchange];
        return { id: venue.id, title: profile.title, cannot: limitsOfVenue(profile) };
      }),
      feeds: feedQualities(node),
      etcd: etcdView(node, config),
      operation: running === undefined ? null : viewOf(running.value),
      warnings: [
        ...lossWarnings(node),
        ...node.keeping.warnings(node.leadership.leading?.known.record.members.length),
        ...node.drift.warnings,
        ...node.desk.accountWarnings(),
        ...backlogWarnings(node),
        ...switchedOff(node.ledger.committed).map(
          ({ control, subject, reason }) =>
            `${subject} is switched off (${control}): ${reason}; baton risk enable ${control} ${subject}`,
        ),
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
    return promotabilityView(this.#o);
  }

  feeds(): readonly FeedView[] {
    return feedViews(this.#o.node);
  }

  book(symbol: SymbolId, depth: number): BookView | undefined {
    return bookView(this.#o.node, symbol, depth);
  }

  metrics(): MetricsSnapshot {
    return this.#snapshots.take();
  }

  /** Records that the leader has and this node has not; undefined where no leader is known. */
  lagRecords(): number | undefined {
    return lagRecordsOf(this.#o);
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
}

/** Etcd's word, and what the journal has that etcd has not been told; before etcd was read, all that the journal has. */
function killShown(etcd: KillState | undefined, journal: KillState): KillState {
  return etcd === undefined ? journal : killInForce(etcd, journal).kill;
}
