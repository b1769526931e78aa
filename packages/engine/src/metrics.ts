/**
 * What Prometheus sees: base units, histograms, no order ids as labels. Gauges that mirror state are filled in when they
 * are read (`collect`), counters and histograms where the fact happens. The names are the outside contract.
 */
import type { TakeoverReason } from "@baton/core";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

const ackBuckets = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16];
const fsyncBuckets = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const takeoverBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30, 60];
const lagBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1];

const outcomes = ["recorded", "refused", "accepted", "rejected", "in-doubt", "not-sent"] as const;
const takeoverReasons: readonly TakeoverReason[] = [
  ...(["first", "expired", "crash-release", "pre-emption", "switchover", "yield", "unclean"] as const),
];

/** How many levels of each side `baton_book_depth_quote` adds up. */
export const depthLevels = 20;

/** What the engine knows when it is scraped. */
export interface MetricsSnapshot {
  readonly isLeader: boolean;
  readonly epoch: number;
  readonly deadlineSlackSeconds: number;
  readonly unfit: readonly string[];
  readonly isInSync: boolean;
  readonly lagRecords: number;
  readonly lagSeconds: number;
  /** What waits to be sent; only a leader has any. */
  readonly backlogs: readonly { readonly venue: string; readonly orders: number; readonly oldestSeconds: number }[];
  readonly inDoubt: number;
  readonly inDoubtOldestSeconds: number;
  readonly killLevel: number;
  /** Parent orders and strategies that wait for a person since a loss. */
  readonly heldByLoss: number;
  readonly rateBudget: readonly { readonly venue: string; readonly ratio: number }[];
  /** This month's service of each provider; NaN where nothing says yet. */
  readonly sla: readonly {
    readonly venue: string;
    readonly availability: number;
    readonly errors: number;
    readonly broken: number;
  }[];
  /** `dependency`: a venue's orders or its market data (over REST), or the archive (venue ""). */
  readonly breaker: readonly { readonly dependency: string; readonly venue: string; readonly state: number }[];
  readonly clockOffset: readonly { readonly venue: string; readonly seconds: number }[];
  readonly feeds: readonly {
    readonly feed: string;
    readonly symbol: string;
    /** 0 stale, 1 degraded, 2 live. */
    readonly quality: number;
    readonly ageSeconds: number;
    readonly gaps: number;
  }[];
  readonly reconnects: readonly { readonly feed: string; readonly cause: string; readonly count: number }[];
  /** Books that were compared with the leader's. */
  readonly drift: readonly { readonly feed: string; readonly symbol: string; readonly isEqual: boolean }[];
  readonly depth: readonly {
    readonly feed: string;
    readonly symbol: string;
    readonly side: "bid" | "ask";
    readonly quote: number;
  }[];
  readonly keeping: {
    readonly stateDivergence: number;
    readonly diskUsedShare: number;
    readonly archiveLagRecords: number;
    readonly isArchiveFailing: boolean;
    readonly prunedRecords: number;
  };
  /** Certificates in use and how long they last. */
  readonly certificates: readonly { readonly certificate: string; readonly seconds: number }[];
  /** What the account streams told; only a leader listens to them. */
  readonly balances: readonly { readonly venue: string; readonly currency: string; readonly total: number }[];
  /** What accounts hold beside what the journal explains. */
  readonly drifts: readonly { readonly venue: string; readonly subject: string; readonly difference: number }[];
}

export interface Metrics {
  readonly registry: Registry;
  readonly intents: Counter<"outcome">;
  readonly refusals: Counter<"code">;
  readonly fenceRefusals: Counter;
  readonly bustedFills: Counter<"venue">;
  readonly orderAck: Histogram;
  readonly journalFsync: Histogram;
  readonly journalCommit: Histogram;
  readonly apiRequest: Histogram<"venue" | "call" | "outcome">;
  readonly takeover: Histogram<"phase">;
  readonly takeovers: Counter<"reason">;
  readonly eventLoopLag: Histogram;
}

