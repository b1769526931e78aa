/** Positions as pure arithmetic, and the money of a whole futures engine: nothing is created or lost. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountText, units } from "../amounts.ts";
import { MatchingEngine } from "../matching/matching-engine.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isOpen, type OrderState, type Trade, type TradeShare } from "../matching/order.ts";
import { usdmInstruments } from "./instruments.ts";
import { CLEARING, Margin } from "./margin.ts";
import { entryPrice, flat, traded, unrealised, untraded, type Position } from "./positions.ts";
import { usdmRefusals } from "./refusals.ts";

const accounts = ["ann", "bob", "cat"];

function after(...trades: readonly (readonly ["BUY" | "SELL", string, string])[]): { held: Position; won: string } {
  let [held, won] = [flat, 0n];
  for (const [side, quantity, price] of trades) {
    const quote = (units(quantity) * units(price)) / units("1");
    const step = traded(held, { side, quantity: units(quantity), quote, atMs: 1 });
    held = step.after;
    won += step.won;
  }
  return { held, won: amountText(won) };
}

describe("a position", () => {
  test("adds at its average, and keeps the average while it shrinks", () => {
    const { held } = after(["BUY", "1", "100"], ["BUY", "3", "120"]);
    expect(entryPrice(held)).toBe(units("115"));
    const smaller = after(["BUY", "1", "100"], ["BUY", "3", "120"], ["SELL", "2", "130"]);
    expect([entryPrice(smaller.held), smaller.won]).toEqual([units("115"), "30.00000000"]);
  });

  test("flips through nothing: the close is won, the rest opens at the trade's price", () => {
    const { held, won } = after(["BUY", "1", "100"], ["SELL", "3", "90"]);
    expect([held.quantity, entryPrice(held), won]).toEqual([-units("2"), units("90"), "-10.00000000"]);
    expect(unrealised(held, units("80"))).toBe(units("20"));
  });

  test("without its last trade is what it was before, and without an earlier one worth what it would be", () => {
    const cost = (quantity: string, price: string): bigint => (units(quantity) * units(price)) / units("1");
    const trade = (
      side: "BUY" | "SELL",
      quantity: string,
      price: string,
      won = "0",
    ): Parameters<typeof untraded>[1] => ({
      ...{ side, quantity: units(quantity), quote: cost(quantity, price), atMs: 1, won: units(won) },
    });
    const bought = after(["BUY", "2", "100"]).held;
    const sold = after(["BUY", "2", "100"], ["SELL", "1", "130"]).held;
    expect(untraded(sold, trade("SELL", "1", "130", "30"))).toEqual({ after: bought, won: -units("30") });
    const turned = after(["BUY", "2", "100"], ["SELL", "3", "90"]).held;
    expect(untraded(turned, { ...trade("SELL", "3", "90"), won: -units("20") })).toEqual({
      after: bought,
      won: units("20"),
    });
    // Nothing is held without the first of these: its cost cannot carry what the others won at its price.
    const mixed = after(["BUY", "1", "100"], ["BUY", "1", "120"], ["SELL", "1", "130"]).held;
    expect(untraded(mixed, trade("BUY", "1", "100"))).toMatchObject({
      won: -units("10"),
      after: { quantity: 0n, cost: 0n },
    });
  });

  test("a short one wins when the price falls", () => {
    expect(after(["SELL", "2", "100"], ["BUY", "2", "70"])).toMatchObject({ won: "60.00000000", held: { cost: 0n } });
  });
});

describe("a futures engine", () => {
  const step = fc.record({
    account: fc.constantFrom(...accounts),
    side: fc.constantFrom("BUY" as const, "SELL" as const),
    type: fc.constantFrom("LIMIT" as const, "MARKET" as const),
    timeInForce: fc.constantFrom("GTC" as const, "IOC" as const),
    lots: fc.integer({ min: 2, max: 500 }),
    ticks: fc.integer({ min: 599_000, max: 601_000 }),
    reducesOnly: fc.boolean(),
    cancels: fc.boolean(),
    /** The venue takes back a side of an earlier trade. */
    busts: fc.boolean(),
  });

  test("positions sum to nothing, money moves and is never made, also by trades that are taken back, and reduce-only never opens or flips", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const { engine, margin } = futures();
        const open: OrderState[] = [];
        const taken: (readonly [Trade, TradeShare])[] = [];
        steps.forEach((one, index) => {
          const heldBefore = accounts.map((account) => margin.position(account, "BTCUSDT").quantity);
          const placed = engine.place(order(one, index), index);
          if (placed.kind === "placed") {
            open.push(placed.order);
            taken.push(
              ...placed.trades.flatMap((trade) => [[trade, trade.buyer] as const, [trade, trade.seller] as const]),
            );
          }
          const held = margin.position(one.account, "BTCUSDT").quantity;
          const before = heldBefore[accounts.indexOf(one.account)] ?? 0n;
          const isSmaller = held === 0n || (held > 0n === before > 0n && magnitude(held) <= magnitude(before));
          expect(isSmaller || !one.reducesOnly).toBe(true);
          const last = open.at(-1);
          if (one.cancels && last !== undefined) engine.cancel(last.orderId, index);
          const back = one.busts ? taken.splice(one.lots % Math.max(1, taken.length), 1)[0] : undefined;
          // At the trade's own price it had won nothing, so that its fee is all that comes back.
          const [gained, paid] = back === undefined ? [0n, 0n] : gainedBy(engine, margin, back, index);
          expect(gained).toBe(paid);
          expect([...margin.held("BTCUSDT")].reduce((sum, quantity) => sum + quantity, 0n)).toBe(0n);
          for (const account of accounts) {
            for (const resting of engine.orders.open(account, "BTCUSDT")) {
              expect(resting.reducesOnly !== true || margin.tradeable(resting, 1n) > 0n).toBe(true);
            }
          }
        });
        let wallets = 0n;
        for (const account of engine.ledger.accounts()) wallets += engine.ledger.balance(account, "USDT").free;
        expect(wallets).toBe(units("10000000") * 3n);
        // What the clearing account owes or has is what the open positions would give back.
        const price = units("60000");
        const worth = [...accounts, "house"].reduce(
          (sum, account) => sum + unrealised(margin.position(account, "BTCUSDT"), price),
          0n,
        );
        expect(engine.ledger.balance(CLEARING, "USDT").free).toBe(worth);
      }),
      { numRuns: 40 },
    );
  });

  test("an order that the margin does not carry is refused, one that shrinks the position never is", () => {
    const { engine, margin } = futures();
    const take = { lots: 100, type: "LIMIT", timeInForce: "GTC", ticks: 600_000, reducesOnly: false } as const;
    margin.setLeverage("ann", "BTCUSDT", 1);
    const wanted = { ...order({ ...take, account: "ann", side: "BUY" }, 1), quantity: units("170") };
    expect(engine.place(wanted, 1)).toMatchObject({ kind: "refused", code: -2019 });
    expect(engine.place({ ...wanted, quantity: units("160") }, 1)).toMatchObject({ kind: "placed" });
    engine.place({ ...order({ ...take, account: "bob", side: "SELL" }, 2), quantity: units("160") }, 2);
    expect(margin.position("ann", "BTCUSDT").quantity).toBe(units("160"));
    const more = order({ ...take, account: "ann", side: "BUY", lots: 10_000 }, 3);
    expect(engine.place(more, 3)).toMatchObject({ kind: "refused", code: -2019 });
    const less = order({ ...take, account: "ann", side: "SELL", lots: 10_000 }, 4);
    expect(engine.place(less, 4)).toMatchObject({ kind: "placed" });
  });

  test("resting reduce-only orders end with the position that they could reduce", () => {
    const { engine } = futures();
    const at = { lots: 100, type: "LIMIT", timeInForce: "GTC", ticks: 600_000, reducesOnly: false } as const;
    engine.place(order({ ...at, account: "bob", side: "SELL", lots: 200 }, 1), 1);
    engine.place(order({ ...at, account: "ann", side: "BUY" }, 2), 2);
    const guard = engine.place(order({ ...at, account: "ann", side: "SELL", ticks: 600_500, reducesOnly: true }, 3), 3);
    engine.place(order({ ...at, account: "cat", side: "BUY", ticks: 599_900 }, 4), 4);
    engine.place(order({ ...at, account: "ann", side: "SELL", ticks: 599_900 }, 5), 5);
    const ended = guard.kind === "placed" ? engine.orders.byId(guard.order.orderId) : undefined;
    expect(ended).toMatchObject({ status: "EXPIRED", expiryReason: "REDUCE_ONLY", executed: 0n });
    expect(ended !== undefined && isOpen(ended)).toBe(false);
  });
});

