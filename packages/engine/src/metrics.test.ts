import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openMetrics } from "./metrics.ts";
import type { MetricsSnapshot } from "./metrics.ts";

const snapshot: MetricsSnapshot = {
  isLeader: true,
  epoch: 3,
  deadlineSlackSeconds: 1.4,
  unfit: ["tagged no-failover", "the wall clock may be 312 ms off, allowed are 250"],
  isInSync: true,
  lagRecords: 0,
  lagSeconds: 0,
  backlogs: [{ venue: "sim", orders: 12, oldestSeconds: 0.25 }],
  inDoubt: 1,
  inDoubtOldestSeconds: 2.5,
  killLevel: 0,
  heldByLoss: 0,
  sla: [{ venue: "sim", availability: 0.999, errors: 0.001, broken: 0 }],
  rateBudget: [{ venue: "sim", ratio: 0.9 }],
  breaker: [{ dependency: "orders", venue: "sim", state: 0 }],
  clockOffset: [{ venue: "sim", seconds: -0.003 }],
  certificates: [{ certificate: "node", seconds: 86_400 }],
  feeds: [{ feed: "f", symbol: "BTC/USDT", quality: 2, ageSeconds: Number.NaN, gaps: 4 }],
  reconnects: [{ feed: "f", cause: "closed", count: 2 }],
  drift: [{ feed: "spot", symbol: "BTC/USDT", isEqual: false }],
  depth: [{ feed: "f", symbol: "BTC/USDT", side: "bid", quote: 12_345.5 }],
  balances: [{ venue: "sim", currency: "USDT", total: 1_000 }],
  drifts: [{ venue: "sim", subject: "balance USDT", difference: 5 }],
  keeping: { stateDivergence: 0, diskUsedShare: 0.5, archiveLagRecords: 0, isArchiveFailing: false, prunedRecords: 0 },
};

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const labels = `\\{${name}="(?:[^"\\\\\\n]|\\\\.)*"(?:,${name}="(?:[^"\\\\\\n]|\\\\.)*")*\\}`;
const line = new RegExp(
  `^(?:# HELP ${name} .+|# TYPE ${name} (?:counter|gauge|histogram)|${name}(?:${labels})? (?:[-+]?\\d[\\d.e+-]*|Nan|NaN|[+-]Inf))$`,
);

