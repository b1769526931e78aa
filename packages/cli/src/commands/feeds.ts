/** `baton feeds`: how fresh the market data of the node that answers is. */
import type { Command } from "commander";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { paint, span, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton feeds`. */
export function addFeedsCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("feeds"))
    .description("state, quality and age of each feed and symbol")
    .action(async (options: TargetOptions) => {
      const feeds = await (await clientOf(options, terminal)).feeds();
      print(terminal, options, { version: 1, feeds }, () =>
        table(
          ["FEED", "SYMBOL", "STATE", "QUALITY", "AGE", "BID", "ASK", "GAPS", "RECONNECTS"],
          feeds.map((feed) => [
            feed.id,
            feed.symbol,
            feed.state,
            feed.quality === "live" ? feed.quality : paint(terminal, "yellow", feed.quality),
            feed.ageMs === null ? "–" : span(feed.ageMs),
            feed.bid ?? "–",
            feed.ask ?? "–",
            `${feed.gaps}`,
            `${feed.reconnects}`,
          ]),
        ),
      );
    });
}
