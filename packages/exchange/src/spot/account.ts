/** What an account may ask about itself: orders, trades, balances, order counts. A lagging venue answers an older state. */
import { amountText } from "../amounts.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import { isPurged, lagged, listedOrders, namedOrder, openOrders, page, period, tradedSymbol } from "../calls/naming.ts";
import { ownTrade, preventedMatch, queriedOrder } from "./order-bodies.ts";

const DAY_MS = 86_400_000;

/** `GET /api/v3/order` */
export const queryOrder: Call = { name: "order.status", kind: "query", weight: () => 4, run: orderStatus };

/** `GET /api/v3/openOrders` */
export const queryOpenOrders: Call = {
  name: "openOrders.status",
  kind: "query",
  weight: (parameters) => (parameters.peek("symbol") === undefined ? 80 : 6),
  run: (scope) => openOrders(scope).map(queriedOrder),
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

/** `GET /sapi/v1/account/apiRestrictions`: keys here may trade, and nothing else. */
export const queryRestrictions: Call = {
  name: "account.apiRestrictions",
  kind: "query",
  weight: () => 1,
  run: (scope: SignedScope): unknown => {
    scope.parameters.finish();
    return {
      ipRestrict: true,
      createTime: 1_700_000_000_000,
      enableReading: true,
      enableWithdrawals: false,
      enableInternalTransfer: false,
      enableMargin: false,
      enableFutures: true,
      permitsUniversalTransfer: false,
      enableVanillaOptions: false,
      enableFixApiTrade: false,
      enableFixReadOnly: false,
      enableSpotAndMarginTrading: true,
      enablePortfolioMarginTrading: false,
    };
  },
};

/** `GET /api/v3/rateLimit/order` */
export const queryOrderCounts: Call = {
  name: "account.rateLimits.orders",
  kind: "query",
  weight: () => 40,
  run: orderCounts,
};

/** `GET /api/v3/account/commission` */
export const queryCommission: Call = { name: "account.commission", kind: "query", weight: () => 20, run: commission };

/** `GET /api/v3/myPreventedMatches` */
export const queryPreventedMatches: Call = {
  name: "myPreventedMatches",
  kind: "query",
  weight: (parameters) => (parameters.peek("preventedMatchId") === undefined ? 20 : 2),
  run: preventedMatches,
};

/** Nobody pays with BNB here. */
export const noDiscount = {
  enabledForAccount: false,
  enabledForSymbol: false,
  discountAsset: "BNB",
  discount: "0.00000000",
} as const;

function commission(scope: SignedScope): unknown {
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  const none = amountText(0n);
  const { maker, taker } = scope.desk.fees;
  const nothing = { maker: none, taker: none, buyer: none, seller: none };
  return {
    symbol,
    standardCommission: { ...nothing, maker: amountText(maker), taker: amountText(taker) },
    specialCommission: nothing,
    taxCommission: nothing,
    discount: noDiscount,
  };
}

function preventedMatches(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const matchId = parameters.whole("preventedMatchId");
  const orderId = parameters.whole("orderId");
  const fromId = parameters.whole("fromPreventedMatchId");
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  if (matchId === undefined && orderId === undefined) {
    throw badRequest(-1102, "Param 'preventedMatchId' or 'orderId' must be sent, but both were empty/null!");
  }
  return desk.floor.engine.prevented
    .of(key.account, symbol)
    .filter((one) => matchId === undefined || one.preventedMatchId === matchId)
    .filter((one) => orderId === undefined || one.takerOrderId === orderId || one.makerOrderId === orderId)
    .filter((one) => one.preventedMatchId >= (fromId ?? 0))
    .slice(0, limit)
    .map(preventedMatch);
}

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

function allOrders(scope: SignedScope): unknown {
  return listedOrders(scope, tradedSymbol(scope), DAY_MS).map(queriedOrder);
}

function myTrades(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const fromId = parameters.whole("fromId");
  const orderId = parameters.whole("orderId");
  const { startMs, endMs } = period(scope, DAY_MS);
  if (fromId !== undefined && (startMs > 0 || endMs < Infinity)) {
    throw badRequest(-1128, "Combination of optional parameters invalid.");
  }
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  const isPage = orderId === undefined && startMs === 0 && endMs === Infinity;
  const trades = desk.floor.history
    .tradesAt(key.account, symbol, desk.mono() - scope.lagMs, { fromId, ...(isPage && { most: limit }) })
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
  return desk.limits.published({ weight: 0, orders: counts }).slice(1);
}
