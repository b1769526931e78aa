/** Placing, testing and cancelling on the futures venue: from parameters to the trading floor and back. */
import { isClosed, namedOrder, tradedSymbol } from "../calls/naming.ts";
import { afterRace } from "../faults/market-tricks.ts";
import type { FaultMode } from "../faults/fault.ts";
import { ApiError, badRequest, missing } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isOpen } from "../matching/order.ts";
import { acknowledgedOrder, changedOrder, rulesOf } from "./order-bodies.ts";

/** All calls that change orders, and the test of one. */
export const tradingCalls: readonly Call[] = [
  { name: "order.place", kind: "change", weight: () => 0, run: place },
  { name: "order.test", kind: "query", weight: () => 0, run: test },
  { name: "order.cancel", kind: "change", weight: () => 1, run: cancel },
  { name: "openOrders.cancelAll", kind: "change", weight: () => 1, run: cancelAll },
];

/** Types that are orders only once their condition is met; the venue takes them elsewhere since 2025-12. */
const CONDITIONAL = ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"];

/** `POST /fapi/v1/order` */
export function place(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const { request, isResult } = readOrder(scope);
  desk.limits.checkOrders(key.account, desk.now());
  scope.checkValidity();
  const { symbol, type } = request;
  const modes: readonly FaultMode[] =
    type === "LIMIT_MAKER" ? ["halt", "cancel-only"] : ["halt", "cancel-only", "post-only"];
  if (isClosed(scope, { call: "order.place", symbol, modes })) throw notTrading();
  const placed = desk.floor.place(request, { recvN: scope.recvN, apiKey: key.key, source: scope.source });
  if (placed.kind === "refused") throw badRequest(placed.code, placed.message);
  desk.limits.countOrder(key.account, desk.now());
  scope.found(true, placed.order.orderId);
  return isResult ? changedOrder(desk, placed.order) : acknowledgedOrder(desk, placed.order);
}

function test(scope: SignedScope): unknown {
  const { request } = readOrder(scope);
  scope.checkValidity();
  const refusal = scope.desk.floor.engine.refusal(request);
  if (refusal !== undefined) throw badRequest(refusal.code, refusal.message);
  return {};
}

/** `DELETE /fapi/v1/order` */
export function cancel(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const symbol = tradedSymbol(scope);
  const named = namedOrder(scope, symbol);
  scope.parameters.finish();
  scope.checkValidity();
  if (isClosed(scope, { call: "order.cancel", symbol, modes: ["halt"] })) throw notTrading();
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  const order = afterRace(desk, named, { ...origin, call: "order.cancel" });
  if (order === undefined || !isOpen(order)) throw badRequest(-2011, "Unknown order sent.");
  const cancelled = desk.floor.cancel(order.orderId, { origin, cause: "request" });
  if (cancelled === undefined) throw badRequest(-2011, "Unknown order sent.");
  scope.found(true, order.orderId);
  return changedOrder(desk, cancelled);
}

function cancelAll(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  scope.checkValidity();
  if (isClosed(scope, { call: "openOrders.cancelAll", symbol, modes: ["halt"] })) throw notTrading();
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  for (const order of desk.floor.engine.orders.open(key.account, symbol)) {
    desk.floor.cancel(order.orderId, { origin, cause: "cancel-all" });
  }
  return { code: 200, msg: "The operation of cancel all open order is done." };
}

/** Reads and checks the form of a new order; whether it fits the market is the engine's question. */
function readOrder(scope: SignedScope): { readonly request: NewOrder; readonly isResult: boolean } {
  const { parameters, desk } = scope;
  const symbol = tradedSymbol(scope);
  const rules = rulesOf(desk, symbol);
  const side = parameters.choice("side", ["BUY", "SELL"], -1117, "Invalid side.");
  if (side === undefined) throw missing("side");
  if (CONDITIONAL.includes(parameters.peek("type") ?? "")) {
    throw badRequest(
      -4120,
      "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    );
  }
  const type = parameters.choice("type", ["LIMIT", "MARKET"], -1116, "Invalid orderType.");
  if (type === undefined) throw missing("type");
  const timeInForce = parameters.choice("timeInForce", ["GTC", "IOC", "FOK", "GTX"], -1115, "Invalid timeInForce.");
  const quantity = parameters.amount("quantity");
  const price = parameters.amount("price");
  if (quantity === undefined) throw missing("quantity");
  if (type === "LIMIT") {
    if (timeInForce === undefined) throw missing("timeInForce");
    if (price === undefined) throw missing("price");
    if (price === 0n) throw badRequest(-4001, "Price less than 0.");
  } else {
    if (timeInForce !== undefined) throw notRequired("timeInforce");
    if (price !== undefined) throw notRequired("price");
  }
  if (quantity === 0n) throw badRequest(-4003, "Quantity less than or equal to zero.");
  if (quantity > rules.maxQuantity) throw badRequest(-4005, "Quantity greater than max quantity.");
  const positionSide = parameters.choice("positionSide", ["BOTH", "LONG", "SHORT"], -1116, "Invalid positionSide.");
  if (positionSide === "LONG" || positionSide === "SHORT") {
    throw badRequest(-4061, "Order's position side does not match user's setting.");
  }
  const reduceOnly = parameters.choice("reduceOnly", ["true", "false"], -1102, "reduceOnly is true or false.");
  const clientOrderId = parameters.clientOrderId("newClientOrderId") ?? desk.newId();
  const answer = parameters.choice("newOrderRespType", ["ACK", "RESULT"], -1130, "newOrderRespType is ACK or RESULT.");
  const selfTradePrevention =
    parameters.choice(
      "selfTradePreventionMode",
      ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
      -1130,
      "Data sent for parameter 'selfTradePreventionMode' is not valid.",
    ) ?? "EXPIRE_MAKER";
  if (parameters.flag("closePosition")) {
    throw badRequest(-4136, `Target strategy invalid for orderType ${type},closePosition true`);
  }
  if ((parameters.text("priceMatch") ?? "NONE") !== "NONE") throw badRequest(-5037, "Invalid price match");
  // Both are about conditional orders.
  parameters.ignore("workingType", "priceProtect");
  parameters.finish();
  return {
    request: {
      account: scope.key.account,
      symbol,
      side,
      type: timeInForce === "GTX" ? "LIMIT_MAKER" : type,
      timeInForce: timeInForce === undefined || timeInForce === "GTX" ? "GTC" : timeInForce,
      quantity,
      quoteQuantity: 0n,
      price: price ?? 0n,
      clientOrderId,
      selfTradePrevention,
      reducesOnly: reduceOnly === "true",
    },
    isResult: answer === "RESULT",
  };
}

function notTrading(): ApiError {
  return badRequest(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.");
}

function notRequired(name: string): ApiError {
  return badRequest(-1106, `Parameter '${name}' sent when not required.`);
}
