/** Which REST path of the spot venue is which call; paths and methods are Binance's. */
import {
  queryAccount,
  queryAllOrders,
  queryCommission,
  queryMyTrades,
  queryOpenOrders,
  queryOrder,
  queryOrderCounts,
  queryPreventedMatches,
  queryRestrictions,
} from "./account.ts";
import { exchangeInfo } from "./exchange-info.ts";
import { marketCalls } from "./market-data.ts";
import { closeListenKey, extendListenKey, openListenKey } from "../calls/user-stream.ts";
import { cancelOpenOrders, cancelOrder, placeOrder, replaceOrder, testOrder } from "./trading.ts";
import type { Call } from "../gateway/call.ts";

const signed: readonly Call[] = [
  placeOrder,
  testOrder,
  cancelOrder,
  replaceOrder,
  cancelOpenOrders,
  queryOrder,
  queryOpenOrders,
  queryAllOrders,
  queryMyTrades,
  queryAccount,
  queryOrderCounts,
  queryCommission,
  queryPreventedMatches,
  queryRestrictions,
  openListenKey,
  extendListenKey,
  closeListenKey,
];

/** Every call by its name in the WebSocket API. */
export const spotMethods: ReadonlyMap<string, Call> = new Map(
  [...marketCalls, exchangeInfo, ...signed].map((call) => [call.name, call]),
);

const paths: Readonly<Record<string, string>> = {
  "GET /api/v3/ping": "ping",
  "GET /api/v3/time": "time",
  "GET /api/v3/exchangeInfo": "exchangeInfo",
  "GET /api/v3/depth": "depth",
  "GET /api/v3/trades": "trades.recent",
  "GET /api/v3/historicalTrades": "trades.historical",
  "GET /api/v3/aggTrades": "trades.aggregate",
  "GET /api/v3/klines": "klines",
  "GET /api/v3/uiKlines": "uiKlines",
  "GET /api/v3/avgPrice": "avgPrice",
  "GET /api/v3/ticker/bookTicker": "ticker.book",
  "GET /api/v3/ticker/price": "ticker.price",
  "GET /api/v3/ticker/24hr": "ticker.24hr",
  "GET /api/v3/ticker/tradingDay": "ticker.tradingDay",
  "GET /api/v3/ticker": "ticker",
  "GET /sapi/v1/system/status": "systemStatus",
  "POST /api/v3/order": "order.place",
  "POST /api/v3/order/test": "order.test",
  "POST /api/v3/order/cancelReplace": "order.cancelReplace",
  "GET /api/v3/order": "order.status",
  "DELETE /api/v3/order": "order.cancel",
  "GET /api/v3/openOrders": "openOrders.status",
  "DELETE /api/v3/openOrders": "openOrders.cancelAll",
  "GET /api/v3/allOrders": "allOrders",
  "GET /api/v3/myTrades": "myTrades",
  "GET /api/v3/account": "account.status",
  "GET /sapi/v1/account/apiRestrictions": "account.apiRestrictions",
  "GET /api/v3/account/commission": "account.commission",
  "GET /api/v3/myPreventedMatches": "myPreventedMatches",
  "POST /api/v3/userDataStream": "userDataStream.start",
  "PUT /api/v3/userDataStream": "userDataStream.ping",
  "DELETE /api/v3/userDataStream": "userDataStream.stop",
  "GET /api/v3/rateLimit/order": "account.rateLimits.orders",
};

/** The call of each `METHOD /path`. */
export const spotRoutes: ReadonlyMap<string, Call> = new Map(
  Object.entries(paths).map(([route, name]) => [route, spotMethods.get(name) as Call]),
);
