/** What a futures order needs: margin in the currency that it settles in, and never the currency that it is named after. */
import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";
import { basis, fill, inDoubt, rules, story, terms, venue } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { wallMs } from "../time.ts";
import { checkRisk } from "./check.ts";
import type { RiskContext } from "./check.ts";
import { riskView } from "./headroom.ts";
import type { Marks } from "./loss.ts";
import { journaledWallet, marginOf } from "./margin.ts";

const btcPerpetual = id<SymbolId>("BTC/USDT:USDT");
const ethPerpetual = id<SymbolId>("ETH/USDT:USDT");
/** The book is 99.5 / 100 everywhere: the middle is 99.75. */
const fresh: Marks = () => ({ kind: "fresh", basis });

function contract(
  side: "buy" | "sell",
  quantity: string,
  price = "100",
  symbol: SymbolId = btcPerpetual,
): Partial<OrderTerms> {
  return { symbol, side, quantity: decimal(quantity), price: decimal(price) };
}

/** The refusal of an order with so much USDT in the wallet, and of everything else nothing at all. */
function code(s: Story, over: Partial<OrderTerms>, usdt: string, more: Partial<RiskContext> = {}): string | undefined {
  const context: RiskContext = {
    rules,
    limits: {
      orderQuantityMax: decimal("100"),
      orderNotionalMax: decimal("100000"),
      collarBps: 1_000,
      positionMax: decimal("1000"),
      orderRate: { count: 100, perMs: 1_000 },
      clockErrorMaxMs: 250,
      doubtBlock: "intent",
    },
    market: fresh(venue, btcPerpetual),
    clockErrorMs: 5,
    nowWallMs: wallMs(20_000),
    marks: fresh,
    funds: (currency) => decimal(currency === "USDT" ? usdt : "0"),
    ...more,
  };
  return checkRisk(s.state, terms(over), context)?.code;
}

/** A position of so much, made by one fill at 100. */
function holding(side: "buy" | "sell", quantity: string, symbol: SymbolId = btcPerpetual): Story {
  const s = story();
  s.tell(fill(s.order(s.want(contract(side, quantity, "100", symbol)).id), 1, quantity));
  return s;
}

test("an order to sell needs no base currency but margin in the quote: at the wallet's limit it passes, a tick beyond not", () => {
  expect(code(story(), contract("sell", "2"), "200")).toBeUndefined();
  expect(code(story(), contract("sell", "2", "100.5"), "200")).toBe("margin");
  expect(code(story(), contract("buy", "2"), "200")).toBeUndefined();
  expect(code(story(), contract("buy", "2", "100.5"), "200")).toBe("margin");
});

test("open and doubted orders of one side count together, those of the two sides do not", () => {
  const s = story();
  s.want(contract("sell", "1"));
  s.tell(inDoubt(s.order(s.want(contract("sell", "1")).id)));
  expect(code(s, contract("sell", "1"), "300")).toBeUndefined();
  expect(code(s, contract("sell", "1"), "299.9")).toBe("margin");
  expect(code(s, contract("buy", "2"), "200")).toBeUndefined();
  expect(code(s, contract("buy", "2.1"), "200")).toBe("margin");
});

test("what can only reduce a position passes with an empty wallet; what would turn it needs margin for the rest", () => {
  for (const [opening, closing] of [
    ["buy", "sell"],
    ["sell", "buy"],
  ] as const) {
    expect(code(holding(opening, "2"), contract(closing, "2"), "0")).toBeUndefined();
    expect(code(holding(opening, "2"), contract(closing, "2.1"), "0")).toBe("margin");
    // The position stands at the middle until then: 199.5. Turned to one of 2 it takes no more than that.
    expect(code(holding(opening, "2"), contract(closing, "3.9"), "199.5")).toBeUndefined();
    expect(code(holding(opening, "2"), contract(closing, "4"), "200.5")).toBeUndefined();
    expect(code(holding(opening, "2"), contract(closing, "4"), "200.4")).toBe("margin");
  }
});

test("positions in all contracts of the account share the wallet, and one without a fresh price lets nothing grow", () => {
  const s = holding("sell", "1", ethPerpetual);
  expect(code(s, contract("buy", "1"), "199.75")).toBeUndefined();
  expect(code(s, contract("buy", "1"), "199.74")).toBe("margin");
  const marks: Marks = (_at, symbol) =>
    symbol === ethPerpetual ? { kind: "stale", why: "silent" } : fresh(venue, symbol);
  expect(code(s, contract("buy", "1"), "9999", { marks })).toBe("price-stale");
});

test("the next attempt of an intent needs nothing more than the intent did", () => {
  const s = story();
  const { id: reissued } = s.want(contract("buy", "1"));
  expect(code(s, contract("buy", "1"), "100", { reissued })).toBeUndefined();
  expect(code(s, contract("buy", "1"), "199.9")).toBe("margin");
});

test("until the venue has told its wallet the journal's own count stands in: cash flows and the position at the market", () => {
  const s = holding("sell", "2");
  // Sold two at 100 for a fee of 0.01, which are worth 199.5 now.
  expect(journaledWallet(s.state, venue, "USDT", fresh)).toBe("0.49");
  expect(marginOf(s.state, { venue, currency: "USDT" }, fresh)).toEqual({ kind: "known", amount: "199.5" });
});

test("the headroom that is shown for margin is the one that is decided on", () => {
  const s = holding("buy", "2");
  s.want(contract("sell", "1"));
  const most = decimal("9");
  const defaults = { orderQuantityMax: most, orderNotionalMax: most, collarBps: 1, positionMax: most };
  const view = (marks: Marks): unknown =>
    riskView(s.state, {
      config: {
        risk: { defaults, perSymbol: {}, orderRate: { count: 1, perMs: 1 }, clockErrorMaxMs: 1 },
        doubt: { block: "intent" } as never,
        venues: [{ id: venue, symbols: [btcPerpetual] }] as never,
      },
      marks,
      funds: () => decimal("300"),
      nowWallMs: wallMs(1),
    }).controls.filter(({ control }) => control === "margin" || control === "balance");
  expect(view(fresh)).toMatchObject([
    { control: "margin", scope: `${venue} USDT`, used: "199.5", limit: "300", headroom: "100.5" },
  ]);
  expect(view(() => ({ kind: "stale", why: "silent" }))).toMatchObject([{ used: null, headroom: null }]);
});
