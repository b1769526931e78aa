import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimal, id, wallMs, type TradeId, type VenueOrder, type VenueOrderId } from "@baton/core";
import { AccountLedger, type AccountEvent, type FactSource } from "./account-ledger.ts";
import { parseExactly } from "./dialects/json.ts";
import { idsOfMs, timedTradeId } from "./dialects/trade-ids.ts";
import { btc } from "./testing/scripted-venue.ts";
import type { VenueTrade } from "./venue.ts";

const trade = (tradeId: number): VenueTrade => ({
  tradeId: id<TradeId>(`${tradeId}`),
  symbol: btc,
  venueOrderId: id<VenueOrderId>("1"),
  side: "buy",
  price: decimal("100"),
  quantity: decimal("1"),
  fee: decimal("0"),
  feeCurrency: "USDT",
  isMaker: false,
  tradedWallMs: wallMs(0),
});
const order = (status: VenueOrder["status"], executed: string): VenueOrder => ({
  venueOrderId: id<VenueOrderId>("1"),
  clientOrderId: "c",
  symbol: btc,
  side: "buy",
  status,
  quantity: decimal("3"),
  executed: decimal(executed),
});

function setUp(): { readonly ledger: AccountLedger; readonly events: AccountEvent[] } {
  const events: AccountEvent[] = [];
  return { ledger: new AccountLedger((event) => events.push(event)), events };
}

describe("the account ledger", () => {
  it("gives each fill once on an account that has traded for long, and a late repetition of a recent one", () => {
    const { ledger, events } = setUp();
    const many = 25_000;
    for (let tradeId = 1; tradeId <= many; tradeId += 1) ledger.trade(trade(tradeId), "stream");
    for (let tradeId = many - 9_999; tradeId <= many; tradeId += 1) ledger.trade(trade(tradeId), "stream");
    expect(events).toHaveLength(many);
  });

  it("gives each fill once, however stream and recovery interleave and repeat", () => {
    const told = fc.array(
      fc.tuple(fc.integer({ min: 11, max: 40 }), fc.constantFrom<FactSource>("stream", "recovery")),
    );
    fc.assert(
      fc.property(told, (tellings) => {
        const { ledger, events } = setUp();
        ledger.recoverFrom(btc, id<TradeId>("10"));
        // REST lists are ascending prefixes of the truth; the stream may tell in any order.
        const recovered = new Set<number>();
        for (const [tradeId, source] of tellings) {
          if (source === "stream") ledger.trade(trade(tradeId), "stream");
          else
            for (let known = 11; known <= tradeId; known += 1) {
              recovered.add(known);
              ledger.trade(trade(known), "recovery");
            }
        }
        const expected = new Set([...tellings.map(([tradeId]) => tradeId), ...recovered]);
        const given = events.flatMap((event) => (event.kind === "fill" ? [Number(event.fill.tradeId)] : []));
        expect(given.length).toBe(new Set(given).size);
        expect(new Set(given)).toEqual(expected);
      }),
    );
  });

  it("drops what the caller vouched for", () => {
    const { ledger, events } = setUp();
    expect(ledger.recoverFrom(btc, id<TradeId>("10"))).toBe(11n);
    ledger.trade(trade(10), "recovery");
    expect(events).toEqual([]);
  });

  it("recovers from what REST has shown, never from what only the stream has", () => {
    const { ledger } = setUp();
    ledger.recoverFrom(btc, id<TradeId>("10"));
    ledger.trade(trade(15), "stream");
    expect(ledger.recoverFrom(btc, id<TradeId>("15"))).toBe(11n);
    ledger.trade(trade(12), "recovery");
    expect(ledger.recoverFrom(btc, undefined)).toBe(13n);
  });

  it("moves an order only forward", () => {
    const { ledger, events } = setUp();
    expect(ledger.order(order("open", "0"), "stream")).toBe(true);
    expect(ledger.order(order("partially-filled", "2"), "stream")).toBe(true);
    expect(ledger.order(order("partially-filled", "1"), "recovery")).toBe(false);
    expect(ledger.order(order("cancelled", "2"), "stream")).toBe(true);
    expect(ledger.order(order("partially-filled", "2"), "recovery")).toBe(false);
    expect(ledger.order(order("cancelled", "2"), "recovery")).toBe(false);
    expect(events.length).toBe(3);
  });

  it("tells the end of an order that has executed less than it had, since a trade of it was taken back", () => {
    const { ledger, events } = setUp();
    ledger.order(order("partially-filled", "2"), "stream");
    expect(ledger.order(order("partially-filled", "1"), "stream")).toBe(false);
    expect(ledger.order(order("cancelled", "1"), "stream")).toBe(true);
    expect(ledger.order(order("partially-filled", "2"), "recovery")).toBe(false);
    expect(ledger.order(order("cancelled", "1"), "recovery")).toBe(false);
    expect(events.map((event) => event.kind === "order" && event.order.executed)).toEqual(["2", "1"]);
  });

  it("names the client id of a recovered fill when the order was seen", () => {
    const { ledger, events } = setUp();
    ledger.order(order("open", "0"), "recovery");
    ledger.trade(trade(1), "recovery");
    expect(events.at(-1)).toMatchObject({ kind: "fill", fill: { clientOrderId: "c" } });
  });

  it("knows one trade that is told under times a millisecond apart", () => {
    const events: AccountEvent[] = [];
    const ledger = new AccountLedger((event) => events.push(event), idsOfMs(10_000));
    const at = (ms: number): VenueTrade => ({ ...trade(1), tradeId: timedTradeId(ms, "T-1") });
    expect(ledger.trade(at(1_000_000), "stream")).toBe(true);
    expect(ledger.trade(at(999_999), "recovery")).toBe(false);
    expect(ledger.trade(at(1_000_001), "stream")).toBe(false);
    expect(ledger.trade(at(1_000_002), "stream")).toBe(true);
    expect(ledger.trade({ ...trade(2), tradeId: timedTradeId(1_000_000, "T-2") }, "stream")).toBe(true);
    expect(events).toHaveLength(3);
  });

  it("makes an order whole of what changed, and asks for what that does not say", () => {
    const { ledger, events } = setUp();
    const change = { venueOrderId: id<VenueOrderId>("1") };
    expect(ledger.change({ ...change, status: "filled" }, "stream")).toBe("unknown");
    ledger.order(order("open", "0"), "recovery");
    expect(ledger.change({ ...change, status: "partially-filled", executed: decimal("1") }, "stream")).toBe(true);
    expect(ledger.change({ ...change, status: "cancelled" }, "stream")).toBe("unknown");
    expect(ledger.change({ ...change, status: "filled" }, "stream")).toBe(true);
    expect(events.at(-1)).toEqual({ kind: "order", order: order("filled", "3"), source: "stream" });
  });
});

describe("a message whose amounts are numbers", () => {
  it("keeps every digit, and no exponent", () => {
    const text = '{"a":0.1234567890123456789,"b":1e-8,"c":-2.5E-3,"d":12e2,"e":1.25e1,"f":"1e-8","g":[7]}';
    expect(parseExactly(text)).toEqual({
      a: "0.1234567890123456789",
      b: "0.00000001",
      c: "-0.0025",
      d: "1200",
      e: "12.5",
      f: "1e-8",
      g: ["7"],
    });
    expect(parseExactly("{")).toBeUndefined();
  });
});
