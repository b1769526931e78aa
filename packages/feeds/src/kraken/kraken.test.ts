/** A feed of Kraken, against a venue that speaks its documented words: live, gaps, checksums, lost answers, endings. */
import type { SymbolId, TradeEvent } from "@baton/core";
import { id } from "@baton/core";
import { describe, expect, test } from "vitest";
import { feedRules } from "../feed-rules.ts";
import { openFeed } from "../feed.ts";
import type { Feed, FeedChange } from "../market-view.ts";
import type { FeedRules } from "../feed-rules.ts";
import { breakIn, until } from "../testing/open-for-test.ts";
import type { ScriptedKraken } from "../testing/scripted-kraken.ts";
import { openScriptedKraken } from "../testing/scripted-kraken.ts";

const btc = id<SymbolId>("BTC/USD");
const eth = id<SymbolId>("ETH/USD");
const hasty: FeedRules["line"] = {
  connectWithinMs: 1_000,
  closeWithinMs: 200,
  paceMs: 10,
  ackWithinMs: 400,
  backoff: { baseMs: 20, capMs: 200 },
};

interface Stage extends AsyncDisposable {
  readonly venue: ScriptedKraken;
  readonly feed: Feed;
  readonly trades: readonly TradeEvent[];
  readonly changes: readonly FeedChange[];
}

async function openStage(
  options: {
    readonly everyMs?: number;
    readonly lines?: number;
    readonly staleAfterMs?: number;
    readonly line?: FeedRules["line"];
    readonly before?: (venue: ScriptedKraken) => void;
  } = {},
): Promise<Stage> {
  const venue = await openScriptedKraken([btc, eth]);
  options.before?.(venue);
  const staleAfterMs = options.staleAfterMs ?? 1_000;
  const feed = openFeed({
    id: "spot",
    venue: "kraken",
    exchange: "kraken",
    symbols: [btc, eth],
    wsUrl: venue.wsUrl,
    restUrl: venue.restUrl,
    lines: Array.from({ length: options.lines ?? 1 }, () => ({})),
    staleAfterMs,
    rules: { ...feedRules(staleAfterMs), restPaceMs: 5, line: { ...hasty, ...options.line } },
  });
  const trades: TradeEvent[] = [];
  const changes: FeedChange[] = [];
  feed.onTrade((event) => trades.push(event));
  feed.onState((change) => changes.push(change));
  venue.run(options.everyMs ?? 20);
  return {
    venue,
    feed,
    trades,
    changes,
    async [Symbol.asyncDispose]() {
      await feed.close();
      await venue.close();
    },
  };
}

async function untilLive({ feed }: Stage): Promise<void> {
  await until(
    "the feed and each symbol are live",
    () => {
      const { state, symbols } = feed.status();
      return state === "live" && symbols.every(({ quality }) => quality === "live");
    },
    15_000,
  );
}

function isSameBook({ feed, venue }: Stage, symbol: SymbolId): boolean {
  const book = feed.book(symbol, 100);
  if (book === undefined) return false;
  const numbers = (side: readonly (readonly string[])[]): string =>
    side.map((row) => row.map(Number).join("x")).join(" ");
  const truth = venue.book(symbol);
  return (["bids", "asks"] as const).every(
    (which) => numbers(book[which].map((row) => [row.price, row.quantity])) === numbers(truth[which]),
  );
}

function isWhole({ trades }: Stage, symbol: SymbolId): boolean {
  return breakIn(trades, symbol) === undefined && trades.every(({ type }) => type === "trade");
}

const asks = (venue: ScriptedKraken, method: string, channel: string): number =>
  venue.requests.filter((one) => one.method === method && one.params?.["channel"] === channel).length;

