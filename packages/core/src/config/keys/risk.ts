/** `risk` and `doubt`: what no order may exceed, and when an unanswered request counts as proved. */
import { z } from "zod";
import type { DoubtConfig, RateLimit, RiskConfig, SymbolRisk } from "../config.ts";
import { allDefaults, amount, choice, rate, symbol, text, whole } from "./forms.ts";

const symbolRisk = {
  orderQuantityMax: amount("largest quantity of one order, in the base currency"),
  orderNotionalMax: amount("largest value of one order, in the quote currency"),
  collarBps: whole("how far through the far side of a fresh book an order may be priced, in basis points", 1, 10_000),
  positionMax: amount("largest position, long or short, open orders and doubt at worst case, in the base currency"),
  openNotionalMax: z.exactOptional(
    amount(
      "most that open and doubted orders of both sides are worth, in the quote currency; what only reduces a position may go a quarter beyond it, ways out of brackets and OCOs a half; default no limit",
    ),
  ),
  openOrdersMax: z.exactOptional(
    whole(
      "most orders that are not ended; what only reduces a position may go a quarter beyond it, ways out of brackets and OCOs a half; default no limit",
      1,
      100_000,
    ),
  ),
};

const windowed = (what: string): z.ZodType<RateLimit> =>
  z
    .strictObject({ count: whole("how many", 1, 1_000_000), perMs: whole("in how many milliseconds", 1, 60_000) })
    .describe(`${what}; {count, perMs}, perMs up to 60000; default no limit`);

/** Limits that are held before an intent is recorded; the names of the controls are in `risk/headroom.ts`. */
export const risk: z.ZodType<RiskConfig> = z.strictObject({
  defaults: z
    .strictObject(symbolRisk)
    .describe("limits of every symbol that perSymbol does not change") satisfies z.ZodType<SymbolRisk>,
  perSymbol: z
    .record(
      text("a symbol", symbol, 'as ccxt writes it, such as "BTC/USDT"'),
      z.strictObject({
        orderQuantityMax: z.exactOptional(symbolRisk.orderQuantityMax),
        orderNotionalMax: z.exactOptional(symbolRisk.orderNotionalMax),
        collarBps: z.exactOptional(symbolRisk.collarBps),
        positionMax: z.exactOptional(symbolRisk.positionMax),
        openNotionalMax: symbolRisk.openNotionalMax,
        openOrdersMax: symbolRisk.openOrdersMax,
      }),
    )
    .describe("symbol to the limits that differ for it")
    .prefault(allDefaults),
  orderRate: rate(
    "orders this cluster records per interval, all symbols together; what only reduces a position may go a quarter beyond it, ways out of brackets and OCOs a half",
  ).prefault({
    count: 100,
    perMs: 1_000,
  }),
  cancelRate: z.exactOptional(
    windowed("wishes to cancel above which no new order passes that could open a position (cancels always do)"),
  ),
  repeatedExecution: z.exactOptional(
    windowed("how often one principal or strategy may want the very same order; one more switches it off, on record"),
  ),
  dayLossMax: z.exactOptional(
    z
      .record(
        text("a currency", /^[A-Z0-9]{1,20}$/, "such as USDT"),
        amount("most that may be lost in a day of UTC, realised and unrealised, in this currency"),
      )
      .describe(
        "quote currency to the day's loss above which only orders that reduce a position pass; default no limit",
      ),
  ),
  balances: choice(
    "whether an order needs a free balance that covers it beside all open ones; on futures, a wallet that covers what positions could grow to at leverage 1",
    ["check", "ignore"],
    "check",
  ),
  unaskedCancels: choice(
    "a resting order is cancelled at the venue and nobody here took it back: stop kills the account, on record, since somebody else acts on it; warn only says so",
    ["stop", "warn"],
    "stop",
  ),
  clockErrorMaxMs: whole("bound on the clock error to the venue above which no new order is sent", 10, 5_000, 250),
});

/** What a doubt blocks, and the two bounds of the venue from which its proof time is made. */
export const doubt: z.ZodType<DoubtConfig> = z
  .strictObject({
    block: choice("what an order in doubt blocks besides itself", ["intent", "instrument", "account"], "intent"),
    processingBoundMs: whole("longest time the venue takes to act on a request it has received", 0, 600_000, 10_000),
    queryLagMs: whole("longest time until a query shows what the venue has accepted", 0, 600_000, 2_000),
    orphans: choice(
      "what becomes of an open order of ours that the journal does not know: cancel asks it back, and nothing new is ordered there before it is gone; leave lets it stand, and counts it at worst case in every limit and in what a stop may get out of",
      ["cancel", "leave"],
      "cancel",
    ),
  })
  .describe("when an unanswered request is proved not to have been accepted")
  .prefault(allDefaults);
