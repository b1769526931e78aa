import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccountEvent, AccountStream, AccountStreamOptions, AccountStreamState } from "./index.ts";
import {
  btc,
  connect,
  json,
  orderAnswer,
  startScriptedVenue,
  TestPermits,
  until,
  type ScriptedVenue,
} from "./testing/scripted-venue.ts";
import type { Venue } from "./venue.ts";

let server: ScriptedVenue;
let venue: Venue;
let events: AccountEvent[];
let states: [AccountStreamState, string][];
let stream: AccountStream;

beforeEach(async () => {
  server = await startScriptedVenue();
  venue = await connect(server.url, new TestPermits());
  events = [];
  states = [];
});
afterEach(async () => {
  await venue.close();
  await server.close();
});

function open(over: Partial<AccountStreamOptions> = {}): void {
  stream = venue.openAccountStream({
    lastTradeId: () => undefined,
    liveOrders: () => [],
    onEvent: (event) => events.push(event),
    onState: (state, why) => states.push([state, why]),
    ...over,
  });
}

const fills = (): string[] => events.flatMap((event) => (event.kind === "fill" ? [event.fill.tradeId as string] : []));
const isReady = (): boolean => stream.state() === "ready";

/** An execution report of a trade. */
function report(tradeId: number, over: Record<string, unknown> = {}): string {
  const event = {
    e: "executionReport",
    s: "BTCUSDT",
    c: "mine",
    C: "",
    S: "BUY",
    q: "0.00300000",
    p: "30000.00000000",
    x: "TRADE",
    X: "PARTIALLY_FILLED",
    i: 9,
    l: "0.00100000",
    z: `0.00${tradeId}00000`,
    L: "30000.00000000",
    n: "0.00000100",
    N: "BTC",
    T: Date.now(),
    t: tradeId,
    m: true,
    ...over,
  };
  return JSON.stringify({ subscriptionId: 0, event });
}

/** A trade as REST lists it. */
function listed(tradeId: number, time = Date.now()): unknown {
  return {
    symbol: "BTCUSDT",
    id: tradeId,
    orderId: 9,
    price: "30000.00000000",
    qty: "0.00100000",
    commission: "0.00000100",
    commissionAsset: "BTC",
    time,
    isBuyer: true,
    isMaker: true,
  };
}

/** Makes REST answer `myTrades` with those of `trades` that are asked for. */
function serveTrades(trades: readonly { readonly id: number }[]): void {
  server.script["GET /api/v3/myTrades"] = ({ parameters }, response) =>
    json(
      response,
      200,
      trades.filter((each) => each.id >= Number(parameters.get("fromId"))),
    );
}

