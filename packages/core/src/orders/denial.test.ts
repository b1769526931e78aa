/** The card of `orders resolve --ended`: which answers of the venue let an operator's word pass, and what stands against it. */
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { TradeId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { askingRefusal, denialEnding } from "./denial.ts";
import type { DenialEvidence } from "./denial.ts";
import { noExposure } from "./indexes.ts";
import { reconcile } from "./reconciliation.ts";
import { refusalOf } from "./refusal.ts";
import { accepted, btc, fill, inDoubt, story, tag, updated, venue, venueOrder } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { marketKey } from "./state.ts";

const policy = { processingBoundMs: 10_000, queryLagMs: 2_000, clockErrorMs: 250 };
const operator = { by: "kim", reason: "the test network was emptied" };
/** It was answered at 10,010: from then on, and those bounds, the venue must show it. */
const shown = 10_010 + 12_250;

function taken(): Story {
  const s = story();
  s.want();
  s.tell(accepted(s.order(first)));
  return s;
}
const first = id<never>("i-1");

function denial(over: Partial<DenialEvidence> = {}): DenialEvidence {
  return { askedWallMs: wallMs(shown + 1), query: { kind: "not-found" }, openOrders: [], untold: [], ...over };
}

function say(s: Story, over: Partial<DenialEvidence> = {}): string {
  const made = denialEnding(s.order(first), denial(over), operator, policy);
  if ("code" in made) return made.code;
  s.tell(made);
  return s.order(first).status;
}

describe("an order that its venue took", () => {
  test("is ended while the venue denies it in every way, and takes no room any more; what it executed stays", () => {
    const s = taken();
    s.tell(fill(s.order(first), 1, "0.5"));
    expect(say(s)).toBe("expired");
    expect(s.order(first)).toMatchObject({ endReason: "denied", executed: "0.5", endedWallMs: shown + 1 });
    expect(s.state.indexes.exposure.get(marketKey(venue, btc))).toEqual(noExposure);
    expect(s.state.positions.get(marketKey(venue, btc))?.quantity).toBe("0.5");
    expect(s.state.indexes.open.get(marketKey(venue, btc))?.size).toBe(0);
  });

  test("is not ended before the venue's reads must show it, and is one millisecond later", () => {
    expect(say(taken(), { askedWallMs: wallMs(shown) })).toBe("too-early");
    expect(askingRefusal(taken().order(first), policy, wallMs(shown))).toMatchObject({ code: "too-early" });
    expect(askingRefusal(taken().order(first), policy, wallMs(shown + 1))).toBeUndefined();
    expect(say(taken(), { askedWallMs: wallMs(shown + 1) })).toBe("expired");
  });

  test.each<[string, (s: Story) => Partial<DenialEvidence>, string]>([
    ["it is found", (s) => ({ query: { kind: "found", order: venueOrder(s.order(first)) } }), "not-denied"],
    [
      "it is found, ended otherwise",
      (s) => ({ query: { kind: "found", order: venueOrder(s.order(first), { status: "cancelled" }) } }),
      "not-denied",
    ],
    ["it is on the list of open ones", (s) => ({ openOrders: [venueOrder(s.order(first))] }), "not-denied"],
    [
      "it is on that list under its number alone",
      (s) => ({ openOrders: [venueOrder(s.order(first), { clientOrderId: "" })] }),
      "not-denied",
    ],
    ["a trade of it is not on record", () => ({ untold: [id<TradeId>("9")] }), "not-denied"],
    ["the question is not answered", () => ({ query: { kind: "unavailable", cause: "away" } }), "venue-silent"],
    ["the list is not answered", () => ({ openOrders: { unavailable: "away" } }), "venue-silent"],
    ["its trades are not answered", () => ({ untold: { unavailable: "away" } }), "venue-silent"],
  ])("is not ended where %s", (_what, over, code) => {
    const s = taken();
    expect(say(s, over(s))).toBe(code);
  });

  test("is on record with the answers, the name and the reason", () => {
    const s = taken();
    expect(denialEnding(s.order(first), denial(), operator, policy)).toMatchObject({
      by: "operator",
      word: "kim: the test network was emptied",
      evidence: `${s.order(first).attempts[0]?.clientOrderId} (vi-1-1) was asked for at ${shown + 1}: not-found; not among 0 open orders; no trade of it that is not on record`,
    });
  });
});

test("a doubt is not ended so, nor what has ended already, and neither can be recorded", () => {
  const s = story();
  s.want();
  const word = { kind: "order.ended", intent: first, attempt: 1, evidence: "", by: "operator", word: "" } as const;
  const event = { ...word, atWallMs: wallMs(1) };
  expect([say(s), refusalOf(s.state, event)]).toEqual(["not-accepted-yet", "order-not-accepted"]);
  s.tell(inDoubt(s.order(first)));
  expect([say(s), refusalOf(s.state, event)]).toEqual(["not-accepted-yet", "order-not-accepted"]);
  const done = taken();
  done.tell(updated(done.order(first), { status: "filled", executed: decimal("2") }));
  expect([say(done), refusalOf(done.state, event)]).toEqual(["order-ended", "order-ended"]);
  expect(refusalOf(taken().state, { ...event, attempt: 2 })).toBe("attempt-unknown");
  expect(refusalOf(taken().state, { ...event, intent: id<never>("i-9") })).toBe("intent-unknown");
});

test("one that the venue shows open again afterwards is an orphan, and a trade of it still counts", () => {
  const s = taken();
  const open = venueOrder(s.order(first));
  const list = { venue, symbols: [btc], orders: [open], atWallMs: wallMs(shown + 9) };
  const orphans = (): number => reconcile(s.state, list, { tag, orphans: "cancel" }).orphans.length;
  expect(orphans()).toBe(0);
  say(s);
  expect(orphans()).toBe(1);
  s.tell(fill(s.order(first), 7, "0.5"));
  expect(s.state.positions.get(marketKey(venue, btc))?.quantity).toBe("0.5");
  expect([s.order(first).status, orphans()]).toEqual(["expired", 1]);
});
