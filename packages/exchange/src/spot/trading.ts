/** Placing, testing, cancelling and replacing: from what was read (`order-reading.ts`) to the trading floor and back. */
import { amountText } from "../amounts.ts";
import { isClosed, namedOrder, tradedSymbol } from "../calls/naming.ts";
import { afterRace } from "../faults/market-tricks.ts";
import type { FaultMode } from "../faults/fault.ts";
import { ApiError, badRequest, missing } from "../gateway/api-error.ts";
import type { Call, Desk, SignedScope } from "../gateway/call.ts";
import { isOpen, type OrderState } from "../matching/order.ts";
import { noDiscount } from "./account.ts";
import { cancelledOrder, placedOrder } from "./order-bodies.ts";
import { readOrder, type ReadOrder } from "./order-reading.ts";

/** `POST /api/v3/order` */
export const placeOrder: Call = { name: "order.place", kind: "change", weight: () => 1, run: place };

/** `POST /api/v3/order/test`: everything but funds and matching. */
export const testOrder: Call = {
  name: "order.test",
  kind: "query",
  weight: (parameters) => (parameters.peek("computeCommissionRates") === "true" ? 20 : 1),
  run: test,
};

/** `DELETE /api/v3/order` */
export const cancelOrder: Call = { name: "order.cancel", kind: "change", weight: () => 1, run: cancel };

/** `POST /api/v3/order/cancelReplace` */
export const replaceOrder: Call = { name: "order.cancelReplace", kind: "change", weight: () => 1, run: replace };

/** `DELETE /api/v3/openOrders` */
export const cancelOpenOrders: Call = { name: "openOrders.cancelAll", kind: "change", weight: () => 1, run: cancelAll };

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
  const computes = scope.parameters.flag("computeCommissionRates");
  const { request } = readOrder(scope);
  scope.checkValidity();
  const refusal = scope.desk.floor.engine.refusal(request);
  if (refusal !== undefined && refusal.code === -1013) throw badRequest(refusal.code, refusal.message);
  return computes ? orderCommission(scope.desk) : {};
}

function orderCommission(desk: Desk): object {
  const [standard, none] = [
    { maker: amountText(desk.fees.maker), taker: amountText(desk.fees.taker) },
    { maker: amountText(0n), taker: amountText(0n) },
  ];
  return {
    standardCommissionForOrder: standard,
    specialCommissionForOrder: none,
    taxCommissionForOrder: none,
    discount: noDiscount,
  };
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
function end(scope: SignedScope, { symbol, order: named, cancelId, only }: Cancelling): object {
  const { desk, key } = scope;
  scope.checkValidity();
  if (isClosed(scope, { call: cancelOrder.name, symbol, modes: ["halt"] }))
    throw badRequest(-2011, "Market is closed.");
  const origin = { recvN: scope.recvN, apiKey: key.key, source: scope.source };
  const order = afterRace(desk, named, { ...origin, call: cancelOrder.name });
  if (order === undefined || !isOpen(order)) throw badRequest(-2011, "Unknown order sent.");
  if (only !== undefined && order.status !== (only === "ONLY_NEW" ? "NEW" : "PARTIALLY_FILLED")) {
    throw badRequest(-2011, "Order was not canceled due to cancel restrictions.");
  }
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
