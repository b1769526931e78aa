/**
 * A venue for tests, in the words of Binance spot, that does exactly what the test says: one true book and one true list
 * of trades per symbol, moved by the test or by a timer; streams that can be muted, made to lose frames, to ignore
 * subscriptions, to close, or never to open. It shares no code with the feed.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

/** What the venue does wrong. All off at first. */
export interface Misbehaviour {
  /** Answers upgrades with this status instead. */
  refuse: { readonly status: number; readonly retryAfterSeconds?: number } | undefined;
  /** Closes each connection right after accepting it, with this code. */
  closeOnAccept: number | undefined;
  /** So many subscription requests get no answer (they take effect). */
  acksToLose: number;
  /** So many subscription requests are refused. */
  acksToRefuse: number;
  /** Streams of which nothing is sent. Everything else goes on, pings included. */
  readonly muted: Set<string>;
  /** So many frames of the stream are lost, on every connection. */
  readonly framesToLose: Map<string, number>;
  /** Connections (numbered from 1 as they are accepted) that are told nothing; their pings are answered. */
  readonly deafTo: Set<number>;
  /** The next frame of the stream is lost on this connection only. */
  readonly loseOn: { connection: number; stream: string }[];
  /** Streams whose subscription is acknowledged and then forgotten, once each. */
  readonly toForget: Set<string>;
  /** Pings get no pong, and nothing that is said is heard. */
  isDead: boolean;
  /** Sent once, raw, before the next frame. */
  readonly garbage: (string | Buffer)[];
  /** REST paths that contain one of these are answered 503. */
  readonly deadPaths: Set<string>;
  /** REST answers to paths that contain the key are given only after so long. */
  readonly slowPaths: Map<string, number>;
}

interface Market {
  readonly code: string;
  /** Price in ticks of 0.01 → quantity in steps of 0.001. */
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
  middle: number;
  updateId: number;
  readonly trades: { readonly id: number; readonly price: string; readonly qty: string; readonly time: number }[];
  nextTradeId: number;
}

export interface ScriptedVenue extends AsyncDisposable {
  readonly wsUrl: string;
  readonly restUrl: string;
  readonly wrong: Misbehaviour;
  /** Accepted connections so far, and dials including refused ones, each with its instant. */
  readonly accepted: readonly number[];
  readonly dials: readonly number[];
  /** The address that each dial came from. */
  readonly dialledFrom: readonly string[];
  /** Every request text that came over a socket, with its instant. */
  readonly requests: readonly { readonly atMs: number; readonly text: string }[];
  /** Every REST path that was asked. */
  readonly asked: readonly string[];
  /** Open sockets. */
  readonly sockets: ReadonlySet<WebSocket>;
  /** The open socket with this number, if it is still open. */
  socket(connection: number): WebSocket | undefined;
  /** One change of the symbol's book, told by depth and ticker. */
  move(code: string): void;
  /** One trade. */
  trade(code: string): void;
  /** Moves and trades every symbol each `everyMs` until `rest`. */
  run(everyMs: number): void;
  rest(): void;
  /** The true book at this instant, best first, as numbers of ticks and steps. */
  book(code: string): { readonly updateId: number; readonly bids: string[][]; readonly asks: string[][] };
  /** Ids of all trades so far. */
  lastTradeId(code: string): number;
  /** Before anybody looks: all prices of the symbol are so many ticks higher. */
  shift(code: string, ticks: number): void;
  /** The venue's ids begin anew, as after a rebuild of the venue. */
  beginAnew(code: string): void;
  close(): Promise<void>;
}

