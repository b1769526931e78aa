/**
 * Binance spot's card, WebSocket streams: `web-socket-streams.md` as of 2026-07-21. A market that moves by itself; each
 * stream is asked for its documented form, and the protocol for its documented answers.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { RawSocket, send, type Message } from "./raw.ts";

let exchange: RunningExchange;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  exchange = await startExchange({ keys: [], seed: 21, flow: { rate: 40 } });
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  await exchange.close();
});

async function open(path: string): Promise<RawSocket> {
  const socket = await RawSocket.open(exchange.url + path);
  sockets.push(socket);
  return socket;
}

const decimal: unknown = expect.stringMatching(/^\d+\.\d{8}$/);
const signed: unknown = expect.stringMatching(/^-?\d+\.\d{8}$/);
const number: unknown = expect.any(Number);
const truth: unknown = expect.any(Boolean);
const rows: unknown = expect.any(Array);

const statistics = {
  E: number,
  s: "BTCUSDT",
  p: signed,
  P: expect.stringMatching(/^-?\d+\.\d{3}$/) as unknown,
  o: decimal,
  h: decimal,
  l: decimal,
  c: decimal,
  w: decimal,
  v: decimal,
  q: decimal,
  O: number,
  C: number,
  F: number,
  L: number,
  n: number,
};

/** Each stream of one symbol with the form of its message. */
const forms: Readonly<Record<string, object>> = {
  trade: { e: "trade", E: number, s: "BTCUSDT", t: number, p: decimal, q: decimal, T: number, m: truth, M: true },
  aggTrade: {
    e: "aggTrade",
    E: number,
    s: "BTCUSDT",
    a: number,
    p: decimal,
    q: decimal,
    f: number,
    l: number,
    T: number,
    m: truth,
    M: true,
  },
  kline_1s: {
    e: "kline",
    E: number,
    s: "BTCUSDT",
    k: {
      t: number,
      T: number,
      s: "BTCUSDT",
      i: "1s",
      f: number,
      L: number,
      o: decimal,
      c: decimal,
      h: decimal,
      l: decimal,
      v: decimal,
      n: number,
      x: truth,
      q: decimal,
      V: decimal,
      Q: decimal,
      B: "0",
    },
  },
  miniTicker: {
    e: "24hrMiniTicker",
    E: number,
    s: "BTCUSDT",
    c: decimal,
    o: decimal,
    h: decimal,
    l: decimal,
    v: decimal,
    q: decimal,
  },
  ticker: {
    e: "24hrTicker",
    ...statistics,
    x: decimal,
    Q: decimal,
    b: decimal,
    B: decimal,
    a: decimal,
    A: decimal,
  },
  ticker_1h: { e: "1hTicker", ...statistics },
  ticker_4h: { e: "4hTicker", ...statistics },
  ticker_1d: { e: "1dTicker", ...statistics },
  bookTicker: { u: number, s: "BTCUSDT", b: decimal, B: decimal, a: decimal, A: decimal },
  avgPrice: { e: "avgPrice", E: number, s: "BTCUSDT", i: "5m", w: decimal, T: number },
  depth5: { lastUpdateId: number, bids: rows, asks: rows },
  "depth10@100ms": { lastUpdateId: number, bids: rows, asks: rows },
  depth20: { lastUpdateId: number, bids: rows, asks: rows },
  depth: { e: "depthUpdate", E: number, s: "BTCUSDT", U: number, u: number, b: rows, a: rows },
  "depth@100ms": { e: "depthUpdate", E: number, s: "BTCUSDT", U: number, u: number, b: rows, a: rows },
};

