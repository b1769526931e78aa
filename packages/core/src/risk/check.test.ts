import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import {
  accepted,
  basis,
  epochOpened,
  fill,
  inDoubt,
  provedAbsent,
  rules,
  story,
  terms,
} from "../orders/sample-events.ts";
import { rowsOf } from "../orders/state.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { wallMs } from "../time.ts";
import { checkRisk } from "./check.ts";
import type { RiskContext } from "./check.ts";
import { limitsOf } from "./limits.ts";
import type { RiskLimits } from "./limits.ts";
import { isPassingRefusal, refusalCodes, refused } from "./refusal-codes.ts";
import { code, context, limits, p, q, within } from "./sample-limits.ts";

describe("at the limit an order passes, one step above it is refused", () => {
  test.each<[string, Partial<OrderTerms>, Partial<OrderTerms>]>([
    ["order-notional", q("4"), q("4.1")],
    ["price-collar", p("100.5"), p("101")],
    ["price-collar", p("99"), p("98.5")],
    ["tick-size", p("99.5"), p("99.6")],
    ["lot-size", q("0.1"), q("0.15")],
    ["terms-malformed", {}, q("0")],
  ])("%s: %j passes, %j does not", (refusal, passes, fails) => {
    expect(code(story(), passes)).toBeUndefined();
    expect(code(story(), fails)).toBe(refusal);
  });

  test("order-size", () => {
    const roomy = within({ orderNotionalMax: decimal("100000") });
    expect(code(story(), q("5"), roomy)).toBeUndefined();
    expect(code(story(), q("5.1"), roomy)).toBe("order-size");
  });

  test("the venue's own bounds", () => {
    const tight = { ...rules, quantityMin: decimal("1"), quantityMax: decimal("3"), notionalMin: decimal("150") };
    expect(code(story(), q("0.9"), { rules: tight })).toBe("quantity-min");
    expect(code(story(), q("3.1"), { rules: tight })).toBe("quantity-max");
    expect(code(story(), q("1.4"), { rules: tight })).toBe("notional-min");
    expect(code(story(), q("1.5"), { rules: tight })).toBeUndefined();
  });

  test("a collar that a price can reach exactly lets it through", () => {
    const even = { ...basis, bid: decimal("100"), ask: decimal("100") };
    const market = { kind: "fresh", basis: even } as const;
    expect(code(story(), p("101"), { market })).toBeUndefined();
    expect(code(story(), p("101.5"), { market })).toBe("price-collar");
    expect(code(story(), p("99"), { market })).toBeUndefined();
  });

  test("the venue's clock", () => {
    expect(code(story(), {}, { clockErrorMs: 250 })).toBeUndefined();
    expect(code(story(), {}, { clockErrorMs: 250.5 })).toBe("clock-error");
    expect(code(story(), {}, { clockErrorMs: undefined })).toBe("clock-error");
  });
});

describe("prices", () => {
  test("without a fresh market an order is refused, also one with a limit", () => {
    const market = { kind: "stale", why: "no update for 3 s" } as const;
    expect(code(story(), {}, { market })).toBe("price-stale");
    const crossed = { kind: "fresh", basis: { ...basis, bid: decimal("101") } } as const;
    expect(code(story(), {}, { market: crossed })).toBe("price-stale");
  });

  test("a market order is checked by the far side of the book", () => {
    const { price: _price, ...market } = terms({ type: "market", timeInForce: "IOC" });
    const check = (over: Partial<RiskContext>): string | undefined =>
      checkRisk(story().state, market, { ...context, ...over })?.code;
    expect(check({})).toBeUndefined();
    expect(check(within({ collarBps: 25 }))).toBe("price-collar");
    expect(check(within({ orderNotionalMax: decimal("199") }))).toBe("order-notional");
    expect(checkRisk(story().state, { ...market, price: decimal("1") }, context)?.code).toBe("terms-malformed");
  });

  test("a sell below the bid is worth the bid, not its limit", () => {
    const limit = within({ orderNotionalMax: decimal("198.5") });
    expect(code(story(), { side: "sell", ...p("99") }, limit)).toBe("order-notional");
    expect(code(story(), { ...p("99") }, limit)).toBeUndefined();
  });
});

