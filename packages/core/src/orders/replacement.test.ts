import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { ReplaceRequested } from "../formats/order-events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId } from "../ids.ts";
import { checkRisk } from "../risk/check.ts";
import { wallMs } from "../time.ts";
import { refusalOf } from "./refusal.ts";
import {
  nextReplacementStep,
  replaceEnded,
  replaceEndText,
  replacementOf,
  stateWithout,
  successorRefusal,
} from "./replacement.ts";
import {
  accepted,
  basis,
  epochOpened,
  fill,
  inDoubt,
  notSent,
  provedAbsent,
  rejected,
  rules,
  story,
  terms,
  twapRecorded,
  updated,
  wanted,
} from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { copyState, rowsOf } from "./state.ts";
import { stateOf } from "./state-of-rows.ts";

const first = id<IntentId>("i-1");
const askedAt = 10_100;

const cancel: JournalEvent = { kind: "cancel.requested", intent: first, by: "t", atWallMs: wallMs(askedAt) };

function wish(over: Partial<ReplaceRequested> = {}): ReplaceRequested {
  return {
    ...{ kind: "replace.requested", intent: first, quantity: decimal("2"), price: decimal("99") },
    ...{ sendWithinMs: 5_000, by: "t", atWallMs: wallMs(askedAt), ...over },
  };
}

/** Buy 2 at 100, of which the first answer says so much, and which is to be replaced. */
function replacing(executed = "0", over: Partial<ReplaceRequested> = {}): Story {
  const s = story();
  s.want();
  s.tell(accepted(s.order(first), { executed: decimal(executed) }));
  s.tell(cancel);
  s.tell(wish(over));
  return s;
}

const stepOf = (s: Story, now = askedAt + 100): unknown =>
  nextReplacementStep(s.state.engine, s.order(first), wallMs(now));

const ended = (s: Story, status: "cancelled" | "expired" | "filled", executed: string): void =>
  void s.tell(updated(s.order(first), { status, executed: decimal(executed) }));

test("after a loss nothing comes in the place of an order, and the order's end is waited for: the lost history may have placed it", () => {
  const s = replacing();
  const loss = { reason: "unclean", isReconcileDue: true, numbersFrom: 20_000_000_000 } as const;
  s.tell(epochOpened(s.state, 2, loss));
  expect(stepOf(s)).toEqual({ kind: "wait" });
  ended(s, "cancelled", "0");
  expect(stepOf(s)).toEqual({ kind: "end", reason: "history-lost" });
  // What is wished after the loss is this history's own.
  const next = s.want();
  s.tell(accepted(s.order(next.id)));
  s.tell({ ...cancel, intent: next.id });
  s.tell(wish({ intent: next.id }));
  s.tell(updated(s.order(next.id), { status: "cancelled" }));
  expect(nextReplacementStep(s.state.engine, s.order(next.id), wallMs(askedAt))).toMatchObject({ kind: "place" });
});

