/** Reduce-only orders from the wish to the venue: taken where the venue has them, and nowhere else. */
import { decimal, id } from "@baton/core";
import type { IntentRecorded, VenueId } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { ScriptedVenue } from "../testing/scripted-venue.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

const reducing = { side: "sell", price: decimal("99.5"), reduceOnly: true } as const;
const recorded = (rig: DeskRig): readonly IntentRecorded[] =>
  rig.journal.events.filter((event) => event.kind === "intent.recorded");

/** It holds 2, at a venue of futures, whose orders need no balance here. */
async function holding(o: { readonly alternate?: string } = {}): Promise<DeskRig> {
  const venue = new ScriptedVenue();
  venue.positions = new Map();
  const config = rigConfig(o.alternate);
  const rig = await leading(
    new DeskRig({
      venue,
      config: { ...config, risk: { ...config.risk, balances: "ignore" } },
      ...(o.alternate !== undefined && { second: new ScriptedVenue(o.alternate) }),
    }),
  );
  rig.order({ venue: venue.id, quantity: decimal("2") });
  await pass(50);
  venue.fill(venue.placed[0] ?? "", "1");
  await pass(50);
  return rig;
}

test("one for all that is held is recorded and sent as what it is; a second one has nothing left to reduce", async () => {
  const rig = await holding();
  const intent = rig.order({ ...reducing, quantity: decimal("2") });
  expect(rig.ask({ ...reducing, quantity: decimal("1") })).toMatchObject({ refusal: { code: "reduce-only" } });
  await pass(50);
  expect(rig.row(intent)).toMatchObject({ status: "new", terms: { reduceOnly: true } });
  expect(rig.venue.orders.get(rig.venue.placed[1] ?? "")).toMatchObject({ reduceOnly: true });
  // What says nothing of it has no word of it in the journal.
  expect(recorded(rig).map(({ terms }) => "reduceOnly" in terms)).toEqual([false, true]);
});

test("replaced, it stays one: what comes in its place can do no more than it could", async () => {
  const rig = await holding();
  const intent = rig.order({ ...reducing, quantity: decimal("2") });
  await pass(50);
  const wish = { price: decimal("100"), sendWithinMs: 5_000 };
  const beyond = { ...wish, quantity: decimal("3") };
  expect(rig.desk.replace(intent, beyond, "trader")).toMatchObject({ refusal: { code: "reduce-only" } });
  expect(rig.desk.replace(intent, wish, "trader")).toMatchObject({ kind: "recorded" });
  await pass(500);
  expect(recorded(rig).at(-1)).toMatchObject({ replaces: intent, terms: { price: "100", reduceOnly: true } });
});

test("a strategy's is one too, and its word for it is true or false", async () => {
  const config = rigConfig();
  const strategies = [{ id: "maker", module: "m.ts", venue: id<VenueId>("sim"), symbols: [], params: {} }];
  const venue = new ScriptedVenue();
  venue.positions = new Map();
  const risk = { ...config.risk, balances: "ignore" } as const;
  const rig = await leading(new DeskRig({ venue, config: { ...config, risk, strategies: strategies as never } }));
  const wish = { symbol: "BTC/USDT", type: "limit", quantity: "1", price: "99.5" } as const;
  rig.order();
  await pass(50);
  venue.fill(venue.placed[0] ?? "", "1");
  rig.desk.strategy("maker", { n: 1 }, [{ ...wish, side: "sell", reduceOnly: true }], undefined);
  rig.desk.strategy("maker", { n: 2 }, [{ ...wish, side: "buy", reduceOnly: true }], undefined);
  rig.desk.strategy("maker", { n: 3 }, [{ ...wish, side: "buy", reduceOnly: false }], undefined);
  expect(recorded(rig).map(({ by, terms }) => [by, terms.reduceOnly])).toEqual([
    ["trader", undefined],
    ["maker", true],
    ["maker", undefined],
  ]);
});

test("at a spot venue it is refused with a code, and nothing is recorded", async () => {
  const rig = await leading();
  expect(rig.ask(reducing)).toMatchObject({ kind: "refused", refusal: { code: "reduce-only-unsupported" } });
  expect(recorded(rig)).toEqual([]);
});

test("it never goes to the alternate of an ill venue: the position is not there", async () => {
  const rig = await holding({ alternate: "alt" });
  rig.venue.breakerState = "open";
  expect(rig.ask({ ...reducing, venue: rig.venue.id })).toMatchObject({ refusal: { code: "venue-ill" } });
  expect(rig.ask({ venue: rig.venue.id })).toMatchObject({ kind: "recorded" });
  expect(recorded(rig).map(({ terms }) => terms.venue)).toEqual(["sim", "alt"]);
});
