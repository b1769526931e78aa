/** Placing, testing and cancelling: from parameters to the trading floor and back. */
import { isClosed, namedOrder, tradedSymbol } from "../calls/naming.ts";
import type { FaultMode } from "../faults/fault.ts";
import { ApiError, badRequest, missing } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isOpen } from "../matching/order.ts";
import { cancelledOrder, placedOrder } from "./order-bodies.ts";

/** `POST /api/v3/order` */
export const placeOrder: Call = { name: "order.place", kind: "change", weight: () => 1, run: place };

/** `POST /api/v3/order/test`: everything but funds and matching. */
export const testOrder: Call = { name: "order.test", kind: "query", weight: () => 1, run: test };

/** `DELETE /api/v3/order` */
export const cancelOrder: Call = { name: "order.cancel", kind: "change", weight: () => 1, run: cancel };

/** `DELETE /api/v3/openOrders` */
export const cancelOpenOrders: Call = { name: "openOrders.cancelAll", kind: "change", weight: () => 1, run: cancelAll };

function place(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const { request, detail } = readOrder(scope);
  desk.limits.checkOrders(key.account, desk.now());
  scope.checkValidity();
  const { symbol, type } = request;
  // Binance has no word for a market that takes only what rests; Kraken and Coinbase have the state.
  const modes: readonly FaultMode[] =
    type === "LIMIT_MAKER" ? ["halt", "cancel-only"] : ["halt", "cancel-only", "post-only"];
  if (isClosed(scope, { call: placeOrder.name, symbol, modes })) throw badRequest(-2010, "Market is closed.");
  const placed = desk.floor.place(request, { recvN: scope.recvN, apiKey: key.key, source: scope.source });
  if (placed.kind === "refused") throw badRequest(placed.code, placed.message);
  desk.limits.countOrder(key.account, desk.now());
  if (placed.order.executed > 0n) desk.limits.uncountOrder(key.account, desk.now());
  scope.found(true, placed.order.orderId);
  return placedOrder(placed.order, placed.trades, detail);
}

function test(scope: SignedScope): unknown {
  const { request } = readOrder(scope);
  scope.checkValidity();
  const refusal = scope.desk.floor.engine.refusal(request);
  if (refusal !== undefined && refusal.code === -1013) throw badRequest(refusal.code, refusal.message);
  return {};
}

function cancel(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const cancelId = parameters.clientOrderId("newClientOrderId") ?? desk.newId();
  const only = parameters.choice(
    "cancelRestrictions",
    ["ONLY_NEW", "ONLY_PARTIALLY_FILLED"],
    -1145,
    "Invalid cancelRestrictions",
  );
  const order = namedOrder(scope, symbol);
  parameters.finish();
  scope.checkValidity();
  if (isClosed(scope, { call: cancelOrder.name, symbol, modes: ["halt"] }))
    throw badRequest(-2011, "Market is closed.");
  if (order === undefined || !isOpen(order)) throw badRequest(-2011, "Unknown order sent.");
  if (only !== undefined && order.status !== (only === "ONLY_NEW" ? "NEW" : "PARTIALLY_FILLED")) {
    throw badRequest(-2011, "Order was not canceled due to cancel restrictions.");
  }
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  const cancelled = desk.floor.cancel(order.orderId, { cancelId, origin, cause: "request" });
  if (cancelled === undefined) throw badRequest(-2011, "Unknown order sent.");
  scope.found(true, order.orderId);
  return cancelledOrder(cancelled, cancelId);
}

function cancelAll(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  scope.checkValidity();
  if (isClosed(scope, { call: cancelOpenOrders.name, symbol, modes: ["halt"] }))
    throw badRequest(-2011, "Market is closed.");
  const open = desk.floor.engine.orders.open(key.account, symbol);
  if (open.length === 0) throw badRequest(-2011, "Unknown order sent.");
  const cancelId = desk.newId();
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  return open
    .map((order) => desk.floor.cancel(order.orderId, { cancelId, origin, cause: "cancel-all" }))
    .filter((order) => order !== undefined)
    .map((order) => cancelledOrder(order, cancelId));
}

/** Reads and checks the form of a new order; whether it fits the market is the engine's question. */
function readOrder(scope: SignedScope): { readonly request: NewOrder; readonly detail: "ACK" | "RESULT" | "FULL" } {
  const { parameters, desk } = scope;
  const symbol = tradedSymbol(scope);
  const side = parameters.choice("side", ["BUY", "SELL"], -1117, "Invalid side.");
  if (side === undefined) throw missing("side");
  const type = parameters.choice("type", ["LIMIT", "MARKET", "LIMIT_MAKER"], -1116, "Invalid orderType.");
  if (type === undefined) throw missing("type");
  const timeInForce = parameters.choice("timeInForce", ["GTC", "IOC", "FOK"], -1115, "Invalid timeInForce.");
  const quantity = parameters.amount("quantity");
  const quoteQuantity = parameters.amount("quoteOrderQty");
  const price = parameters.amount("price");
  if (type === "LIMIT" && timeInForce === undefined) throw missing("timeInForce");
  if (type !== "LIMIT" && timeInForce !== undefined) throw notRequired("timeInForce");
  if (type === "MARKET") {
    if (price !== undefined) throw notRequired("price");
    if ((quantity === undefined) === (quoteQuantity === undefined)) {
      throw badRequest(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!");
    }
  } else {
    if (quoteQuantity !== undefined) throw notRequired("quoteOrderQty");
    if (quantity === undefined) throw missing("quantity");
    if (price === undefined) throw missing("price");
  }
  const clientOrderId = parameters.clientOrderId("newClientOrderId") ?? desk.newId();
  const detail =
    parameters.choice(
      "newOrderRespType",
      ["ACK", "RESULT", "FULL"],
      -1130,
      "Data sent for parameter 'newOrderRespType' is not valid.",
    ) ?? (type === "LIMIT_MAKER" ? "ACK" : "FULL");
  const selfTradePrevention =
    parameters.choice(
      "selfTradePreventionMode",
      ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
      -1130,
      "Data sent for parameter 'selfTradePreventionMode' is not valid.",
    ) ?? "EXPIRE_TAKER";
  parameters.ignore("strategyId", "strategyType", "computeCommissionRates");
  parameters.finish();
  return {
    request: {
      account: scope.key.account,
      symbol,
      side,
      type,
      timeInForce: timeInForce ?? "GTC",
      quantity: quantity ?? 0n,
      quoteQuantity: quoteQuantity ?? 0n,
      price: price ?? 0n,
      clientOrderId,
      selfTradePrevention,
    },
    detail,
  };
}

function notRequired(name: string): ApiError {
  return badRequest(-1106, `Parameter '${name}' sent when not required.`);
}
