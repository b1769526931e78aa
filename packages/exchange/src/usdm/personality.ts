/**
 * Binance USDT-margined futures, by its own documents (developers.binance.com/docs/derivatives/usds-margined-futures):
 * perpetual contracts in one-way mode. The positions and the dead man's switch are the state that it holds.
 */
import { badRequest } from "../gateway/api-error.ts";
import type { Call } from "../gateway/call.ts";
import { usualLimits } from "../gateway/limits.ts";
import type { Personality } from "../personality.ts";
import { isStreamPath, streamsOfPath } from "../streams/stream-protocol.ts";
import { accountCalls } from "./account.ts";
import { usdmAccountForms } from "./account-forms.ts";
import { batchCalls } from "./batches.ts";
import { DeadMansSwitch } from "./dead-mans-switch.ts";
import { exchangeInfo } from "./exchange-info.ts";
import { usdmInstruments } from "./instruments.ts";
import { Margin } from "./margin.ts";
import { markPrice, marketCalls } from "./market-data.ts";
import { usdmMarketForms } from "./market-forms.ts";
import { usdmRefusals } from "./refusals.ts";
import { settingCalls } from "./settings.ts";
import { tradingCalls } from "./trading.ts";
import { listenKeyCalls } from "./user-stream.ts";

const PLENTY = "10000000";

/** Which REST path is which call. */
const paths: Readonly<Record<string, string>> = {
  "GET /fapi/v1/ping": "ping",
  "GET /fapi/v1/time": "time",
  "GET /fapi/v1/exchangeInfo": "exchangeInfo",
  "GET /fapi/v1/depth": "depth",
  "GET /fapi/v1/trades": "trades.recent",
  "GET /fapi/v1/historicalTrades": "trades.historical",
  "GET /fapi/v1/aggTrades": "trades.aggregate",
  "GET /fapi/v1/klines": "klines",
  "GET /fapi/v1/continuousKlines": "continuousKlines",
  "GET /fapi/v1/indexPriceKlines": "indexPriceKlines",
  "GET /fapi/v1/ticker/bookTicker": "ticker.book",
  "GET /fapi/v1/ticker/price": "ticker.price",
  "GET /fapi/v2/ticker/price": "ticker.price",
  "GET /fapi/v1/ticker/24hr": "ticker.24hr",
  "GET /fapi/v1/premiumIndex": "premiumIndex",
  "GET /fapi/v1/fundingRate": "fundingRate",
  "GET /fapi/v1/fundingInfo": "fundingInfo",
  "GET /fapi/v1/openInterest": "openInterest",
  "POST /fapi/v1/order": "order.place",
  "POST /fapi/v1/order/test": "order.test",
  "GET /fapi/v1/order": "order.status",
  "DELETE /fapi/v1/order": "order.cancel",
  "DELETE /fapi/v1/allOpenOrders": "openOrders.cancelAll",
  "POST /fapi/v1/batchOrders": "batchOrders.place",
  "DELETE /fapi/v1/batchOrders": "batchOrders.cancel",
  "POST /fapi/v1/countdownCancelAll": "countdownCancelAll",
  "GET /fapi/v1/openOrder": "openOrder.status",
  "GET /fapi/v1/openOrders": "openOrders.status",
  "GET /fapi/v1/allOrders": "allOrders",
  "GET /fapi/v1/userTrades": "userTrades",
  "GET /fapi/v1/rateLimit/order": "account.rateLimits.orders",
  "GET /fapi/v2/balance": "account.balance",
  "GET /fapi/v3/balance": "v2/account.balance",
  "GET /fapi/v2/account": "account.status",
  "GET /fapi/v3/account": "v2/account.status",
  "GET /fapi/v2/positionRisk": "account.position",
  "GET /fapi/v3/positionRisk": "v2/account.position",
  "GET /fapi/v1/income": "income",
  "GET /fapi/v1/forceOrders": "forceOrders",
  "GET /fapi/v1/adlQuantile": "adlQuantile",
  "POST /fapi/v1/leverage": "leverage.set",
  "POST /fapi/v1/marginType": "marginType.set",
  "POST /fapi/v1/positionSide/dual": "positionMode.set",
  "GET /fapi/v1/positionSide/dual": "positionMode",
  "POST /fapi/v1/multiAssetsMargin": "multiAssets.set",
  "GET /fapi/v1/multiAssetsMargin": "multiAssets",
  "GET /fapi/v1/feeBurn": "feeBurn",
  "GET /fapi/v1/accountConfig": "accountConfig",
  "GET /fapi/v1/symbolConfig": "symbolConfig",
  "GET /fapi/v1/leverageBracket": "leverageBracket",
  "GET /fapi/v1/commissionRate": "commissionRate",
  "POST /fapi/v1/listenKey": "userDataStream.start",
  "PUT /fapi/v1/listenKey": "userDataStream.ping",
  "DELETE /fapi/v1/listenKey": "userDataStream.stop",
};

