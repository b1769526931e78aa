/** What a reduce-only order is held to before it is recorded: it never flips a position, and needs nothing but one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compare, decimal, zero } from "../decimal.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";
import { accepted, fill, inDoubt, provedAbsent, rules, story, terms, venue } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import { marketKey } from "../orders/state.ts";
import type { OrderTerms } from "../orders/terms.ts";
import type { RiskContext } from "./check.ts";
import type { Marks } from "./loss.ts";
import { code as codeOf, context, within } from "./sample-limits.ts";

const symbol = id<SymbolId>("BTC/USDT:USDT");
const marks: Marks = () => context.market;
const roomy = within({ orderRate: { count: 1_000, perMs: 1_000 } });

function order(side: "buy" | "sell", quantity: string, over: Partial<OrderTerms> = {}): Partial<OrderTerms> {
  return { symbol, side, quantity: decimal(quantity), ...over };
}

function reducing(side: "buy" | "sell", quantity: string, over: Partial<OrderTerms> = {}): Partial<OrderTerms> {
  return order(side, quantity, { reduceOnly: true, ...over });
}

/** The refusal on an account whose wallet is empty, at a venue that has such orders. */
function code(s: Story, over: Partial<OrderTerms>, more: Partial<RiskContext> = {}): string | undefined {
  return codeOf(s, over, { ...roomy, hasReduceOnly: true, funds: () => zero, marks, ...more });
}

function holding(side: "buy" | "sell", quantity: string): Story {
  const s = story();
  s.tell(fill(s.order(s.want(order(side, quantity)).id), 1, quantity));
  return s;
}

test("a venue without such orders is told none: it is refused before anything is recorded", () => {
  expect(code(holding("buy", "2"), reducing("sell", "1"), { hasReduceOnly: false })).toBe("reduce-only-unsupported");
  const { hasReduceOnly: _unknown, ...silent } = { ...context, hasReduceOnly: true };
  expect(codeOf(holding("buy", "2"), reducing("sell", "1"), silent)).toBe("reduce-only-unsupported");
  expect(code(holding("buy", "2"), order("sell", "1"), { hasReduceOnly: false })).toBeUndefined();
});

test.each([
  ["buy", "sell"],
  ["sell", "buy"],
] as const)(
  "of a position made by a %s it takes all with an empty wallet, one step more is refused by its own code",
  (opening, closing) => {
    const s = holding(opening, "2");
    expect(code(s, reducing(closing, "2"))).toBeUndefined();
    expect(code(s, reducing(closing, "2.1"))).toBe("reduce-only");
    expect(code(s, reducing(opening, "0.1"))).toBe("reduce-only");
    expect(code(story(), reducing(closing, "0.1"))).toBe("reduce-only");
  },
);

test("what is open, pending or in doubt on its side counts as if it came first, plain or not", () => {
  const s = holding("buy", "4");
  s.tell(accepted(s.order(s.want(order("sell", "1")).id)));
  s.tell(inDoubt(s.order(s.want(reducing("sell", "1")).id)));
  s.want(reducing("sell", "0.5"));
  expect(code(s, reducing("sell", "1.5"))).toBeUndefined();
  expect(code(s, reducing("sell", "1.6"))).toBe("reduce-only");
  // A buy on its way has not made anything to reduce yet.
  s.want(order("buy", "1"));
  expect(code(s, reducing("sell", "1.6"))).toBe("reduce-only");
});

test("the next attempt of one is not counted twice, and ends where the position has gone meanwhile", () => {
  const s = holding("buy", "2");
  const { id: reissued } = s.want(reducing("sell", "2"), { sendWithinMs: 60_000 });
  s.tell(inDoubt(s.order(reissued)));
  s.tell(provedAbsent(s.order(reissued)));
  expect(code(s, reducing("sell", "2"), { reissued })).toBeUndefined();
  s.tell({ ...fill(s.order(s.want(order("sell", "1")).id), 2, "1") });
  expect(code(s, reducing("sell", "2"), { reissued })).toBe("reduce-only");
});

test("passes a day whose loss is above its limit", () => {
  const s = holding("buy", "2");
  const lost = {
    ...within({ orderRate: { count: 9, perMs: 1 }, dayLossMax: { USDT: decimal("0") } }),
    funds: () => decimal("9999"),
  };
  expect(code(s, order("buy", "1"), lost)).toBe("loss-limit");
  expect(code(s, reducing("sell", "1"), lost)).toBeUndefined();
});

test("has no least value, so that what is left of a position can be closed", () => {
  const s = holding("buy", "0.5");
  const least = { rules: { ...rules, notionalMin: decimal("100") } };
  expect(code(s, order("sell", "0.5"), least)).toBe("notional-min");
  expect(code(s, reducing("sell", "0.5"), least)).toBeUndefined();
});

test("the very same order but for this is another wish", () => {
  const s = holding("buy", "4");
  const once = {
    by: "trader",
    limits: { ...context.limits, orderRate: { count: 9, perMs: 9 }, repeatedExecution: { count: 1, perMs: 60_000 } },
  };
  s.want(order("sell", "1"));
  expect(code(s, order("sell", "1"), once)).toBe("repeated-execution");
  expect(code(s, reducing("sell", "1"), once)).toBeUndefined();
});

test("however many pass and however they fill, none of them turns the position", () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom<"buy" | "sell">("buy", "sell"), fc.integer({ min: 1, max: 30 }), fc.boolean()),
  );
  fc.assert(
    fc.property(steps, (wishes) => {
      const s = holding("buy", "5");
      let trade = 1;
      for (const [side, tenths, isFilled] of wishes) {
        const wish = reducing(side, `${Math.floor(tenths / 10)}.${tenths % 10}`);
        // Nobody asks for margin here: nothing else may stand in the way of a turn.
        if (codeOf(s, wish, { ...roomy, hasReduceOnly: true }) !== undefined) continue;
        const { id: intent } = s.want(wish);
        if (isFilled) s.tell(fill(s.order(intent), (trade += 1), wish.quantity ?? "1"));
      }
      for (const {
        id: intent,
        filled,
        terms: { quantity },
      } of [...s.state.orders.values()])
        if (filled === zero) s.tell(fill(s.order(intent), (trade += 1), quantity));
      const left = s.state.positions.get(marketKey(venue, symbol))?.quantity ?? zero;
      expect(compare(left, zero)).toBeGreaterThanOrEqual(0);
    }),
  );
  // The wishes of the property do pass at first: it is not true for want of orders.
  expect(code(holding("buy", "5"), reducing("sell", "3"))).toBeUndefined();
  expect(terms(reducing("sell", "3")).reduceOnly).toBe(true);
});
