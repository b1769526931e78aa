/** What three nodes show when all is well, and what they show for each alert: the least that makes it fire, and no more. */
import type { AlertName } from "@baton/core";

/** A series in Prometheus's own notation, and its values: `V` at every second, `A+B` rising, or `A..B@T` that changes at T. */
export type Shown = Readonly<Record<string, string>>;

const nodes = ["a", "b", "c"];
const perNode = (name: string, value: (node: string) => string, labels = ""): Shown =>
  Object.fromEntries(nodes.map((node) => [`${name}{instance="${node}"${labels}}`, value(node)]));

/** Node a leads, all are in sync, nothing is wrong. */
export const well: Shown = {
  ...perNode("baton_leader", (node) => (node === "a" ? "1" : "0")),
  ...perNode("baton_epoch", () => "7"),
  ...perNode("baton_takeovers_total", () => "0", ',reason="first"'),
  ...perNode("baton_takeovers_total", () => "0", ',reason="expired"'),
  ...perNode("baton_takeovers_total", () => "0", ',reason="switchover"'),
  ...perNode("baton_in_doubt_oldest_seconds", () => "15"),
  ...perNode("baton_kill_level", () => "0"),
  ...perNode("baton_held_by_loss", () => "0"),
  ...perNode("baton_feed_state", () => "2", ',feed="f",symbol="BTC/USDT"'),
  ...perNode("baton_fills_busted_total", () => "0", ',venue="v"'),
  ...perNode("baton_refusals_total", () => "0", ',code="overloaded"'),
  ...perNode("baton_book_drift", () => "0", ',feed="f",symbol="BTC/USDT"'),
  ...perNode("baton_in_sync", () => "1"),
  ...perNode("baton_replication_lag_seconds", () => "0.5"),
  ...perNode("baton_state_divergence", () => "0"),
  ...perNode("baton_journal_disk_used_ratio", () => "0.85"),
  ...perNode("baton_archive_failing", () => "0"),
  ...perNode("baton_journal_fsync_seconds_bucket", () => "0+100", ',le="0.05"'),
  ...perNode("baton_journal_fsync_seconds_bucket", () => "0+100", ',le="+Inf"'),
};

export interface AlertCase {
  readonly name: string;
  /** What differs from `well`; an empty text is a series that is not there. */
  readonly shown: Shown;
  readonly atSecond: number;
  readonly fires: readonly AlertName[];
}

const feed = ',feed="f",symbol="BTC/USDT"';
const at = (name: string, node: string, labels = ""): string => `${name}{instance="${node}"${labels}}`;

