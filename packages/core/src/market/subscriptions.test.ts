/** What a connection asks for and what counts as the answer, where venues differ. */
import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import type { SubscriptionRequest, SubscriptionRules, Subscriptions } from "./subscriptions.ts";
import { acknowledge, isSubscribed, nextRequest, noSubscriptions, renew } from "./subscriptions.ts";

const rules: SubscriptionRules = {
  paceMs: 0,
  batchMax: 50,
  ackWithinMs: 1_000,
  ackAttempts: 3,
  batchesByChannel: true,
};
const [book, trade, other] = ["book:BTC/USD", "trade:BTC/USD", "book:ETH/USD"];

/** Everything that is asked for at this instant. */
function ask(s: Subscriptions, nowMs: number): { readonly s: Subscriptions; readonly asked: SubscriptionRequest[] } {
  const asked: SubscriptionRequest[] = [];
  let after = s;
  for (;;) {
    const { subscriptions, send } = nextRequest(after, rules, monoMs(nowMs));
    after = subscriptions;
    if (send === undefined) return { s: after, asked };
    asked.push(send);
  }
}

/** All three are acknowledged. */
function subscribed(): Subscriptions {
  const { s } = ask(noSubscriptions(new Set([book, trade, other]), 1), 0);
  return acknowledge(acknowledge(s, 1), 2);
}

describe("subscriptions", () => {
  test("go out one channel a message where the venue takes no more", () => {
    const { asked } = ask(noSubscriptions(new Set([book, trade, other]), 1), 0);
    expect(asked.map(({ streams }) => streams)).toEqual([[book, other], [trade]]);
  });

  test("that are answered one by one are asked again only for what was not answered", () => {
    const begun = ask(noSubscriptions(new Set([book, trade, other]), 1), 0).s;
    const answered = acknowledge(acknowledge(begun, 1, [book, trade]), 2, [trade]);
    expect(isSubscribed(answered)).toBe(false);
    const { s, asked } = ask(answered, 1_000);
    expect(asked).toEqual([{ id: 3, method: "SUBSCRIBE", streams: [other] }]);
    // The first answer was late, not lost.
    expect(isSubscribed(acknowledge(s, 1, [other]))).toBe(true);
  });

  test("are renewed one stream at a time: let go of, then asked for", () => {
    const s = renew(subscribed(), other);
    const letGo = ask(s, 10);
    expect(letGo.asked).toEqual([{ id: 3, method: "UNSUBSCRIBE", streams: [other] }]);
    const anew = ask(acknowledge(letGo.s, 3, [other]), 20);
    expect(anew.asked).toEqual([{ id: 4, method: "SUBSCRIBE", streams: [other] }]);
    // Meanwhile the others are as they were: only the renewed stream's own book is unknown.
    expect([letGo.s, anew.s].map(isSubscribed)).toEqual([true, true]);
    const done = acknowledge(anew.s, 4, [other]);
    expect(isSubscribed(done)).toBe(true);
    expect(ask(done, 30).asked).toEqual([]);
  });

  test("that are not wanted or not acknowledged are not renewed", () => {
    const s = subscribed();
    expect(renew(s, "book:XRP/USD")).toBe(s);
    const begun = noSubscriptions(new Set([book]), 1);
    expect(renew(begun, book)).toBe(begun);
  });
});
