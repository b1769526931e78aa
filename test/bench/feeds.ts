/**
 * Market data on one core: how many messages a second go through the whole feed (parse, sequence, sorted book, quality,
 * delivery to a listener), beside bare `ws` with `JSON.parse` and beside ccxt.pro's own handlers, in the same run on the
 * same bytes, in turns. All three read from `ws`'s receiver, so that what the network and the kernel take is in none of them.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { BookSnapshot, SymbolId } from "@baton/core";
import { id, monoMs, wallMs } from "@baton/core";
import type { Feed, World } from "@baton/feeds";
import { openFeed } from "@baton/feeds";
import ccxt from "ccxt";
import * as ws from "ws";
import type { Frames } from "./feed-frames.ts";
import { differenceFrames, tradeFrames } from "./feed-frames.ts";
import type { BenchOptions, Figure } from "./figure.ts";
import { besidePeer, median } from "./figure.ts";

/** Who reads: gets each message, and says in the end how much it has understood. */
interface Reader {
  message(data: Buffer): void;
  understood(): number;
  close(): Promise<void>;
}

interface Receiver {
  on(event: "message", listener: (data: Buffer) => void): void;
  write(piece: Buffer): boolean;
}

/** Who is measured. */
type Who = "feed" | "bare" | "ccxt";
const everybody: readonly Who[] = ["bare", "feed", "ccxt"];
const rounds = 9;
/** Rounds that are not counted: compilers need a while, and a second feed, to see what is usual. */
const warmUps = 3;
/** Some two thousand trades. */
const piecesPerTurn = 8;
const btc = id<SymbolId>("BTC/USDT");

const kinds = ["differences", "trades", "memory"];

/** Runs the benchmark, or the one kind of it that is asked for. */
export async function run({ kind: only }: BenchOptions): Promise<readonly Figure[]> {
  if (only !== undefined && !kinds.includes(only)) throw new Error(`no kind ${only}; there are: ${kinds.join(", ")}`);
  const isAsked = (kind: string): boolean => only === undefined || only === kind;
  const differences = differenceFrames(40_000);
  const figures: Figure[] = [];
  for (const [kind, what, frames, goals] of [
    ["differences", "book differences", differences, { bare: 0.6, ccxt: 4 }],
    ["trades", "trades", tradeFrames(240_000), { bare: 0.85, ccxt: 4 }],
  ] as const) {
    if (!isAsked(kind)) continue;
    const isBook = kind === "differences";
    const readers = {
      feed: (): Promise<Reader> => feedReader(frames),
      bare: bareReader,
      ccxt: (): Reader => (isBook ? ccxtReader(frames) : ccxtReader(undefined)),
    };
    const perSecond: Record<Who, number[]> = { feed: [], bare: [], ccxt: [] };
    for (let round = -warmUps; round < rounds; round += 1) {
      const rates = await race({ feed: await readers.feed(), bare: readers.bare(), ccxt: readers.ccxt() }, frames);
      if (round >= 0) for (const who of everybody) perSecond[who].push(rates[who]);
    }
    for (const peer of ["bare", "ccxt"] as const) {
      const ratios = perSecond.feed.map((value, round) => value / (perSecond[peer][round] ?? Number.NaN));
      const at = ratios.indexOf(median(ratios));
      figures.push(
        besidePeer({
          name: `feed, ${what}`,
          unit: "messages/s",
          value: perSecond.feed[at] ?? Number.NaN,
          samples: rounds,
          peer: { name: peer === "bare" ? "ws + JSON.parse" : "ccxt.pro", value: perSecond[peer][at] ?? Number.NaN },
          goal: { atLeast: goals[peer] },
        }),
      );
    }
  }
  if (isAsked("memory")) figures.push(await memory(differences));
  return figures;
}

/**
 * Messages a second through each reader. They take turns of some milliseconds, there and back again, so that whatever else
 * the machine does strikes all of them alike.
 */