describe("what comes next of a replacement, by where its order stands", () => {
  test("an order that is at the venue, or may come to it, is waited for", () => {
    const s = story();
    s.want();
    s.tell(cancel);
    s.tell(wish());
    expect(stepOf(s)).toEqual({ kind: "wait" });
    s.tell(inDoubt(s.order(first)));
    expect(stepOf(s)).toEqual({ kind: "wait" });
    s.tell(accepted(s.order(first)));
    expect(stepOf(s)).toEqual({ kind: "wait" });
    s.tell(fill(s.order(first), 1, "0.5"));
    expect(stepOf(s)).toEqual({ kind: "wait" });
    // However late it is: what is taken back may still trade.
    expect(stepOf(s, askedAt + 60_000)).toEqual({ kind: "wait" });
  });

  test("of one that was taken back what is left of the new quantity comes, at the new price", () => {
    const s = replacing();
    ended(s, "cancelled", "0");
    expect(stepOf(s)).toEqual({ kind: "place", terms: terms({ price: decimal("99") }), sendWithinMs: 4_900 });
  });

  test("what was executed while the cancel was on its way is not wanted again", () => {
    const s = replacing("0.5");
    s.tell(fill(s.order(first), 1, "0.7"));
    ended(s, "cancelled", "1.2");
    expect(stepOf(s)).toMatchObject({ kind: "place", terms: { quantity: "0.8", price: "99" } });
  });

  test("a cancel that came too late ends it, also when more was wanted than the order had", () => {
    const s = replacing("0", { quantity: decimal("5") });
    ended(s, "filled", "2");
    expect(stepOf(s)).toEqual({ kind: "end", reason: "executed" });
  });

  test("a smaller quantity that was executed meanwhile ends it", () => {
    const s = replacing("0", { quantity: decimal("1") });
    ended(s, "cancelled", "1.5");
    expect(stepOf(s)).toEqual({ kind: "end", reason: "executed" });
  });

  test("one that was never sent, because it was taken back, is replaced whole", () => {
    const s = story();
    s.want();
    s.tell(cancel);
    s.tell(wish());
    s.tell(notSent(s.order(first), "cancelled"));
    s.tell({ kind: "intent.ended", intent: first, reason: "cancelled", atWallMs: wallMs(askedAt + 10) });
    expect(stepOf(s)).toMatchObject({ kind: "place", terms: { quantity: "2" } });
  });

  test("one whose absence was proved after a takeover is replaced whole, if its time has not passed", () => {
    const s = story();
    s.want();
    s.tell(inDoubt(s.order(first)));
    s.tell(cancel);
    s.tell(wish({ sendWithinMs: 20_000 }));
    s.tell(epochOpened(s.state, 2));
    expect(stepOf(s, 21_000)).toEqual({ kind: "wait" });
    s.tell(provedAbsent(s.order(first)));
    expect(stepOf(s, 21_000)).toEqual({ kind: "wait" });
    s.tell({ kind: "intent.ended", intent: first, reason: "cancelled", atWallMs: wallMs(21_000) });
    expect(stepOf(s, 21_000)).toMatchObject({ kind: "place", terms: { quantity: "2" }, sendWithinMs: 9_100 });
    expect(stepOf(s, 30_101)).toEqual({ kind: "end", reason: "too-late" });
  });

  test("what the venue refused, let expire, or never got for another reason has nothing in its place", () => {
    const refusedOne = story();
    refusedOne.want();
    refusedOne.tell(cancel);
    refusedOne.tell(wish());
    refusedOne.tell(rejected(refusedOne.order(first)));
    expect(stepOf(refusedOne)).toEqual({ kind: "end", reason: "order-rejected" });
    const expired = replacing();
    ended(expired, "expired", "0");
    expect(stepOf(expired)).toEqual({ kind: "end", reason: "order-expired" });
    const unsent = story();
    unsent.want();
    unsent.tell(cancel);
    unsent.tell(wish());
    unsent.tell(notSent(unsent.order(first), "breaker-open"));
    unsent.tell({ kind: "intent.ended", intent: first, reason: "breaker-open", atWallMs: wallMs(askedAt + 10) });
    expect(stepOf(unsent)).toEqual({ kind: "end", reason: "order-not-sent" });
  });

  test("once its successor is recorded, or it is given up, nothing comes any more", () => {
    const s = replacing();
    ended(s, "cancelled", "0");
    const given = copyState(s.state);
    s.tell(wanted(s.state, { price: decimal("99") }, { replaces: first }));
    expect(stepOf(s)).toEqual({ kind: "settled" });
    expect(s.order(first).replace?.end).toEqual({ kind: "replaced", successor: "i-2" });
    expect(s.order(id<IntentId>("i-2")).replaces).toBe("i-1");
    s.state = given;
    s.tell(replaceEnded(s.order(first), "cancelled", wallMs(askedAt + 50)));
    expect(stepOf(s)).toEqual({ kind: "settled" });
    expect(refusalOf(s.state, wanted(s.state, { price: decimal("99") }, { replaces: first }))).toBe("replace-settled");
  });
});

describe("the journal takes no successor", () => {
  const successor = (s: Story, over: Parameters<typeof terms>[0] = {}): string | undefined =>
    refusalOf(s.state, wanted(s.state, { price: decimal("99"), ...over }, { replaces: first }));

  test("while the order may still be open", () => {
    const s = replacing();
    expect(successor(s)).toBe("order-open");
    s.tell(fill(s.order(first), 1, "1"));
    expect(successor(s)).toBe("order-open");
  });

  test("of another quantity than what is left, of another price, side or symbol", () => {
    const s = replacing();
    ended(s, "cancelled", "0.5");
    expect(successor(s)).toBe("terms-differ");
    expect(successor(s, { quantity: decimal("1.5"), price: decimal("98") })).toBe("terms-differ");
    expect(successor(s, { quantity: decimal("1.5"), side: "sell" })).toBe("terms-differ");
    expect(successor(s, { quantity: decimal("1.5") })).toBeUndefined();
  });

  test("of an order that nobody wanted replaced, that is not there, or twice", () => {
    const s = story();
    s.want();
    s.tell(accepted(s.order(first)));
    s.tell(cancel);
    ended(s, "cancelled", "0");
    expect(successor(s)).toBe("replace-settled");
    expect(successorRefusal(undefined, wanted(s.state))).toBe("intent-unknown");
    const twice = replacing();
    ended(twice, "cancelled", "0");
    twice.tell(wanted(twice.state, { price: decimal("99") }, { replaces: first }));
    expect(successor(twice)).toBe("replace-settled");
  });

  test("and no wish to replace that does not stand on the wish to take that order back", () => {
    const s = story();
    s.want();
    s.tell(accepted(s.order(first)));
    expect(refusalOf(s.state, wish())).toBe("cancel-missing");
    s.tell(cancel);
    s.tell(fill(s.order(first), 1, "1"));
    // An earlier cancel was somebody else's, who did not want another order.
    expect(refusalOf(s.state, wish())).toBe("cancel-missing");
    const other = story();
    other.want();
    other.tell(accepted(other.order(first), { executed: decimal("1") }));
    other.tell(cancel);
    expect(refusalOf(other.state, wish({ quantity: decimal("1") }))).toBe("amend-below-executed");
    other.tell(wish());
    expect(refusalOf(other.state, wish())).toBe("replace-known");
    ended(other, "cancelled", "1");
    expect(refusalOf(other.state, wish())).toBe("order-ended");
  });
});