/** Starts a venue with these markets (`BTCUSDT`) on a free port of loopback. */
export async function openScriptedVenue(codes: readonly string[]): Promise<ScriptedVenue> {
  const wrong: Misbehaviour = {
    refuse: undefined,
    closeOnAccept: undefined,
    acksToLose: 0,
    acksToRefuse: 0,
    muted: new Set(),
    framesToLose: new Map(),
    deafTo: new Set(),
    loseOn: [],
    toForget: new Set(),
    isDead: false,
    garbage: [],
    deadPaths: new Set(),
    slowPaths: new Map(),
  };
  const markets = new Map(codes.map((code) => [code, newMarket(code)]));
  const subscribed = new Map<WebSocket, Set<string>>();
  const accepted: number[] = [];
  const dials: number[] = [];
  const dialledFrom: string[] = [];
  const requests: { atMs: number; text: string }[] = [];
  const asked: string[] = [];
  const sockets = new Set<WebSocket>();
  const numbers = new Map<WebSocket, number>();
  let seed = 1;
  let timer: NodeJS.Timeout | undefined;
  const dice = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const market = (code: string): Market => {
    const found = markets.get(code);
    if (found === undefined) throw new Error(`no market ${code}`);
    return found;
  };

  const tell = (stream: string, data: unknown): void => {
    const toLose = wrong.framesToLose.get(stream) ?? 0;
    if (toLose > 0) wrong.framesToLose.set(stream, toLose - 1);
    if (toLose > 0 || wrong.muted.has(stream)) return;
    for (const [socket, streams] of subscribed) {
      // As a text frame, whatever the bytes are.
      for (const text of wrong.garbage.splice(0)) socket.send(text, { binary: false });
      const connection = numbers.get(socket) ?? 0;
      const lost = wrong.loseOn.findIndex((one) => one.connection === connection && one.stream === stream);
      if (lost !== -1) wrong.loseOn.splice(lost, 1);
      if (lost !== -1 || wrong.isDead || wrong.deafTo.has(connection)) continue;
      if (streams.has(stream)) socket.send(JSON.stringify({ stream, data }));
    }
  };
  const move = (code: string): void => {
    const m = market(code);
    const before = m.updateId;
    const changes = { b: [] as string[][], a: [] as string[][] };
    m.middle += dice(3) - 1;
    for (let count = 1 + dice(4); count > 0; count -= 1) {
      const distance = 1 + dice(20);
      const quantity = dice(4) === 0 ? 0 : 1 + dice(5_000);
      const isBid = dice(2) === 0;
      change(m, changes, isBid ? m.middle - distance : m.middle + distance, { isBid, quantity });
    }
    // What the middle has run over is gone, and both sides always have a best level.
    for (const at of m.bids.keys()) if (at >= m.middle) change(m, changes, at, { isBid: true, quantity: 0 });
    for (const at of m.asks.keys()) if (at <= m.middle) change(m, changes, at, { isBid: false, quantity: 0 });
    change(m, changes, m.middle - 1 - dice(2), { isBid: true, quantity: 1 + dice(900) });
    change(m, changes, m.middle + 1 + dice(2), { isBid: false, quantity: 1 + dice(900) });
    const prefix = code.toLowerCase();
    const { bids, asks } = levels(m);
    tell(`${prefix}@bookTicker`, {
      u: m.updateId,
      s: code,
      b: bids[0]?.[0],
      B: bids[0]?.[1],
      a: asks[0]?.[0],
      A: asks[0]?.[1],
    });
    tell(`${prefix}@depth@100ms`, {
      e: "depthUpdate",
      E: Date.now(),
      s: code,
      U: before + 1,
      u: m.updateId,
      ...changes,
    });
  };
  const trade = (code: string): void => {
    const m = market(code);
    const made = { id: m.nextTradeId, price: price(m.middle), qty: quantityText(1 + dice(50)), time: Date.now() };
    m.nextTradeId += 1;
    m.trades.push(made);
    tell(`${code.toLowerCase()}@trade`, {
      e: "trade",
      E: made.time,
      s: code,
      t: made.id,
      p: made.price,
      q: made.qty,
      T: made.time,
      m: dice(2) === 0,
    });
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "/";
    asked.push(path);
    const answer = (status: number, body: unknown): void => {
      const slowMs = [...wrong.slowPaths].find(([part]) => path.includes(part))?.[1] ?? 0;
      const text = JSON.stringify(body);
      setTimeout(() => response.writeHead(status, { "content-type": "application/json" }).end(text), slowMs);
    };
    if ([...wrong.deadPaths].some((part) => path.includes(part))) return answer(503, { code: -1, msg: "away" });
    const url = new URL(path, "http://venue");
    const m = markets.get(url.searchParams.get("symbol") ?? "");
    if (m === undefined) return answer(400, { code: -1121, msg: "Invalid symbol." });
    const limit = Number(url.searchParams.get("limit") ?? 500);
    const fromId = Number(url.searchParams.get("fromId") ?? 0);
    switch (url.pathname) {
      case "/api/v3/depth": {
        const { bids, asks } = levels(m);
        return answer(200, { lastUpdateId: m.updateId, bids: bids.slice(0, limit), asks: asks.slice(0, limit) });
      }
      case "/api/v3/aggTrades": {
        const last = m.trades.at(-1);
        return answer(200, last === undefined ? [] : [{ a: last.id, f: last.id, l: last.id }]);
      }
      case "/api/v3/historicalTrades": {
        const found = m.trades.filter(({ id }) => id >= fromId).slice(0, limit);
        return answer(
          200,
          found.map((one) => ({ ...one, isBuyerMaker: false })),
        );
      }
      default:
        return answer(404, {});
    }
  };
  const server = createServer(onRequest);
  const upgrades = new WebSocketServer({ noServer: true, autoPong: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    dials.push(performance.now());
    dialledFrom.push(request.socket.remoteAddress ?? "");
    if (wrong.refuse !== undefined) {
      const { status, retryAfterSeconds } = wrong.refuse;
      // Whoever was refused may be gone before it has read why.
      socket.on("error", () => undefined);
      const retry = retryAfterSeconds === undefined ? "" : `Retry-After: ${retryAfterSeconds}\r\n`;
      socket.end(`HTTP/1.1 ${status} No\r\n${retry}Content-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (ws) => onSocket(ws));
  });
  const onSocket = (ws: WebSocket): void => {
    accepted.push(performance.now());
    sockets.add(ws);
    numbers.set(ws, accepted.length);
    ws.on("ping", (data: Buffer) => {
      if (!wrong.isDead) ws.pong(data);
    });
    const streams = new Set<string>();
    subscribed.set(ws, streams);
    ws.on("error", () => undefined);
    ws.on("close", () => {
      sockets.delete(ws);
      subscribed.delete(ws);
    });
    if (wrong.closeOnAccept !== undefined) ws.close(wrong.closeOnAccept);
    ws.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      requests.push({ atMs: performance.now(), text });
      if (wrong.isDead) return;
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params?: string[] };
      if (method === "LIST_SUBSCRIPTIONS") {
        ws.send(JSON.stringify({ result: [...streams], id }));
        return;
      }
      if (wrong.acksToRefuse > 0) {
        wrong.acksToRefuse -= 1;
        ws.send(JSON.stringify({ error: { code: 2, msg: "Invalid request" }, id }));
        return;
      }
      for (const stream of params ?? []) {
        if (method === "UNSUBSCRIBE") streams.delete(stream);
        else if (!wrong.toForget.delete(stream)) streams.add(stream);
      }
      if (wrong.acksToLose > 0) wrong.acksToLose -= 1;
      else ws.send(JSON.stringify({ result: null, id }));
    });
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      clearInterval(timer);
      for (const socket of sockets) socket.terminate();
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
    accepted,
    dials,
    dialledFrom,
    requests,
    asked,
    sockets,
    socket: (connection) => [...sockets].find((socket) => numbers.get(socket) === connection),
    move,
    trade,
    run(everyMs) {
      clearInterval(timer);
      timer = setInterval(() => {
        for (const code of codes) {
          move(code);
          trade(code);
        }
      }, everyMs);
    },
    rest: () => clearInterval(timer),
    book: (code) => ({ updateId: market(code).updateId, ...levels(market(code)) }),
    lastTradeId: (code) => market(code).nextTradeId - 1,
    shift(code, ticks) {
      const m = market(code);
      m.middle += ticks;
      for (const side of [m.bids, m.asks]) {
        const levelsBefore = [...side];
        side.clear();
        for (const [at, quantity] of levelsBefore) side.set(at + ticks, quantity);
      }
    },
    beginAnew(code) {
      const m = market(code);
      m.nextTradeId = 1;
      m.trades.length = 0;
      m.updateId = 1;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function newMarket(code: string): Market {
  const m: Market = {
    code,
    bids: new Map(),
    asks: new Map(),
    middle: 6_900_000,
    updateId: 1_000,
    trades: [],
    nextTradeId: 1,
  };
  for (let at = 1; at <= 30; at += 1) {
    m.bids.set(m.middle - at, at * 10);
    m.asks.set(m.middle + at, at * 10);
  }
  return m;
}

function change(
  m: Market,
  changes: { readonly b: string[][]; readonly a: string[][] },
  at: number,
  to: { readonly isBid: boolean; readonly quantity: number },
): void {
  const side = to.isBid ? m.bids : m.asks;
  if (to.quantity === 0) side.delete(at);
  else side.set(at, to.quantity);
  m.updateId += 1;
  (to.isBid ? changes.b : changes.a).push([price(at), quantityText(to.quantity)]);
}

function levels(m: Market): { readonly bids: string[][]; readonly asks: string[][] } {
  const texts = (side: ReadonlyMap<number, number>, sign: 1 | -1): string[][] =>
    [...side].toSorted(([a], [b]) => sign * (b - a)).map(([at, quantity]) => [price(at), quantityText(quantity)]);
  return { bids: texts(m.bids, 1), asks: texts(m.asks, -1) };
}

/** As venues write it: with all decimal places. */
function price(ticks: number): string {
  return `${Math.floor(ticks / 100)}.${String(ticks % 100).padStart(2, "0")}000000`;
}

function quantityText(steps: number): string {
  return `${Math.floor(steps / 1_000)}.${String(steps % 1_000).padStart(3, "0")}00000`;
}
