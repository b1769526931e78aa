import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimal, id, wallMs, type TradeId, type VenueOrder, type VenueOrderId } from "@baton/core";
import { AccountLedger, type AccountEvent, type FactSource } from "./account-ledger.ts";
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

  it("names the client id of a recovered fill when the order was seen", () => {
    const { ledger, events } = setUp();
    ledger.order(order("open", "0"), "recovery");
    ledger.trade(trade(1), "recovery");
    expect(events.at(-1)).toMatchObject({ kind: "fill", fill: { clientOrderId: "c" } });
  });
});
