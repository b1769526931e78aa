import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { ClientOrderId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { attemptEvent } from "./intent.ts";
import { accepted, inDoubt, provedAbsent, story, tag, updated, venueOrder } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import type { VenueOrder } from "./outcome.ts";
import { venueWord } from "./venue-word.ts";

const now = wallMs(10_500);

/** Buy 2, as far as the journal has it, and what the venue says of it. */
function told(s: Story, over: Partial<VenueOrder>): ReturnType<typeof venueWord> {
  const [order] = [...s.state.orders.values()];
  if (order === undefined) throw new Error("there is an order");
  return venueWord(s.state, venueOrder(order, over), now);
}

test("an order under an id that the journal does not have is somebody else's", () => {
  const s = story();
  s.want();
  expect(told(s, { clientOrderId: id<ClientOrderId>("web_1") })).toEqual({ kind: "foreign" });
});

test("while its request is under way the venue's word waits for the answer; once that is in doubt it is evidence", () => {
  const s = story();
  const { id: intent } = s.want();
  expect(told(s, {})).toMatchObject({ kind: "early", order: { id: intent } });
  s.tell(inDoubt(s.order(intent)));
  expect(told(s, {})).toMatchObject({ kind: "evidence", order: { id: intent } });
});

test("what the journal knows already is not recorded a second time", () => {
  const s = story();
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent), { executed: decimal("1") }));
  expect(told(s, { executed: decimal("1"), status: "partially-filled" })).toEqual({ kind: "known" });
  expect(told(s, { executed: decimal("0.5"), status: "partially-filled" })).toEqual({ kind: "known" });
});

test("more executed is recorded, and an end, whoever told of it", () => {
  const s = story();
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent)));
  const more = { executed: decimal("1"), status: "partially-filled" } as const;
  expect(told(s, more)).toMatchObject({ kind: "update", event: { intent, attempt: 1, order: more, atWallMs: now } });
  expect(told(s, { status: "cancelled" })).toMatchObject({ kind: "update", event: { order: { status: "cancelled" } } });
});

test("of an order that has ended only what it executed beyond that is news", () => {
  const s = story();
  const { id: intent } = s.want();
  s.tell(accepted(s.order(intent)));
  s.tell(updated(s.order(intent), { status: "cancelled", executed: decimal("1") }));
  expect(told(s, { status: "cancelled", executed: decimal("1") })).toEqual({ kind: "known" });
  expect(told(s, { status: "cancelled", executed: decimal("1.5") })).toMatchObject({ kind: "update" });
});

test("an attempt that was proved absent and is told of nevertheless is for a person", () => {
  const s = story();
  const { id: intent } = s.want();
  s.tell(inDoubt(s.order(intent)));
  const first = venueOrder(s.order(intent));
  s.tell(provedAbsent(s.order(intent), 10_200));
  s.tell(attemptEvent(tag, s.order(intent), wallMs(10_300), undefined));
  expect(venueWord(s.state, first, now)).toMatchObject({ kind: "absent-attempt", order: { id: intent } });
});