async function race(readers: Readonly<Record<Who, Reader>>, frames: Frames): Promise<Readonly<Record<Who, number>>> {
  const receivers = { feed: receiverOf(readers.feed), bare: receiverOf(readers.bare), ccxt: receiverOf(readers.ccxt) };
  const tookMs = { feed: 0, bare: 0, ccxt: 0 };
  const pieces = [...frames.pieces];
  let order = everybody;
  while (pieces.length > 0) {
    const turn = pieces.splice(0, piecesPerTurn);
    for (const who of order) {
      const beginMs = performance.now();
      for (const piece of turn) {
        receivers[who].write(piece);
        // What was queued for listeners is told between two reads of the socket, and counts.
        await nextTurn();
      }
      tookMs[who] += performance.now() - beginMs;
    }
    order = order.toReversed();
  }
  const perSecond = { feed: 0, bare: 0, ccxt: 0 };
  for (const who of everybody) {
    const understood = readers[who].understood();
    if (understood !== frames.count) throw new Error(`${who} understood ${understood} of ${frames.count} messages`);
    await readers[who].close();
    perSecond[who] = frames.count / (tookMs[who] / 1_000);
  }
  return perSecond;
}

/** Growth of the heap over many passes, in MB for each million messages. */
async function memory(frames: Frames): Promise<Figure> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    for (let times = 0; times < 4; times += 1) collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1e6;
  };
  let lastUpdateId = frames.snapshot.lastUpdateId;
  const feed = await feedReader(frames, () => lastUpdateId);
  const receiver = receiverOf(feed);
  // Each pass leaves a gap behind the last one, so that the feed buffers, asks for a snapshot, and goes on from there.
  const pass = async (): Promise<void> => {
    lastUpdateId += 10_000_000;
    frames.renumber(lastUpdateId);
    for (const piece of frames.pieces) {
      receiver.write(piece);
      await nextTurn();
    }
  };
  for (let warm = 0; warm < 5; warm += 1) await pass();
  const before = held();
  // With BATON_LONG=1 ten minutes at full rate instead.
  const forMs = process.env["BATON_LONG"] === "1" ? 600_000 : 0;
  const untilMs = performance.now() + forMs;
  let messages = 0;
  while (messages < 1_600_000 || performance.now() < untilMs) {
    await pass();
    messages += frames.count;
  }
  const value = (held() - before) / (messages / 1e6);
  await feed.close();
  return {
    name: "feed, heap growth",
    unit: "MB per million messages",
    value: Math.max(0, value),
    samples: messages,
    goal: { atMost: 1 },
  };
}

function receiverOf(reader: Reader): Receiver {
  // Exported, and not in its types.
  const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiver };
  const receiver = new Receiver({ isServer: false, skipUTF8Validation: true });
  receiver.on("message", (data) => reader.message(data));
  return receiver;
}

function bareReader(): Reader {
  let count = 0;
  return {
    message(data) {
      const message = JSON.parse(data.toString("utf8")) as { readonly data: { readonly e: string } };
      if (message.data.e.length > 0) count += 1;
    },
    understood: () => count,
    close: () => Promise.resolve(),
  };
}