export const cases: readonly AlertCase[] = [
  { name: "all is well", shown: {}, atSecond: 700, fires: [] },
  {
    name: "every series is gone",
    shown: Object.fromEntries(Object.keys(well).map((series) => [series, ""])),
    atSecond: 40,
    fires: ["BatonNoLeader", "BatonMetricsAbsent"],
  },
  {
    name: "the leader's series are gone",
    shown: { [at("baton_leader", "a")]: "" },
    atSecond: 6,
    fires: ["BatonNoLeader"],
  },
  { name: "nobody leads", shown: { [at("baton_leader", "a")]: "0" }, atSecond: 6, fires: ["BatonNoLeader"] },
  { name: "nobody has led for a moment", shown: { [at("baton_leader", "a")]: "1..0@100" }, atSecond: 103, fires: [] },
  { name: "two lead", shown: { [at("baton_leader", "b")]: "1" }, atSecond: 16, fires: ["BatonTwoLeaders"] },
  { name: "two have led within a lease", shown: { [at("baton_leader", "b")]: "0..1@100" }, atSecond: 110, fires: [] },
  {
    name: "a lease ran out and another took over",
    shown: { [at("baton_takeovers_total", "b", ',reason="expired"')]: "0..1@100" },
    atSecond: 110,
    fires: ["BatonLeaderChanged"],
  },
  {
    name: "a switchover",
    shown: { [at("baton_takeovers_total", "b", ',reason="switchover"')]: "0..1@100" },
    atSecond: 110,
    fires: [],
  },
  {
    name: "a new cluster's first leader",
    shown: { [at("baton_takeovers_total", "b", ',reason="first"')]: "0..1@100" },
    atSecond: 110,
    fires: [],
  },
  {
    name: "three takeovers in ten minutes",
    shown: { [at("baton_takeovers_total", "b", ',reason="expired"')]: "0..3@100" },
    atSecond: 660,
    fires: ["BatonTakeoverLoop"],
  },
  {
    name: "a parent order waits since a loss",
    shown: { [at("baton_held_by_loss", "a")]: "1" },
    atSecond: 1,
    fires: ["BatonHistoryLost"],
  },
  {
    name: "a doubt of two minutes and a second",
    shown: { [at("baton_in_doubt_oldest_seconds", "a")]: "121" },
    atSecond: 1,
    fires: ["BatonDoubtTooOld"],
  },
  {
    name: "an account is killed",
    shown: { [at("baton_kill_level", "a")]: "4" },
    atSecond: 1,
    fires: ["BatonAccountStopped"],
  },
  { name: "a venue is killed", shown: { [at("baton_kill_level", "a")]: "3" }, atSecond: 1, fires: [] },
  {
    name: "an account holds less than the journal explains",
    shown: { [at("baton_balance_drift", "a", ',venue="v",subject="USDT"')]: "-3" },
    atSecond: 61,
    fires: ["BatonAccountDrift"],
  },
  {
    name: "a venue took a trade back",
    shown: { [at("baton_fills_busted_total", "a", ',venue="v"')]: "0..1@100" },
    atSecond: 110,
    fires: ["BatonTradeBusted"],
  },
  {
    name: "a trade was taken back long ago",
    shown: { [at("baton_fills_busted_total", "a", ',venue="v"')]: "1" },
    atSecond: 700,
    fires: [],
  },
  {
    name: "a stale feed on one node",
    shown: { [at("baton_feed_state", "c", feed)]: "0" },
    atSecond: 31,
    fires: ["BatonFeedStale"],
  },
  {
    name: "a feed that does not come back",
    shown: { [at("baton_feed_state", "c", feed)]: "0" },
    atSecond: 301,
    fires: ["BatonFeedStale", "BatonFeedGivenUp"],
  },
  {
    name: "a feed that reconnects",
    shown: { [at("baton_feed_state", "c", feed)]: "2..0@90" },
    atSecond: 110,
    fires: [],
  },
  {
    name: "a book that differs",
    shown: { [at("baton_book_drift", "b", feed)]: "1" },
    atSecond: 61,
    fires: ["BatonBookDrift"],
  },
  {
    name: "a look at a book that is mended",
    shown: { [at("baton_book_drift", "b", feed)]: "0..1@90" },
    atSecond: 95,
    fires: [],
  },
  {
    name: "one copy",
    shown: { [at("baton_in_sync", "b")]: "0", [at("baton_in_sync", "c")]: "" },
    atSecond: 61,
    fires: ["BatonOneCopy"],
  },
  { name: "two copies", shown: { [at("baton_in_sync", "c")]: "" }, atSecond: 61, fires: [] },
  {
    name: "a standby lags",
    shown: { [at("baton_replication_lag_seconds", "c")]: "6" },
    atSecond: 31,
    fires: ["BatonReplicationLag"],
  },
  {
    name: "states differ",
    shown: { [at("baton_state_divergence", "c")]: "1" },
    atSecond: 1,
    fires: ["BatonStateDiverged"],
  },
  {
    name: "a disk fills",
    shown: { [at("baton_journal_disk_used_ratio", "c")]: "0.86" },
    atSecond: 61,
    fires: ["BatonDiskFilling"],
  },
  {
    name: "a disk is full",
    shown: { [at("baton_journal_disk_used_ratio", "c")]: "0.93" },
    atSecond: 61,
    fires: ["BatonDiskFilling", "BatonDiskFull"],
  },
  {
    name: "two in a hundred frames take longer than 50 ms",
    shown: {
      [at("baton_journal_fsync_seconds_bucket", "c", ',le="0.05"')]: "0+98",
      [at("baton_journal_fsync_seconds_bucket", "c", ',le="0.1"')]: "0+100",
    },
    atSecond: 400,
    fires: ["BatonFsyncSlow"],
  },
  {
    name: "clients are refused for minutes, since orders do not leave",
    shown: { [at("baton_refusals_total", "a", ',code="overloaded"')]: "0+3" },
    atSecond: 190,
    fires: ["BatonOverloaded"],
  },
  {
    name: "one burst of orders was too much",
    shown: { [at("baton_refusals_total", "a", ',code="overloaded"')]: "0..40@100" },
    atSecond: 190,
    fires: [],
  },
  {
    name: "the archive does not get on",
    shown: { [at("baton_archive_failing", "a")]: "1" },
    atSecond: 301,
    fires: ["BatonArchiveFailing"],
  },
];
