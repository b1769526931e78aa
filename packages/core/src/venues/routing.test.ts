import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { routeOf } from "./routing.ts";
import type { VenueHealth } from "./routing.ts";

const [a, b, c] = ["a", "b", "c"].map((name) => id<VenueId>(name)) as [VenueId, VenueId, VenueId];
const btc = id<SymbolId>("BTC/USDT");
const venue = (isWell: boolean, alternate?: VenueId, carries = true): VenueHealth => ({
  isWell,
  carries: () => carries,
  ...(alternate !== undefined && { alternate }),
});

function route(venues: Partial<Record<string, VenueHealth>>): string {
  const { venue: to, routedFrom } = routeOf(a, btc, (name) => venues[name]);
  return routedFrom === undefined ? to : `${routedFrom} → ${to}`;
}

describe("a new order", () => {
  test("stays with a venue that is well", () => expect(route({ a: venue(true, b), b: venue(true) })).toBe("a"));
  test("goes to the alternate of an ill one", () =>
    expect(route({ a: venue(false, b), b: venue(true) })).toBe("a → b"));
  test("stays where there is no alternate", () => expect(route({ a: venue(false), b: venue(true) })).toBe("a"));
  test("stays when the alternate is ill too", () => expect(route({ a: venue(false, b), b: venue(false) })).toBe("a"));
  test("stays when the alternate is not there", () => expect(route({ a: venue(false, b) })).toBe("a"));
  test("stays when the alternate does not trade the symbol", () =>
    expect(route({ a: venue(false, b), b: venue(true, undefined, false) })).toBe("a"));
  test("takes one step only", () =>
    expect(route({ a: venue(false, b), b: venue(false, c), c: venue(true) })).toBe("a"));
});
