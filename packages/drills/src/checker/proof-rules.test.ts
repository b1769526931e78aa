import { id, wallMs } from "@baton/core";
import type { JournalEvent } from "@baton/core";
import { describe, expect, test } from "vitest";
import { t0, placed, recorded, events, venue, rules, times } from "./sample-run.ts";

describe("a doubt that ended as not accepted", () => {
  const bounded = { ...times, processingBoundMs: 1_500, queryLagMs: 500 };
  const absent = (at: number, by: "venue" | "operator" = "venue"): JournalEvent => ({
    ...{ kind: "doubt.resolved", intent: id("i-4"), attempt: 1, by, atWallMs: wallMs(t0 + at) },
    resolution: { kind: "not-accepted", proof: "not found" },
  });
  const lost = (sentAt: number | undefined): JournalEvent =>
    ({
      ...{ kind: "attempt.answered", intent: "i-4", attempt: 1, epoch: 2, node: "b", atWallMs: t0 + 2_100 },
      outcome: {
        ...{ kind: "in-doubt", cause: "no answer" },
        ...(sentAt !== undefined && { stamp: { sentWallMs: t0 + sentAt, validityMs: 800 } }),
      },
    }) as unknown as JournalEvent;
  const ended: JournalEvent = {
    ...{ kind: "intent.ended", intent: id("i-4"), reason: "expired", atWallMs: wallMs(t0 + 9_000) },
  };
  const told = (...of: readonly JournalEvent[]): readonly JournalEvent[] => [
    ...events,
    recorded(4, "c4", 1_060),
    ...of,
    ended,
  ];

  test("before window, bound and lag of its signed time had passed is convicted, and not a millisecond later", () => {
    // Sent at 1,100: valid for 800, taken within 1,500, seen within 500.
    const early = told(lost(1_100), absent(3_899));
    expect(rules({ times: bounded, events: early })).toEqual(["proved-in-time"]);
    expect(rules({ times: bounded, events: told(lost(1_100), absent(3_900)) })).toEqual([]);
  });

  test("without a signed time counts from its record, with the widest window", () => {
    expect(rules({ times: bounded, events: told(lost(undefined), absent(4_059)) })).toEqual(["proved-in-time"]);
    expect(rules({ times: bounded, events: told(lost(undefined), absent(4_060)) })).toEqual([]);
  });

  test("by the venue's own late refusal, or an operator's word, needs no time; by the refusal of another order it does", () => {
    const refusal = (cid: string): Record<string, unknown> => ({
      ...{ type: "reject", at: 1_900, call: "order.place", code: -1021, clientOrderId: cid },
      ...{ apiKey: "b-key", account: "demo", symbol: "BTCUSDT" },
    });
    const early = { times: bounded, events: told(lost(1_100), absent(2_200)) };
    expect(rules({ ...early, venue: [...venue, refusal("c4")] })).toEqual([]);
    expect(rules({ ...early, venue: [...venue, refusal("c5")] })).toEqual(["proved-in-time"]);
    // Made by a fault of the exchange: on record as that, of the request that it struck.
    const made = (cid: string): Record<string, unknown>[] => [
      { ...placed(cid, 99, "b-key", 1_900)[0] },
      { ...refusal(cid), type: "fault", at: 1_901, fault: "error-1021", point: "before-accept", orderId: 99 },
    ];
    expect(rules({ ...early, venue: [...venue, ...made("c4")] })).toEqual([]);
    expect(rules({ ...early, venue: [...venue, ...made("c5")] })).toContain("proved-in-time");
    expect(rules({ times: bounded, events: told(lost(1_100), absent(2_200, "operator")) })).toEqual([]);
  });
});
