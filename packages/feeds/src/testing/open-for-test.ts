/** A feed with short deadlines against a scripted venue, and patience that polls. */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import { expect, vi } from "vitest";
import type { FeedRules } from "../feed-rules.ts";
import { feedRules } from "../feed-rules.ts";
import type { FeedOptions } from "../feed-options.ts";
import { openFeed } from "../feed.ts";
import type { Feed, FeedChange } from "../market-view.ts";
import type { OwnTime } from "./own-time.ts";
import { openOwnTime } from "./own-time.ts";
import type { ScriptedVenue } from "./scripted-venue.ts";
import { openScriptedVenue } from "./scripted-venue.ts";

export const btc: SymbolId = id<SymbolId>("BTC/USDT");
export const eth: SymbolId = id<SymbolId>("ETH/USDT");

/** Everything that a production feed does within seconds, within tenths of them. */
const hasty: FeedRules["line"] = {
  connectWithinMs: 1_000,
  closeWithinMs: 200,
  paceMs: 20,
  ackWithinMs: 400,
  backoff: { baseMs: 20, capMs: 200 },
  stableAfterMs: 60_000,
};

export interface Stage extends AsyncDisposable {
  /** The clock of the feed, and of what the venue notes: it stands still while this process does. */
  readonly clock: OwnTime;
  readonly venue: ScriptedVenue;
  readonly feed: Feed;
  readonly changes: readonly FeedChange[];
  readonly trades: readonly TradeEvent[];
}

/** A venue with two markets that move each 20 ms, and a feed that looks at it. */
export async function openStage(
  options: Partial<FeedOptions> & {
    readonly everyMs?: number;
    readonly before?: (venue: ScriptedVenue) => void;
  } = {},
): Promise<Stage> {
  const { everyMs = 20, before, rules, ...others } = options;
  const clock = openOwnTime();
  const venue = await openScriptedVenue(["BTCUSDT", "ETHUSDT"], { nowMs: clock.mono });
  before?.(venue);
  const staleAfterMs = others.staleAfterMs ?? 400;
  const defaults = feedRules(staleAfterMs);
  const feed = openFeed({
    id: "spot",
    venue: "binance",
    symbols: [btc, eth],
    wsUrl: venue.wsUrl,
    restUrl: venue.restUrl,
    staleAfterMs,
    clock,
    rules: {
      ...defaults,
      // By the machine's clock: an answer may take as long as a busy machine needs.
      restWithinMs: 20_000,
      ...rules,
      line: { ...hasty, ...rules?.line },
    },
    ...others,
  });
  const changes: FeedChange[] = [];
  const trades: TradeEvent[] = [];
  feed.onState((change) => changes.push(change));
  feed.onTrade((event) => trades.push(event));
  if (everyMs > 0) venue.run(everyMs);
  return {
    clock,
    venue,
    feed,
    changes,
    trades,
    async [Symbol.asyncDispose]() {
      await feed.close();
      await venue.close();
      clock[Symbol.dispose]();
    },
  };
}

/** Polls until it holds; fails with the fact that did not come true. The bound is for what hangs, on whatever machine. */
export async function until(fact: string, holds: () => boolean, withinMs = 40_000): Promise<void> {
  await vi.waitFor(() => expect(holds(), fact).toBe(true), { timeout: withinMs, interval: 5 });
}

/** Waits until the feed is live and every symbol too. */
export async function untilLive({ feed }: Stage): Promise<void> {
  await until("the feed is live", () => {
    const { state, symbols } = feed.status();
    return state === "live" && symbols.every(({ quality }) => quality === "live");
  });
}

/** True when the feed's book and the venue's are one, level by level. Both are read in one turn. */
export function isSameBook({ feed, venue }: Stage, symbol: SymbolId = btc): boolean {
  const held = feed.book(symbol, 1_000);
  const truth = venue.book(symbol.replace("/", ""));
  if (held === undefined || held.updateId !== truth.updateId) return false;
  const plain = (levels: readonly (readonly string[])[]): string =>
    levels.map((level) => level.map((text) => Number(text)).join("x")).join(" ");
  return (
    plain(held.bids.map(({ price, quantity }) => [price, quantity])) === plain(truth.bids) &&
    plain(held.asks.map(({ price, quantity }) => [price, quantity])) === plain(truth.asks)
  );
}

/** The first break in the ids that were told: each trade or hole must follow the last. Undefined: none. */
export function breakIn(events: readonly TradeEvent[], symbol: SymbolId): string | undefined {
  let last: number | undefined;
  for (const event of events) {
    if ((event.type === "trade" ? event.trade.symbol : event.symbol) !== symbol) continue;
    if (event.type === "restart") {
      last = undefined;
      continue;
    }
    const [from, to] = event.type === "hole" ? [event.fromId, event.toId] : [event.trade.id, event.trade.id];
    if (last !== undefined && from !== last + 1) return `${from} came after ${last}`;
    last = to;
  }
  return undefined;
}
