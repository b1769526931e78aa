/** Which REST path is which call; paths and methods are Binance's. */
import {
  queryAccount,
  queryAllOrders,
  queryMyTrades,
  queryOpenOrders,
  queryOrder,
  queryOrderCounts,
} from "../calls/account.ts";
import { exchangeInfo } from "../calls/exchange-info.ts";
import { marketCalls } from "../calls/market-data.ts";
import { cancelOpenOrders, cancelOrder, placeOrder, testOrder } from "../calls/trading.ts";
import type { Call } from "../gateway/call.ts";

const signed: readonly Call[] = [
  placeOrder,
  testOrder,
  cancelOrder,
  cancelOpenOrders,
  queryOrder,
  queryOpenOrders,
  queryAllOrders,
  queryMyTrades,
  queryAccount,
  queryOrderCounts,
];

/** Every call by its name in the WebSocket API. */
export const callsByName: ReadonlyMap<string, Call> = new Map(
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
  "GET /api/v3/uiKlines": "klines",
  "GET /api/v3/avgPrice": "avgPrice",
  "GET /api/v3/ticker/bookTicker": "ticker.book",
  "GET /api/v3/ticker/price": "ticker.price",
  "GET /api/v3/ticker/24hr": "ticker.24hr",
  "POST /api/v3/order": "order.place",
  "POST /api/v3/order/test": "order.test",
  "GET /api/v3/order": "order.status",
  "DELETE /api/v3/order": "order.cancel",
  "GET /api/v3/openOrders": "openOrders.status",
  "DELETE /api/v3/openOrders": "openOrders.cancelAll",
  "GET /api/v3/allOrders": "allOrders",
  "GET /api/v3/myTrades": "myTrades",
  "GET /api/v3/account": "account.status",
  "GET /api/v3/rateLimit/order": "account.rateLimits.orders",
};

/** The call of each `METHOD /path`. */
export const routes: ReadonlyMap<string, Call> = new Map(
  Object.entries(paths).map(([route, name]) => [route, callsByName.get(name) as Call]),
);