function futures(): { readonly engine: MatchingEngine; readonly margin: Margin } {
  const margin = new Margin();
  const engine = new MatchingEngine({
    instruments: usdmInstruments,
    makerFee: units("0.0002"),
    takerFee: units("0.0005"),
    uniqueness: () => "open-only",
    makeClearing: (parts) => margin.attach(parts),
    refusals: usdmRefusals,
    onEvent: () => undefined,
  });
  margin.trade({ instruments: usdmInstruments, mark: (symbol) => engine.lastPrice(symbol) });
  engine.openAccount("house", new Map(), { isHouse: true });
  for (const account of accounts) {
    engine.openAccount(account, new Map([["USDT", units("10000000")]]), { isHouse: false, mayOwe: true });
  }
  return { engine, margin };
}

/** What an account gains, closed at the trade's own price, by that trade being taken back; and the fee that it had paid. */
function gainedBy(
  engine: MatchingEngine,
  margin: Margin,
  [trade, share]: readonly [Trade, TradeShare],
  nowMs: number,
): readonly [gained: bigint, paid: bigint] {
  const worth = (): bigint =>
    engine.ledger.balance(share.account, "USDT").free +
    unrealised(margin.position(share.account, "BTCUSDT"), trade.price);
  const before = worth();
  engine.takeBack(trade, share, nowMs);
  return [worth() - before, share.commission];
}

function order(
  one: {
    readonly account: string;
    readonly side: "BUY" | "SELL";
    readonly type: "LIMIT" | "MARKET";
    readonly timeInForce: "GTC" | "IOC";
    readonly lots: number;
    readonly ticks: number;
    readonly reducesOnly: boolean;
  },
  index: number,
): NewOrder {
  return {
    account: one.account,
    symbol: "BTCUSDT",
    side: one.side,
    type: one.type,
    timeInForce: one.type === "MARKET" ? "GTC" : one.timeInForce,
    quantity: BigInt(one.lots) * units("0.001"),
    quoteQuantity: 0n,
    price: one.type === "MARKET" ? 0n : BigInt(one.ticks) * units("0.1"),
    clientOrderId: `id-${index}`,
    selfTradePrevention: "EXPIRE_MAKER",
    reducesOnly: one.reducesOnly,
  };
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
