import { expect, test } from "vitest";
import { breakersOf } from "./metrics-snapshot.ts";
import type { BreakerSources } from "./metrics-snapshot.ts";

/** A node with one venue whose orders' breaker is open, and these states of its feeds' REST and of its archive. */
function node(restBreakers: readonly string[], isArchiveFailing: boolean): BreakerSources {
  const statuses = restBreakers.map((restBreaker) => ({ venue: "sim", restBreaker }));
  return {
    doors: { venues: new Map([["sim", { breaker: () => "open" }]]) },
    markets: { statuses: () => statuses },
    keeping: { figures: { isArchiveFailing } },
  } as unknown as BreakerSources;
}

test("orders, market data and the archive have a breaker each; of a venue's feeds the worst is told", () => {
  expect(breakersOf(node(["closed", "probing", "closed"], false))).toEqual([
    { dependency: "orders", venue: "sim", state: 2 },
    { dependency: "market-data", venue: "sim", state: 1 },
    { dependency: "archive", venue: "", state: 0 },
  ]);
  const [, marketData, archive] = breakersOf(node(["open", "closed"], true));
  expect([marketData?.state, archive?.state]).toEqual([2, 2]);
});
