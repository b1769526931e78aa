/** Placing, testing and cancelling: from parameters to the trading floor and back. */
import type { FaultMode } from "../faults/fault.ts";
import { ApiError, badRequest, missing } from "../gateway/api-error.ts";
import type { Call, Desk, PublicScope, SignedScope } from "../gateway/call.ts";
import type { NewOrder } from "../matching/matching-engine.ts";
import { isOpen, type OrderState } from "../matching/order.ts";
import { cancelledOrder, placedOrder } from "./order-bodies.ts";

/** `POST /api/v3/order` */
export const placeOrder: Call = { name: "order.place", kind: "change", weight: () => 1, run: place };

/** `POST /api/v3/order/test`: everything but funds and matching. */
export const testOrder: Call = { name: "order.test", kind: "query", weight: () => 1, run: test };

/** `DELETE /api/v3/order` */
export const cancelOrder: Call = { name: "order.cancel", kind: "change", weight: () => 1, run: cancel };

/** `DELETE /api/v3/openOrders` */
export const cancelOpenOrders: Call = { name: "openOrders.cancelAll", kind: "change", weight: () => 1, run: cancelAll };

/** The symbol parameter of a traded instrument; −1121 otherwise. */
export function tradedSymbol(scope: PublicScope): string {
  return checkedSymbol(scope.desk, scope.parameters.required("symbol"));
}

/** −1121 unless the symbol is traded. */
export function checkedSymbol(desk: Desk, symbol: string): string {
  if (desk.floor.engine.instrument(symbol) === undefined) throw badRequest(-1121, "Invalid symbol.");
  return symbol;
}

/** The order that `orderId` or `origClientOrderId` means; undefined when there is none. */
export function namedOrder(scope: SignedScope, symbol: string): OrderState | undefined {
  const orderId = scope.parameters.whole("orderId");
  const clientOrderId = scope.parameters.text("origClientOrderId");
  if (orderId === undefined && clientOrderId === undefined) {
    throw badRequest(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
  }
  const { orders } = scope.desk.floor.engine;
  const { account } = scope.key;
  if (orderId === undefined) return orders.byClientId(account, symbol, clientOrderId as string);
  const order = orders.byId(orderId);
  if (order === undefined || order.account !== account || order.symbol !== symbol) return undefined;
  if (clientOrderId !== undefined && clientOrderId !== order.clientOrderId) {
    throw badRequest(-2039, "Client order ID is not correct for this order ID.");
  }
  return order;
}

function place(scope: SignedScope): unknown {
  const { desk, key } = scope;
  const { request, detail } = readOrder(scope);
  desk.limits.checkOrders(key.account, desk.now());
  scope.checkValidity();
  if (isClosed(scope, { call: placeOrder.name, symbol: request.symbol })) throw badRequest(-2010, "Market is closed.");
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
  if (isClosed(scope, { call: cancelOrder.name, symbol })) throw badRequest(-2011, "Market is closed.");
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
  if (isClosed(scope, { call: cancelOpenOrders.name, symbol })) throw badRequest(-2011, "Market is closed.");
  const open = desk.floor.engine.orders.open(key.account, symbol);
  if (open.length === 0) throw badRequest(-2011, "Unknown order sent.");
  const cancelId = desk.newId();
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  return open
    .map((order) => desk.floor.cancel(order.orderId, { cancelId, origin, cause: "cancel-all" }))
    .filter((order) => order !== undefined)
    .map((order) => cancelledOrder(order, cancelId));
}

/** True while maintenance keeps this call from the engine: new orders in both manners, cancels only when all is halted. */
function isClosed(scope: SignedScope, what: { readonly call: string; readonly symbol: string }): boolean {
  const { key, source, recvN, desk } = scope;
  const modes: readonly FaultMode[] = what.call === placeOrder.name ? ["halt", "cancel-only"] : ["halt"];
  const subject = { ...what, apiKey: key.key, account: key.account, source, recvN };
  return desk.faults.strike("market", subject, { names: ["maintenance"], modes }) !== undefined;
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
      ["NONE", "EXPIRE_TAKER", "EXPIRE_BOTH"],
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
