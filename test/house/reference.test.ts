/** The committed pages that are made of the code say what the code says. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

test("no page of packages/engine/reference has drifted from the code", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts/reference.ts"), "--check"], {
    encoding: "utf8",
  });
  expect(stdout + stderr).toBe("");
  expect(status).toBe(0);
});

test("every metric that an alert or a person looks for is there by its promised name, with its labels", () => {
  const page = readFileSync(join(root, "packages/engine/reference/metrics.md"), "utf8");
  const promised = [
    ...["leader", "epoch", "deadline_slack_seconds", "promotable{reason}", "in_sync", "replication_lag_records"],
    ...["replication_lag_seconds", "state_divergence", "journal_fsync_seconds", "journal_commit_seconds"],
    ...["intents_total{outcome}", "orders_in_doubt", "in_doubt_oldest_seconds", "order_ack_seconds"],
    ...["fence_refusals_total", "feed_state", "feed_reconnects_total{cause}", "data_age_seconds"],
    ...["sequence_gaps_total", "book_depth_quote", "balance", "balance_drift"],
    ...["api_request_seconds{venue,call,outcome}", "rate_budget_ratio", "breaker_state", "takeover_seconds{phase}"],
    ...["takeovers_total{reason}", "clock_offset_seconds", "kill_level", "event_loop_lag_seconds"],
  ];
  for (const one of promised) {
    const [, name = "", labels] = /^(\w+)(?:\{(.*)\})?$/.exec(one) ?? [];
    const row = page.split("\n").find((line) => line.startsWith(`| \`baton_${name}\` `));
    expect(row, one).toBeDefined();
    const had = row?.split("|")[3]?.trim().split(", ") ?? [];
    expect(had, one).toEqual(expect.arrayContaining(labels?.split(",") ?? []));
  }
});
