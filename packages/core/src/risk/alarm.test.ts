import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { VenueId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { epochOpened, fill, story, updated } from "../orders/sample-events.ts";
import { accountStop, isUnaskedCancel } from "./alarm.ts";

const venue = (name: string): VenueId => id<VenueId>(name);

test("a stop takes every venue on the account with it, and no other", () => {
  const accounts = [
    { id: venue("spot"), account: "main" },
    { id: venue("futures"), account: "main" },
    { id: venue("elsewhere"), account: "other" },
  ];
  expect(accountStop(accounts, venue("spot"), "a hand of somebody else", wallMs(1))).toMatchObject({
    level: "account",
    id: "main",
    venues: ["spot", "futures"],
  });
});

test("a reduce-only order that outlives its position is taken back by the venue, which is no stranger's hand; before that it is", () => {
  const s = story();
  s.tell(fill(s.order(s.want({ side: "buy" }).id), 1, "2"));
  const { id: guard } = s.want({ side: "sell", reduceOnly: true });
  const { id: plain } = s.want({ side: "sell" });
  for (const intent of [guard, plain]) s.tell(updated(s.order(intent), { status: "cancelled" }));
  const isUnasked = (intent: typeof guard): boolean => isUnaskedCancel(s.state, s.order(intent));
  expect([isUnasked(guard), isUnasked(plain)]).toEqual([true, true]);
  s.tell(fill(s.order(s.want({ side: "sell" }).id), 2, "0.1"));
  expect([isUnasked(guard), isUnasked(plain)]).toEqual([false, true]);
});

test("an order that is older than a loss may have been taken back in the lost history, which is no stranger's hand; a later one was not", () => {
  const s = story();
  const { id: older } = s.want({ side: "sell" });
  s.tell(updated(s.order(older), {}));
  s.tell(epochOpened(s.state, 2, { reason: "unclean", numbersFrom: 2_000 }));
  const { id: later } = s.want({ side: "sell" });
  for (const intent of [older, later]) s.tell(updated(s.order(intent), { status: "cancelled" }));
  expect([older, later].map((intent) => isUnaskedCancel(s.state, s.order(intent)))).toEqual([false, true]);
});
