/**
 * What holds of every look for busts, on spot (a balance differs) and on futures (a position does): an account trades at
 * random, the venue takes some of it back, and says less or more than that.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { add, compare, decimal, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { DriftFound } from "../formats/events.ts";
import type { FillRecorded } from "../formats/order-events.ts";
import { journaledTotal } from "../risk/funds.ts";
import { wallMs } from "../time.ts";
import { bustSettledMs, bustSuspects, judgeBusts } from "./busts.ts";
import type { BustVerdict } from "./busts.ts";
import type { DriftSubject } from "./drift.ts";
import { btc, eth, fill, story, venue } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";
import { marketKey } from "./state.ts";

const now = wallMs(1_000_000);
const subjects: readonly DriftSubject[] = [
  { kind: "position", symbol: btc },
  { kind: "balance", currency: "USDT" },
  { kind: "balance", currency: "BTC" },
];

interface Drawn {
  readonly symbol: typeof btc;
  readonly side: "buy" | "sell";
  readonly quantity: Decimal;
  readonly isYoung: boolean;
  readonly isGone: boolean;
}

const trades = fc.array(
  fc.record({
    symbol: fc.constantFrom(btc, eth),
    side: fc.constantFrom("buy" as const, "sell" as const),
    quantity: fc.integer({ min: 1, max: 30 }).map((lots) => multiply(decimal(lots), decimal("0.001"))),
    isYoung: fc.boolean(),
    isGone: fc.boolean(),
  }),
  { maxLength: 12 },
);

/** An account that made these trades, trade n under the id n; and what the venue says of a subject without those that are gone. */
function account(drawn: readonly Drawn[]): { readonly s: Story; readonly fills: readonly FillRecorded[] } {
  const s = story();
  const nothing = { externalOrders: [], lastTradeIds: {} };
  s.tell({ kind: "baseline.taken", venue, atWallMs: wallMs(0), balances: { USDT: decimal("100000") }, ...nothing });
  const fills = drawn.map(({ symbol, side, quantity, isYoung }, at) => {
    const order = s.want({ symbol, side, quantity });
    const tradedWallMs = wallMs(now - bustSettledMs + (isYoung ? 1 : 0));
    const traded = { ...fill(order, at + 1, quantity), tradedWallMs };
    s.tell(traded);
    return traded;
  });
  return { s, fills };
}

function journalOf({ state }: Story, subject: DriftSubject): Decimal {
  if (subject.kind === "balance") return journaledTotal(state, venue, subject.currency);
  return state.positions.get(marketKey(venue, subject.symbol))?.quantity ?? zero;
}

/** What one trade moved of a subject, worked out here anew. */
function moved({ symbol, side, quantity, price, fee }: FillRecorded, subject: DriftSubject): Decimal {
  const signed = side === "buy" ? quantity : subtract(zero, quantity);
  if (subject.kind === "position") return symbol === subject.symbol ? signed : zero;
  if (subject.currency === "USDT") return subtract(subtract(zero, multiply(signed, price)), fee);
  return symbol.startsWith(`${subject.currency}/`) ? signed : zero;
}

function verdict(s: Story, subject: DriftSubject, told: Decimal, isGone: (tradeId: string) => boolean): BustVerdict {
  const journal = journalOf(s, subject);
  const drift: DriftFound = { kind: "drift.found", venue, subject, journal, told, atWallMs: now };
  const suspects = bustSuspects(s.state, drift, now);
  return judgeBusts(s.state, drift, { suspects, isListed: (_symbol, id) => !isGone(id) });
}

const drawn = fc.record({
  trades,
  subject: fc.constantFrom(...subjects),
  beside: fc.constantFrom("0", "0", "0.0001", "-7"),
});

test("a bust is exactly the settled trades of its subject that are gone; with them recorded the difference is gone too", () => {
  fc.assert(
    fc.property(drawn, ({ trades: made, subject, beside }) => {
      const { s, fills } = account(made);
      const gone = fills.filter((each, at) => made[at]?.isGone === true && moved(each, subject) !== zero);
      const young = gone.filter((each) => each.tradedWallMs > now - bustSettledMs);
      const settled = gone.filter((each) => !young.includes(each));
      const sum = (some: readonly FillRecorded[]): Decimal =>
        some.reduce((all, each) => add(all, moved(each, subject)), zero);
      const told = add(subtract(journalOf(s, subject), sum(gone)), decimal(beside));
      const look = (): BustVerdict =>
        verdict(s, subject, told, (tradeId) => gone.some((each) => each.tradeId === tradeId));
      const isExact = beside === "0" && gone.length > 0;
      const isSettled = settled.length > 0 && sum(young) === zero;
      // Nothing is kept quiet but what time will tell.
      const judged = look();
      expect(judged.kind).toBe(!isExact ? "drift" : isSettled ? "busted" : "too-early");
      const busts = judged.kind === "busted" ? judged.busts : [];
      const ids = (some: readonly { readonly tradeId: string }[]): readonly string[] =>
        some.map(({ tradeId }) => tradeId).toSorted();
      expect(ids(busts)).toEqual(judged.kind === "busted" ? ids(settled) : []);
      for (const bust of busts) s.tell(bust);
      const isGone = compare(journalOf(s, subject), told) === 0;
      expect(isGone || judged.kind !== "busted").toBe(true);
      expect(look().kind).toBe(judged.kind !== "busted" ? judged.kind : young.length > 0 ? "too-early" : "drift");
    }),
    { numRuns: 300 },
  );
});
