/** A takeover with 200 orders in doubt on one address: resolved by core's own schedule, within the venue's published limits. */
import { expect, it } from "vitest";
import {
  beginDoubt,
  decimal,
  id,
  nextDoubtStep,
  noteFinal,
  noteQuery,
  wallMs,
  type ClientOrderId,
  type Doubt,
  type DoubtProgress,
  type IntentId,
  type OrderTerms,
  type VenueId,
} from "@baton/core";
import type { Venue } from "@baton/venues";
import { btc, clock, of, startRig } from "./rig.ts";

const count = 200;
const weightPerMinute = 6_000;
const terms: OrderTerms = {
  venue: id<VenueId>("binance"),
  symbol: btc,
  side: "buy",
  type: "limit",
  quantity: decimal("0.01"),
  price: decimal("50000"),
  timeInForce: "GTC",
};

it("200 doubts are resolved within the budget: the exchange refuses nothing, and every other order was there", async () => {
  await using rig = await startRig({
    limits: { weightPerMinute, ordersPerTenSeconds: 1_000 },
    venue: { isSharedAddress: true },
  });
  const successor = await rig.successor();
  const ids = Array.from({ length: count }, (_, order) => `${order}`.padStart(32, "0"));
  const wanted = ids.filter((_, order) => order % 2 === 0);
  const placed = await Promise.all(wanted.map((one) => rig.place(one, terms)));
  expect(new Set(placed.map((outcome) => outcome.kind))).toEqual(new Set(["accepted"]));
  successor.adoptUsage(rig.venue.usage()); // as nodes tell each other
  expect(successor.budget()).toBeLessThanOrEqual(rig.venue.budget());

  const startedMs = clock.mono();
  const found = await Promise.all(ids.map((one) => resolved(successor, one)));
  const tookMs = Math.round(clock.mono() - startedMs);
  process.stdout.write(`200 doubts, 100 of them to be proved absent, took ${tookMs} ms\n`);
  expect(ids.filter((_, order) => found[order])).toEqual(wanted);

  const audit = rig.audit();
  // Refused is an order that is rejected, or a request of any kind, a question too, that is one too many.
  expect(audit.filter(({ type }) => type === "reject" || type === "throttled")).toEqual([]);
  for (const one of wanted) expect(of(audit, "accept", one)).toHaveLength(1);
  // Fewer lists were read than doubts were ended: who asks at the same time shares them.
  const lists = audit.filter((record) => record.type === "query" && record.call === "openOrders.status");
  expect(lists.length).toBeLessThan(count / 2);
  // Where the minute is nearly used up the rest of it is waited for.
}, 240_000);

/** True when the venue has it, false when it is proved absent. */
async function resolved(venue: Venue, clientOrderId: string): Promise<boolean> {
  const now = clock.wall();
  const doubt: Doubt = {
    intent: id<IntentId>(clientOrderId),
    attempt: 1,
    clientOrderId: id<ClientOrderId>(clientOrderId),
    terms,
    sinceWallMs: now,
    proofWallMs: wallMs(now + 3_000),
    reckoning: "",
    isInherited: true,
  };
  let progress: DoubtProgress = beginDoubt(now);
  for (;;) {
    const step = nextDoubtStep(doubt, progress, clock.wall(), count);
    if (step.kind === "resolved") return step.resolution.kind === "accepted";
    if (step.kind === "mismatch") throw new Error(step.sentence);
    const earlyMs = step.atWallMs - clock.wall();
    if (earlyMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, earlyMs));
      continue;
    }
    const askedWallMs = clock.wall();
    if (step.kind === "query") {
      progress = noteQuery(progress, askedWallMs, await venue.query(btc, clientOrderId));
      continue;
    }
    const [query, openOrders, trades] = await Promise.all([
      venue.query(btc, clientOrderId),
      venue.openOrders(btc),
      venue.trades(btc, {}),
    ]);
    const unexplained = trades.map((trade) => trade.venueOrderId);
    progress = noteFinal(progress, { askedWallMs, query, openOrders, unexplained });
  }
}