describe("position at worst case (I12)", () => {
  const roomy = { orderRate: { count: 1_000, perMs: 1_000 } };

  test("counts position, open, pending and doubted orders of the own side, and no relief from the other", () => {
    const s = story();
    const [pending, doubted, open, sell] = [
      s.want(q("1")),
      s.want(q("1")),
      s.want(q("1")),
      s.want({ side: "sell", ...q("1") }),
    ];
    s.tell(inDoubt(s.order(doubted.id)));
    s.tell(accepted(s.order(open.id)));
    s.tell(accepted(s.order(sell.id)));
    const filled = s.want(q("1"));
    s.tell(fill(s.order(filled.id), 1, "1"));
    // 1 held, 1 pending, 1 in doubt, 1 open: 2 more reach the limit of 6.
    expect(pending.status).toBe("pending-new");
    expect(code(s, q("2"), within(roomy))).toBeUndefined();
    expect(code(s, q("2.1"), within(roomy))).toBe("position-limit");
    // Short: 1 open to sell, less 1 held; doubted buys do not help a sell, and do not hurt it.
    const far = within({ ...roomy, orderQuantityMax: decimal("100"), orderNotionalMax: decimal("10000") });
    expect(code(s, { side: "sell", ...q("6") }, far)).toBeUndefined();
    expect(code(s, { side: "sell", ...q("6.1") }, far)).toBe("position-limit");
  });

  test("an order that ended with executions not yet told as fills still counts", () => {
    const s = story();
    const order = s.want(q("4"));
    s.tell(accepted(s.order(order.id), { status: "cancelled", executed: decimal("4") }));
    expect(code(s, q("2"), within(roomy))).toBeUndefined();
    expect(code(s, q("2.1"), within(roomy))).toBe("position-limit");
  });

  test("the next attempt of an intent is not counted twice", () => {
    const s = story();
    const order = s.want(q("4"), { sendWithinMs: 60_000 });
    s.tell(inDoubt(s.order(order.id)));
    s.tell(provedAbsent(s.order(order.id)));
    expect(code(s, q("4"), within(roomy))).toBe("position-limit");
    expect(code(s, q("4"), { ...within(roomy), reissued: order.id })).toBeUndefined();
  });

  test("open orders have a limit of their own where one is set", () => {
    const s = story();
    s.want(q("1"));
    s.want(q("1"));
    expect(code(s, q("1"), within({ ...roomy, openOrdersMax: 3 }))).toBeUndefined();
    expect(code(s, q("1"), within({ ...roomy, openOrdersMax: 2 }))).toBe("open-orders");
  });
});

describe("across a takeover", () => {
  test("the order rate goes on where it was: no fresh allowance", () => {
    const s = story();
    for (let made = 0; made < 3; made += 1) s.want(q("0.1"), { atWallMs: wallMs(19_500) });
    s.tell(epochOpened(s.state, 2));
    const successor = stateOf(rowsOf(s.state), s.state.applied);
    const check = (now: number): string | undefined =>
      checkRisk(successor, terms(q("0.1")), { ...context, nowWallMs: wallMs(now) })?.code;
    expect(check(20_000)).toBe("order-rate");
    expect(check(20_499)).toBe("order-rate");
    expect(check(20_500)).toBeUndefined();
  });

  test("a kill stands until it is lifted", () => {
    const s = story();
    s.tell({ kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(19_000) });
    s.tell(epochOpened(s.state, 2));
    expect(code(s, {})).toBe("kill-cluster");
    s.tell({ kind: "kill.set", level: "off", by: "op", reason: "done", atWallMs: wallMs(19_500) });
    expect(code(s, {})).toBeUndefined();
  });
});

test("doubt stops what doubt.block says: itself, its instrument, or the account", () => {
  const s = story();
  s.tell(inDoubt(s.order(s.want(q("0.1")).id)));
  const other = { symbol: "ETH/USDT" as OrderTerms["symbol"], ...q("0.1") };
  const blocked = (doubtBlock: RiskLimits["doubtBlock"]): readonly unknown[] => [
    code(s, q("0.1"), within({ doubtBlock })),
    code(s, other, within({ doubtBlock })),
  ];
  expect(blocked("intent")).toEqual([undefined, undefined]);
  expect(blocked("instrument")).toEqual(["doubt-blocked", undefined]);
  expect(blocked("account")).toEqual(["doubt-blocked", "doubt-blocked"]);
});

test("a symbol that the venue does not list is refused", () => {
  expect(code(story(), {}, { rules: undefined })).toBe("unknown-symbol");
});

test("a refusal names its figures, and says whether waiting helps", () => {
  const refusal = refused("order-size", { quantity: "3", limit: "2" });
  expect(refusal.sentence).toBe(`${refusalCodes["order-size"].sentence} (quantity 3, limit 2)`);
  expect(isPassingRefusal(refusal)).toBe(false);
  expect(isPassingRefusal(refused("order-rate"))).toBe(true);
});

test("a symbol's limits are the defaults with what is said of it", () => {
  const { orderRate, clockErrorMaxMs, doubtBlock, openOrdersMax: _none, ...defaults } = limits;
  const risk = { defaults, perSymbol: { "BTC/USDT": { collarBps: 7 } }, orderRate, clockErrorMaxMs };
  expect(limitsOf(risk, { block: doubtBlock }, terms().symbol)).toEqual({ ...limits, collarBps: 7 });
});