/** Opens the metrics of one process; `look` is called at each scrape. */
export function openMetrics(look: () => MetricsSnapshot): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Registered first, because metrics are collected in this order: it fills in the others before they are read.
  registry.registerMetric(
    new Gauge({
      name: "baton_leader",
      help: "1 while this node leads an open epoch.",
      registers: [],
      collect() {
        const now = look();
        this.set(now.isLeader ? 1 : 0);
        gauges.fill(now);
      },
    }),
  );
  const gauges = openGauges(registers);
  const metrics: Metrics = {
    registry,
    intents: new Counter({
      name: "baton_intents_total",
      help: "Words on intents: recorded, refused (nothing is on record), accepted, rejected, in-doubt, not-sent. An intent in doubt gets a second word when that ends.",
      labelNames: ["outcome"],
      registers,
    }),
    refusals: new Counter({
      name: "baton_refusals_total",
      help: "Orders of clients and strategies refused before anything was recorded, by code (reference/codes.md).",
      labelNames: ["code"],
      registers,
    }),
    fenceRefusals: new Counter({
      name: "baton_fence_refusals_total",
      help: "Orders that were not sent because no permit was in force.",
      registers,
    }),
    bustedFills: new Counter({
      name: "baton_fills_busted_total",
      help: "Trades that the venue took back, by venue.",
      labelNames: ["venue"],
      registers,
    }),
    orderAck: new Histogram({
      name: "baton_order_ack_seconds",
      help: "From the commit of an attempt to the venue's answer, or to giving up on it.",
      buckets: ackBuckets,
      registers,
    }),
    journalFsync: new Histogram({
      name: "baton_journal_fsync_seconds",
      help: "From sealing a frame to its durability on this node.",
      buckets: fsyncBuckets,
      registers,
    }),
    journalCommit: new Histogram({
      name: "baton_journal_commit_seconds",
      help: "From submitting an event to its commit on the wait set.",
      buckets: fsyncBuckets,
      registers,
    }),
    apiRequest: new Histogram({
      name: "baton_api_request_seconds",
      help: "Requests to venues.",
      labelNames: ["venue", "call", "outcome"],
      buckets: ackBuckets,
      registers,
    }),
    takeover: new Histogram({
      name: "baton_takeover_seconds",
      help: "Takeovers by phase.",
      labelNames: ["phase"],
      buckets: takeoverBuckets,
      registers,
    }),
    takeovers: new Counter({
      name: "baton_takeovers_total",
      help: "Epochs begun by this node, by reason.",
      labelNames: ["reason"],
      registers,
    }),
    eventLoopLag: new Histogram({
      name: "baton_event_loop_lag_seconds",
      help: "How late the main loop's timer ran.",
      buckets: lagBuckets,
      registers,
    }),
  };
  // A series that begins with its first event has no rise that a rule could see.
  for (const outcome of outcomes) metrics.intents.inc({ outcome }, 0);
  metrics.refusals.inc({ code: "overloaded" }, 0);
  for (const reason of takeoverReasons) metrics.takeovers.inc({ reason }, 0);
  return metrics;
}

