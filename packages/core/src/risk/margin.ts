/**
 * Is there margin enough on a futures account? It holds no base currency: an order to sell needs none, and opens a short
 * position as a buy opens a long one. What each symbol could grow to is counted as the venue counts it in one-way mode:
 * the larger of the position with every open, pending and doubted buy filled and of that with every sell filled. Baton
 * does not know what leverage is set at the venue, so it counts with 1, the least there is: what passes here is never too
 * little, and who trades with leverage switches the control off (`risk.balances`) and is bounded by the others. An order
 * that can only reduce a position passes always. The wallet leaves out what positions have won or lost; there the venue's
 * own refusal is the backstop.
 */
import { absolute, add, decimal, maximum, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { noExposure } from "../orders/indexes.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState } from "../orders/state.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { currenciesOf, journaledTotal } from "./funds.ts";
import type { Marks, Told } from "./loss.ts";

const half = decimal("0.5");

/** True for a contract that settles in a currency, `BTC/USDT:USDT`. */
export function isContract(symbol: SymbolId): boolean {
  return symbol.includes(":");
}

/** What positions and orders at one venue take of a currency as margin, a further order of so much notional with them. */
export function marginOf(
  state: EngineState,
  account: { readonly venue: VenueId; readonly currency: string },
  marks: Marks,
  further?: { readonly terms: OrderTerms; readonly notional: Decimal },
): Told {
  let taken = zero;
  for (const symbol of contractsIn(state, account, further?.terms.symbol)) {
    const market = marketKey(account.venue, symbol);
    const { buyNotional, sellNotional } = state.indexes.exposure.get(market) ?? noExposure;
    const worth = worthOf(state, account.venue, symbol, marks);
    if (worth.kind === "stale") return worth;
    const isIts = further?.terms.symbol === symbol;
    const buys = isIts && further.terms.side === "buy" ? add(buyNotional, further.notional) : buyNotional;
    const sells = isIts && further.terms.side === "sell" ? add(sellNotional, further.notional) : sellNotional;
    const [long, short] = [absolute(add(worth.amount, buys)), absolute(subtract(worth.amount, sells))];
    taken = add(taken, maximum(long, short));
  }
  return { kind: "known", amount: taken };
}

/**
 * What the account is worth by the journal alone, until the venue has told its wallet: the baseline, cash flows, fees, and
 * the positions at the market. One without a fresh price counts as nothing here; `marginOf` refuses it.
 */
export function journaledWallet(state: EngineState, venue: VenueId, currency: string, marks: Marks): Decimal {
  let wallet = journaledTotal(state, venue, currency);
  for (const symbol of contractsIn(state, { venue, currency })) {
    const worth = worthOf(state, venue, symbol, marks);
    if (worth.kind === "known") wallet = add(wallet, worth.amount);
  }
  return wallet;
}

/** The position at the middle of its market, signed. */
function worthOf(state: EngineState, venue: VenueId, symbol: SymbolId, marks: Marks): Told {
  const quantity = state.positions.get(marketKey(venue, symbol))?.quantity ?? zero;
  if (quantity === zero) return { kind: "known", amount: zero };
  const market = marks(venue, symbol);
  if (market.kind === "stale") return { kind: "stale", why: `${symbol}: ${market.why}` };
  const { bid, ask } = market.basis;
  return { kind: "known", amount: multiply(quantity, multiply(add(bid, ask), half)) };
}

function contractsIn(
  state: EngineState,
  { venue, currency }: { readonly venue: VenueId; readonly currency: string },
  also?: SymbolId,
): ReadonlySet<SymbolId> {
  const held = [...state.positions.values()].filter((each) => each.venue === venue).map((each) => each.symbol);
  const ordered = [...state.indexes.exposure.keys()]
    .map((market) => market.split("|") as [string, SymbolId])
    .flatMap(([at, symbol]) => (at === venue ? [symbol] : []));
  const all = [...held, ...ordered, ...(also === undefined ? [] : [also])];
  return new Set(all.filter((symbol) => isContract(symbol) && currenciesOf(symbol).quote === currency));
}
