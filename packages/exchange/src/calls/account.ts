/** What an account may ask about itself: orders, trades, balances, order counts. A lagging venue answers an older state. */
import { amountText } from "../amounts.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import { isOpen, type OrderState } from "../matching/order.ts";
import { ownTrade, queriedOrder } from "./order-bodies.ts";
import { checkedSymbol, namedOrder, tradedSymbol } from "./trading.ts";

/** `GET /api/v3/order` */
export const queryOrder: Call = { name: "order.status", kind: "query", weight: () => 4, run: orderStatus };

/** `GET /api/v3/openOrders` */
export const queryOpenOrders: Call = {
  name: "openOrders.status",
  kind: "query",
  weight: (parameters) => (parameters.peek("symbol") === undefined ? 80 : 6),
  run: openOrders,
};

/** `GET /api/v3/allOrders` */
export const queryAllOrders: Call = { name: "allOrders", kind: "query", weight: () => 20, run: allOrders };

/** `GET /api/v3/myTrades` */
export const queryMyTrades: Call = {
  name: "myTrades",
  kind: "query",
  weight: (parameters) => (parameters.peek("orderId") === undefined ? 20 : 5),
  run: myTrades,
};

/** `GET /api/v3/account` */
export const queryAccount: Call = { name: "account.status", kind: "query", weight: () => 20, run: account };

/** `GET /api/v3/rateLimit/order` */
export const queryOrderCounts: Call = {
  name: "account.rateLimits.orders",
  kind: "query",
  weight: () => 40,
  run: orderCounts,
};

function orderStatus(scope: SignedScope): unknown {
  const order = namedOrder(scope, tradedSymbol(scope));
  scope.parameters.finish();
  const asOf = order === undefined ? undefined : lagged(scope, order);
  if (asOf !== undefined && isPurged(scope, asOf)) {
    scope.found(false);
    // What never traded is archived and says so; the rest is simply gone.
    if (asOf.status === "FILLED" || asOf.executed > 0n) throw badRequest(-2013, "Order does not exist.");
    throw badRequest(
      -2026,
      "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
    );
  }
  scope.found(asOf !== undefined, asOf?.orderId);
  if (asOf === undefined) throw badRequest(-2013, "Order does not exist.");
  return queriedOrder(asOf);
}

function openOrders(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const named = parameters.text("symbol");
  const symbol = named === undefined ? undefined : checkedSymbol(desk, named);
  parameters.finish();
  const { orders } = desk.floor.engine;
  if (scope.lagMs === 0) return orders.open(key.account, symbol).map(queriedOrder);
  return desk.floor.history
    .openAt(orders.ids(key.account), desk.mono() - scope.lagMs)
    .filter((order) => symbol === undefined || order.symbol === symbol)
    .map(queriedOrder);
}

function allOrders(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const fromId = parameters.whole("orderId");
  const { startMs, endMs } = period(scope);
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  const found: OrderState[] = [];
  for (const orderId of desk.floor.engine.orders.ids(key.account)) {
    if (fromId !== undefined && orderId < fromId) continue;
    const order = desk.floor.engine.orders.byId(orderId);
    if (order === undefined || order.symbol !== symbol) continue;
    if (order.createdAtMs < startMs || order.createdAtMs > endMs) continue;
    const asOf = lagged(scope, order);
    if (asOf !== undefined && !isPurged(scope, asOf)) found.push(asOf);
  }
  return page(found, limit, fromId !== undefined || startMs > 0).map(queriedOrder);
}

function myTrades(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const fromId = parameters.whole("fromId");
  const orderId = parameters.whole("orderId");
  const { startMs, endMs } = period(scope);
  if (fromId !== undefined && (startMs > 0 || endMs < Infinity)) {
    throw badRequest(-1128, "Combination of optional parameters invalid.");
  }
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  const trades = desk.floor.history
    .tradesAt(key.account, symbol, desk.mono() - scope.lagMs, fromId)
    .filter(
      (trade) =>
        (orderId === undefined || trade.buyer.orderId === orderId || trade.seller.orderId === orderId) &&
        trade.atMs >= startMs &&
        trade.atMs <= endMs,
    );
  return page(trades, limit, fromId !== undefined || startMs > 0).map((trade) => ownTrade(trade, key.account));
}

function account(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const omitsZero = parameters.text("omitZeroBalances") === "true";
  parameters.finish();
  const [maker, taker] = [desk.fees.maker, desk.fees.taker];
  const balances = [...desk.floor.engine.ledger.balances(key.account)]
    .filter(([, balance]) => !omitsZero || balance.free + balance.locked > 0n)
    .map(([asset, balance]) => ({ asset, free: amountText(balance.free), locked: amountText(balance.locked) }));
  return {
    makerCommission: Number(maker / 10_000n),
    takerCommission: Number(taker / 10_000n),
    buyerCommission: 0,
    sellerCommission: 0,
    commissionRates: {
      maker: amountText(maker),
      taker: amountText(taker),
      buyer: "0.00000000",
      seller: "0.00000000",
    },
    canTrade: true,
    canWithdraw: true,
    canDeposit: true,
    brokered: false,
    requireSelfTradePrevention: false,
    preventSor: false,
    updateTime: desk.now(),
    accountType: "SPOT",
    balances,
    permissions: ["SPOT"],
    uid: 1,
  };
}

function orderCounts(scope: SignedScope): unknown {
  const { desk, key } = scope;
  scope.parameters.finish();
  const counts = desk.limits.orderCounts(key.account, desk.now());
  const { ordersPerTenSeconds, ordersPerDay } = desk.limits.limits;
  return [
    {
      rateLimitType: "ORDERS",
      interval: "SECOND",
      intervalNum: 10,
      limit: ordersPerTenSeconds,
      count: counts.tenSeconds,
    },
    { rateLimitType: "ORDERS", interval: "DAY", intervalNum: 1, limit: ordersPerDay, count: counts.day },
  ];
}

/** An order as it was when a lagging venue looked; undefined when it did not exist yet. */
function lagged(scope: SignedScope, order: OrderState): OrderState | undefined {
  if (scope.lagMs === 0) return order;
  return scope.desk.floor.history.stateAt(order.orderId, scope.desk.mono() - scope.lagMs);
}

/** True when a fault has the venue forget orders that closed so long ago. */
function isPurged(scope: SignedScope, order: OrderState): boolean {
  const { purgedAfterMs } = scope;
  if (purgedAfterMs === undefined || isOpen(order)) return false;
  return scope.desk.now() - order.updatedAtMs >= purgedAfterMs;
}

function period(scope: SignedScope): { readonly startMs: number; readonly endMs: number } {
  const startMs = scope.parameters.whole("startTime");
  const endMs = scope.parameters.whole("endTime");
  if (startMs !== undefined && endMs !== undefined && endMs - startMs > 86_400_000) {
    throw badRequest(-1127, "More than 24 hours between startTime and endTime.");
  }
  return { startMs: startMs ?? 0, endMs: endMs ?? Infinity };
}

/** The first `limit` when a start was given, else the last. */
function page<T>(items: readonly T[], limit: number, isFromStart: boolean): readonly T[] {
  return isFromStart ? items.slice(0, limit) : items.slice(-limit);
}
