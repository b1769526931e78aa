/**
 * A new order as a request spells it: which parameters each type needs and which it must not have, and the code for each
 * mistake. Whether the order fits the market is the engine's question, not asked here.
 */
import { tradedSymbol } from "../calls/naming.ts";
import { badRequest, missing, type ApiError } from "../gateway/api-error.ts";
import type { SignedScope } from "../gateway/call.ts";
import type { Parameters } from "../gateway/parameters.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isMarket, type OrderType, type RareTerms } from "../matching/order.ts";

/** A new order, and how much of the answer is wanted. */
export interface ReadOrder {
  readonly request: NewOrder;
  readonly detail: "ACK" | "RESULT" | "FULL";
}

const types: readonly OrderType[] = [
  "LIMIT",
  "MARKET",
  "LIMIT_MAKER",
  "STOP_LOSS",
  "STOP_LOSS_LIMIT",
  "TAKE_PROFIT",
  "TAKE_PROFIT_LIMIT",
];

/** Reads a new order; throws what is wrong with its form. */
export function readOrder(scope: SignedScope): ReadOrder {
  const { parameters, desk } = scope;
  const symbol = tradedSymbol(scope);
  const side = parameters.choice("side", ["BUY", "SELL"], -1117, "Invalid side.");
  if (side === undefined) throw missing("side");
  const type = parameters.choice("type", types, -1116, "Invalid orderType.");
  if (type === undefined) throw missing("type");
  const timeInForce = parameters.choice("timeInForce", ["GTC", "IOC", "FOK"], -1115, "Invalid timeInForce.");
  const needsTime = type === "LIMIT" || type === "STOP_LOSS_LIMIT" || type === "TAKE_PROFIT_LIMIT";
  if (needsTime && timeInForce === undefined) throw missing("timeInForce");
  if (!needsTime && timeInForce !== undefined) throw notRequired("timeInForce");
  refuseUnsupported(parameters);
  const amounts = readAmounts(parameters, type);
  const clientOrderId = parameters.clientOrderId("newClientOrderId") ?? desk.newId();
  const detail =
    parameters.choice(
      "newOrderRespType",
      ["ACK", "RESULT", "FULL"],
      -1130,
      "Data sent for parameter 'newOrderRespType' is not valid.",
    ) ?? (type === "MARKET" || type === "LIMIT" ? "FULL" : "ACK");
  const selfTradePrevention =
    parameters.choice(
      "selfTradePreventionMode",
      ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
      -1130,
      "Data sent for parameter 'selfTradePreventionMode' is not valid.",
    ) ?? "EXPIRE_TAKER";
  const rare = readRareTerms(parameters, type, { quantity: amounts.quantity, timeInForce: timeInForce ?? "GTC" });
  parameters.finish();
  return {
    request: {
      account: scope.key.account,
      symbol,
      side,
      type,
      timeInForce: timeInForce ?? "GTC",
      ...amounts,
      clientOrderId,
      selfTradePrevention,
      ...rare,
    },
    detail,
  };
}

/** What this venue publishes as not allowed for its symbols. */
function refuseUnsupported(parameters: Parameters): void {
  if (parameters.text("trailingDelta") !== undefined) {
    throw badRequest(-2010, "Trailing stop orders are not supported for this symbol.");
  }
  for (const name of ["pegPriceType", "pegOffsetType", "pegOffsetValue"]) {
    if (parameters.text(name) !== undefined) {
      throw badRequest(-2010, "Pegged orders are not supported for this symbol.");
    }
  }
}

function readAmounts(
  parameters: Parameters,
  type: OrderType,
): { readonly quantity: bigint; readonly quoteQuantity: bigint; readonly price: bigint } {
  const quantity = parameters.amount("quantity");
  const quoteQuantity = parameters.amount("quoteOrderQty");
  const price = parameters.amount("price");
  if (isMarket({ type })) {
    if (price !== undefined) throw notRequired("price");
  } else if (price === undefined && quantity !== undefined) throw missing("price");
  if (type === "MARKET") {
    if (quantity === undefined && quoteQuantity === undefined) {
      throw badRequest(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!");
    }
    if (quantity !== undefined && quoteQuantity !== undefined) throw notRequired("quoteOrderQty");
  } else {
    if (quoteQuantity !== undefined) throw notRequired("quoteOrderQty");
    if (quantity === undefined) throw missing("quantity");
  }
  return { quantity: quantity ?? 0n, quoteQuantity: quoteQuantity ?? 0n, price: price ?? 0n };
}

function readRareTerms(
  parameters: Parameters,
  type: OrderType,
  terms: { readonly quantity: bigint; readonly timeInForce: string },
): RareTerms {
  const stopPrice = parameters.amount("stopPrice");
  const icebergQuantity = parameters.amount("icebergQty");
  const strategyId = parameters.whole("strategyId");
  const strategyType = parameters.whole("strategyType");
  const isConditional = type.startsWith("STOP_LOSS") || type.startsWith("TAKE_PROFIT");
  if (isConditional && stopPrice === undefined) {
    throw badRequest(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!");
  }
  if (!isConditional && stopPrice !== undefined) throw notRequired("stopPrice");
  if (icebergQuantity !== undefined && icebergQuantity > 0n) {
    if (isMarket({ type })) throw notRequired("icebergQty");
    if (terms.timeInForce !== "GTC") throw badRequest(-1013, "Unsupported order combination");
    if (icebergQuantity >= terms.quantity) throw badRequest(-1013, "IcebergQty exceeds QTY.");
  }
  if (strategyType !== undefined && strategyType < 1_000_000) {
    throw badRequest(-1134, "`strategyType` was less than 1000000.");
  }
  return {
    ...(stopPrice === undefined ? {} : { stopPrice }),
    ...(icebergQuantity === undefined || icebergQuantity === 0n ? {} : { icebergQuantity }),
    ...(strategyId === undefined ? {} : { strategyId }),
    ...(strategyType === undefined ? {} : { strategyType }),
  };
}

function notRequired(name: string): ApiError {
  return badRequest(-1106, `Parameter '${name}' sent when not required.`);
}
