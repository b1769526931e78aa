import { describe, expect, test } from "vitest";
import { units } from "../amounts.ts";
import { usualInstruments, type Instrument } from "../matching/instrument.ts";
import { MatchingEngine, type MatchingEvent } from "../matching/matching-engine.ts";
import { isOpen } from "../matching/order.ts";
import { HOUSE, OrderFlow, usualFlow } from "./order-flow.ts";

const btc = usualInstruments[0] as Instrument;

function market(seed: string): { engine: MatchingEngine; flow: OrderFlow; events: MatchingEvent[] } {
  const events: MatchingEvent[] = [];
  const engine = new MatchingEngine({
    instruments: [btc],
    makerFee: 0n,
    takerFee: 0n,
    uniqueness: () => "open-only",
    onEvent: (event) => events.push(event),
  });
  engine.openAccount(HOUSE, new Map(), { isHouse: true });
  engine.openAccount(
    "desk",
    new Map([
      ["USDT", units("1000000000")],
      ["BTC", units("10000")],
    ]),
  );
  const flow = new OrderFlow(engine, btc, { ...usualFlow, seed });
  flow.fill(0);
  return { engine, flow, events };
}

function prices(seed: string): string[] {
  const { flow, events } = market(seed);
  for (let at = 1; at <= 400; at += 1) flow.step(at);
  return events.flatMap((event) => (event.kind === "traded" ? [`${event.trade.price} ${event.trade.quantity}`] : []));
}

describe("the market's own flow", () => {
  test("is the same for the same seed and another for another", () => {
    expect(prices("one")).toEqual(prices("one"));
    expect(prices("one")).not.toEqual(prices("two"));
  });

  test("trades, moves, stays two-sided and near where it opened", () => {
    const { engine, flow, events } = market("long");
    for (let at = 1; at <= 5_000; at += 1) {
      flow.step(at);
      if (flow.isThin()) flow.fill(at);
    }
    const traded = events.filter((event) => event.kind === "traded").map((event) => event.trade.price);
    expect(traded.length).toBeGreaterThan(1_000);
    expect(new Set(traded).size).toBeGreaterThan(200);
    const book = engine.book("BTCUSDT");
    expect(Math.min(book.bids.length, book.asks.length)).toBeGreaterThan(usualFlow.depth / 2);
    expect(engine.lastPrice("BTCUSDT") > (btc.openingPrice * 95n) / 100n).toBe(true);
    expect(engine.lastPrice("BTCUSDT") < (btc.openingPrice * 105n) / 100n).toBe(true);
  });

  test("trades against a client's resting order once the price has passed it", () => {
    const { engine, flow } = market("passes");
    const placed = engine.place(
      {
        account: "desk",
        symbol: "BTCUSDT",
        side: "BUY",
        type: "LIMIT",
        timeInForce: "GTC",
        quantity: units("0.5"),
        quoteQuantity: 0n,
        price: (btc.openingPrice / btc.tickSize) * btc.tickSize - units("3"),
        clientOrderId: "patient",
        selfTradePrevention: "EXPIRE_TAKER",
      },
      1,
    );
    const orderId = placed.kind === "placed" ? placed.order.orderId : 0;
    let steps = 0;
    while (steps < 5_000 && isOpen(engine.orders.byId(orderId) ?? never())) {
      steps += 1;
      flow.step(steps);
    }
    expect(engine.orders.byId(orderId)?.status).toBe("FILLED");
  });

  test("puts back what a large client order has eaten", () => {
    const { engine, flow } = market("eaten");
    const before = engine.book("BTCUSDT").asks.length;
    engine.place(
      {
        account: "desk",
        symbol: "BTCUSDT",
        side: "BUY",
        type: "MARKET",
        timeInForce: "GTC",
        quantity: units("30"),
        quoteQuantity: 0n,
        price: 0n,
        clientOrderId: "large",
        selfTradePrevention: "EXPIRE_TAKER",
      },
      1,
    );
    expect(flow.isThin()).toBe(true);
    flow.fill(2);
    expect(engine.book("BTCUSDT").asks.length).toBeGreaterThanOrEqual(before - 2);
  });
});

function never(): never {
  throw new Error("the order is known");
}
