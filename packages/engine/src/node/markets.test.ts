/** What a node sees of its venues, over feeds that count what they are asked. */
import { id } from "@baton/core";
import type { SymbolId, VenueId } from "@baton/core";
import type { Feed, FeedOptions } from "@baton/feeds";
import { expect, test, vi } from "vitest";
import { rigConfig } from "../testing/desk-rig.ts";
import { Markets } from "./markets.ts";

const counts = vi.hoisted(() => ({ statuses: 0, fresh: "" }));

vi.mock("@baton/feeds", () => ({
  openFallbackFeed: () => undefined,
  openFeed: ({ id: feed, venue, symbols }: FeedOptions): Partial<Feed> => ({
    id: feed,
    venue,
    onState: () => () => undefined,
    onTop: () => () => undefined,
    onTrade: () => () => undefined,
    top: (symbol) => (symbol === counts.fresh ? ({ quality: "live", ageMs: () => 1 } as never) : undefined),
    status: () => {
      counts.statuses += 1;
      return { id: feed, symbols: symbols.map((symbol) => ({ symbol, reason: "no price has come yet" })) } as never;
    },
  }),
}));

test("whether it sees anything is asked with every turn of the loop, so nobody is asked why each symbol is stale", () => {
  const symbols = Array.from({ length: 200 }, (_, at) => id<SymbolId>(`S${at}/USDT`));
  const config = rigConfig();
  const [feed] = config.feeds;
  const on = { change: () => undefined, top: () => undefined, trade: () => undefined };
  const markets = new Markets({ ...config, feeds: feed === undefined ? [] : [{ ...feed, symbols }] }, on);
  const sim = id<VenueId>("sim");
  expect([markets.unseen(), markets.sees(sim), counts.statuses]).toEqual([sim, false, 0]);
  expect(markets.price(sim, id<SymbolId>("S0/USDT"))).toEqual({ kind: "stale", why: "f: no price has come yet" });
  counts.fresh = "S199/USDT";
  expect([markets.unseen(), markets.sees(sim), markets.sees(id<VenueId>("elsewhere"))]).toEqual([
    undefined,
    true,
    true,
  ]);
});
