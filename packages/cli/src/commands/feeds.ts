/** `baton feeds`: what the market data of the node that answers is worth, stream by stream and line by line. */
import type { FeedLineView, FeedView } from "@baton/core";
import type { Command } from "commander";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { paint, span, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton feeds`. */
export function addFeedsCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("feeds"))
    .description("state, quality, age, gaps and line of each stream; the lines, and what ended them before")
    .action(async (options: TargetOptions) => {
      const feeds = await (await clientOf(options, terminal)).feeds();
      print(terminal, options, { version: 1, feeds }, () =>
        [streams(terminal, feeds), lines(terminal, feeds), reconnects(feeds), reasons(feeds)]
          .filter((part) => part !== "")
          .join("\n\n"),
      );
    });
}

function streams(terminal: Terminal, feeds: readonly FeedView[]): string {
  return table(
    [
      "FEED",
      "SYMBOL",
      "STATE",
      "QUALITY",
      "AGE",
      "BID",
      "ASK",
      "GAPS",
      "MISSING",
      "RECONNECTS",
      "LINE",
      "LEADER'S BOOK",
    ],
    feeds.map((feed) => [
      feed.id,
      feed.symbol,
      feed.state,
      feed.quality === "live" ? feed.quality : paint(terminal, "yellow", feed.quality),
      feed.ageMs === null ? "–" : span(feed.ageMs),
      feed.bid ?? "–",
      feed.ask ?? "–",
      `${feed.gaps}`,
      feed.tradesMissing === undefined ? "–" : `${feed.tradesMissing}`,
      `${feed.reconnects}`,
      feed.line ?? "–",
      besideLeader(terminal, feed),
    ]),
  );
}

/** Whether the book here is the leader's; `–` where they were not compared. */
function besideLeader(terminal: Terminal, { drift }: FeedView): string {
  if (drift === undefined || drift === null) return "–";
  return drift.isEqual ? "the same" : paint(terminal, "yellow", `differs at ${drift.updateId}`);
}

function lines(terminal: Terminal, feeds: readonly FeedView[]): string {
  const rows = onePerFeed(feeds).flatMap((feed) => (feed.lines ?? []).map((line) => row(terminal, feed.id, line)));
  return rows.length === 0 ? "" : table(["FEED", "LINE", "STATE", "UP", "FAILURES", "URL", "WHY"], rows);
}

function row(terminal: Terminal, feed: string, line: FeedLineView): readonly string[] {
  const state = line.isSuccessor ? `${line.state} (next)` : line.state;
  return [
    feed,
    line.line,
    line.state === "live" ? state : paint(terminal, "yellow", state),
    line.upMs === null ? "–" : span(line.upMs),
    `${line.failuresInRow}`,
    line.url,
    line.reason,
  ];
}

function reconnects(feeds: readonly FeedView[]): string {
  return onePerFeed(feeds)
    .flatMap(({ id, reconnectsByCause = {} }) => {
      const causes = Object.entries(reconnectsByCause).toSorted(([, one], [, other]) => other - one);
      if (causes.length === 0) return [];
      return [`${id} was reconnected: ${causes.map(([cause, count]) => `${cause} ${count}`).join(", ")}`];
    })
    .join("\n");
}

/** Why each symbol that is not live is not. */
function reasons(feeds: readonly FeedView[]): string {
  return feeds
    .flatMap(({ id, symbol, quality, reason }) =>
      quality === "live" || reason === undefined ? [] : [`${id} ${symbol} is ${quality}: ${reason}`],
    )
    .join("\n");
}

/** What is said of the whole feed stands in each of its rows. */
function onePerFeed(feeds: readonly FeedView[]): readonly FeedView[] {
  return feeds.filter(({ id }, at) => feeds.findIndex((feed) => feed.id === id) === at);
}
