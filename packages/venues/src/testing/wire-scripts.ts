/**
 * The six venues as a captured-request test needs them: their paths, answers in their documented shapes, where the client
 * id, the terms and the validity stand in a request, and how each refuses. Values are made up; shapes are the venues' own.
 */
import { generateKeyPairSync } from "node:crypto";
import { id, type ExchangeId, type SymbolId } from "@baton/core";
import type { Captured, WireAnswer, WireAnswers } from "./wire-venue.ts";

/** What the test asks of one venue. */
export interface WireScript {
  readonly symbol: SymbolId;
  readonly keys: { readonly apiKey: string; readonly secret: string; readonly passphrase?: string };
  readonly answers: WireAnswers;
  /** `METHOD /path` of each call. */
  readonly paths: Readonly<Record<"place" | "cancel" | "query" | "openOrders" | "trades", string>>;
  /** Parameters of a captured request, whatever they travel in. */
  parametersOf(request: Captured): Readonly<Record<string, unknown>>;
  /** What a limit order to buy 0.01 at 50000 must say. */
  readonly placed: Readonly<Record<string, unknown>>;
  /** What a reduce-only order says beside that; absent: the venue has none. */
  readonly reduceOnly?: Readonly<Record<string, unknown>>;
  /** Where the client id stands in each request that names an order by it. */
  readonly idField: { readonly place: string; readonly query?: string; readonly cancel?: string };
  /** Milliseconds for which the request counts, as the wire says; undefined where nothing says it. */
  validityMsOf(request: Captured): number | undefined;
  /** The request that sets the dead man's switch to 60 s: where, what it must say, and the same for taking it back. */
  readonly deadMansSwitch?: {
    readonly path: string;
    readonly set: Readonly<Record<string, unknown>>;
    readonly takenBack: Readonly<Record<string, unknown>>;
  };
  /** How the venue refuses with a code. */
  refusal(code: string, message: string): WireAnswer;
}

export const wireClientOrderId = "0123456789abcdef0123456789abcdef";
const tradedMs = 1_790_000_000_123;

const form = (request: Captured): Record<string, string> =>
  Object.fromEntries(request.body === "" ? request.query : new URLSearchParams(request.body));
const jsonBody = (request: Captured): Record<string, unknown> =>
  request.body === "" ? Object.fromEntries(request.query) : (JSON.parse(request.body) as Record<string, unknown>);

