/** Placing, testing and cancelling: from parameters to the trading floor and back. */
import { isClosed, namedOrder, tradedSymbol } from "../calls/naming.ts";
import type { FaultMode } from "../faults/fault.ts";
import { ApiError, badRequest, missing } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isOpen, type OrderState } from "../matching/order.ts";
import { cancelledOrder, placedOrder } from "./order-bodies.ts";

/** `POST /api/v3/order` */
export const placeOrder: Call = { name: "order.place", kind: "change", weight: () => 1, run: place };

/** `POST /api/v3/order/test`: everything but funds and matching. */
export const testOrder: Call = { name: "order.test", kind: "query", weight: () => 1, run: test };

/** `DELETE /api/v3/order` */
export const cancelOrder: Call = { name: "order.cancel", kind: "change", weight: () => 1, run: cancel };

/** `POST /api/v3/order/cancelReplace` */
export const replaceOrder: Call = { name: "order.cancelReplace", kind: "change", weight: () => 1, run: replace };

/** `DELETE /api/v3/openOrders` */
export const cancelOpenOrders: Call = { name: "openOrders.cancelAll", kind: "change", weight: () => 1, run: cancelAll };

/** A new order as it was read. */
interface ReadOrder {
  readonly request: NewOrder;
  readonly detail: "ACK" | "RESULT" | "FULL";
}

/** What a cancel asks for. */
interface Cancelling {
  readonly symbol: string;
  readonly order: OrderState | undefined;
  readonly cancelId: string;
  readonly only: "ONLY_NEW" | "ONLY_PARTIALLY_FILLED" | undefined;
}

function place(scope: SignedScope): unknown {
  return accept(scope, readOrder(scope));
}

/** Takes an order that was read to the engine. */
function accept(scope: SignedScope, { request, detail }: ReadOrder): object {
  const { desk, key } = scope;
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
  const { desk, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const cancelId = parameters.clientOrderId("newClientOrderId") ?? desk.newId();
  const only = readRestriction(scope);
  const order = namedOrder(scope, symbol);
  parameters.finish();
  return end(scope, { symbol, order, cancelId, only });
}

/** Takes a cancel that was read to the engine. */
function end(scope: SignedScope, { symbol, order, cancelId, only }: Cancelling): object {
  const { desk, key } = scope;
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

/**
 * Cancels one order and places another. With STOP_ON_FAILURE the new one is only tried when the cancel succeeded, with
 * ALLOW_FAILURE always; the answer tells of both, also where one failed (409, −2021) or both did (400, −2022).
 */
function replace(scope: SignedScope): unknown {
  const { desk, parameters } = scope;
  const mode = parameters.choice("cancelReplaceMode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"], -1130, "Invalid mode.");
  if (mode === undefined) throw missing("cancelReplaceMode");
  const symbol = tradedSymbol(scope);
  const cancelId = parameters.clientOrderId("cancelNewClientOrderId") ?? desk.newId();
  const only = readRestriction(scope);
  const order = namedOrder(scope, symbol, { id: "cancelOrderId", clientId: "cancelOrigClientOrderId" });
  parameters.ignore("orderRateLimitExceededMode");
  const read = readOrder(scope);
  const cancelled = attempt(() => end(scope, { symbol, order, cancelId, only }));
  const isTried = cancelled.isDone || mode === "ALLOW_FAILURE";
  const placed = isTried ? attempt(() => accept(scope, read)) : undefined;
  const data = {
    cancelResult: cancelled.isDone ? "SUCCESS" : "FAILURE",
    newOrderResult: placed === undefined ? "NOT_ATTEMPTED" : placed.isDone ? "SUCCESS" : "FAILURE",
    cancelResponse: cancelled.answer,
    newOrderResponse: placed?.answer ?? null,
  };
  if (cancelled.isDone && placed?.isDone === true) return data;
  if (cancelled.isDone || placed?.isDone === true) {
    throw new ApiError(409, -2021, "Order cancel-replace partially failed.", undefined, data);
  }
  throw new ApiError(400, -2022, "Order cancel-replace failed.", undefined, data);
}

function attempt(act: () => object): { readonly isDone: boolean; readonly answer: object } {
  try {
    return { isDone: true, answer: act() };
  } catch (error) {
    if (error instanceof ApiError) return { isDone: false, answer: error.body() };
    throw error;
  }
}

function readRestriction(scope: SignedScope): Cancelling["only"] {
  const restrictions = ["ONLY_NEW", "ONLY_PARTIALLY_FILLED"] as const;
  return scope.parameters.choice("cancelRestrictions", restrictions, -1145, "Invalid cancelRestrictions");
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
function readOrder(scope: SignedScope): ReadOrder {
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