describe("an order may be replaced", () => {
  const codeOf = (s: Story, change: Parameters<typeof replacementOf>[1]): unknown => {
    const replacement = replacementOf(s.order(first), change);
    return "code" in replacement ? replacement.code : replacement.rest;
  };

  test("by what is left with its new figures; what is left out stays", () => {
    const s = story();
    s.want();
    s.tell(accepted(s.order(first), { executed: decimal("0.5") }));
    expect(codeOf(s, { price: decimal("99") })).toEqual(terms({ quantity: decimal("1.5"), price: decimal("99") }));
    expect(codeOf(s, { quantity: decimal("3") })).toEqual(terms({ quantity: decimal("2.5") }));
    expect(codeOf(s, { quantity: decimal("0.5") })).toBe("amend-too-small");
    expect(codeOf(s, { quantity: decimal("2"), price: decimal("100") })).toBe("amend-malformed");
  });

  test("unless it does not rest, is a parent's child, is taken back, or is being replaced", () => {
    const change = { price: decimal("99") };
    const market = story();
    market.want({ type: "limit", timeInForce: "IOC" });
    expect(codeOf(market, change)).toBe("order-state");
    const child = story();
    child.tell(twapRecorded(child.state));
    child.want({ side: "sell" }, { parent: id<ParentId>("p-1"), slice: 1 });
    expect(codeOf(child, change)).toBe("order-state");
    const taken = story();
    taken.want();
    taken.tell(cancel);
    expect(codeOf(taken, change)).toBe("order-state");
    expect(codeOf(replacing(), change)).toBe("order-state");
  });

  test.each([
    ["told", true],
    ["not told yet", false],
  ])("by one that fits a limit which the two together would not, with what was executed and %s", (_, isTold) => {
    const s = story();
    s.want({ quantity: decimal("4") });
    s.tell(accepted(s.order(first), { executed: decimal("1") }));
    if (isTold) s.tell(fill(s.order(first), 1, "1"));
    const limits = {
      ...{ orderQuantityMax: decimal("10"), orderNotionalMax: decimal("5000"), collarBps: 500 },
      ...{ positionMax: decimal("5"), openOrdersMax: 1, orderRate: { count: 50, perMs: 1_000 } },
      ...{ clockErrorMaxMs: 250, doubtBlock: "intent" as const },
    };
    const context = { rules, limits, market: { kind: "fresh" as const, basis }, clockErrorMs: 5 };
    const ask = (quantity: string, state = stateWithout(s.state, s.order(first))): string | undefined =>
      checkRisk(state, terms({ quantity: decimal(quantity) }), { ...context, nowWallMs: wallMs(11_000) })?.code;
    expect(ask("4")).toBeUndefined();
    expect(ask("4.1")).toBe("position-limit");
    expect(ask("4", s.state)).toBe("position-limit");
    // Asking changes nothing.
    expect(s.state.indexes.exposure.get("binance|BTC/USDT")).toMatchObject({ buyOpen: isTold ? "3" : "4", orders: 1 });
  });
});

test("an order that is to be replaced stays in the state until that is over, and a state rebuilt from rows knows of it", () => {
  const s = replacing();
  ended(s, "cancelled", "0");
  s.state.engine = { ...s.state.engine, kept: { orders: 0, fills: 0, forMs: 0 } };
  s.want({ symbol: terms().symbol }, { atWallMs: wallMs(900_000) });
  expect(s.order(first).closedSequence).toBeUndefined();
  const rebuilt = stateOf(JSON.parse(JSON.stringify([...rowsOf(s.state)])) as never, s.state.applied);
  expect([...rebuilt.indexes.replacing]).toEqual(["i-1"]);
  s.tell(replaceEnded(s.order(first), "too-late", wallMs(900_001)));
  expect(s.state.indexes.replacing.size).toBe(0);
  expect(s.state.orders.has(first)).toBe(false);
});

test("why nothing came in an order's place is a sentence, also for a code of risk", () => {
  expect(replaceEndText("executed")).toMatch(/executed before it could be taken back/);
  expect(replaceEndText("risk: position-limit")).toMatch(/refused \(risk: position-limit\): nothing rests now/);
});
