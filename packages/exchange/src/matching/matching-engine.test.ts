import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountText, notional, units } from "../amounts.ts";
import { instrument } from "./instrument.ts";
import { MatchingEngine, type MatchingEvent } from "./matching-engine.ts";
import type { NewOrder } from "./new-order.ts";
import { isOpen, type OrderState } from "./order.ts";
import type { Uniqueness } from "./order-index.ts";

const btc = instrument({
  base: "BTC",
  quote: "USDT",
  openingPrice: "100",
  tick: "0.01",
  step: "0.001",
  minNotional: "1",
});
const accounts = ["ann", "bob", "cat"];

function engineWith(onEvent: (event: MatchingEvent) => void, uniqueness: Uniqueness = "open-only"): MatchingEngine {
  const engine = new MatchingEngine({
    instruments: [btc],
    makerFee: units("0.001"),
    takerFee: units("0.002"),
    uniqueness: () => uniqueness,
    onEvent,
  });
  const deposits = new Map([
    ["BTC", units("100")],
    ["USDT", units("20000")],
  ]);
  for (const account of accounts) engine.openAccount(account, deposits);
  return engine;
}

function order(over: Partial<NewOrder>): NewOrder {
  return {
    account: "ann",
    symbol: "BTCUSDT",
    side: "BUY",
    type: "LIMIT",
    timeInForce: "GTC",
    quantity: units("1"),
    quoteQuantity: 0n,
    price: units("100"),
    clientOrderId: `id-${Math.floor(performance.now() * 1e6)}`,
    selfTradePrevention: "EXPIRE_TAKER",
    ...over,
  };
}

function total(engine: MatchingEngine, asset: string): bigint {
  let sum = 0n;
  for (const account of engine.ledger.accounts()) {
    const { free, locked } = engine.ledger.balance(account, asset);
    sum += free + locked;
  }
  return sum;
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        act: fc.constant("place" as const),
        account: fc.constantFrom(...accounts),
        side: fc.constantFrom("BUY" as const, "SELL" as const),
        type: fc.constantFrom("LIMIT" as const, "LIMIT" as const, "MARKET" as const, "LIMIT_MAKER" as const),
        timeInForce: fc.constantFrom("GTC" as const, "GTC" as const, "IOC" as const, "FOK" as const),
        lots: fc.integer({ min: 50, max: 20_000 }),
        ticks: fc.integer({ min: 9_900, max: 10_100 }),
        isInQuote: fc.boolean(),
        stp: fc.constantFrom("NONE" as const, "EXPIRE_TAKER" as const, "EXPIRE_BOTH" as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ act: fc.constant("cancel" as const), which: fc.nat(200) }) },
  ),
  { minLength: 30, maxLength: 120 },
);