function binanceLike(market: "spot" | "perpetual"): WireScript {
  const isSpot = market === "spot";
  const at = isSpot ? "/api/v3" : "/fapi/v1";
  const order = (status: string, more: object = {}): WireAnswer => ({
    body: {
      symbol: "BTCUSDT",
      orderId: 4_711,
      clientOrderId: wireClientOrderId,
      price: "50000.00",
      origQty: "0.01000",
      executedQty: "0.00000",
      status,
      side: "BUY",
      ...(!isSpot && { reduceOnly: false }),
      ...more,
    },
  });
  const trade = { id: 77, orderId: 4_711, symbol: "BTCUSDT", price: "50000.0", qty: "0.010", commission: "0.001" };
  return {
    symbol: id<SymbolId>(isSpot ? "BTC/USDT" : "BTC/USDT:USDT"),
    keys: { apiKey: "key", secret: "secret" },
    answers: {
      [`GET ${at}/time`]: () => ({ body: { serverTime: Date.now() } }),
      [`GET ${at}/ping`]: () => ({ body: {} }),
      [`GET ${at}/exchangeInfo`]: () => ({
        body: {
          rateLimits: [],
          symbols: [
            {
              symbol: "BTCUSDT",
              contractType: "PERPETUAL",
              baseAsset: "BTC",
              quoteAsset: "USDT",
              marginAsset: "USDT",
              filters: [
                { filterType: "PRICE_FILTER", tickSize: "0.10" },
                { filterType: "LOT_SIZE", stepSize: "0.001", minQty: "0.001", maxQty: "1000" },
                { filterType: "MIN_NOTIONAL", notional: "100", minNotional: "100" },
              ],
            },
          ],
        },
      }),
      [`POST ${at}/order`]: (request) =>
        order("NEW", isSpot ? {} : { reduceOnly: form(request)["reduceOnly"] === "true" }),
      [`DELETE ${at}/order`]: () => order("CANCELED", { origClientOrderId: wireClientOrderId }),
      [`GET ${at}/order`]: () => order("NEW"),
      [`GET ${at}/openOrders`]: () => ({ body: [order("NEW").body] }),
      [`POST ${at}/countdownCancelAll`]: (request) => ({
        body: { symbol: "BTCUSDT", countdownTime: form(request)["countdownTime"] },
      }),
      [isSpot ? "GET /api/v3/myTrades" : "GET /fapi/v1/userTrades"]: () => ({
        body: [
          { ...trade, commissionAsset: "USDT", time: tradedMs, [isSpot ? "isBuyer" : "buyer"]: true, maker: true },
        ],
      }),
    },
    paths: {
      place: `POST ${at}/order`,
      cancel: `DELETE ${at}/order`,
      query: `GET ${at}/order`,
      openOrders: `GET ${at}/openOrders`,
      trades: isSpot ? "GET /api/v3/myTrades" : "GET /fapi/v1/userTrades",
    },
    parametersOf: form,
    placed: { symbol: "BTCUSDT", side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" },
    idField: { place: "newClientOrderId", query: "origClientOrderId", cancel: "origClientOrderId" },
    validityMsOf: (request) => Number(form(request)["recvWindow"]),
    ...(isSpot
      ? {}
      : {
          reduceOnly: { reduceOnly: "true" },
          deadMansSwitch: {
            path: "POST /fapi/v1/countdownCancelAll",
            set: { symbol: "BTCUSDT", countdownTime: "60000" },
            takenBack: { symbol: "BTCUSDT", countdownTime: "0" },
          },
        }),
    refusal: (code, message) => ({ status: 400, body: { code: Number(code), msg: message } }),
  };
}

const okxOrder = {
  ordId: "312269865356374016",
  clOrdId: wireClientOrderId,
  instId: "BTC-USDT",
  side: "buy",
  state: "live",
  sz: "0.01",
  px: "50000",
  accFillSz: "0",
};
const okxList = (rows: readonly unknown[]): WireAnswer => ({ body: { code: "0", msg: "", data: rows } });

const okx: WireScript = {
  symbol: id<SymbolId>("BTC/USDT"),
  keys: { apiKey: "key", secret: "secret", passphrase: "phrase" },
  answers: {
    "GET /api/v5/public/time": () => okxList([{ ts: `${Date.now()}` }]),
    "GET /api/v5/public/instruments": () =>
      okxList([
        {
          instId: "BTC-USDT",
          baseCcy: "BTC",
          quoteCcy: "USDT",
          tickSz: "0.1",
          lotSz: "0.001",
          minSz: "0.001",
          maxLmtSz: "1000",
        },
      ]),
    "POST /api/v5/trade/order": () =>
      okxList([{ ordId: okxOrder.ordId, clOrdId: wireClientOrderId, sCode: "0", sMsg: "" }]),
    "POST /api/v5/trade/cancel-order": () =>
      okxList([{ ordId: okxOrder.ordId, clOrdId: wireClientOrderId, sCode: "0", sMsg: "" }]),
    "POST /api/v5/trade/cancel-all-after": (request) => {
      const seconds = Number(jsonBody(request)["timeOut"]);
      const now = Date.now();
      return okxList([{ triggerTime: seconds === 0 ? "0" : `${now + seconds * 1_000}`, tag: "", ts: `${now}` }]);
    },
    "GET /api/v5/trade/order": () => okxList([okxOrder]),
    "GET /api/v5/trade/orders-pending": () => okxList([okxOrder]),
    "GET /api/v5/trade/fills": () =>
      okxList([
        {
          tradeId: "900",
          ordId: okxOrder.ordId,
          clOrdId: wireClientOrderId,
          billId: "1",
          instId: "BTC-USDT",
          side: "buy",
          fillPx: "50000",
          fillSz: "0.01",
          fee: "-0.001",
          feeCcy: "USDT",
          execType: "M",
          fillTime: `${tradedMs}`,
        },
      ]),
  },
  paths: {
    place: "POST /api/v5/trade/order",
    cancel: "POST /api/v5/trade/cancel-order",
    query: "GET /api/v5/trade/order",
    openOrders: "GET /api/v5/trade/orders-pending",
    trades: "GET /api/v5/trade/fills",
  },
  parametersOf: jsonBody,
  placed: { instId: "BTC-USDT", tdMode: "cash", side: "buy", ordType: "limit", sz: "0.01", px: "50000" },
  idField: { place: "clOrdId", query: "clOrdId", cancel: "clOrdId" },
  deadMansSwitch: {
    path: "POST /api/v5/trade/cancel-all-after",
    set: { timeOut: "60" },
    takenBack: { timeOut: "0" },
  },
  validityMsOf: ({ headers }) => Number(headers["exptime"]) - Date.parse(String(headers["ok-access-timestamp"])),
  refusal: (code, message) => ({ body: { code: "1", msg: "", data: [{ ordId: "", sCode: code, sMsg: message }] } }),
};

const krakenOrder = {
  status: "open",
  cl_ord_id: wireClientOrderId,
  descr: { pair: "XBTUSD", type: "buy", ordertype: "limit", price: "50000.0" },
  vol: "0.01000000",
  vol_exec: "0.00000000",
};
const krakenResult = (result: unknown): WireAnswer => ({ body: { error: [], result } });

const kraken: WireScript = {
  symbol: id<SymbolId>("BTC/USD"),
  keys: { apiKey: "key", secret: Buffer.from("secret").toString("base64") },
  answers: {
    "GET /0/public/Time": () => krakenResult({ unixtime: Math.floor(Date.now() / 1_000) }),
    "GET /0/public/AssetPairs": () =>
      krakenResult({
        XXBTZUSD: {
          altname: "XBTUSD",
          wsname: "XBT/USD",
          lot_decimals: 8,
          ordermin: "0.00005",
          costmin: "0.5",
          tick_size: "0.1",
        },
      }),
    "POST /0/private/AddOrder": () => krakenResult({ descr: {}, txid: ["OUF4EM-FRGI2-MQMWZD"] }),
    "POST /0/private/CancelOrder": () => krakenResult({ count: 1 }),
    "POST /0/private/CancelAllOrdersAfter": (request) => {
      const seconds = Number(form(request)["timeout"]);
      const instant = (ms: number): string => new Date(ms).toISOString();
      const now = Date.now();
      return krakenResult({
        currentTime: instant(now),
        triggerTime: seconds === 0 ? "0" : instant(now + seconds * 1_000),
      });
    },
    "POST /0/private/OpenOrders": () => krakenResult({ open: { "OUF4EM-FRGI2-MQMWZD": krakenOrder } }),
    "POST /0/private/ClosedOrders": () => krakenResult({ closed: {}, count: 0 }),
    "POST /0/private/TradesHistory": () =>
      krakenResult({
        count: 1,
        trades: {
          "THVRQM-33VKH-UCI7BS": {
            ordertxid: "OUF4EM-FRGI2-MQMWZD",
            pair: "XXBTZUSD",
            time: tradedMs / 1_000,
            type: "buy",
            price: "50000.00000",
            vol: "0.01000000",
            fee: "0.001",
            maker: true,
          },
        },
      }),
  },
  paths: {
    place: "POST /0/private/AddOrder",
    cancel: "POST /0/private/CancelOrder",
    query: "POST /0/private/OpenOrders",
    openOrders: "POST /0/private/OpenOrders",
    trades: "POST /0/private/TradesHistory",
  },
  parametersOf: form,
  placed: { pair: "XBTUSD", type: "buy", ordertype: "limit", volume: "0.01", price: "50000", timeinforce: "GTC" },
  idField: { place: "cl_ord_id", query: "cl_ord_id", cancel: "cl_ord_id" },
  deadMansSwitch: {
    path: "POST /0/private/CancelAllOrdersAfter",
    set: { timeout: "60" },
    takenBack: { timeout: "0" },
  },
  validityMsOf: (request) => Date.parse(form(request)["deadline"] ?? "") - Number(form(request)["nonce"]) / 1_000,
  refusal: (code) => ({ body: { error: [code] } }),
};

const bybitOrder = {
  orderId: "c6f055d9-7f21-4079-913d-e6523a9cfffa",
  orderLinkId: wireClientOrderId,
  symbol: "BTCUSDT",
  side: "Buy",
  orderStatus: "New",
  qty: "0.01",
  price: "50000",
  cumExecQty: "0",
};
const bybitResult = (result: unknown): WireAnswer => ({
  body: { retCode: 0, retMsg: "OK", result, time: Date.now() },
});
const bybitReceipt = (): WireAnswer => bybitResult({ orderId: bybitOrder.orderId, orderLinkId: wireClientOrderId });

const bybit: WireScript = {
  symbol: id<SymbolId>("BTC/USDT"),
  keys: { apiKey: "key", secret: "secret" },
  answers: {
    "GET /v5/market/time": () => bybitResult({}),
    "GET /v5/market/instruments-info": () =>
      bybitResult({
        list: [
          {
            symbol: "BTCUSDT",
            baseCoin: "BTC",
            quoteCoin: "USDT",
            lotSizeFilter: { basePrecision: "0.001", minOrderQty: "0.001", maxLimitOrderQty: "1000", minOrderAmt: "5" },
            priceFilter: { tickSize: "0.1" },
          },
        ],
      }),
    "POST /v5/order/create": bybitReceipt,
    "POST /v5/order/cancel": bybitReceipt,
    "GET /v5/order/realtime": () => bybitResult({ list: [bybitOrder], nextPageCursor: "" }),
    "GET /v5/order/history": () => bybitResult({ list: [], nextPageCursor: "" }),
    "GET /v5/execution/list": () =>
      bybitResult({
        nextPageCursor: "",
        list: [
          {
            execId: "2100000000007764263",
            orderId: bybitOrder.orderId,
            orderLinkId: wireClientOrderId,
            symbol: "BTCUSDT",
            side: "Buy",
            execPrice: "50000",
            execQty: "0.01",
            execFee: "0.001",
            feeCurrency: "USDT",
            isMaker: true,
            execTime: `${tradedMs}`,
          },
        ],
      }),
  },
  paths: {
    place: "POST /v5/order/create",
    cancel: "POST /v5/order/cancel",
    query: "GET /v5/order/realtime",
    openOrders: "GET /v5/order/realtime",
    trades: "GET /v5/execution/list",
  },
  parametersOf: jsonBody,
  placed: {
    category: "spot",
    symbol: "BTCUSDT",
    side: "Buy",
    orderType: "Limit",
    qty: "0.01",
    price: "50000",
    timeInForce: "GTC",
  },
  idField: { place: "orderLinkId", query: "orderLinkId", cancel: "orderLinkId" },
  validityMsOf: ({ headers }) => Number(headers["x-bapi-recv-window"]),
  refusal: (code, message) => ({ body: { retCode: Number(code), retMsg: message, result: {} } }),
};

const coinbaseOrder = {
  order_id: "11111-000000-000000",
  client_order_id: wireClientOrderId,
  product_id: "BTC-USD",
  side: "BUY",
  status: "OPEN",
  filled_size: "0",
  order_configuration: { limit_limit_gtc: { base_size: "0.01", limit_price: "50000", post_only: false } },
};

const coinbase: WireScript = {
  symbol: id<SymbolId>("BTC/USD"),
  keys: {
    apiKey: "organizations/test/apiKeys/test",
    secret: generateKeyPairSync("ec", { namedCurve: "P-256" })
      .privateKey.export({ type: "sec1", format: "pem" })
      .toString(),
  },
  answers: {
    "GET /api/v3/brokerage/time": () => ({ body: { epochMillis: `${Date.now()}` } }),
    "GET /api/v3/brokerage/market/products": () => ({
      body: {
        products: [
          {
            product_id: "BTC-USD",
            base_currency_id: "BTC",
            quote_currency_id: "USD",
            price_increment: "0.01",
            base_increment: "0.00000001",
            base_min_size: "0.00000001",
            base_max_size: "3400",
            quote_min_size: "1",
          },
        ],
      },
    }),
    "POST /api/v3/brokerage/orders": () => ({
      body: {
        success: true,
        success_response: { order_id: coinbaseOrder.order_id, client_order_id: wireClientOrderId },
      },
    }),
    "POST /api/v3/brokerage/orders/batch_cancel": () => ({
      body: { results: [{ success: true, order_id: coinbaseOrder.order_id }] },
    }),
    "GET /api/v3/brokerage/orders/historical/batch": () => ({
      body: { orders: [coinbaseOrder], has_next: false, cursor: "" },
    }),
    "GET /api/v3/brokerage/orders/historical/fills": () => ({
      body: {
        cursor: "",
        fills: [
          {
            trade_id: "1111-11111-111111",
            order_id: coinbaseOrder.order_id,
            product_id: "BTC-USD",
            side: "BUY",
            price: "50000",
            size: "0.01",
            commission: "0.001",
            liquidity_indicator: "MAKER",
            size_in_quote: false,
            trade_time: new Date(tradedMs).toISOString(),
          },
        ],
      },
    }),
  },
  paths: {
    place: "POST /api/v3/brokerage/orders",
    cancel: "POST /api/v3/brokerage/orders/batch_cancel",
    query: "GET /api/v3/brokerage/orders/historical/batch",
    openOrders: "GET /api/v3/brokerage/orders/historical/batch",
    trades: "GET /api/v3/brokerage/orders/historical/fills",
  },
  parametersOf: jsonBody,
  placed: {
    product_id: "BTC-USD",
    side: "BUY",
    order_configuration: { limit_limit_gtc: { base_size: "0.01", limit_price: "50000", post_only: false } },
  },
  idField: { place: "client_order_id" },
  validityMsOf: () => undefined,
  refusal: (code, message) => ({ body: { success: false, error_response: { error: code, message } } }),
};

/** By ccxt's id. */
export const wireScripts: Readonly<Record<ExchangeId, WireScript>> = {
  binance: binanceLike("spot"),
  binanceusdm: binanceLike("perpetual"),
  okx,
  kraken,
  bybit,
  coinbase,
};