describe("a feed of Kraken", () => {
  test("is live with the venue's own book and trades, asked for by one message a channel", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed, trades } = stage;
    await until("the books are the venue's", () => isSameBook(stage, btc) && isSameBook(stage, eth));
    venue.trade(btc, 3);
    const last = venue.lastTradeId(btc);
    await until("trades of one message come each", () =>
      trades.some((event) => event.type === "trade" && event.trade.symbol === btc && event.trade.id >= last),
    );
    expect(isWhole(stage, btc)).toBe(true);
    expect([asks(venue, "subscribe", "book"), asks(venue, "subscribe", "trade")]).toEqual([1, 1]);
    const { badFrames, restErrors } = feed.status();
    expect({ badFrames, restErrors }).toEqual({ badFrames: 0, restErrors: 0 });
    const top = feed.top(btc);
    expect(Number(top?.bid)).toBeLessThan(Number(top?.ask));
  });

  test("that loses a book message disbelieves its book, and has that one stream subscribed anew", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed, changes } = stage;
    const heard = changes.length;
    venue.wrong.framesToLose.set("book:BTC/USD", 1);
    await until("the gap is seen", () => (feed.status().symbols[0]?.gaps ?? 0) >= 1);
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage, btc));
    const renewed = venue.requests.filter(({ method }) => method === "unsubscribe");
    expect(renewed.map(({ params }) => params?.["symbol"])).toContainEqual([btc]);
    expect(renewed.every(({ params }) => params?.["channel"] === "book")).toBe(true);
    const states = changes.slice(heard).flatMap((change) => (change.type === "line" ? [change.to] : []));
    expect(states).toContain("gap");
    expect(states).not.toContain("subscribing");
    expect(feed.status().connections).toBe(1);
    expect(isWhole(stage, btc) && isWhole(stage, eth)).toBe(true);
  });

  test("whose checksum is wrong shows no book until a true one has come, even if the snapshot is wrong as well", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed } = stage;
    venue.wrong.checksumsToSpoil.set(btc, 3);
    await until("the book is unknown", () => feed.book(btc, 10) === undefined);
    expect(feed.status().symbols[0]?.quality).not.toBe("live");
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage, btc));
    expect(venue.wrong.checksumsToSpoil.get(btc)).toBe(0);
    expect(feed.status().connections).toBe(1);
  });

  test("of which a snapshot is lost asks for it again, though its differences come", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.snapshotsToLose = 1) });
    await until("the other book stands", () => isSameBook(stage, eth));
    expect(stage.feed.book(btc, 10)).toBeUndefined();
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage, btc));
    expect(stage.feed.status().connections).toBe(1);
  });

  test("fetches trades that the stream left out by the time of the last, and tells them in their place", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed } = stage;
    await until("trades have come", () => (feed.lastTrade(btc)?.id ?? 0) > 5);
    venue.wrong.framesToLose.set("trade:BTC/USD", 4);
    await until("they are repaired", () => (feed.status().symbols[0]?.tradesRepaired ?? 0) >= 4);
    await untilLive(stage);
    expect(isWhole(stage, btc)).toBe(true);
    expect(venue.asked.some((path) => path.includes("/Trades?pair=XBTUSD&since="))).toBe(true);
  });

  test("asks again where one symbol's acknowledgement is lost, and takes `Already subscribed` for one", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.acksToLose = 1) });
    await untilLive(stage);
    const { venue, feed } = stage;
    const again = venue.requests.filter(({ method }) => method === "subscribe");
    expect(again).toHaveLength(3);
    expect(again[2]?.params?.["symbol"]).toHaveLength(1);
    expect(feed.status().connections).toBe(1);
  });

  test("that is cut comes back, and misses no trade", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed } = stage;
    await until("trades have come", () => (feed.lastTrade(btc)?.id ?? 0) > 5);
    for (const socket of venue.sockets) socket.terminate();
    for (const symbol of [btc, eth]) venue.trade(symbol, 5);
    await until("it was noticed", () => feed.status().connections === 2);
    await untilLive(stage);
    const last = venue.lastTradeId(btc);
    await until("it goes on", () => (feed.lastTrade(btc)?.id ?? 0) > last);
    expect(isWhole(stage, btc) && isWhole(stage, eth)).toBe(true);
    await until("the book is the venue's", () => isSameBook(stage, btc));
  });

  test("of two lines feels nothing of the loss of one", async () => {
    await using stage = await openStage({ lines: 2, staleAfterMs: 3_000 });
    await untilLive(stage);
    const { venue, feed, changes } = stage;
    await until("trades have come", () => (feed.lastTrade(btc)?.id ?? 0) > 5);
    const heard = changes.length;
    const [first] = venue.sockets;
    first?.terminate();
    await until("it was noticed", () => feed.status().connections === 3);
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage, btc));
    expect(isWhole(stage, btc) && isWhole(stage, eth)).toBe(true);
    const stale = changes.slice(heard).filter((change) => change.type === "quality" && change.to === "stale");
    expect(stale).toEqual([]);
    expect(feed.status().symbols.map(({ gaps }) => gaps)).toEqual([0, 0]);
  });

  test("sends the venue's own ping, lives on its pong, and reconnects without", async () => {
    await using stage = await openStage({ line: { heartbeat: { everyMs: 100, withinMs: 500 } } });
    await untilLive(stage);
    const { venue, feed } = stage;
    await until("it pings", () => venue.requests.filter(({ method }) => method === "ping").length >= 3);
    expect(feed.status().connections).toBe(1);
    venue.wrong.hasNoPong = true;
    await until("it was noticed", () => feed.status().reconnects["half-open"] >= 1);
    venue.wrong.hasNoPong = false;
    await untilLive(stage);
  });

  test("of a quiet market stays fresh, because the venue's book is still the one that is held", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed } = stage;
    venue.rest();
    await until("the book is the venue's", () => isSameBook(stage, btc));
    const proofs = (): number => venue.asked.filter((path) => path.includes("/Depth?pair=XBTUSD")).length;
    const before = proofs();
    await until("it was asked again and again", () => proofs() >= before + 5);
    // For longer than a price may be old nothing has come.
    await until("it is fresh", () => feed.top(btc)?.quality === "live");
    expect(feed.status().connections).toBe(1);
  });

  test("of which one book falls silent is reconnected, by what the venue's book shows", async () => {
    await using stage = await openStage();
    await untilLive(stage);
    const { venue, feed, changes } = stage;
    venue.wrong.muted.add("book:BTC/USD");
    await until("it was noticed", () => feed.status().reconnects.stall >= 1);
    expect(feed.status().lastLoss?.reason).toContain("book:BTC/USD");
    venue.wrong.muted.clear();
    await untilLive(stage);
    await until("the book is the venue's", () => isSameBook(stage, btc));
    expect(changes).toContainEqual(expect.objectContaining({ type: "quality", symbol: btc, to: "stale" }));
  });

  test("of which the venue demands patience over REST goes on, and tells so", async () => {
    await using stage = await openStage({ before: ({ wrong }) => (wrong.isBusy = true) });
    await untilLive(stage);
    await until("trades have come", () => stage.feed.lastTrade(btc) !== undefined);
    stage.venue.wrong.framesToLose.set("trade:BTC/USD", 2);
    await until("the hole is told", () => stage.trades.some(({ type }) => type === "hole"));
    expect(stage.feed.status().lastRestError).toContain("Too many requests");
    expect(breakIn(stage.trades, btc)).toBeUndefined();
  });
});
