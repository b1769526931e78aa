/**
 * A venue for tests in the words of Kraken spot v2, made from its public documents: acknowledgements for each symbol,
 * amounts as JSON numbers with all their digits, a checksum (zlib's) with each message of the book, heartbeats, pongs,
 * trades by REST since a time. It does exactly what the test says, and shares no code with the feed.
 *
 * Sources: https://docs.kraken.com/api/docs/websocket-v2/book, …/trade, …/ping, …/heartbeat, …/status,
 * https://docs.kraken.com/api/docs/guides/spot-ws-book-v2, https://docs.kraken.com/api/docs/rest-api/get-recent-trades.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

/** What the venue does wrong. All off at first. */
export interface KrakenMisbehaviour {
  /** So many acknowledgements are not sent; the subscriptions take effect. */
  acksToLose: number;
  /** So many messages of a stream (`book:BTC/USD`) are lost. */
  readonly framesToLose: Map<string, number>;
  /** So many checksums of the symbol's book are wrong. */
  readonly checksumsToSpoil: Map<string, number>;
  /** So many snapshots are not sent. */
  snapshotsToLose: number;
  /** Streams of which nothing is sent. Heartbeats and pongs go on. */
  readonly muted: Set<string>;
  /** `ping` gets no pong. */
  hasNoPong: boolean;
  /** REST answers that it is asked too often. */
  isBusy: boolean;
}

interface Market {
  /** Price in tenths → quantity in steps of 1e-8. */
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
  middle: number;
  readonly trades: { readonly id: number; readonly price: string; readonly qty: string; readonly us: number }[];
}

export interface ScriptedKraken extends AsyncDisposable {
  readonly wsUrl: string;
  readonly restUrl: string;
  readonly wrong: KrakenMisbehaviour;
  /** Every request over a socket, parsed. */
  readonly requests: readonly { readonly method: string; readonly params?: Readonly<Record<string, unknown>> }[];
  readonly sockets: ReadonlySet<WebSocket>;
  /** Paths that REST was asked. */
  readonly asked: readonly string[];
  /** One change of the book. */
  move(symbol: string): void;
  /** Trades, in one message. */
  trade(symbol: string, count?: number): void;
  /** Both for every symbol each `everyMs` until `rest`. */
  run(everyMs: number): void;
  rest(): void;
  /** The true ten best levels. */
  book(symbol: string): { readonly bids: string[][]; readonly asks: string[][] };
  lastTradeId(symbol: string): number;
  close(): Promise<void>;
}

const depth = 10;

