import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import { wallMs } from "../time.ts";
import { accepted, story, twapRecorded, updated } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { takingBack } from "./taking-back.ts";

const by = { by: "desk", reason: "moved" };
const now = wallMs(10_500);

function resting(): { readonly s: Story; readonly intent: ReturnType<Story["want"]>["id"] } {
  const s = story();
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent)));
  return { s, intent };
}

test("the wish is recorded once, with who and why; a wish on record stays as it is", () => {
  const { s, intent } = resting();
  const taking = takingBack(s.state, intent, by, now);
  const wish: JournalEvent = { kind: "cancel.requested", intent, ...by, atWallMs: now };
  expect(taking).toEqual({ kind: "record", events: [wish] });
  s.tell(wish);
  expect(takingBack(s.state, intent, { by: "kill" }, now)).toEqual({ kind: "record", events: [] });
});

test("of an order that is being replaced what was to come in its place is taken back, also when the order has ended", () => {
  const { s, intent } = resting();
  s.tell({ kind: "cancel.requested", intent, by: "desk", atWallMs: now });
  const figures = { quantity: decimal("3"), price: decimal("99"), sendWithinMs: 5_000 };
  s.tell({ kind: "replace.requested", intent, ...figures, by: "desk", atWallMs: now });
  const over = [{ kind: "replace.ended", intent, reason: "cancelled", by: "desk", atWallMs: now }];
  expect(takingBack(s.state, intent, by, now)).toEqual({ kind: "record", events: over });
  s.tell(updated(s.order(intent), { status: "cancelled" }));
  expect(takingBack(s.state, intent, by, now)).toEqual({ kind: "record", events: over });
});

test("what has ended is not taken back, and what never was is unknown", () => {
  const { s, intent } = resting();
  s.tell(updated(s.order(intent), { status: "filled", executed: decimal("2") }));
  expect(takingBack(s.state, intent, by, now)).toEqual({ kind: "ended" });
  expect(takingBack(s.state, "i-7", by, now)).toEqual({ kind: "unknown" });
});

test("of a parent nothing more is begun; one that has stopped for good has ended", () => {
  const s = story();
  s.tell(twapRecorded(s.state));
  const taking = takingBack(s.state, "p-1", by, now);
  expect(taking).toMatchObject({
    kind: "record",
    events: Array.from({ length: 4 }, () => ({ kind: "slice.skipped", reason: "cancelled" })),
  });
  for (const event of taking.kind === "record" ? taking.events : []) s.tell(event);
  s.tell({ kind: "parent.ended", parent: "p-1" as never, reason: "cancelled", atWallMs: now });
  expect(takingBack(s.state, "p-1", by, now)).toEqual({ kind: "ended" });
});
