/** What Prometheus is shown of this node: figures of now, taken at each scrape. Their names are in `metrics.ts`. */
import { bars, killRank, subtract } from "@baton/core";
import { monoNow } from "../clock.ts";
import { depthLevels } from "../metrics.ts";
import type { MetricsSnapshot } from "../metrics.ts";
import { lagRecordsOf } from "./member-views.ts";
import { doubtsOf, heldByLossOf } from "./trading-views.ts";
import type { ViewSources } from "./view-sources.ts";

const qualityRank = { stale: 0, degraded: 1, live: 2 } as const;
/** The parts of a node that have a breaker. */
export type BreakerSources = Pick<ViewSources["node"], "doors" | "markets" | "keeping">;

const breakerRank = { closed: 0, probing: 1, open: 2 } as const;

/** Which dependencies are asked less, or not at all, because they fail. etcd has none: what a leader lives on is never shut (decision 22). */
export function breakersOf({ doors, markets, keeping }: BreakerSources): MetricsSnapshot["breaker"] {
  const feeds = markets.statuses();
  const marketData = [...new Set(feeds.map(({ venue }) => venue))].map((venue) => ({
    ...{ dependency: "market-data", venue },
    state: Math.max(...feeds.map((feed) => (feed.venue === venue ? breakerRank[feed.restBreaker] : 0))),
  }));
  const orders = [...doors.venues].map(([venue, door]) => ({
    ...{ dependency: "orders", venue },
    state: breakerRank[door.breaker()],
  }));
  // The archive's thread waits longer after each failure, and its next attempt is the probe.
  const archive = breakerRank[keeping.figures.isArchiveFailing ? "open" : "closed"];
  return [...orders, ...marketData, { dependency: "archive", venue: "", state: archive }];
}

/** Takes the snapshots of one node. It remembers when the node last held everything, which is what a lag counts from. */
export class Snapshots {
  readonly #sources: ViewSources;
  readonly #certificates: () => MetricsSnapshot["certificates"];
  #caughtUpMono = monoNow();

  constructor(sources: ViewSources, certificates: () => MetricsSnapshot["certificates"]) {
    this.#sources = sources;
    this.#certificates = certificates;
  }

  take(): MetricsSnapshot {
    const { node, config, keeper } = this.#sources;
    const doubts = doubtsOf(node);
    const insync = node.leadership.state.view?.insync?.value.members ?? [];
    const venues = [...node.doors.venues];
    return {
      isLeader: node.isLeading,
      epoch: node.epoch,
      deadlineSlackSeconds: node.isLeading ? Math.max(0, keeper.deadline() - monoNow()) / 1_000 : 0,
      unfit: bars(node.standing.reasons(), "automatic").map((one) => one.code),
      isInSync: insync.some((member) => member.node === config.node.id),
      lagRecords: lagRecordsOf(this.#sources) ?? 0,
      lagSeconds: this.#lagSeconds(),
      backlogs: node.desk
        .backlogs()
        .map(({ venue, orders, oldestMs }) => ({ venue, orders, oldestSeconds: oldestMs / 1_000 })),
      inDoubt: doubts.count,
      inDoubtOldestSeconds: (doubts.oldestMs ?? 0) / 1_000,
      killLevel: killRank(node.ledger.committed.engine.kill.level),
      heldByLoss: heldByLossOf(node).length,
      sla: node.sla.view().providers.map(({ venue, months: [now] }) => ({
        venue,
        availability: (now?.availabilityPercent ?? Number.NaN) / 100,
        errors: (now?.errorPercent ?? Number.NaN) / 100,
        broken: now?.broken.length ?? 0,
      })),
      rateBudget: venues.map(([venue, door]) => ({ venue, ratio: door.budget() })),
      breaker: breakersOf(node),
      certificates: this.#certificates(),
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
    const lag = lagRecordsOf(this.#sources) ?? 0;
    if (lag === 0) this.#caughtUpMono = monoNow();
    return (monoNow() - this.#caughtUpMono) / 1_000;
  }
}