/** The futures venue of one exchange. */
export function usdmPersonality(): Personality {
  const margin = new Margin();
  const deadMansSwitch = new DeadMansSwitch();
  const calls: readonly Call[] = [
    ...marketCalls(margin),
    exchangeInfo,
    ...tradingCalls,
    ...batchCalls,
    deadMansSwitch.call,
    ...accountCalls(margin),
    ...settingCalls(margin),
    ...listenKeyCalls,
  ];
  const methods = new Map(calls.map((call) => [call.name, call]));
  return {
    name: "usdm",
    routes: new Map(Object.entries(paths).map(([route, name]) => [route, methods.get(name) as Call])),
    methods,
    subscribesBySignature: false,
    door,
    heartbeat: { pingEveryMs: 180_000, pongWithinMs: 600_000 },
    market: usdmMarketForms(margin),
    account: usdmAccountForms(margin),
    refusals: usdmRefusals,
    makeClearing: (parts) => margin.attach(parts),
    mayOwe: true,
    tooLate: () => badRequest(-5028, "Timestamp for this request is outside of the ME recvWindow."),
    limits: { ...usualLimits, streamMessagesPerSecond: 10 },
    orderWindow: {
      interval: "MINUTE",
      lengthMs: 60_000,
      limit: "ordersPerMinute",
      header: "x-mbx-order-count-1m",
      countsUnfilledOnly: false,
    },
    instruments: usdmInstruments,
    fees: { maker: "0.0002", taker: "0.0005" },
    deposits: (instruments) => Object.fromEntries(instruments.map(({ quote }) => [quote, PLENTY])),
    start: (desk) => {
      margin.trade({
        instruments: desk.floor.engine.instruments(),
        mark: (symbol) => markPrice(desk, symbol),
      });
      return () => deadMansSwitch.close();
    },
  };
}

/** Books and best prices; the trades that no document names come with them. */
const isPublic = (stream: string): boolean => /@(?:depth|bookTicker|trade$)|^!bookTicker$/.test(stream);

/** Which streams there are under each of the venue's addresses. */
const carried: Readonly<Record<string, (stream: string) => boolean>> = {
  public: isPublic,
  market: (stream) => !isPublic(stream),
  private: () => false,
};

/**
 * Since 2026-04-23 streams are under `/public`, `/market` and `/private`, the last with the listen key in the query; the
 * addresses without answer as well, with everything, for clients from before.
 */
function door(path: string, query: string): ReturnType<Personality["door"]> {
  if (path === "/ws-fapi/v1") return { kind: "api" };
  const [, route = "", under = path] = /^\/(public|market|private)(\/.*)$/.exec(path) ?? [];
  const carries = carried[route];
  if (!isStreamPath(under)) return undefined;
  const listenKey = new URLSearchParams(query).get("listenKey");
  const streams = streamsOfPath(under, query);
  return {
    kind: "streams",
    isCombined: under === "/stream",
    streams: listenKey === null ? streams : [...streams, listenKey],
    ...(carries === undefined ? {} : { carries }),
  };
}
