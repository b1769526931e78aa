/**
 * The account streams of four venues as their stories need them: where a client connects, how its greetings are answered or
 * refused, how a fill is told, and the same fill as REST lists it. Values are made up; shapes are the venues' own.
 */
import type { ExchangeId } from "@baton/core";
import { wireClientOrderId } from "./wire-scripts.ts";
import type { WireAnswer, WireAnswers } from "./wire-venue.ts";

/** Fill number `n` of one order to buy 1 BTC: a thousandth at 50,000. */
export interface ScriptedFill {
  readonly n: number;
  readonly atMs: number;
}

/** What the stories ask of one venue. */
export interface StreamScript {
  readonly path: string;
  /** What answers a client's message: granted or refused; no answer to what is none of a greeting. */
  answer(request: Readonly<Record<string, unknown>>, isRefused: boolean): readonly object[];
  /** The answer to the venue's own ping; undefined where the protocol's is used. */
  pongTo(text: string): string | undefined;
  /** The fill, as the stream tells it. */
  told(fill: ScriptedFill): readonly Told[];
  /** The account by REST, with these fills. */
  rest(fills: readonly ScriptedFill[]): WireAnswers;
}

/** A message, and the name of the lane in which the venue counts it, where it counts. */
export interface Told {
  readonly message: object;
  readonly counted?: { readonly lane: string; readonly as: string };
}

const quantityOf = (n: number): string => `0.${`${n}`.padStart(3, "0")}`;
const orderId = "O-1";

const okxFill = ({ n, atMs }: ScriptedFill): Record<string, unknown> => ({
  instId: "BTC-USDT",
  ordId: orderId,
  clOrdId: wireClientOrderId,
  side: "buy",
  tradeId: `${n}`,
  fillPx: "50000",
  fillSz: "0.001",
  fillTime: `${atMs}`,
  execType: "M",
});
const okxList = (data: readonly unknown[]): WireAnswer => ({ body: { code: "0", msg: "", data } });

const okx: StreamScript = {
  path: "/ws/v5/private",
  answer: ({ op, args }, isRefused) => {
    if (op === "login") {
      return [
        isRefused ? { event: "error", code: "60009", msg: "Login failed." } : { event: "login", code: "0", msg: "" },
      ];
    }
    return (args as object[]).map((arg) => ({ event: "subscribe", arg, connId: "a4d3ae55" }));
  },
  pongTo: (text) => (text === "ping" ? "pong" : undefined),
  told: (fill) => [
    {
      message: {
        arg: { channel: "orders", instType: "SPOT", uid: "77982378738415879" },
        data: [
          {
            ...okxFill(fill),
            sz: "1",
            px: "50000",
            state: "partially_filled",
            accFillSz: quantityOf(fill.n),
            fee: "-0.1", // of all fills so far
            feeCcy: "BTC",
            fillFee: "-0.000001",
            fillFeeCcy: "BTC",
          },
        ],
      },
    },
  ],
  rest: (fills) => ({
    "GET /api/v5/trade/orders-pending": () => okxList([]),
    "GET /api/v5/account/balance": () => okxList([{ details: [{ ccy: "USDT", cashBal: "100" }] }]),
    "GET /api/v5/trade/fills": () =>
      okxList(fills.map((fill) => ({ ...okxFill(fill), billId: `${fill.n}`, fee: "-0.000001", feeCcy: "BTC" }))),
  }),
};

const bybitFill = ({ n, atMs }: ScriptedFill): Record<string, unknown> => ({
  category: "spot",
  symbol: "BTCUSDT",
  orderId,
  orderLinkId: wireClientOrderId,
  side: "Buy",
  execId: `${n}`,
  execType: "Trade",
  execPrice: "50000",
  execQty: "0.001",
  execFee: "0.000001",
  feeCurrency: "BTC",
  execTime: `${atMs}`,
  isMaker: true,
});
const bybitResult = (result: unknown): WireAnswer => ({
  body: { retCode: 0, retMsg: "OK", result, time: Date.now() },
});

const bybit: StreamScript = {
  path: "/v5/private",
  answer: ({ op, req_id }, isRefused) => {
    if (op !== "auth" && op !== "subscribe") return [];
    const isGranted = op === "subscribe" || !isRefused;
    return [
      { success: isGranted, ret_msg: isGranted ? "" : "Params Error", op, conn_id: "cejreaspqfh3sjdnldmg-p", req_id },
    ];
  },
  pongTo: (text) => (text === '{"op":"ping"}' ? JSON.stringify({ op: "pong", args: ["1675418560633"] }) : undefined),
  // An execution and the order's state are messages of their own, in no order.
  told: (fill) => [
    { message: { topic: "execution.spot", id: "386825804", creationTime: fill.atMs, data: [bybitFill(fill)] } },
    {
      message: {
        topic: "order.spot",
        id: "5923240c6880ab",
        creationTime: fill.atMs,
        data: [
          {
            category: "spot",
            symbol: "BTCUSDT",
            orderId,
            orderLinkId: wireClientOrderId,
            side: "Buy",
            orderStatus: "PartiallyFilled",
            qty: "1",
            price: "50000",
            cumExecQty: quantityOf(fill.n),
          },
        ],
      },
    },
  ],
  rest: (fills) => ({
    "GET /v5/order/realtime": () => bybitResult({ list: [], nextPageCursor: "" }),
    "GET /v5/account/wallet-balance": () => bybitResult({ list: [{ coin: [{ coin: "USDT", walletBalance: "100" }] }] }),
    "GET /v5/execution/list": () => bybitResult({ list: fills.map(bybitFill), nextPageCursor: "" }),
  }),
};

