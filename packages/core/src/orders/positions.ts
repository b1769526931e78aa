/**
 * What a trade does to a position. Positions come from fills and from nothing else (I11): bought and sold, what was paid and
 * received for it, the fees by currency, and the newest trade.
 */
import { add, compare, isPositive, multiply, subtract, zero } from "../decimal.ts";
import type { FillRecorded } from "../formats/order-events.ts";
import { isLaterTrade, marketKey } from "./state.ts";
import type { EngineState, Touched } from "./state.ts";

/** Adds one trade to the position of its market; one that is taken back comes with its quantity and fee negated. */
export function movePosition(state: EngineState, fill: Omit<FillRecorded, "kind">, touched: Touched[]): void {
  const key = marketKey(fill.venue, fill.symbol);
  const position = state.positions.get(key) ?? {
    venue: fill.venue,
    symbol: fill.symbol,
    quantity: zero,
    bought: zero,
    sold: zero,
    quoteSpent: zero,
    quoteReceived: zero,
    fees: {},
    fills: 0,
    lastTradeId: fill.tradeId,
  };
  const quote = multiply(fill.price, fill.quantity);
  const side =
    fill.side === "buy"
      ? {
          quantity: add(position.quantity, fill.quantity),
          bought: add(position.bought, fill.quantity),
          quoteSpent: add(position.quoteSpent, quote),
        }
      : {
          quantity: subtract(position.quantity, fill.quantity),
          sold: add(position.sold, fill.quantity),
          quoteReceived: add(position.quoteReceived, quote),
        };
  const fees =
    isPositive(fill.fee) || compare(fill.fee, zero) < 0
      ? { ...position.fees, [fill.feeCurrency]: add(position.fees[fill.feeCurrency] ?? zero, fill.fee) }
      : position.fees;
  const lastTradeId = isLaterTrade(fill.tradeId, position.lastTradeId) ? fill.tradeId : position.lastTradeId;
  const fills = position.fills + (isPositive(fill.quantity) ? 1 : -1);
  state.positions.set(key, { ...position, ...side, fees, fills, lastTradeId });
  touched.push({ table: "positions", key });
}
