/** What is left alone at a venue counts as what it is: an order of ours that may execute at any time. */
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { VenueId, VenueOrderId } from "../ids.ts";
import { reservedOf } from "../risk/funds.ts";
import { reducibleBy } from "../risk/loss.ts";
import { checkRisk } from "../risk/check.ts";
import type { RiskContext } from "../risk/check.ts";
import { context, limits } from "../risk/sample-limits.ts";
import { wallMs } from "../time.ts";
import { stateBeside, leftOnRecord } from "./left-orphans.ts";
import type { VenueOrder } from "./outcome.ts";
import { btc, fill, story, terms, venue } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import type { EngineState } from "./state.ts";
import type { OrderTerms } from "./terms.ts";

const orphan: VenueOrder = {
  ...{ venueOrderId: id<VenueOrderId>("lost-1"), clientOrderId: "0".repeat(32), symbol: btc, side: "sell" },
  ...{ status: "open", quantity: decimal("1.5"), price: decimal("100"), executed: decimal("0.5") },
};
const buying: VenueOrder = { ...orphan, side: "buy", venueOrderId: id<VenueOrderId>("lost-2") };
const beside = (s: Story, ...orders: readonly VenueOrder[]): EngineState =>
  stateBeside(s.state, new Map<VenueId, readonly VenueOrder[]>([[venue, orders]]));
const code = (
  state: EngineState,
  over: Partial<OrderTerms>,
  more: Partial<RiskContext["limits"]>,
): string | undefined =>
  checkRisk(state, terms(over), { ...context, limits: { ...limits, orderRate: { count: 99, perMs: 1 }, ...more } })
    ?.code;

/** It holds 2. */
function holding(): Story {
  const s = story();
  s.tell(fill(s.order(s.want({ side: "buy", quantity: decimal("2") }).id), 1, "2"));
  return s;
}

/** A trade of the orphan is told. */
function traded(s: Story, quantity: string): void {
  const { intent: _none, ...trade } = fill(s.want({ side: "sell", symbol: "ETH/USDT" as never }), 900, quantity);
  s.tell({ ...trade, symbol: btc, venueOrderId: orphan.venueOrderId });
}

describe("an open order of ours that is left alone", () => {
  test("counts in the limits of its side with what it may still execute", () => {
    const s = holding();
    const tight = { positionMax: decimal("3") };
    expect(code(s.state, { quantity: decimal("1") }, tight)).toBeUndefined();
    expect(code(beside(s, buying), { quantity: decimal("1") }, tight)).toBe("position-limit");
    expect(code(beside(s, orphan), { quantity: decimal("1") }, tight)).toBeUndefined();
    expect(code(s.state, { quantity: decimal("1") }, { openOrdersMax: 1 })).toBeUndefined();
    expect(code(beside(s, orphan), { quantity: decimal("1") }, { openOrdersMax: 1 })).toBe("open-orders");
    const worth = { openNotionalMax: decimal("199") };
    expect(code(s.state, { quantity: decimal("1") }, worth)).toBeUndefined();
    expect(code(beside(s, orphan), { quantity: decimal("1") }, worth)).toBe("open-notional");
  });

  test("takes its part of the balance and of what there is to reduce", () => {
    const s = holding();
    const market = { venue, symbol: btc, side: "sell" } as const;
    expect([reducibleBy(s.state, market), reducibleBy(beside(s, orphan), market)]).toEqual(["2", "1"]);
    expect([reservedOf(beside(s, orphan), venue, "BTC"), reservedOf(beside(s, buying), venue, "USDT")]).toEqual([
      "1",
      "100",
    ]);
  });

  test("counts nothing twice when its trades are told before the next list, and no more when that shows them", () => {
    const s = holding();
    const sold = (state: EngineState): string => state.indexes.exposure.get(`${venue}|${btc}`)?.sellOpen ?? "0";
    expect(sold(beside(s, orphan))).toBe("1");
    traded(s, "0.8");
    expect(sold(beside(s, orphan))).toBe("0.7");
    expect(sold(beside(s, { ...orphan, executed: decimal("0.9") }))).toBe("0.6");
    expect(sold(beside(s, { ...orphan, executed: orphan.quantity }))).toBe("0");
    expect(sold(beside(s))).toBe("0");
  });

  test("is of those on record that were to be left, and of no others", () => {
    const s = holding();
    for (const [order, action] of [
      [orphan, "leave"],
      [buying, "cancel"],
    ] as const)
      s.tell({ kind: "orphan.found", venue, order, action, atWallMs: wallMs(20_000) });
    expect(leftOnRecord(s.state, venue)).toEqual([orphan]);
    expect(leftOnRecord(s.state, id<VenueId>("other"))).toEqual([]);
  });

  test("changes nothing that is recorded on: the journal's own indexes stay as they are", () => {
    const s = holding();
    const before = structuredClone(s.state.indexes.exposure);
    const state = beside(s, orphan, buying);
    expect(state.indexes.left?.get(`${venue}|${btc}`)).toEqual({ buy: "1", sell: "1" });
    expect([s.state.indexes.exposure, s.state.indexes.left]).toEqual([before, undefined]);
    expect(beside(s)).toBe(s.state);
  });
});