describe("streams", () => {
  test("1: a combined stream wraps each message with the stream's name, and each has its documented form", async () => {
    const names = Object.keys(forms).map((name) => `btcusdt@${name}`);
    const socket = await open(`/stream?streams=${names.join("/")}`);
    for (const [name, form] of Object.entries(forms)) {
      const message = await socket.first((one) => one["stream"] === `btcusdt@${name}`);
      expect(message).toEqual({ stream: `btcusdt@${name}`, data: form });
    }
  });

  test("2: a raw stream tells the bare message", async () => {
    const socket = await open("/ws/btcusdt@trade");
    expect(await socket.first(() => true)).toEqual(forms["trade"]);
  });

  test("3: streams of all symbols tell a list, or each best price", async () => {
    const socket = await open("/stream?streams=!miniTicker@arr/!ticker_1h@arr/!bookTicker");
    const of = (name: string): Promise<Message> => socket.first((one) => one["stream"] === name);
    expect((await of("!miniTicker@arr"))["data"]).toContainEqual(forms["miniTicker"]);
    expect((await of("!ticker_1h@arr"))["data"]).toContainEqual(forms["ticker_1h"]);
    expect((await of("!bookTicker"))["data"]).toMatchObject({ u: number });
  });

  test("4: timeUnit=MICROSECOND gives microseconds; another unit is refused", async () => {
    const socket = await open("/stream?streams=btcusdt@trade/btcusdt@kline_1s&timeUnit=MICROSECOND");
    const trade = (await socket.first((one) => one["stream"] === "btcusdt@trade"))["data"] as { E: number; T: number };
    expect([`${trade.E}`.length, `${trade.T}`.length]).toEqual([16, 16]);
    const kline = (await socket.first((one) => one["stream"] === "btcusdt@kline_1s"))["data"] as {
      k: { t: number; T: number; f: number };
    };
    expect([`${kline.k.t}`.length, `${kline.k.T}`.length]).toEqual([16, 16]);
    expect(kline.k.f).toBeLessThan(1e9);
    await expect(open("/ws/btcusdt@trade?timeUnit=HOUR")).rejects.toThrow("400");
  });

  test("5: a local book by the document's procedure equals the snapshot at the same update id", async () => {
    const socket = await open("/ws/btcusdt@depth@100ms");
    await socket.first(() => true);
    const { json } = await send(`${exchange.url}/api/v3/depth?symbol=BTCUSDT&limit=5000`);
    type Rows = readonly (readonly [string, string])[];
    const snapshot = json as { lastUpdateId: number; bids: Rows; asks: Rows };
    const [bids, asks] = [new Map(snapshot.bids), new Map(snapshot.asks)];
    let local = snapshot.lastUpdateId;
    let applied = 0;
    let at = 0;
    const holes: unknown[] = [];
    const by = (way: 1 | -1) => (x: readonly [string, string], y: readonly [string, string]) =>
      way * (Number(x[0]) - Number(y[0]));
    /** Books by update id: those that were made here, and those that the venue told. */
    const [made, told] = [new Map<number, unknown>(), new Map<number, unknown>()];
    const apply = ({ U, u, b, a }: { U: number; u: number; b: Rows; a: Rows }): void => {
      if (u <= local) return;
      if (applied > 0 ? U !== local + 1 : U > local + 1) holes.push({ U, local });
      for (const [side, changes] of [
        [bids, b],
        [asks, a],
      ] as const) {
        for (const [price, quantity] of changes) {
          if (Number(quantity) === 0) side.delete(price);
          else side.set(price, quantity);
        }
      }
      local = u;
      applied += 1;
      made.set(u, [[...bids].sort(by(-1)), [...asks].sort(by(1))]);
    };
    const both = (): number[] => [...told.keys()].filter((updateId) => made.has(updateId));
    await expect
      .poll(
        async () => {
          const now = (await send(`${exchange.url}/api/v3/depth?symbol=BTCUSDT&limit=5000`)).json as typeof snapshot;
          told.set(now.lastUpdateId, [now.bids, now.asks]);
          for (; at < socket.heard.length; at += 1) apply(socket.heard[at] as unknown as Parameters<typeof apply>[0]);
          return applied < 4 ? 0 : both().length;
        },
        { timeout: 60_000, interval: 5 },
      )
      .toBeGreaterThan(2);
    expect(holes).toEqual([]);
    for (const updateId of both()) expect(made.get(updateId)).toEqual(told.get(updateId));
  });
});