describe("matching", () => {
  test("conserves every asset, never crosses the book, and honours price, then time", () => {
    fc.assert(
      fc.property(steps, (script) => {
        const resting = new Map<number, { readonly order: OrderState; readonly arrival: number }>();
        let arrival = 0;
        const engine = engineWith((event) => {
          if (event.kind !== "traded") return;
          const { maker, taker, trade } = event;
          const rivals = [...resting.values()].filter((one) => one.order.side === maker.side);
          const first = rivals.reduce((best, one) => (precedes(one, best) ? one : best));
          expect(first.order.orderId).toBe(maker.orderId);
          expect(trade.price).toBe(maker.price);
          expect(isAllowed(taker, trade.price)).toBe(true);
          if (!isOpen(maker)) resting.delete(maker.orderId);
        });
        const totals = ["BTC", "USDT"].map((asset) => total(engine, asset));
        for (const [at, step] of script.entries()) {
          if (step.act === "cancel") {
            if (engine.cancel(step.which, at) !== undefined) resting.delete(step.which);
          } else {
            const isMarket = step.type === "MARKET";
            const isInQuote = isMarket && step.isInQuote;
            const placed = engine.place(
              order({
                account: step.account,
                side: step.side,
                type: step.type,
                timeInForce: step.type === "LIMIT" ? step.timeInForce : "GTC",
                quantity: isInQuote ? 0n : BigInt(step.lots) * btc.stepSize,
                quoteQuantity: isInQuote ? BigInt(step.lots) * 10_000_000n : 0n,
                price: isMarket ? 0n : BigInt(step.ticks) * btc.tickSize,
                clientOrderId: `step-${at}`,
                selfTradePrevention: step.stp,
              }),
              at,
            );
            // A maker that self-trade prevention ended has left the book without a trade.
            for (const orderId of resting.keys()) if (!isStillOpen(engine, orderId)) resting.delete(orderId);
            if (placed.kind === "placed" && isOpen(placed.order)) {
              arrival += 1;
              resting.set(placed.order.orderId, { order: placed.order, arrival });
            }
          }
          expect(["BTC", "USDT"].map((asset) => total(engine, asset))).toEqual(totals);
          const book = engine.book("BTCUSDT");
          expect((book.bids[0]?.price ?? 0n) < (book.asks[0]?.price ?? btc.maxPrice)).toBe(true);
          for (const account of accounts) expectLocksMatchOpenOrders(engine, account);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("fills the earlier of two equal orders first, and only as far as it asked", () => {
    const trades: string[] = [];
    const engine = engineWith((event) => {
      if (event.kind === "traded") trades.push(`${event.maker.clientOrderId} ${amountText(event.trade.quantity)}`);
    });
    engine.place(order({ account: "ann", side: "SELL", clientOrderId: "first" }), 1);
    engine.place(order({ account: "bob", side: "SELL", clientOrderId: "second" }), 2);
    engine.place(order({ account: "bob", side: "SELL", clientOrderId: "cheaper", price: units("99.99") }), 3);
    const placed = engine.place(order({ account: "cat", quantity: units("2.5"), price: units("100.5") }), 4);
    expect(trades).toEqual(["cheaper 1.00000000", "first 1.00000000", "second 0.50000000"]);
    expect(placed).toMatchObject({ kind: "placed", order: { status: "FILLED", executed: units("2.5") } });
  });

  test("gives a better price back to the buyer at once", () => {
    const engine = engineWith(() => {});
    engine.place(order({ account: "bob", side: "SELL", price: units("90") }), 1);
    engine.place(order({ account: "ann", price: units("100") }), 2);
    expect(engine.ledger.balance("ann", "USDT")).toEqual({ free: units("19910"), locked: 0n });
    expect(engine.ledger.balance("ann", "BTC").free).toBe(units("100.998"));
    expect(engine.ledger.balance("bob", "USDT").free).toBe(units("20089.91"));
  });

  test("FOK trades whole or not at all, IOC what it gets, and a post-only order never takes", () => {
    const engine = engineWith(() => {});
    engine.place(order({ account: "bob", side: "SELL" }), 1);
    const fok = engine.place(order({ timeInForce: "FOK", quantity: units("2") }), 2);
    expect(fok).toMatchObject({
      order: { status: "EXPIRED", executed: 0n, expiryReason: "UNFILLED_FOK_ORDER_EXPIRED" },
    });
    const maker = engine.place(order({ type: "LIMIT_MAKER" }), 3);
    expect(maker).toMatchObject({ kind: "refused", code: -2010, message: "Order would immediately match and take." });
    const ioc = engine.place(order({ timeInForce: "IOC", quantity: units("2") }), 4);
    expect(ioc).toMatchObject({ order: { status: "EXPIRED", executed: units("1") } });
    expect(engine.ledger.balance("ann", "USDT").locked).toBe(0n);
  });

  test("an order that would meet its own account's ends instead, unless it asks for NONE", () => {
    const engine = engineWith(() => {});
    engine.place(order({ side: "SELL", clientOrderId: "own" }), 1);
    const prevented = engine.place(order({}), 2);
    expect(prevented).toMatchObject({ order: { status: "EXPIRED_IN_MATCH", executed: 0n } });
    const allowed = engine.place(order({ selfTradePrevention: "NONE" }), 3);
    expect(allowed).toMatchObject({ order: { status: "FILLED" } });
  });

  test.each([
    { rule: "open-only", whileOpen: "refused", afterClose: "placed" },
    { rule: "forever", whileOpen: "refused", afterClose: "refused" },
    { rule: "none", whileOpen: "placed", afterClose: "placed" },
  ] as const)(
    "under $rule an id is $whileOpen while open and $afterClose once closed",
    ({ rule, whileOpen, afterClose }) => {
      const engine = engineWith(() => {}, rule);
      const first = engine.place(order({ clientOrderId: "same" }), 1);
      expect(first.kind).toBe("placed");
      const again = engine.place(order({ clientOrderId: "same" }), 2);
      expect(again.kind).toBe(whileOpen);
      expect("code" in again ? again.message : "Duplicate order sent.").toBe("Duplicate order sent.");
      for (const open of engine.orders.open("ann")) engine.cancel(open.orderId, 3);
      expect(engine.place(order({ clientOrderId: "same" }), 4).kind).toBe(afterClose);
      expect(engine.place(order({ account: "bob", clientOrderId: "same" }), 5).kind).toBe("placed");
    },
  );

  test.each([
    { what: "a price between ticks", over: { price: units("100.005") }, message: "Filter failure: PRICE_FILTER" },
    {
      what: "a price far above the last",
      over: { price: units("600") },
      message: "Filter failure: PERCENT_PRICE_BY_SIDE",
    },
    { what: "a quantity between steps", over: { quantity: units("1.0005") }, message: "Filter failure: LOT_SIZE" },
    { what: "too small a value", over: { quantity: units("0.001") }, message: "Filter failure: NOTIONAL" },
    {
      what: "more than it has",
      over: { quantity: units("500") },
      message: "Account has insufficient balance for requested action.",
    },
    {
      what: "a market order beyond its lot",
      over: { type: "MARKET", price: 0n, side: "SELL", quantity: units("501") },
      message: "Filter failure: MARKET_LOT_SIZE",
    },
  ] as const)("refuses $what and changes nothing", ({ over, message }) => {
    const events: MatchingEvent[] = [];
    const engine = engineWith((event) => events.push(event));
    expect(engine.place(order(over), 1)).toMatchObject({ kind: "refused", message });
    expect(events).toEqual([]);
    expect(engine.ledger.balance("ann", "USDT").locked).toBe(0n);
  });

  test("refuses one order more than an account may have open", () => {
    const few = new MatchingEngine({
      instruments: [{ ...btc, maxOrders: 2 }],
      makerFee: 0n,
      takerFee: 0n,
      uniqueness: () => "none",
      onEvent: () => {},
    });
    few.openAccount("ann", new Map([["USDT", units("1000")]]));
    few.place(order({}), 1);
    few.place(order({}), 2);
    expect(few.place(order({}), 3)).toMatchObject({ message: "Filter failure: MAX_NUM_ORDERS" });
  });
});

function precedes(
  one: { readonly order: OrderState; readonly arrival: number },
  other: { readonly order: OrderState; readonly arrival: number },
): boolean {
  if (one.order.price === other.order.price) return one.arrival < other.arrival;
  return one.order.side === "SELL" ? one.order.price < other.order.price : one.order.price > other.order.price;
}

function isAllowed(taker: OrderState, price: bigint): boolean {
  if (taker.type === "MARKET") return true;
  return taker.side === "BUY" ? price <= taker.price : price >= taker.price;
}

function isStillOpen(engine: MatchingEngine, orderId: number): boolean {
  const found = engine.orders.byId(orderId);
  return found !== undefined && isOpen(found);
}

function expectLocksMatchOpenOrders(engine: MatchingEngine, account: string): void {
  let [base, quote] = [0n, 0n];
  for (const open of engine.orders.open(account)) {
    const left = open.quantity - open.executed;
    if (open.side === "SELL") base += left;
    else quote += notional(open.price, left);
  }
  expect(engine.ledger.balance(account, "BTC").locked).toBe(base);
  expect(engine.ledger.balance(account, "USDT").locked).toBe(quote);
}
