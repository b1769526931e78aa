/** The streams by Binance's own rules: a book joined from snapshot and differences, trade ids without a hole, account events. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient, type Message } from "../testing/signed-client.ts";

let exchange: RunningExchange;
let client: SignedClient;
const sockets: CollectingSocket[] = [];

beforeEach(async () => {
  exchange = await startExchange({ seed: 5, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 100 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

async function open(path: string, headers: Record<string, string> = {}): Promise<CollectingSocket> {
  const socket = await CollectingSocket.open(exchange.url + path, headers);
  sockets.push(socket);
  return socket;
}

async function openAccount(): Promise<CollectingSocket> {
  const socket = await open("/ws-api/v3");
  socket.say({ id: 1, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
  expect(await socket.heard((one) => one["id"] === 1)).toMatchObject({ status: 200, result: { subscriptionId: 0 } });
  return socket;
}

function event(message: Message): Message {
  return (message["event"] ?? {}) as Message;
}

function tradeIds(socket: CollectingSocket): number[] {
  return socket.messages.filter((one) => one["e"] === "trade").map((one) => Number(one["t"]));
}

describe("market streams", () => {
  test("differences follow each other without a hole", async () => {
    const socket = await open("/ws/btcusdt@depth@100ms");
    await socket.until(() => socket.messages.length > 15);
    const [firsts, lasts] = ["U", "u"].map((end) => socket.messages.map((one) => Number(one[end])));
    expect(firsts?.slice(1)).toEqual(lasts?.slice(0, -1).map((last) => last + 1));
  });

  test("a book joined from snapshot and differences by Binance's rules equals the exchange's own", async () => {
    const quiet = await startExchange({ keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 0 } });
    try {
      const trader = new SignedClient(quiet.url, { key: "k", secret: "s" });
      const socket = await CollectingSocket.open(`${quiet.url}/ws/btcusdt@depth@100ms`);
      sockets.push(socket);
      const read = async (): Promise<Book> =>
        (await (await fetch(`${quiet.url}/api/v3/depth?symbol=BTCUSDT&limit=5000`)).json()) as Book;
      let snapshot: Book | undefined;
      for (let at = 0; at < 60; at += 1) {
        // In the middle of a window, so that the first difference that counts contains the snapshot.
        if (at === 20) {
          await socket.until(() => socket.messages.length > 0);
          await trader.place("just-before");
          snapshot = await read();
        }
        if (at % 3 === 0) await trader.place(`rest-${at}`, { price: `${50_000 + at}` });
        else if (at % 3 === 1)
          await trader.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: `rest-${at - 1}` });
        else
          await trader.send("POST", "/api/v3/order", {
            symbol: "BTCUSDT",
            side: "SELL",
            type: "MARKET",
            quantity: "0.3",
          });
      }
      const goal = await read();
      await socket.heard((one) => Number(one["u"]) >= goal.lastUpdateId);
      const book = join(snapshot as Book, socket.messages);
      expect(book.lastUpdateId).toBe(goal.lastUpdateId);
      expect(book.bids).toEqual(sorted(goal.bids));
      expect(book.asks).toEqual(sorted(goal.asks));
    } finally {
      await quiet.close();
    }
  });

  test("trade ids have no hole, and aggregate trades cover exactly the same ids", async () => {
    const socket = await open("/stream?streams=btcusdt@trade/btcusdt@aggTrade");
    const of = (stream: string): Message[] =>
      socket.messages.filter((one) => one["stream"] === stream).map((one) => one["data"] as Message);
    await socket.until(() => of("btcusdt@trade").length > 30);
    const ids = of("btcusdt@trade").map((one) => Number(one["t"]));
    expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
    const covered = of("btcusdt@aggTrade").flatMap((one) => {
      const [first, last] = [Number(one["f"]), Number(one["l"])];
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
    expect(covered).toEqual(ids.slice(0, covered.length));
  });

  test("subscriptions are acknowledged, listed and ended by name", async () => {
    const socket = await open("/ws");
    socket.say({ method: "SUBSCRIBE", params: ["BTCUSDT@bookTicker", "ethusdt@kline_1s"], id: 1 });
    expect(await socket.heard((one) => one["id"] === 1)).toEqual({ result: null, id: 1 });
    socket.say({ method: "LIST_SUBSCRIPTIONS", id: "list" });
    expect(await socket.heard((one) => one["id"] === "list")).toEqual({
      result: ["btcusdt@bookTicker", "ethusdt@kline_1s"],
      id: "list",
    });
    await socket.heard((one) => one["s"] === "BTCUSDT" && one["b"] !== undefined);
    expect(await socket.heard((one) => one["e"] === "kline")).toMatchObject({ s: "ETHUSDT", k: { i: "1s" } });
    socket.say({ method: "UNSUBSCRIBE", params: ["btcusdt@bookTicker"], id: 2 });
    expect(await socket.heard((one) => one["id"] === 2)).toEqual({ result: null, id: 2 });
    socket.say({ method: "SHOUT", id: 3 });
    expect(await socket.heard((one) => one["id"] === 3)).toMatchObject({ code: 2 });
  });

  test("a sixth message within a second ends the connection", async () => {
    const socket = await open("/ws");
    for (let id = 0; id < 12; id += 1) socket.say({ method: "LIST_SUBSCRIPTIONS", id });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(1008);
  });

  test("the partial book and the ticker tell what REST tells", async () => {
    const socket = await open("/stream?streams=solusdt@depth5@100ms/solusdt@ticker");
    const partial = await socket.heard((one) => one["stream"] === "solusdt@depth5@100ms");
    expect((partial["data"] as { bids: unknown[] }).bids).toHaveLength(5);
    const ticker = await socket.heard((one) => one["stream"] === "solusdt@ticker");
    expect(ticker["data"]).toMatchObject({ e: "24hrTicker", s: "SOLUSDT" });
  });
});

describe("account streams", () => {
  test("tell an order's life in order, with balances after it", async () => {
    const socket = await openAccount();
    await client.place("life");
    await client.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "life" });
    // Less than any quote is left with: it trades once.
    await client.send("POST", "/api/v3/order", { symbol: "BTCUSDT", side: "BUY", type: "MARKET", quantity: "0.0001" });
    await socket.heard((one) => event(one)["x"] === "TRADE");
    await socket.until(() => event(socket.messages.at(-1) ?? {})["e"] === "outboundAccountPosition");
    const told = socket.messages.slice(1).map((one) => [event(one)["e"], event(one)["x"]]);
    expect(told).toEqual([
      ["executionReport", "NEW"],
      ["outboundAccountPosition", undefined],
      ["executionReport", "CANCELED"],
      ["outboundAccountPosition", undefined],
      ["executionReport", "NEW"],
      ["executionReport", "TRADE"],
      ["outboundAccountPosition", undefined],
    ]);
    expect(event(socket.messages[3] ?? {})).toMatchObject({ C: "life", X: "CANCELED" });
  });

  test("take a second subscription of the same account only after the first has ended", async () => {
    const socket = await openAccount();
    socket.say({ id: 2, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
    expect(await socket.heard((one) => one["id"] === 2)).toMatchObject({ status: 400, error: { code: -2035 } });
    socket.say({ id: 3, method: "userDataStream.unsubscribe" });
    expect(await socket.heard((one) => one["id"] === 3)).toMatchObject({ status: 200, result: {} });
    await client.place("unheard");
    socket.say({ id: 4, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
    await socket.heard((one) => one["id"] === 4);
    expect(socket.messages.some((one) => event(one)["c"] === "unheard")).toBe(false);
  });

  test("refuse a wrong signature", async () => {
    const socket = await open("/ws-api/v3");
    socket.say({
      id: 1,
      method: "userDataStream.subscribe.signature",
      params: { ...client.signedParameters(), timestamp: Date.now() + 1 },
    });
    expect(await socket.heard((one) => one["id"] === 1)).toMatchObject({ status: 400, error: { code: -1022 } });
  });

  test("the WebSocket API places and cancels like REST", async () => {
    const socket = await open("/ws-api/v3");
    const order = {
      symbol: "BTCUSDT",
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.01",
      price: "50000",
      newClientOrderId: "ws",
    };
    socket.say({ id: "p", method: "order.place", params: client.signedParameters(order) });
    expect(await socket.heard((one) => one["id"] === "p")).toMatchObject({
      status: 200,
      result: { clientOrderId: "ws", status: "NEW" },
    });
    socket.say({
      id: "c",
      method: "order.cancel",
      params: client.signedParameters({ symbol: "BTCUSDT", origClientOrderId: "ws" }),
    });
    expect(await socket.heard((one) => one["id"] === "c")).toMatchObject({
      status: 200,
      result: { status: "CANCELED" },
    });
  });
});

describe("stream faults", () => {
  test("a stalled symbol goes silent while the others and the pongs go on", async () => {
    const socket = await open("/stream?streams=btcusdt@trade/ethusdt@trade");
    const count = (symbol: string): number =>
      socket.messages.filter((one) => (one["data"] as Message)["s"] === symbol).length;
    await socket.until(() => count("BTCUSDT") > 0 && count("ETHUSDT") > 0);
    exchange.arm({ fault: "stream-stall", match: { symbol: "BTCUSDT" } });
    await socket.ponged();
    const [btc, eth] = [count("BTCUSDT"), count("ETHUSDT")];
    await socket.until(() => count("ETHUSDT") > eth + 15);
    expect(count("BTCUSDT")).toBe(btc);
    await socket.ponged();
    exchange.clearFaults();
    await socket.until(() => count("BTCUSDT") > btc + 2);
  });

  test("a gap drops as many messages as it was told, and the next one shows it", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 3);
    exchange.arm({ fault: "stream-gap", count: 3, match: { stream: "trade" } });
    const lost = (): number => {
      const ids = tradeIds(socket);
      return (ids.at(-1) ?? 0) - (ids[0] ?? 0) + 1 - ids.length;
    };
    await socket.until(() => lost() === 3);
    await socket.until(() => tradeIds(socket).length > 15);
    expect(lost()).toBe(3);
  });

  test("a duplicate comes twice", async () => {
    const socket = await open("/ws/btcusdt@trade");
    exchange.arm({ fault: "stream-duplicate", count: 1, match: { stream: "trade" } });
    await socket.until(() => tradeIds(socket).length > 5);
    const ids = tradeIds(socket);
    expect(ids.length - new Set(ids).size).toBe(1);
  });

  test("a drop closes with the code it was told, only those it matches", async () => {
    const struck = await open("/ws/btcusdt@trade", { "X-MBX-APIKEY": "k" });
    const spared = await open("/ws/btcusdt@trade");
    exchange.arm({ fault: "stream-drop", closeCode: 1012, match: { apiKey: "k" } });
    await struck.until(() => struck.closedWith !== undefined);
    expect(struck.closedWith).toBe(1012);
    expect(spared.closedWith).toBeUndefined();
    const isRecorded = (): boolean =>
      exchange.audit().some((one) => one.type === "sub" && one.action === "closed" && one.apiKey === "k");
    await expect.poll(isRecorded).toBe(true);
  });

  test("a lost account event never comes, and the order is true all the same", async () => {
    const socket = await openAccount();
    exchange.arm({ fault: "user-event-loss", count: 2 });
    await client.place("silent");
    await client.place("loud");
    await socket.heard((one) => event(one)["c"] === "loud");
    expect(socket.messages.some((one) => event(one)["c"] === "silent")).toBe(false);
  });

  test("a refused handshake gets its status", async () => {
    exchange.arm({ fault: "upgrade-refused", status: 503, count: 1 });
    await expect(open("/ws")).rejects.toThrow("503");
    await open("/ws");
  });
});

interface Book {
  readonly lastUpdateId: number;
  readonly bids: readonly [string, string][];
  readonly asks: readonly [string, string][];
}

/** Binance's procedure: drop what the snapshot already holds, then each difference follows the one before. */
function join(snapshot: Book, diffs: readonly Message[]): Book {
  const [bids, asks] = [new Map(snapshot.bids), new Map(snapshot.asks)];
  let last = snapshot.lastUpdateId;
  for (const diff of diffs) {
    if (Number(diff["u"]) <= last) continue;
    expect(Number(diff["U"])).toBeLessThanOrEqual(last + 1);
    for (const [side, rows] of [
      [bids, diff["b"]],
      [asks, diff["a"]],
    ] as const) {
      for (const [price, quantity] of rows as [string, string][]) {
        if (Number(quantity) === 0) side.delete(price);
        else side.set(price, quantity);
      }
    }
    last = Number(diff["u"]);
  }
  return { lastUpdateId: last, bids: sorted([...bids]), asks: sorted([...asks]) };
}

function sorted(side: readonly [string, string][]): [string, string][] {
  return [...side].sort(([one], [other]) => Number(one) - Number(other));
}