describe("live subscribing", () => {
  test("6: SUBSCRIBE, LIST_SUBSCRIPTIONS, UNSUBSCRIBE", async () => {
    const socket = await open("/ws");
    const ask = (method: string, ...params: string[]): Promise<Message> => socket.ask({ method, params });
    expect(await ask("SUBSCRIBE", "btcusdt@aggTrade", "btcusdt@depth")).toEqual({ result: null, id: 1 });
    expect(await socket.ask({ method: "LIST_SUBSCRIPTIONS" })).toEqual({
      result: ["btcusdt@aggTrade", "btcusdt@depth"],
      id: 2,
    });
    expect(await ask("UNSUBSCRIBE", "btcusdt@depth")).toEqual({ result: null, id: 3 });
    expect(await socket.ask({ method: "LIST_SUBSCRIPTIONS" })).toEqual({ result: ["btcusdt@aggTrade"], id: 4 });
  });

  test("7: an id may be a whole number, a text of up to 36, or null", async () => {
    const socket = await open("/ws");
    for (const id of [-7, "abc-1", null]) {
      socket.say(JSON.stringify({ method: "SUBSCRIBE", params: ["btcusdt@kline_1M"], id }));
      expect(await socket.first((one) => one["id"] === id)).toEqual({ result: null, id });
    }
  });

  test("8: the property `combined` is what the address said, and can be set", async () => {
    const socket = await open("/stream");
    expect(await socket.ask({ method: "GET_PROPERTY", params: ["combined"] })).toEqual({ result: true, id: 1 });
    expect(await socket.ask({ method: "SET_PROPERTY", params: ["combined", false] })).toEqual({ result: null, id: 2 });
    await socket.ask({ method: "SUBSCRIBE", params: ["btcusdt@trade"] });
    expect(await socket.first((one) => one["e"] === "trade")).toEqual(forms["trade"]);
  });

  test.each([
    ['{"method":"SET_PROPERTY","params":["colour",true],"id":5}', { code: 0, msg: "Unknown property", id: 5 }],
    [
      '{"method":"SET_PROPERTY","params":["combined","yes"],"id":5}',
      { code: 1, msg: "Invalid value type: expected Boolean", id: 5 },
    ],
    [
      '{"method":"GET_PROPERTY","params":[],"id":5}',
      { code: 2, msg: "Invalid request: property name must be a string", id: 5 },
    ],
    [
      '{"method":"GET_PROPERTY","params":["combined",true],"id":5}',
      { code: 2, msg: "Invalid request: too many parameters", id: 5 },
    ],
    [
      '{"method":"LIST_SUBSCRIPTIONS","params":["x"],"id":5}',
      { code: 2, msg: "Invalid request: too many parameters", id: 5 },
    ],
    [
      '{"method":"SUBSCRIBE","params":["btcusdt@trade"]}',
      { code: 2, msg: "Invalid request: request ID must be an unsigned integer" },
    ],
    [
      '{"method": "SUBSCRIB","params":["x"],"id":5}',
      {
        code: 2,
        msg: "Invalid request: unknown variant `SUBSCRIB`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 21",
        id: 5,
      },
    ],
    ['{"params":["x"],"id":5}', { code: 2, msg: "Invalid request: missing field `method` at line 1 column 23" }],
    ["{method", { code: 3, msg: "Invalid JSON: expected value at line 1 column 1" }],
  ])("9: %s is answered with its documented error", async (said, answer) => {
    const socket = await open("/ws");
    socket.say(said);
    expect(await socket.first(() => true)).toEqual(answer);
  });

  test("10: more than five messages in a second end the connection", async () => {
    const socket = await open("/ws");
    for (let count = 0; count < 12; count += 1) socket.say(JSON.stringify({ method: "LIST_SUBSCRIPTIONS", id: count }));
    await expect.poll(() => socket.closedWith, { timeout: 60_000 }).toBe(1008);
  });

  test("11: more than 1,024 streams end the connection", async () => {
    const socket = await open("/ws");
    const params = Array.from({ length: 1_025 }, (_unused, index) => `s${index}usdt@trade`);
    socket.say(JSON.stringify({ method: "SUBSCRIBE", params, id: 1 }));
    await expect.poll(() => socket.closedWith, { timeout: 60_000 }).toBe(1008);
  });

  test("12: more handshakes than the limit allows are refused with 429", async () => {
    const small = await startExchange({ keys: [], flow: { isOff: true }, limits: { connectionsPerFiveMinutes: 3 } });
    const opened: RawSocket[] = [];
    try {
      for (let count = 0; count < 3; count += 1) opened.push(await RawSocket.open(`${small.url}/ws`));
      await expect(RawSocket.open(`${small.url}/ws`)).rejects.toThrow("429");
    } finally {
      for (const socket of opened) socket.close();
      await small.close();
    }
  });
});
