import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { id, type IntentRecorded, type VenueId } from "@baton/core";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { ScriptedVenue } from "../testing/scripted-venue.ts";

const sim = id<VenueId>("sim");
const alt = id<VenueId>("alt");
let rig: DeskRig;
beforeEach(async () => {
  vi.useFakeTimers();
  rig = new DeskRig({ config: rigConfig("alt"), second: new ScriptedVenue("alt") }).lead(1);
  await vi.advanceTimersByTimeAsync(100);
});
afterEach(() => vi.useRealTimers());

const recorded = (): readonly IntentRecorded[] =>
  rig.journal.events.filter((event) => event.kind === "intent.recorded");

describe("an order for a venue that is ill", () => {
  test("goes to the alternate, and the journal says from where", async () => {
    rig.venue.breakerState = "open";
    const intent = rig.order({ venue: sim });
    await vi.advanceTimersByTimeAsync(50);
    expect(recorded()).toMatchObject([{ intent, terms: { venue: alt }, routedFrom: sim }]);
    expect(rig.venue.placed).toEqual([]);
    expect(rig.second?.placed).toHaveLength(1);
    expect(rig.row(intent).status).toBe("new");
  });

  test("is refused with a code when the alternate is ill too, and nothing is recorded", () => {
    rig.venue.breakerState = "open";
    rig.second!.breakerState = "probing";
    expect(rig.ask({ venue: sim })).toMatchObject({ kind: "refused", refusal: { code: "venue-ill" } });
    expect(recorded()).toEqual([]);
  });

  test("comes back to it once it is well", async () => {
    rig.venue.breakerState = "open";
    rig.order({ venue: sim });
    rig.venue.breakerState = "closed";
    rig.order({ venue: sim });
    await vi.advanceTimersByTimeAsync(50);
    expect(recorded().map((event) => event.terms.venue)).toEqual([alt, sim]);
    expect(recorded()[1]?.routedFrom).toBeUndefined();
  });
});

test("what was recorded for a venue stays there, sent or not: only orders that do not exist yet are routed", async () => {
  const before = rig.order({ venue: sim });
  await vi.advanceTimersByTimeAsync(50);
  rig.venue.breakerState = "open";
  rig.order({ venue: sim });
  await vi.advanceTimersByTimeAsync(50);
  expect(rig.row(before).terms.venue).toBe(sim);
  expect(rig.venue.placed).toHaveLength(1);
  expect(rig.second?.placed).toHaveLength(1);
  // A cancel goes where the order is, through an open breaker.
  rig.desk.cancel(before, "trader");
  await vi.advanceTimersByTimeAsync(200);
  expect(rig.venue.sent.map((one) => one.kind)).toEqual(["place", "cancel"]);
  expect(rig.second?.sent.map((one) => one.kind)).toEqual(["place"]);
});