describe("the account stream", () => {
  it("subscribes with a signature over its parameters sorted by name", async () => {
    let signed: Record<string, unknown> = {};
    server.onStreamRequest = (socket, request) => {
      signed = request.params;
      socket.send(JSON.stringify({ id: request.id, status: 200, result: {} }));
    };
    open();
    await until("ready", isReady);
    const text = `apiKey=key&recvWindow=${signed["recvWindow"] as number}&timestamp=${signed["timestamp"] as number}`;
    expect(signed["signature"]).toBe(createHmac("sha256", "secret").update(text).digest("hex"));
  });

  it("gives out recovery first, then what came meanwhile, each once, and only then is ready", async () => {
    server.script["GET /api/v3/myTrades"] = (_request, response) => {
      // Trade 3 is told by both; 4 only by the stream, while recovery still runs.
      server.streams[0]!.send(report(3));
      server.streams[0]!.send(report(4));
      setTimeout(() => json(response, 200, [listed(2), listed(3)]), 100);
    };
    open({ lastTradeId: () => "1" as never });
    await until("ready", isReady);
    expect(fills()).toEqual(["2", "3", "4"]);
    expect(states.map(([state]) => state)).toEqual(["connecting", "subscribing", "recovering", "ready"]);
    expect(server.received.find(({ path }) => path.endsWith("myTrades"))!.parameters.get("fromId")).toBe("2");
    server.streams[0]!.send(report(4));
    server.streams[0]!.send(report(5));
    await until("the fifth fill", () => fills().includes("5"));
    expect(fills()).toEqual(["2", "3", "4", "5"]);
  });

  it("leaves a connection that tells of a trade with an id that is no number, and reads the account", async () => {
    open();
    await until("ready", isReady);
    serveTrades([listed(4)] as { id: number }[]);
    server.streams.at(-1)!.send(report(4, { t: "9f1c2d3e-odd" }));
    await until("it is left", () => states.some(([, why]) => why === "a message that cannot be read"));
    await until("ready again", () => isReady() && fills().length > 0);
    expect(fills()).toEqual(["4"]);
  });

  it("finds a trade that an earlier listener was never told, and repeats none that is known", async () => {
    serveTrades([listed(5), listed(7), listed(8), listed(9)] as { id: number }[]);
    open({
      lastTradeId: () => "9" as never,
      isKnownTrade: (_symbol, tradeId) => tradeId === "7" || tradeId === "9",
      baselineTradeId: () => "6" as never,
    });
    await until("ready", isReady);
    expect(fills()).toEqual(["8"]);
  });

  it("after a drop recovers what was missed and doubles nothing", async () => {
    open();
    await until("ready", isReady);
    server.streams[0]!.send(report(1));
    await until("the first fill", () => fills().length === 1);
    serveTrades([listed(1), listed(2), listed(3)] as { id: number }[]);
    server.streams[0]!.terminate();
    await until("ready again", () => isReady() && server.streams.length === 2);
    expect(fills()).toEqual(["1", "2", "3"]);
    expect(states.some(([state]) => state === "backing-off")).toBe(true);
  });

  it("asks for each live order that is no longer open", async () => {
    server.script["GET /api/v3/order"] = ({ parameters }, response) =>
      json(response, 200, orderAnswer(parameters, { status: "EXPIRED" }));
    open({ liveOrders: () => [{ symbol: btc, clientOrderId: "gone" }] });
    await until("ready", isReady);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "order",
        order: expect.objectContaining({ clientOrderId: "gone", status: "expired" }),
      }),
    );
  });

  it("says which live order the venue denies, at each recovery, and makes no event of it", async () => {
    server.script["GET /api/v3/order"] = (_, response) =>
      json(response, 400, { code: -2013, msg: "Order does not exist." });
    const denied: string[] = [];
    open({
      liveOrders: () => [{ symbol: btc, clientOrderId: "wiped" }],
      onDenied: ({ clientOrderId }) => denied.push(clientOrderId),
    });
    await until("ready", isReady);
    expect(denied).toEqual(["wiped"]);
    expect(events.filter((event) => event.kind === "order")).toEqual([]);
  });

  it("names the order of a recovered fill by asking for it", async () => {
    serveTrades([listed(1)] as { id: number }[]);
    server.script["GET /api/v3/order"] = ({ parameters }, response) =>
      json(
        response,
        200,
        orderAnswer(parameters, { orderId: 9, clientOrderId: "found", status: "FILLED", executedQty: "0.001" }),
      );
    open();
    await until("ready", isReady);
    expect(events.find((event) => event.kind === "fill")).toMatchObject({
      fill: { clientOrderId: "found" },
      source: "recovery",
    });
  });

  it("reads the order's id, not the cancel's, from the report of a cancel", async () => {
    open();
    await until("ready", isReady);
    server.streams[0]!.send(report(1, { x: "CANCELED", X: "CANCELED", c: "the-cancel", C: "the-order" }));
    await until("the order", () => events.some((event) => event.kind === "order"));
    expect(events.find((event) => event.kind === "order")).toMatchObject({
      order: { clientOrderId: "the-order", status: "cancelled" },
    });
    expect(fills()).toEqual([]);
  });

  it("passes changed balances on, zeros included", async () => {
    open();
    await until("ready", isReady);
    const event = {
      e: "outboundAccountPosition",
      B: [
        { a: "BTC", f: "0.50000000", l: "0.25000000" },
        { a: "USDT", f: "0.00000000", l: "0.00000000" },
      ],
    };
    server.streams[0]!.send(JSON.stringify({ subscriptionId: 0, event }));
    await until("balances", () => events.some((each) => each.kind === "balances" && each.source === "stream"));
    expect(events.at(-1)).toMatchObject({ balances: { BTC: "0.75", USDT: "0" } });
  });

  it("leaves a connection that answers pings but owes a fill, and has the fill by then", async () => {
    open({ sweepEveryMs: 100 });
    await until("ready", isReady);
    serveTrades([listed(1, Date.now() - 10_000)] as { id: number }[]);
    await until("the connection is replaced", () => server.streams.length >= 2 && isReady());
    expect(fills()).toEqual(["1"]);
    expect(states).toContainEqual(["backing-off", "a fill was found that the stream did not tell"]);
  });

  it("reads soon what is known to be missing, long before the next sweep", async () => {
    let isMissing = false;
    let sweeps = 0;
    open({ sweepEveryMs: 60_000, isFillMissing: () => isMissing, onOpenOrders: () => (sweeps += 1) });
    await until("the first sweep", () => sweeps >= 2);
    serveTrades([listed(1, Date.now())] as { id: number }[]);
    isMissing = true;
    await until("the next sweep", () => sweeps >= 3 && fills().length > 0);
    expect(fills()).toEqual(["1"]);
  });

  it("is not ready, and keeps trying, while REST does not answer", async () => {
    let asked = 0;
    server.script["GET /api/v3/openOrders"] = (_request, response) => {
      asked += 1;
      json(response, 503, { code: -1001, msg: "Disconnected" });
    };
    open();
    await until("recovering", () => stream.state() === "recovering");
    server.streams[0]!.send(report(1));
    const before = asked;
    await until("it has tried again and again", () => asked >= before + 3);
    expect(stream.state()).toBe("recovering");
    expect(fills()).toEqual([]);
    delete server.script["GET /api/v3/openOrders"];
    await until("ready", isReady);
    expect(fills()).toEqual(["1"]);
  });

  it("tries again after a refused subscription, a frame that is not JSON, and the venue's own farewell", async () => {
    let refusals = 1;
    server.onStreamRequest = (socket, request) => {
      const answer =
        refusals > 0 ? { status: 400, error: { code: -1022, msg: "Signature" } } : { status: 200, result: {} };
      refusals -= 1;
      socket.send(JSON.stringify({ id: request.id, ...answer }));
    };
    open();
    await until("ready", isReady);
    server.streams.at(-1)!.send("{broken");
    await until("ready after a broken frame", () => isReady() && server.streams.length === 3);
    server.streams.at(-1)!.send(JSON.stringify({ event: { e: "serverShutdown" } }));
    await until("ready after the farewell", () => isReady() && server.streams.length === 4);
    expect(states.filter(([state]) => state === "backing-off").map(([, why]) => why)).toEqual([
      "the subscription was refused: -1022 Signature",
      "a message that cannot be read",
      "serverShutdown",
    ]);
  });

  it("gives out nothing after close", async () => {
    open();
    await until("ready", isReady);
    const [theirs] = server.streams;
    stream.close();
    theirs!.send(report(1));
    await until("the venue sees it go", () => theirs!.readyState === theirs!.CLOSED);
    expect(fills()).toEqual([]);
    expect(stream.state()).toBe("closed");
  });
});