function openGauges(registers: Registry[]): { fill(now: MetricsSnapshot): void } {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> =>
    new Gauge<L>({ name: `baton_${name}`, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter<L>({ name: `baton_${name}`, help, labelNames, registers });
  const epoch = gauge("epoch", "Highest epoch this node has seen.");
  const slack = gauge("deadline_slack_seconds", "Time left until the leader must stop; 0 on a standby.");
  const promotable = gauge("promotable", "1 when nothing forbids promotion, else 0 per reason.", ["reason"]);
  const inSync = gauge("in_sync", "1 while this node is in the in-sync set.");
  const lagRecords = gauge("replication_lag_records", "Records the leader holds that this node does not.");
  const lagSeconds = gauge("replication_lag_seconds", "Time since this node last held all that the leader had.");
  const backlog = gauge("backlog_orders", "Recorded and not yet sent; on the leader only.", ["venue"]);
  const backlogOldest = gauge("backlog_oldest_seconds", "How long the oldest of them has waited to be sent.", [
    "venue",
  ]);
  const inDoubt = gauge("orders_in_doubt", "Intents whose fate is not known.");
  const inDoubtOldest = gauge("in_doubt_oldest_seconds", "Age of the oldest of them.");
  const kill = gauge("kill_level", "0 off, 1 strategy, 2 instrument, 3 venue, 4 account, 5 cluster.");
  const held = gauge("held_by_loss", "Parent orders and strategies that wait for a person since a history was lost.");
  const available = gauge("sla_availability_ratio", "Share of this month's minutes in which a venue answered.", [
    "venue",
  ]);
  const slaErrors = gauge("sla_error_ratio", "Share of this month's requests that failed by the venue's fault.", [
    "venue",
  ]);
  const slaBroken = gauge("sla_promises_broken", "Promises of the venue that this month breaks so far.", ["venue"]);
  const budget = gauge("rate_budget_ratio", "Share of the tightest venue limit that is left.", ["venue"]);
  const breaker = gauge("breaker_state", "Of orders, market-data (REST) and archive: 0 closed, 1 probing, 2 open.", [
    "dependency",
    "venue",
  ]);
  const offset = gauge("clock_offset_seconds", "Venue time minus this machine's wall clock.", ["venue"]);
  const certificate = gauge(
    "certificate_expiry_seconds",
    "Time until a certificate in use expires, negative after: node (api.tls.certFile), authority (api.tls.caFile), etcd (etcd.tls.certFile).",
    ["certificate"],
  );
  const feedState = gauge("feed_state", "0 stale, 1 degraded, 2 live.", ["feed", "symbol"]);
  const age = gauge("data_age_seconds", "Age of the newest market data.", ["feed", "symbol"]);
  const drift = gauge(
    "book_drift",
    "1 while this node's book differs from the leader's at the same update; no series where none was compared.",
    ["feed", "symbol"],
  );
  const depth = gauge("book_depth_quote", `Value of the best ${depthLevels} levels in the quote currency.`, [
    "feed",
    "symbol",
    "side",
  ]);
  const balance = gauge("balance", "Free and locked, as the account stream tells; on the leader only.", [
    "venue",
    "currency",
  ]);
  const balanceDrift = gauge("balance_drift", "What the account holds beside what the journal explains, on record.", [
    "venue",
    "subject",
  ]);
  const divergence = gauge(
    "state_divergence",
    "1 while this node's state is known to differ from its leader's, or on the leader a standby's from its own.",
  );
  const diskUsed = gauge("journal_disk_used_ratio", "Share of the disk that the journal cannot use.");
  const pruned = gauge("journal_pruned_records", "Records that were forgotten, from the first on.");
  const archiveLag = gauge(
    "archive_lag_records",
    "Records committed and not verified in the archive; on the leader only.",
  );
  const archiveFailing = gauge("archive_failing", "1 while the archive does not get on.");
  // These rise in the feeds; here they are only copied.
  const gaps = counter("sequence_gaps_total", "Gaps noticed in market data.", ["feed", "symbol"]);
  const reconnects = counter("feed_reconnects_total", "Ended connections and failed attempts by cause.", [
    "feed",
    "cause",
  ]);
  return {
    fill(now) {
      epoch.set(now.epoch);
      slack.set(now.deadlineSlackSeconds);
      promotable.reset();
      if (now.unfit.length === 0) promotable.set({ reason: "none" }, 1);
      // Figures would make a series of their own each.
      for (const reason of now.unfit) promotable.set({ reason: reason.replaceAll(/\b[0-9a-f]{16}\b|\d+/g, "N") }, 0);
      inSync.set(now.isInSync ? 1 : 0);
      lagRecords.set(now.lagRecords);
      lagSeconds.set(now.lagSeconds);
      backlog.reset();
      backlogOldest.reset();
      for (const { venue, orders, oldestSeconds } of now.backlogs) {
        backlog.set({ venue }, orders);
        backlogOldest.set({ venue }, oldestSeconds);
      }
      inDoubt.set(now.inDoubt);
      inDoubtOldest.set(now.inDoubtOldestSeconds);
      kill.set(now.killLevel);
      held.set(now.heldByLoss);
      for (const { venue, availability, errors, broken } of now.sla) {
        available.set({ venue }, availability);
        slaErrors.set({ venue }, errors);
        slaBroken.set({ venue }, broken);
      }
      for (const each of now.rateBudget) budget.set({ venue: each.venue }, each.ratio);
      for (const { dependency, venue, state } of now.breaker) breaker.set({ dependency, venue }, state);
      for (const each of now.clockOffset) offset.set({ venue: each.venue }, each.seconds);
      for (const each of now.certificates) certificate.set({ certificate: each.certificate }, each.seconds);
      drift.reset();
      for (const { feed, symbol, isEqual } of now.drift) drift.set({ feed, symbol }, isEqual ? 0 : 1);
      depth.reset();
      for (const { feed, symbol, side, quote } of now.depth) depth.set({ feed, symbol, side }, quote);
      balance.reset();
      for (const { venue, currency, total } of now.balances) balance.set({ venue, currency }, total);
      balanceDrift.reset();
      for (const { venue, subject, difference } of now.drifts) balanceDrift.set({ venue, subject }, difference);
      divergence.set(now.keeping.stateDivergence);
      diskUsed.set(now.keeping.diskUsedShare);
      pruned.set(now.keeping.prunedRecords);
      archiveLag.set(now.keeping.archiveLagRecords);
      archiveFailing.set(now.keeping.isArchiveFailing ? 1 : 0);
      gaps.reset();
      reconnects.reset();
      for (const each of now.feeds) {
        feedState.set({ feed: each.feed, symbol: each.symbol }, each.quality);
        age.set({ feed: each.feed, symbol: each.symbol }, each.ageSeconds);
        gaps.inc({ feed: each.feed, symbol: each.symbol }, each.gaps);
      }
      for (const each of now.reconnects) reconnects.inc({ feed: each.feed, cause: each.cause }, each.count);
    },
  };
}