const krakenResult = (result: unknown): WireAnswer => ({ body: { error: [], result } });

const kraken: StreamScript = {
  path: "/v2",
  answer: ({ method, params }, isRefused) => {
    if (method !== "subscribe") return [];
    const { channel, token } = params as { channel: string; token: string };
    return [
      isRefused || token !== "a-token"
        ? { error: "EAuth:Invalid token", method, success: false }
        : { method, result: { channel }, success: true },
    ];
  },
  pongTo: (text) => (text === '{"method":"ping"}' ? JSON.stringify({ method: "pong" }) : undefined),
  // Only its first report says all of an order.
  told: ({ n, atMs }) => [
    ...(n === 1
      ? [
          {
            counted: { lane: "executions", as: "sequence" },
            message: {
              channel: "executions",
              type: "update",
              data: [
                {
                  exec_type: "new",
                  order_id: orderId,
                  cl_ord_id: wireClientOrderId,
                  symbol: "BTC/USD",
                  side: "buy",
                  order_qty: 1,
                  limit_price: 50_000,
                  order_status: "new",
                  cum_qty: 0,
                  timestamp: new Date(atMs - 5).toISOString(),
                },
              ],
            },
          },
        ]
      : []),
    {
      counted: { lane: "executions", as: "sequence" },
      message: {
        channel: "executions",
        type: "update",
        data: [
          {
            exec_type: "trade",
            exec_id: `T-${n}`,
            trade_id: n,
            order_id: orderId,
            symbol: "BTC/USD",
            side: "buy",
            last_qty: 0.001,
            last_price: 50_000,
            liquidity_ind: "m",
            order_status: "partially_filled",
            cum_qty: Number(quantityOf(n)),
            fees: [{ asset: "USD", qty: 0.05 }],
            // Microseconds here, ten-thousandths of a second in the lists: the millisecond may differ.
            timestamp: new Date(atMs - 1).toISOString().replace("Z", "960Z"),
          },
        ],
      },
    },
  ],
  rest: (fills) => ({
    "POST /0/private/GetWebSocketsToken": () => krakenResult({ token: "a-token", expires: 900 }),
    "POST /0/private/OpenOrders": () => krakenResult({ open: {} }),
    "POST /0/private/Balance": () => krakenResult({ ZUSD: "100" }),
    "POST /0/private/TradesHistory": () =>
      krakenResult({
        count: fills.length,
        trades: Object.fromEntries(
          fills.map(({ n, atMs }) => [
            `T-${n}`,
            {
              ordertxid: orderId,
              pair: "XXBTZUSD",
              time: atMs / 1_000,
              type: "buy",
              price: "50000.0",
              vol: "0.00100000",
              fee: "0.05",
              maker: true,
            },
          ]),
        ),
      }),
  }),
};

const coinbase: StreamScript = {
  path: "/",
  answer: ({ type, channel, jwt }, isRefused) => {
    if (type !== "subscribe") return [];
    const isSigned = typeof jwt === "string" && jwt.split(".").length === 3;
    return [
      isRefused || !isSigned
        ? { type: "error", message: "authentication failure" }
        : { channel: "subscriptions", events: [{ subscriptions: { [channel as string]: [] } }] },
    ];
  },
  pongTo: () => undefined,
  told: ({ n }) => [
    {
      counted: { lane: "", as: "sequence_num" },
      message: {
        channel: "user",
        events: [
          {
            type: "update",
            orders: [
              {
                order_id: orderId,
                client_order_id: wireClientOrderId,
                product_id: "BTC-USD",
                order_side: "BUY",
                status: "OPEN",
                cumulative_quantity: quantityOf(n),
                leaves_quantity: `0.${1_000 - n}`,
                limit_price: "50000",
                avg_price: "50000",
              },
            ],
          },
        ],
      },
    },
  ],
  rest: (fills) => ({
    "GET /api/v3/brokerage/orders/historical/batch": () => ({ body: { orders: [], has_next: false, cursor: "" } }),
    "GET /api/v3/brokerage/accounts": () => ({
      body: {
        accounts: [{ currency: "USD", available_balance: { value: "100" }, hold: { value: "0" } }],
        has_next: false,
      },
    }),
    "GET /api/v3/brokerage/orders/historical/fills": () => ({
      body: {
        cursor: "",
        fills: fills.map(({ n, atMs }) => ({
          trade_id: `T-${n}`,
          order_id: orderId,
          product_id: "BTC-USD",
          side: "BUY",
          price: "50000",
          size: "0.001",
          commission: "0.05",
          liquidity_indicator: "MAKER",
          size_in_quote: false,
          trade_time: new Date(atMs).toISOString(),
        })),
      },
    }),
  }),
};

/** By ccxt's id. */
export const streamScripts: Readonly<Record<Exclude<ExchangeId, "binance" | "binanceusdm">, StreamScript>> = {
  okx,
  bybit,
  kraken,
  coinbase,
};
