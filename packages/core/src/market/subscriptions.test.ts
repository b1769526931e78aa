/** What a connection asks for and what counts as the answer, where venues differ. */
import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import type { SubscriptionRequest, SubscriptionRules, Subscriptions } from "./subscriptions.ts";
import {
  acknowledge,
  isSubscribed,
  nextRequest,
  noSubscriptions,
  refuse,
  renew,
  takeStanding,
} from "./subscriptions.ts";

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

  test("of which the venue refuses all because one stands are asked for without that one, at once and as if anew", () => {
    const { s } = ask(noSubscriptions(new Set([book, other]), 1), 0);
    const answered = acknowledge(s, 1, [book], true);
    const { asked } = ask(answered, 0);
    expect(asked).toEqual([{ id: 2, method: "SUBSCRIBE", streams: [other] }]);
    const failed = refuse(ask(answered, 0).s, { ...rules, ackAttempts: 2 }, 2, "no");
    expect(failed.failure).toBeUndefined();
  });

  test("are acknowledged by the list of all that stands, whatever request it answers", () => {
    const { s } = ask(noSubscriptions(new Set([book, trade, other]), 1), 0);
    const half = takeStanding(s, [book, other]);
    expect(isSubscribed(half)).toBe(false);
    const all = takeStanding(half, [book, other, trade]);
    expect(isSubscribed(all)).toBe(true);
    expect(all.mismatches).toBe(0);
  });

  test("that a list of all that stands lacks are asked for again, those that are being let go of are not", () => {
    const s = ask(renew(subscribed(), other), 10).s;
    // The answer to something older: the unsubscription has not come there.
    const early = takeStanding(s, [book, trade, other]);
    expect(early.inFlight).toHaveLength(1);
    const letGo = takeStanding(early, [trade]);
    expect(letGo.mismatches).toBe(1);
    expect(ask(letGo, 20).asked).toEqual([{ id: 4, method: "SUBSCRIBE", streams: [book, other] }]);
  });

  test("that a venue refuses without a name are the oldest that wait", () => {
    const { s } = ask(noSubscriptions(new Set([book, trade]), 1), 0);
    const once = { ...rules, ackAttempts: 1 };
    expect(refuse(s, once, undefined, "too many").failure).toContain(book);
    expect(refuse(subscribed(), once, undefined, "too many").failure).toBeUndefined();
  });
});
