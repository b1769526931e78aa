import { describe, expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { basis, epochOpened, fill, inDoubt, story, terms, wanted } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import type { JournalEvent } from "../formats/events.ts";
import { refusalOf } from "../orders/refusal.ts";
import type { KillTarget } from "./kill.ts";
import { rowsOf } from "../orders/state.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { wallMs } from "../time.ts";
import { checkRisk } from "./check.ts";
import type { RiskContext } from "./check.ts";
import type { RiskLimits } from "./limits.ts";
import { switchingEvent } from "./check.ts";
import { riskView } from "./headroom.ts";
import { dayOpening } from "./loss.ts";
import { refused } from "./refusal-codes.ts";
import { code, context, limits, p, q, within } from "./sample-limits.ts";

describe("open exposure", () => {
  test("is the value of what is open and in doubt on both sides, this order with it", () => {
    const s = story();
    s.want(q("1"));
    s.want({ side: "sell", ...q("1") });
    s.tell(inDoubt(s.order(s.want(q("1")).id)));
    // 100 + 100 + 100, and one more of 99.5.
    const limit = (most: string): Partial<RiskContext> =>
      within({ orderRate: { count: 100, perMs: 1_000 }, openNotionalMax: decimal(most) });
    expect(code(s, { ...q("1"), ...p("99.5") }, limit("399.5"))).toBeUndefined();
    expect(code(s, { ...q("1"), ...p("99.5") }, limit("399.4"))).toBe("open-notional");
  });
});

describe("balances", () => {
  const funds = (usdt: string, btcHeld: string): Partial<RiskContext> => ({
    ...within({ orderRate: { count: 100, perMs: 1_000 }, positionMax: decimal("100") }),
    funds: (currency) => decimal(currency === "USDT" ? usdt : btcHeld),
  });

  test("a buy needs its value of the quote currency beside all open buys", () => {
    const s = story();
    s.want(q("1"));
    s.tell(inDoubt(s.order(s.want(q("1")).id)));
    expect(code(s, q("1"), funds("300", "0"))).toBeUndefined();
    expect(code(s, q("1"), funds("299.9", "0"))).toBe("balance");
    const { price: _price, ...market } = terms({ type: "market", timeInForce: "IOC", ...q("1") });
    expect(checkRisk(s.state, market, { ...context, ...funds("300", "0") })).toBeUndefined();
    expect(checkRisk(s.state, market, { ...context, ...funds("299.9", "0") })?.code).toBe("balance");
  });

  test("a sell needs its quantity of the base currency beside all open sells", () => {
    const s = story();
    s.want({ side: "sell", ...q("1") });
    expect(code(s, { side: "sell", ...q("1") }, funds("0", "2"))).toBeUndefined();
    expect(code(s, { side: "sell", ...q("1") }, funds("0", "1.9"))).toBe("balance");
  });

  test("the next attempt of an intent needs nothing more than the intent did", () => {
    const s = story();
    const { id: reissued } = s.want(q("1"));
    expect(code(s, q("1"), { ...funds("100", "0"), reissued })).toBeUndefined();
  });
});

describe("how often", () => {
  const often = within({ orderRate: { count: 100, perMs: 1_000 }, cancelRate: { count: 2, perMs: 1_000 } });

  test("more cancels than their rate stop new orders until the window has passed", () => {
    const s = story();
    const orders = [1, 2, 3].map(() => s.want(q("0.1")));
    for (const [at, order] of orders.entries()) {
      const atWallMs = wallMs(19_500);
      s.tell({ kind: "cancel.requested", intent: order.id, by: "trader", atWallMs });
      expect(code(s, q("0.1"), often)).toBe(at < 2 ? undefined : "cancel-rate");
    }
    const successor = stateOf(rowsOf(s.state), s.state.applied);
    const check = (nowWallMs: number): string | undefined =>
      checkRisk(successor, terms(q("0.1")), { ...context, ...often, nowWallMs: wallMs(nowWallMs) })?.code;
    expect(check(20_499)).toBe("cancel-rate");
    expect(check(20_500)).toBeUndefined();
  });

  test("the very same order too often switches its author off, and a takeover switches nobody on", () => {
    const s = story();
    const repeat = {
      ...within({ orderRate: { count: 100, perMs: 1_000 }, repeatedExecution: { count: 2, perMs: 5_000 } }),
      by: "trader",
    };
    for (let times = 0; times < 2; times += 1) {
      expect(code(s, q("0.1"), repeat)).toBeUndefined();
      s.want(q("0.1"), { atWallMs: wallMs(19_000) });
    }
    expect(code(s, q("0.2"), repeat)).toBeUndefined();
    expect(code(s, q("0.1"), { ...repeat, by: "other" })).toBeUndefined();
    expect(code(s, q("0.1"), { ...repeat, by: "p-1", parentBy: "trader" })).toBeUndefined();
    expect(code(s, q("0.1"), { ...repeat, nowWallMs: wallMs(24_000) })).toBeUndefined();
    const refusal = checkRisk(s.state, terms(q("0.1")), { ...context, ...repeat });
    expect(refusal?.code).toBe("repeated-execution");
    const event = switchingEvent(s.state, refusal ?? refused("held"), wallMs(20_000));
    expect(event).toMatchObject({ control: "repeated-execution", subject: "trader", enabled: false });
    if (event !== undefined) s.tell(event);
    expect(switchingEvent(s.state, refusal ?? refused("held"), wallMs(20_000))).toBeUndefined();
    s.tell(epochOpened(s.state, 2));
    const successor = stateOf(rowsOf(s.state), s.state.applied);
    const after = (by: string, parentBy?: string): string | undefined =>
      checkRisk(successor, terms(q("0.2")), {
        ...{ ...context, ...repeat, by, nowWallMs: wallMs(90_000) },
        ...(parentBy !== undefined && { parentBy }),
      })?.code;
    expect([after("trader"), after("p-1", "trader"), after("other")]).toEqual(["disabled", "disabled", undefined]);
    expect(refusalOf(successor, wanted(successor))).toBe("disabled");
  });
});

describe("the day's loss", () => {
  const market = (middle: number): RiskContext["marks"] =>
    middle === 0
      ? () => ({ kind: "stale", why: "silence" })
      : () => ({ kind: "fresh", basis: { ...basis, bid: decimal(`${middle - 1}`), ask: decimal(`${middle + 1}`) } });
  const losing = (middle: number): Partial<RiskContext> => ({
    ...within({ orderRate: { count: 100, perMs: 1_000 }, dayLossMax: { USDT: decimal("20") } }),
    marks: market(middle) as NonNullable<RiskContext["marks"]>,
  });
  /** Two bought at 100, without a fee. */
  function bought(): Story {
    const s = story();
    const order = s.want(q("2"));
    s.tell({ ...fill(s.order(order.id), 1, "2"), fee: decimal("0") });
    return s;
  }

  test("at the limit orders pass, one step beyond only those that reduce the position, without a price none", () => {
    const s = bought();
    expect(code(s, q("0.1"), losing(90))).toBeUndefined();
    expect(code(s, q("0.1"), losing(89.9))).toBe("loss-limit");
    expect(code(s, q("0.1"), losing(0))).toBe("price-stale");
    expect(code(s, { side: "sell", ...q("2") }, losing(50))).toBeUndefined();
    expect(code(s, { side: "sell", ...q("2.1") }, losing(50))).toBe("loss-limit");
    s.want({ side: "sell", ...q("1.5") });
    expect(code(s, { side: "sell", ...q("0.6") }, losing(50))).toBe("loss-limit");
  });

  test("fees in the symbol's currencies are part of it", () => {
    const s = story();
    const order = s.want(q("2"));
    s.tell({ ...fill(s.order(order.id), 1, "2"), fee: decimal("0.1") });
    expect(code(s, q("0.1"), losing(90.05))).toBeUndefined();
    expect(code(s, q("0.1"), losing(90))).toBe("loss-limit");
  });

  test("counts from the day's opening, which waits for prices; it stays switched off over a takeover and a new day", () => {
    const s = bought();
    const refusal = checkRisk(s.state, terms(q("0.1")), { ...context, ...losing(80) });
    const event = switchingEvent(s.state, refusal ?? refused("held"), wallMs(20_000));
    expect(event).toMatchObject({ control: "loss-limit", subject: "USDT" });
    if (event !== undefined) s.tell(event);
    const marks = market(80) as NonNullable<RiskContext["marks"]>;
    const tomorrow = wallMs(86_400_000 + 5);
    expect(dayOpening(s.state, tomorrow, market(0) as NonNullable<RiskContext["marks"]>)).toBeUndefined();
    const opening = dayOpening(s.state, tomorrow, marks);
    expect(opening).toMatchObject({ day: 1, totals: { USDT: "-40" } });
    if (opening !== undefined) s.tell(opening);
    expect(dayOpening(s.state, tomorrow, marks)).toBeUndefined();
    s.state = stateOf(rowsOf(s.state), s.state.applied);
    expect(code(s, q("0.1"), losing(80))).toBe("disabled");
    const on = { kind: "control.switched", control: "loss-limit", subject: "USDT", enabled: true } as const;
    s.tell({ ...on, by: "op", reason: "looked at", atWallMs: tomorrow, total: decimal("-40") });
    expect(code(s, q("0.1"), losing(80))).toBeUndefined();
    expect(code(s, q("0.1"), losing(69.9))).toBe("loss-limit");
  });
});

describe("kills of one scope", () => {
  const kill = (scope: KillTarget): Extract<JournalEvent, { kind: "kill.set" }> => {
    const words = { by: "op", reason: "drill", atWallMs: wallMs(19_000) };
    return { kind: "kill.set", level: scope.level, ...words, scopes: [{ ...scope, ...words }] };
  };

  test.each<[KillTarget, string]>([
    [{ level: "strategy", id: "maker" }, "kill-strategy"],
    [{ level: "instrument", id: "BTC/USDT" }, "kill-instrument"],
    [{ level: "venue", id: "binance" }, "kill-venue"],
    [{ level: "account", id: "main", venues: [terms().venue] }, "kill-account"],
  ])("%j refuses what it covers at the check and at the journal, and nothing else", (target, refusal) => {
    const s = story();
    s.tell(kill(target));
    s.tell(epochOpened(s.state, 2));
    expect(code(s, {}, { by: "maker" })).toBe(refusal);
    expect(refusalOf(s.state, wanted(s.state, {}, { by: "maker" }))).toBe(refusal);
    const other = { venue: "other", symbol: "ETH/USDT" } as unknown as Partial<OrderTerms>;
    expect(code(s, other, { by: "taker" })).toBeUndefined();
    expect(refusalOf(s.state, wanted(s.state, other, { by: "taker" }))).toBeUndefined();
  });
});

test("the headroom that is shown is the one that is decided on: one step more is refused", () => {
  const s = story();
  s.want(q("1"));
  s.want({ side: "sell", ...q("2") });
  const { orderRate, clockErrorMaxMs, doubtBlock, cancelRate: _c, ...defaults } = { ...limits, cancelRate: 0 };
  const view = riskView(s.state, {
    config: {
      risk: { defaults, perSymbol: {}, orderRate, clockErrorMaxMs, dayLossMax: { USDT: decimal("5") } },
      doubt: { block: doubtBlock } as never,
      venues: [{ id: terms().venue, symbols: [terms().symbol] }] as never,
    },
    marks: () => ({ kind: "fresh", basis }),
    funds: (_venue, currency) => decimal(currency === "USDT" ? "500" : "3"),
    nowWallMs: wallMs(10_500),
  });
  const room = (control: string, scope: string): string | null | undefined =>
    view.controls.find((each) => each.control === control && each.scope === scope)?.headroom;
  expect(room("position-limit", "binance BTC/USDT buy")).toBe("5");
  expect(room("position-limit", "binance BTC/USDT sell")).toBe("4");
  expect(room("order-rate", "cluster")).toBe("1");
  expect(room("loss-limit", "USDT")).toBe("5");
  expect(room("balance", "binance USDT")).toBe("400");
  expect(room("balance", "binance BTC")).toBe("1");
  expect(view.controls.find((each) => each.control === "price-collar")?.note).toContain("98.7525 to 100.7475");
  const far = within({ orderNotionalMax: decimal("1000"), orderRate: { count: 9, perMs: 1_000 } });
  expect(code(s, q("5"), far)).toBeUndefined();
  expect(code(s, q("5.1"), { ...far, limits: { ...far.limits, orderQuantityMax: decimal("6") } as RiskLimits })).toBe(
    "position-limit",
  );
});