describe("the metrics", () => {
  test("show what is true at the scrape, not at the one before", async () => {
    let now = snapshot;
    const metrics = openMetrics(() => now);
    expect(await metrics.registry.metrics()).toContain("\nbaton_epoch 3\n");
    now = { ...snapshot, epoch: 4, inDoubt: 0 };
    const text = await metrics.registry.metrics();
    expect(text).toContain("\nbaton_epoch 4\n");
    expect(text).toContain("\nbaton_orders_in_doubt 0\n");
  });

  test("are Prometheus text, and the same counters after a second scrape", async () => {
    const metrics = openMetrics(() => snapshot);
    metrics.intents.inc({ outcome: "accepted" });
    metrics.orderAck.observe(0.004);
    await metrics.registry.metrics();
    const text = await metrics.registry.metrics();
    for (const each of text.trimEnd().split("\n").filter(Boolean)) expect(each).toMatch(line);
    expect(text).toContain('baton_feed_reconnects_total{feed="f",cause="closed"} 2\n');
    expect(text).toContain('baton_sequence_gaps_total{feed="f",symbol="BTC/USDT"} 4\n');
    expect(text).toContain('baton_promotable{reason="tagged no-failover"} 0\n');
    expect(text).toContain('baton_promotable{reason="the wall clock may be N ms off, allowed are N"} 0\n');
    expect(text).toContain('baton_book_depth_quote{feed="f",symbol="BTC/USDT",side="bid"} 12345.5\n');
    expect(text).toContain('baton_certificate_expiry_seconds{certificate="node"} 86400\n');
    expect(text).toContain('baton_book_drift{feed="spot",symbol="BTC/USDT"} 1\n');
  });

  test("follow the conventions: counters and nothing else end in _total, times are in seconds, all have help", async () => {
    const metrics = openMetrics(() => snapshot);
    for (const metric of await metrics.registry.getMetricsAsJSON()) {
      expect(metric.name).toMatch(/^baton_[a-z][a-z0-9_]*$/);
      expect(metric.help.length).toBeGreaterThan(10);
      expect(metric.name.endsWith("_total"), metric.name).toBe(String(metric.type) === "counter");
      expect(metric.name).not.toMatch(/_(ms|millis|milliseconds)$/);
    }
  });

  test("of the outside contract are there by name, type and labels", async () => {
    const feed = ["feed", "symbol"];
    const promised: Readonly<Record<string, readonly [string, readonly string[]]>> = {
      ...{ leader: ["gauge", []], epoch: ["gauge", []], deadline_slack_seconds: ["gauge", []] },
      ...{ promotable: ["gauge", ["reason"]], in_sync: ["gauge", []], replication_lag_records: ["gauge", []] },
      ...{ replication_lag_seconds: ["gauge", []], state_divergence: ["gauge", []] },
      ...{ journal_fsync_seconds: ["histogram", []], journal_commit_seconds: ["histogram", []] },
      ...{ intents_total: ["counter", ["outcome"]], orders_in_doubt: ["gauge", []] },
      ...{ in_doubt_oldest_seconds: ["gauge", []], order_ack_seconds: ["histogram", []] },
      ...{ fence_refusals_total: ["counter", []], feed_state: ["gauge", feed], data_age_seconds: ["gauge", feed] },
      ...{ feed_reconnects_total: ["counter", ["feed", "cause"]], sequence_gaps_total: ["counter", feed] },
      ...{ book_depth_quote: ["gauge", [...feed, "side"]], balance: ["gauge", ["venue", "currency"]] },
      ...{ balance_drift: ["gauge", ["venue", "subject"]] },
      ...{ api_request_seconds: ["histogram", ["venue", "call", "outcome"]] },
      ...{ rate_budget_ratio: ["gauge", ["venue"]], breaker_state: ["gauge", ["dependency", "venue"]] },
      ...{ clock_offset_seconds: ["gauge", ["venue"]], takeover_seconds: ["histogram", ["phase"]] },
      ...{
        takeovers_total: ["counter", ["reason"]],
        kill_level: ["gauge", []],
        event_loop_lag_seconds: ["histogram", []],
      },
    };
    const { registry } = openMetrics(() => snapshot);
    const { labelled, typed } = { labelled: new Map<string, readonly string[]>(), typed: new Map<string, string>() };
    for (const metric of registry.getMetricsAsArray() as unknown as readonly (object & {
      name: string;
      labelNames: string[];
    })[])
      labelled.set(metric.name, metric.labelNames);
    for (const metric of await registry.getMetricsAsJSON()) typed.set(metric.name, String(metric.type));
    for (const [metric, [type, names]] of Object.entries(promised)) {
      expect([metric, typed.get(`baton_${metric}`)]).toEqual([metric, type]);
      expect([metric, labelled.get(`baton_${metric}`)]).toEqual([metric, names]);
    }
  });

  test("that count words known beforehand begin at zero, so that the first of each is a rise", async () => {
    const text = await openMetrics(() => snapshot).registry.metrics();
    expect(text).toContain('baton_intents_total{outcome="in-doubt"} 0\n');
    expect(text).toContain('baton_takeovers_total{reason="pre-emption"} 0\n');
  });

  test("are each fed by something: none is only declared", () => {
    const source = readFileSync(new URL("metrics.ts", import.meta.url), "utf8");
    const fields = [...source.matchAll(/^ {4}(\w+): new (?:Counter|Histogram)/gm)].map((match) => match[1] ?? "");
    expect(fields.length).toBeGreaterThan(5);
    const folder = new URL(".", import.meta.url);
    const rest = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => readFileSync(new URL(file, folder), "utf8"))
      .join("\n");
    for (const field of fields) expect(rest).toMatch(new RegExp(`\\b(?:metrics\\.)?${field}\\.(?:inc|observe)\\(`));
  });
});
