/** What opens a position cannot use up what is needed to get out of one, and nothing is without a bound. */
import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { btc, fill, story, terms, venue } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { wallMs } from "../time.ts";
import { riskView } from "./headroom.ts";
import { isAhead } from "./reducing.ts";
import { code, context, q, within } from "./sample-limits.ts";

const opens = q("0.1");
const reduces: Partial<OrderTerms> = { side: "sell", ...q("0.1") };
const wayOut = { by: "p-1", parentBy: "trader" };
/** Within a second of when risk is asked. */
const lately = { atWallMs: wallMs(19_500) };
const rate = within({ orderRate: { count: 4, perMs: 1_000 } });

/** It holds 2, and an OCO is to get out of them. */
function holding(): Story {
  const s = story();
  s.tell(fill(s.order(s.want({ side: "buy", ...q("2") }).id), 1, "2"));
  s.tell({
    kind: "parent.recorded",
    parent: "p-1" as never,
    algorithm: {
      ...{ name: "oco", venue, symbol: btc, side: "sell", quantity: decimal("2"), aggressionBps: 50 },
      ...{ takePrice: decimal("105"), stopPrice: decimal("95") },
    },
    by: "trader",
    atWallMs: wallMs(10_000),
  });
  return s;
}

/** Whether each of the three passes now: what opens, what reduces, a way out. */
function passing(s: Story, over: Parameters<typeof code>[2]): readonly (string | undefined)[] {
  return [code(s, opens, over), code(s, reduces, over), code(s, reduces, { ...over, ...wayOut })];
}

test("a crowd that has used up the order rate is refused, what reduces passes a quarter beyond it, and a way out a half", () => {
  const s = holding();
  for (let made = 0; made < 3; made += 1) s.want(opens, lately);
  expect(passing(s, rate)).toEqual([undefined, undefined, undefined]);
  s.want(opens, lately);
  expect(passing(s, rate)).toEqual(["order-rate", undefined, undefined]);
  s.want(reduces, lately);
  expect(passing(s, rate)).toEqual(["order-rate", "order-rate", undefined]);
  s.want(reduces, lately);
  expect(passing(s, rate)).toEqual(["order-rate", "order-rate", "order-rate"]);
});

test("where the order rate is one, a client that reduces leaves a place to a way out all the same", () => {
  const one = within({ orderRate: { count: 1, perMs: 1_000 } });
  const s = holding();
  s.want(opens, lately);
  expect(passing(s, one)).toEqual(["order-rate", undefined, undefined]);
  s.want(reduces, lately);
  expect(passing(s, one)).toEqual(["order-rate", "order-rate", undefined]);
  s.want(reduces, lately);
  expect(passing(s, one)).toEqual(["order-rate", "order-rate", "order-rate"]);
});

test("cancels above their rate stop what opens and nothing that reduces", () => {
  const s = holding();
  const { id: intent } = s.want(opens);
  s.tell({ kind: "cancel.requested", intent, by: "trader", ...lately });
  const { id: other } = s.want(opens);
  s.tell({ kind: "cancel.requested", intent: other, by: "trader", ...lately });
  const cancels = within({ cancelRate: { count: 1, perMs: 1_000 } });
  expect(passing(s, cancels)).toEqual(["cancel-rate", undefined, undefined]);
});

describe("what rests at the venue", () => {
  const crowd = (): Story => {
    const s = holding();
    for (let made = 0; made < 4; made += 1) s.want(opens);
    return s;
  };

  test("leaves room by count to what reduces, and more to a way out", () => {
    const s = crowd();
    const most = within({ openOrdersMax: 4 });
    expect(passing(s, most)).toEqual(["open-orders", undefined, undefined]);
    s.want(reduces);
    expect(passing(s, most)).toEqual(["open-orders", "open-orders", undefined]);
    s.want(reduces);
    expect(passing(s, most)).toEqual(["open-orders", "open-orders", "open-orders"]);
  });

  test("leaves room by worth to what reduces, and more to a way out", () => {
    const s = crowd();
    const most = within({ openNotionalMax: decimal("40") });
    expect(passing(s, most)).toEqual(["open-notional", undefined, undefined]);
    s.want(reduces);
    expect(passing(s, most)).toEqual(["open-notional", "open-notional", undefined]);
    s.want(reduces);
    expect(passing(s, most)).toEqual(["open-notional", "open-notional", "open-notional"]);
  });
});

describe("room that is kept", () => {
  const full = (): Story => {
    const s = holding();
    for (let made = 0; made < 4; made += 1) s.want(opens, lately);
    return s;
  };

  test("is not for an order that could turn the position, by itself or with what is open beside it", () => {
    const s = full();
    expect(code(s, { side: "sell", ...q("2") }, rate)).toBeUndefined();
    expect(code(s, { side: "sell", ...q("2.1") }, rate)).toBe("order-rate");
    s.want({ side: "sell", ...q("2") });
    expect(code(s, reduces, rate)).toBe("order-rate");
    // The OCO's own are owed: what else is open against the position is no reason to let it be unprotected.
    expect(code(s, reduces, { ...rate, ...wayOut })).toBeUndefined();
  });

  test("is not for who has the name of a parent, nor for a parent's other side", () => {
    const s = full();
    s.want({ side: "sell", ...q("2") });
    expect(code(s, reduces, { ...rate, by: "p-1" })).toBe("order-rate");
    expect(code(s, opens, { ...rate, ...wayOut })).toBe("order-rate");
  });

  test("is not for an OCO that would open a position: one that buys where nothing is short", () => {
    const s = story();
    const oco = { name: "oco", venue, symbol: btc, side: "buy", quantity: decimal("2"), aggressionBps: 50 } as const;
    s.tell({
      ...{ kind: "parent.recorded", parent: "p-1" as never, by: "trader", atWallMs: wallMs(10_000) },
      algorithm: { ...oco, takePrice: decimal("95"), stopPrice: decimal("105") },
    });
    for (let made = 0; made < 4; made += 1) s.want(opens, lately);
    const entry = { side: "buy", ...q("0.1") } as const;
    expect(code(s, entry, { ...rate, ...wayOut })).toBe("order-rate");
    expect(isAhead(s.state, { terms: terms(entry), parent: "p-1" as never })).toBe(false);
    // With a short position to close it is what it says that it is.
    s.tell(fill(s.order(s.want({ side: "sell", ...q("1") }).id), 1, "1"));
    expect(code(s, entry, { ...rate, ...wayOut })).toBeUndefined();
  });

  test("is not taken twice by the next attempt of what reduces", () => {
    const s = holding();
    const { id: reissued } = s.want({ side: "sell", ...q("2") });
    for (let made = 0; made < 4; made += 1) s.want(opens, lately);
    expect(code(s, { side: "sell", ...q("2") }, { ...rate, reissued })).toBeUndefined();
  });

  test("is shown beside the mark of what opens", () => {
    const config = {
      risk: { defaults: context.limits, perSymbol: {}, orderRate: { count: 4, perMs: 1_000 }, balances: "ignore" },
      doubt: { block: "intent" },
      venues: [],
    } as never;
    const marks = (): typeof context.market => context.market;
    const figures = { config, marks, funds: () => decimal("0"), nowWallMs: wallMs(20_000) };
    expect(riskView(full().state, figures).controls[0]).toMatchObject({
      ...{ control: "order-rate", used: "4", limit: "4", headroom: "0" },
      note: "orders within 1000 ms; what only reduces passes up to 5",
    });
  });
});