/** Starts a venue with these markets (`BTC/USD`) on a free port of loopback. */
export async function openScriptedKraken(symbols: readonly string[]): Promise<ScriptedKraken> {
  const wrong: KrakenMisbehaviour = {
    acksToLose: 0,
    framesToLose: new Map(),
    checksumsToSpoil: new Map(),
    snapshotsToLose: 0,
    muted: new Set(),
    hasNoPong: false,
    isBusy: false,
  };
  const markets = new Map(symbols.map((symbol) => [symbol, newMarket()]));
  const subscribed = new Map<WebSocket, Set<string>>();
  const requests: { method: string; params?: Record<string, unknown> }[] = [];
  const asked: string[] = [];
  let seed = 7;
  let lastUs = 0;
  let timer: NodeJS.Timeout | undefined;
  const dice = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  /** Every message has a microsecond of its own. */
  const stamp = (): number => (lastUs = Math.max(lastUs + 1, Date.now() * 1_000));
  const market = (symbol: string): Market => {
    const found = markets.get(symbol);
    if (found === undefined) throw new Error(`no market ${symbol}`);
    return found;
  };
  const spent = (all: Map<string, number>, key: string): boolean => {
    const left = all.get(key) ?? 0;
    if (left > 0) all.set(key, left - 1);
    return left > 0;
  };
  const tell = (stream: string, text: string): void => {
    if (spent(wrong.framesToLose, stream) || wrong.muted.has(stream)) return;
    for (const [socket, streams] of subscribed) if (streams.has(stream)) socket.send(text);
  };
  const bookText = (symbol: string, type: string, sides: { bids: string[][]; asks: string[][] }): string => {
    const isSpoilt = spent(wrong.checksumsToSpoil, symbol);
    const checksum = (checksumOf(best(market(symbol))) ^ (isSpoilt ? 1 : 0)) >>> 0;
    const rows = (side: string[][]): string => side.map(([p, q]) => `{"price":${p},"qty":${q}}`).join(",");
    return `{"channel":"book","type":"${type}","data":[{"symbol":"${symbol}","bids":[${rows(sides.bids)}],"asks":[${rows(sides.asks)}],"checksum":${checksum},"timestamp":"${timeText(stamp())}"}]}`;
  };
  const move = (symbol: string): void => {
    const m = market(symbol);
    const before = best(m);
    m.middle += dice(3) - 1;
    for (const side of [m.bids, m.asks]) {
      const sign = side === m.bids ? -1 : 1;
      for (const at of side.keys()) if ((at - m.middle) * sign <= 0) side.delete(at);
      side.set(m.middle + sign * (1 + dice(12)), 1 + dice(90_000_000));
      // There are always more levels than the window shows.
      for (let at = 1; side.size < depth + 3; at += 1) side.set(m.middle + sign * (12 + at), 1 + dice(90_000_000));
    }
    tell(`book:${symbol}`, bookText(symbol, "update", changes(before, best(m))));
  };
  const trade = (symbol: string, count = 1): void => {
    const m = market(symbol);
    const rows: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const made = {
        id: m.trades.length + 1,
        price: price(m.middle),
        qty: quantity(1 + dice(90_000_000)),
        us: stamp(),
      };
      m.trades.push(made);
      rows.push(
        `{"symbol":"${symbol}","side":"${dice(2) === 0 ? "buy" : "sell"}","price":${made.price},"qty":${made.qty},"ord_type":"limit","trade_id":${made.id},"timestamp":"${timeText(made.us)}"}`,
      );
    }
    tell(`trade:${symbol}`, `{"channel":"trade","type":"update","data":[${rows.join(",")}]}`);
  };

  const onRequest = (socket: WebSocket, text: string): void => {
    const { method, params, req_id } = JSON.parse(text) as { method: string; params?: Params; req_id?: number };
    requests.push(params === undefined ? { method } : { method, params: { ...params } });
    const now = timeText(Date.now() * 1_000);
    if (method === "ping") {
      if (!wrong.hasNoPong) socket.send(JSON.stringify({ method: "pong", req_id, time_in: now, time_out: now }));
      return;
    }
    const streams = subscribed.get(socket) ?? new Set();
    for (const symbol of params?.symbol ?? []) {
      const channel = params?.channel ?? "";
      const name = `${channel}:${symbol}`;
      const isKnown = streams.has(name);
      const [error] = [
        ...(markets.has(symbol) ? [] : [`Currency pair not supported ${symbol}`]),
        ...(method === "subscribe" && isKnown ? ["Already subscribed"] : []),
        ...(method === "unsubscribe" && !isKnown ? ["Subscription Not Found"] : []),
      ];
      const isLost = wrong.acksToLose > 0;
      if (isLost) wrong.acksToLose -= 1;
      const said = { method, req_id, success: error === undefined, time_in: now, time_out: now };
      const result = { channel, symbol, ...(channel === "book" ? { depth } : {}) };
      if (!isLost) socket.send(JSON.stringify(error === undefined ? { ...said, result } : { ...said, error, symbol }));
      if (error !== undefined) continue;
      if (method === "unsubscribe") streams.delete(name);
      else streams.add(name);
      if (method === "subscribe" && channel === "book" && !wrong.muted.has(name)) {
        if (wrong.snapshotsToLose > 0) {
          wrong.snapshotsToLose -= 1;
          continue;
        }
        socket.send(bookText(symbol, "snapshot", best(market(symbol))));
      }
    }
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "/";
    asked.push(path);
    const answer = (body: unknown): void =>
      void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (wrong.isBusy) return answer({ error: ["EGeneral:Too many requests"] });
    const url = new URL(path, "http://venue");
    const pair = url.searchParams.get("pair") ?? "";
    const found = [...markets].find(([symbol]) => symbol.replace("/", "").replace("BTC", "XBT") === pair);
    if (found === undefined) return answer({ error: ["EQuery:Unknown asset pair"] });
    const [, m] = found;
    const count = Number(url.searchParams.get("count") ?? 1_000);
    const key = `X${pair.slice(0, 3)}Z${pair.slice(3)}`;
    if (url.pathname === "/0/public/Depth") {
      const rows = (side: string[][]): unknown => side.slice(0, count).map((row) => [...row, 1_700_000_000]);
      const { bids, asks } = best(m);
      return answer({ error: [], result: { [key]: { asks: rows(asks), bids: rows(bids) } } });
    }
    const since = url.searchParams.get("since");
    const after = since === null ? m.trades.slice(-count) : m.trades.filter(({ us }) => us * 1_000 > Number(since));
    const rows = after
      .slice(0, count)
      .map((one) => [one.price, one.qty, one.us / 1_000_000, "b", "l", "", one.id] as const);
    return answer({ error: [], result: { [key]: rows, last: `${(after.at(-1)?.us ?? 0) * 1_000}` } });
  });
  const sockets = new Set<WebSocket>();
  const upgrades = new WebSocketServer({ server, path: "/v2" });
  upgrades.on("connection", (socket) => {
    sockets.add(socket);
    subscribed.set(socket, new Set());
    socket.send(
      '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2","connection_id":1,"version":"2.0.9"}]}',
    );
    const beat = setInterval(() => socket.send('{"channel":"heartbeat"}'), 1_000);
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer) => onRequest(socket, data.toString("utf8")));
    socket.on("close", () => {
      clearInterval(beat);
      sockets.delete(socket);
      subscribed.delete(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      clearInterval(timer);
      for (const socket of sockets) socket.terminate();
      upgrades.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    })();
    return closed;
  };
  return {
    wsUrl: `ws://127.0.0.1:${port}`,
    restUrl: `http://127.0.0.1:${port}`,
    wrong,
    requests,
    sockets,
    asked,
    move,
    trade,
    run(everyMs) {
      clearInterval(timer);
      timer = setInterval(() => {
        for (const symbol of symbols) {
          move(symbol);
          trade(symbol);
        }
      }, everyMs);
    },
    rest: () => clearInterval(timer),
    book: (symbol) => best(market(symbol)),
    lastTradeId: (symbol) => market(symbol).trades.length,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Params {
  readonly channel: string;
  readonly symbol: readonly string[];
}

function newMarket(): Market {
  const m: Market = { bids: new Map(), asks: new Map(), middle: 452_843, trades: [] };
  for (let at = 1; at <= depth + 3; at += 1) {
    m.bids.set(m.middle - at, at * 1_000_000);
    m.asks.set(m.middle + at, at * 1_000_000);
  }
  return m;
}

function best(m: Market): { bids: string[][]; asks: string[][] } {
  const rows = (side: ReadonlyMap<number, number>, sign: number): string[][] =>
    [...side]
      .toSorted(([a], [b]) => sign * (a - b))
      .slice(0, depth)
      .map(([at, steps]) => [price(at), quantity(steps)]);
  return { bids: rows(m.bids, -1), asks: rows(m.asks, 1) };
}

/** What has come and what has gone within the window; what has only fallen out of it is not told. */
function changes(before: Sides, after: Sides): { bids: string[][]; asks: string[][] } {
  const side = (which: "bids" | "asks"): string[][] => {
    const text = (row: string[]): string => row.join(" ");
    const old = new Set(before[which].map(text));
    const prices = new Set(after[which].map(([at]) => at));
    const last = Number(after[which].at(-1)?.[0]);
    const isInside = (at: number): boolean => (which === "bids" ? at > last : at < last);
    const gone = before[which].filter(([at]) => !prices.has(at) && isInside(Number(at)));
    return [...gone.map(([at]) => [at ?? "", "0.00000000"]), ...after[which].filter((row) => !old.has(text(row)))];
  };
  return { bids: side("bids"), asks: side("asks") };
}

interface Sides {
  readonly bids: string[][];
  readonly asks: string[][];
}

function checksumOf({ bids, asks }: Sides): number {
  const digits = (text: string): string => text.replace(".", "").replace(/^0+/, "");
  return crc32([...asks, ...bids].map((row) => row.map(digits).join("")).join(""));
}

function price(tenths: number): string {
  return `${Math.floor(tenths / 10)}.${tenths % 10}`;
}

function quantity(steps: number): string {
  return `${Math.floor(steps / 100_000_000)}.${String(steps % 100_000_000).padStart(8, "0")}`;
}

function timeText(us: number): string {
  return `${new Date(Math.floor(us / 1_000)).toISOString().slice(0, -1)}${String(us % 1_000).padStart(3, "0")}Z`;
}