/** A feed as it comes, in a world whose one socket we write. */
async function feedReader(
  frames: Frames,
  lastUpdateIdNow: () => number = () => frames.snapshot.lastUpdateId,
): Promise<Reader> {
  let events: Parameters<World["dial"]>[1] | undefined;
  const mono = (): ReturnType<typeof monoMs> => monoMs(performance.now());
  const say = (text: string): void => events?.frame(Buffer.from(text), mono());
  const world: World = {
    clock: { mono, wall: () => wallMs(Date.now()) },
    random: () => 0.5,
    attempts: { take: () => undefined, close: () => undefined },
    // A machine that holds this process up for seconds makes no stall of it.
    rulesHere(rules) {
      const { depth, trade, ticker } = rules.liveness;
      const deathless = { graceMs: Infinity, silenceMaxMs: Infinity };
      const liveness = {
        depth: { ...depth, ...deathless },
        trade: { ...trade, ...deathless },
        ticker: { ...ticker, ...deathless },
      };
      return { ...rules, liveness };
    },
    timer(afterMs, act) {
      const timer = setTimeout(act, Math.max(1, afterMs));
      return () => clearTimeout(timer);
    },
    soon(act) {
      const immediate = setImmediate(act);
      return () => clearImmediate(immediate);
    },
    dial(_target, listener) {
      events = listener;
      setImmediate(() => listener.opened());
      return {
        send(text) {
          const { id: request, method } = JSON.parse(text) as { id: number; method: string };
          if (method === "SUBSCRIBE") setImmediate(() => say(JSON.stringify({ result: null, id: request })));
        },
        ping: () => setImmediate(() => listener.pong()),
        close: () => listener.closed({ cause: "closed", sentence: "closed" }),
        terminate: () => listener.closed({ cause: "closed", sentence: "cut" }),
      };
    },
  };
  const { bids, asks } = frames.snapshot;
  const snapshot = (): BookSnapshot => ({ lastId: lastUpdateIdNow(), bids, asks, limit: 5_000 });
  const feed: Feed = openFeed({
    id: "bench",
    venue: "binance",
    symbols: [btc],
    world,
    history: {
      snapshot: () => Promise.resolve(snapshot()),
      lastUpdateId: () => Promise.resolve(0),
      lastTradeId: () => Promise.resolve(0),
      trades: () => Promise.resolve([]),
    },
  });
  let told = 0;
  feed.onTrade((event) => {
    if (event.type === "trade") told += 1;
  });
  feed.onTop((top) => {
    if (top.bid.length === 0) throw new Error("a price has digits");
  });
  while (feed.status().symbols[0]?.book === "void") await nextTurn();
  const framesBefore = feed.status().frames;
  return {
    message: (data) => events?.frame(data, mono()),
    understood() {
      const { frames: read, badFrames, symbols } = feed.status();
      const [symbol] = symbols;
      if (badFrames > 0 || symbol === undefined || symbol.gaps + symbol.distrusts + symbol.tradesFlagged > 0) return -1;
      return told > 0 ? told : read - framesBefore;
    },
    close: () => feed.close(),
  };
}

/** ccxt.pro's handlers, with the book's snapshot already there and somebody waiting for each change. */
function ccxtReader(frames: Frames | undefined): Reader {
  const exchange = new ccxt.pro.binance({ options: { tradesLimit: 1_000 } }) as unknown as CcxtInside;
  exchange.setMarkets([
    {
      id: "BTCUSDT",
      lowercaseId: "btcusdt",
      symbol: "BTC/USDT",
      base: "BTC",
      quote: "USDT",
      baseId: "BTC",
      quoteId: "USDT",
      type: "spot",
      spot: true,
      active: true,
      precision: { amount: 0.00001, price: 0.01 },
      limits: {},
      info: {},
    },
  ]);
  const client = exchange.client("wss://stream.binance.com:9443/stream");
  if (frames !== undefined) {
    const book = exchange.orderBook({}, 1_000);
    const { lastUpdateId, bids, asks } = frames.snapshot;
    const numbers = (side: typeof bids): number[][] => side.map((level) => level.map(Number));
    book.reset({ bids: numbers(bids), asks: numbers(asks), nonce: lastUpdateId, timestamp: 1 });
    exchange.orderbooks["BTC/USDT"] = book;
  }
  let count = 0;
  const { resolve } = client;
  client.resolve = (value, hash) => {
    count += 1;
    return resolve.call(client, value, hash);
  };
  return {
    message: (data) => client.onMessage({ data }),
    understood: () => count,
    close: async () => {
      await exchange.close();
    },
  };
}

/** What we use of ccxt that its types do not show. */
interface CcxtInside {
  readonly orderbooks: Record<string, unknown>;
  setMarkets(markets: readonly object[]): void;
  client(url: string): {
    resolve: (value: unknown, hash: string) => unknown;
    onMessage(event: { readonly data: Buffer }): void;
  };
  orderBook(snapshot: object, depth: number): { reset(snapshot: object): void };
  close(): Promise<unknown>;
}
