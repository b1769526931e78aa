/**
 * Binance spot's card, REST: each case is a request as the venue's document `rest-api.md` writes it and the answer that it
 * gives there (filters from `filters.md`, codes from `errors.md`, as of 2026-07-21). A book made by hand, so that every
 * number is foretold: asks of one coin at 60,000 and 60,010, a bid of one at 59,990.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { form, send, sendSigned, signature, type Answer, type Credentials, type Parameters } from "./raw.ts";

const desk: Credentials = { apiKey: "desk-key", secret: "desk-secret" };
const market: Credentials = { apiKey: "market-key", secret: "market-secret" };
const ed25519 = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
let exchange: RunningExchange;
let last = 0;

beforeAll(async () => {
  const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;
  exchange = await startExchange({
    keys: [
      { key: desk.apiKey, secret: desk.secret as string, account: "desk" },
      { key: market.apiKey, secret: market.secret as string, account: "market" },
      { key: "ed-key", secret: pem(ed25519.publicKey), account: "desk" },
      { key: "rsa-key", secret: pem(rsa.publicKey), account: "desk" },
    ],
    flow: { isOff: true },
  });
  for (const [side, price] of [
    ["SELL", "60000"],
    ["SELL", "60010"],
    ["BUY", "59990"],
  ] as const) {
    await place({ side, price, quantity: "1" }, market);
  }
});

afterAll(() => exchange.close());

function asks(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return send(`${exchange.url}${path}`, { headers });
}

function signed(method: string, path: string, parameters: Parameters = {}, by = desk): Promise<Answer> {
  return sendSigned(exchange.url, by, { method, path, parameters });
}

/** A new order: a limit order of 0.01 far below the market unless `over` says otherwise; `""` leaves a parameter out. */
function place(over: Parameters = {}, by = desk): Promise<Answer> {
  last += 1;
  const all: Parameters = {
    symbol: "BTCUSDT",
    side: "BUY",
    type: "LIMIT",
    timeInForce: "GTC",
    quantity: "0.01",
    price: "50000",
    newClientOrderId: `card-${last}`,
    ...over,
  };
  return signed(
    "POST",
    "/api/v3/order",
    Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")),
    by,
  );
}

const refusal = (code: number, msg?: string): object => (msg === undefined ? { code } : { code, msg });
const decimal: unknown = expect.stringMatching(/^\d+\.\d{8}$/);
const number: unknown = expect.any(Number);
const text: unknown = expect.any(String);

describe("general", () => {
  test("1: ping is answered by an empty object, with the used weight of the minute", async () => {
    const { status, text: body, headers } = await asks("/api/v3/ping");
    expect([status, body, headers.get("content-type")]).toEqual([200, "{}", "application/json;charset=UTF-8"]);
    expect(Number(headers.get("x-mbx-used-weight-1m"))).toBeGreaterThan(0);
  });

  test("2: time", async () => {
    const { json } = await asks("/api/v3/time");
    expect(json).toEqual({ serverTime: number });
    expect(Math.abs((json as { serverTime: number }).serverTime - Date.now())).toBeLessThan(5_000);
  });

  test("3: X-MBX-TIME-UNIT gives microseconds, in any case; another unit is −1194", async () => {
    for (const unit of ["MICROSECOND", "microsecond"]) {
      const { json } = await asks("/api/v3/time", { "X-MBX-TIME-UNIT": unit });
      expect(`${(json as { serverTime: number }).serverTime}`).toHaveLength(16);
    }
    expect((await asks("/api/v3/time", { "X-MBX-TIME-UNIT": "HOUR" })).json).toEqual(
      refusal(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."),
    );
  });

  test("4: exchangeInfo of one, of several, of a permission, of a status; of all with no parameter", async () => {
    const symbols = async (query: string): Promise<unknown> => {
      const { json } = await asks(`/api/v3/exchangeInfo${query}`);
      return (json as { symbols: { symbol: string }[] }).symbols.map((one) => one.symbol);
    };
    const all = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    expect(await symbols("")).toEqual(all);
    expect(await symbols("?symbol=ETHUSDT")).toEqual(["ETHUSDT"]);
    expect(await symbols('?symbols=["BTCUSDT","SOLUSDT"]')).toEqual(["BTCUSDT", "SOLUSDT"]);
    expect(await symbols("?symbols=%5B%22BTCUSDT%22%5D")).toEqual(["BTCUSDT"]);
    expect(await symbols("?permissions=SPOT")).toEqual(all);
    expect(await symbols('?permissions=["MARGIN","LEVERAGED"]')).toEqual([]);
    expect(await symbols("?symbolStatus=TRADING")).toEqual(all);
    expect(await symbols("?symbolStatus=HALT")).toEqual([]);
    const { json } = await asks("/api/v3/exchangeInfo?symbol=BTCUSDT&showPermissionSets=false");
    expect(json).toMatchObject({ timezone: "UTC", exchangeFilters: [], symbols: [{ permissionSets: [] }] });
  });

  test("5: exchangeInfo names each filter once, with the documented fields", async () => {
    const { json } = await asks("/api/v3/exchangeInfo?symbol=BTCUSDT");
    const { filters } = (json as { symbols: { filters: object[] }[] }).symbols[0] ?? { filters: [] };
    expect(filters).toEqual([
      { filterType: "PRICE_FILTER", minPrice: decimal, maxPrice: decimal, tickSize: "0.01000000" },
      { filterType: "LOT_SIZE", minQty: "0.00001000", maxQty: decimal, stepSize: "0.00001000" },
      { filterType: "MARKET_LOT_SIZE", minQty: decimal, maxQty: decimal, stepSize: decimal },
      {
        filterType: "PERCENT_PRICE_BY_SIDE",
        bidMultiplierUp: "5",
        bidMultiplierDown: "0.2",
        askMultiplierUp: "5",
        askMultiplierDown: "0.2",
        avgPriceMins: 0,
      },
      {
        filterType: "NOTIONAL",
        minNotional: "5.00000000",
        applyMinToMarket: true,
        maxNotional: decimal,
        applyMaxToMarket: false,
        avgPriceMins: 0,
      },
      { filterType: "ICEBERG_PARTS", limit: 10 },
      { filterType: "MAX_NUM_ORDERS", maxNumOrders: number },
      { filterType: "MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: 5 },
      { filterType: "MAX_NUM_ICEBERG_ORDERS", maxNumIcebergOrders: 10 },
    ]);
  });

  test.each([
    ["/api/v3/exchangeInfo?symbol=NONE", -1121],
    ['/api/v3/exchangeInfo?symbol=BTCUSDT&symbols=["BTCUSDT"]', -1128],
    ['/api/v3/exchangeInfo?symbols=["BTCUSDT","BTCUSDT"]', -1151],
    ["/api/v3/exchangeInfo?symbol=BTCUSDT&permissions=SPOT", -1128],
    ["/api/v3/exchangeInfo?symbolStatus=ASLEEP", -1122],
    ["/api/v3/depth", -1102],
    ["/api/v3/depth?symbol=", -1102],
    ["/api/v3/depth?symbol=BTCUSDT&limit=x", -1100],
    ["/api/v3/depth?symbol=BTCUSDT&symbolStatus=HALT", -1220],
    ["/api/v3/depth?symbol=BTCUSDT&other=1", -1104],
    ["/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT", -1101],
    ["/api/v3/klines?symbol=BTCUSDT&interval=7m", -1120],
    ["/api/v3/klines?symbol=BTCUSDT", -1102],
    ['/api/v3/ticker/24hr?symbol=BTCUSDT&symbols=["ETHUSDT"]', -1128],
    ["/api/v3/ticker/24hr?symbol=BTCUSDT&type=HUGE", -1139],
    ["/api/v3/ticker", -1102],
    ["/api/v3/ticker?symbol=BTCUSDT&windowSize=60m", -1130],
    ["/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone=15", -1130],
  ])("6: %s is answered with %i", async (path, code) => {
    const { status, json } = await asks(path);
    expect([status, json]).toEqual([400, { code, msg: text }]);
  });
});

describe("market data", () => {
  test("7: depth, best levels first, as many as asked for", async () => {
    expect((await asks("/api/v3/depth?symbol=BTCUSDT&limit=1")).json).toEqual({
      lastUpdateId: number,
      bids: [["59990.00000000", "1.00000000"]],
      asks: [["60000.00000000", "1.00000000"]],
    });
    expect((await asks("/api/v3/depth?symbol=BTCUSDT&limit=9999")).status).toBe(200);
  });

  test("8: trades, old trades and aggregate trades", async () => {
    await place({ side: "SELL", price: "60005", quantity: "0.02" }, market);
    await place({ price: "60005", quantity: "0.3" });
    await place({ side: "SELL", price: "60000", quantity: "0.28" }, market);
    const row = {
      id: 1,
      price: "60000.00000000",
      qty: "0.30000000",
      quoteQty: "18000.00000000",
      time: number,
      isBuyerMaker: false,
      isBestMatch: true,
    };
    expect((await asks("/api/v3/trades?symbol=BTCUSDT&limit=1")).json).toEqual([row]);
    expect((await asks("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1&limit=1")).json).toEqual([row]);
    const aggregate = { a: 1, p: row.price, q: row.qty, f: 1, l: 1, T: number, m: false, M: true };
    expect((await asks("/api/v3/aggTrades?symbol=BTCUSDT")).json).toEqual([aggregate]);
    const since = Date.now() - 60_000;
    for (const from of [since, since * 1_000]) {
      expect((await asks(`/api/v3/aggTrades?symbol=BTCUSDT&startTime=${from}`)).json).toEqual([aggregate]);
    }
    expect((await asks(`/api/v3/aggTrades?symbol=BTCUSDT&endTime=${since}`)).json).toEqual([]);
  });

  test("9: klines and uiKlines", async () => {
    for (const path of ["klines", "uiKlines"]) {
      const { json } = await asks(`/api/v3/${path}?symbol=BTCUSDT&interval=1d&timeZone=0`);
      const [open, at] = ["60000.00000000", number];
      expect(json).toEqual([
        [at, open, open, open, open, "0.30000000", at, "18000.00000000", 1, "0.30000000", "18000.00000000", "0"],
      ]);
    }
    const { json } = await asks("/api/v3/klines?symbol=BTCUSDT&interval=1m", { "X-MBX-TIME-UNIT": "MICROSECOND" });
    const [row] = json as [(string | number)[]];
    expect([`${row[0]}`.length, `${row[6]}`.length]).toEqual([16, 16]);
  });

  test("10: the average price, with the time of the last trade", async () => {
    const { json } = await asks("/api/v3/avgPrice?symbol=BTCUSDT");
    expect(json).toEqual({ mins: 5, price: "60000.00000000", closeTime: number });
  });

  test("11: the ticker of 24 hours, whole and MINI, of one, of some and of all", async () => {
    const day = {
      symbol: "BTCUSDT",
      openPrice: "60000.00000000",
      highPrice: "60000.00000000",
      lowPrice: "60000.00000000",
      lastPrice: "60000.00000000",
      volume: "0.30000000",
      quoteVolume: "18000.00000000",
      openTime: number,
      closeTime: number,
      firstId: 1,
      lastId: 1,
      count: 1,
    };
    const whole = {
      ...day,
      priceChange: "0.00000000",
      priceChangePercent: "0.000",
      weightedAvgPrice: "60000.00000000",
      prevClosePrice: decimal,
      lastQty: "0.30000000",
      bidPrice: "59990.00000000",
      bidQty: "1.00000000",
      askPrice: "60000.00000000",
      askQty: decimal,
    };
    expect((await asks("/api/v3/ticker/24hr?symbol=BTCUSDT")).json).toEqual(whole);
    expect((await asks("/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI")).json).toEqual(day);
    const { json, headers } = await asks('/api/v3/ticker/24hr?symbols=["BTCUSDT","SOLUSDT"]');
    expect(json).toMatchObject([{ symbol: "BTCUSDT" }, { symbol: "SOLUSDT" }]);
    expect(headers.get("x-mbx-used-weight-1m")).not.toBeNull();
    expect((await asks("/api/v3/ticker/24hr")).json).toHaveLength(3);
  });

  test("12: tickers of the trading day and of a window that opens on a minute", async () => {
    const fields = {
      symbol: "BTCUSDT",
      priceChange: "0.00000000",
      priceChangePercent: "0.000",
      weightedAvgPrice: "60000.00000000",
      openPrice: "60000.00000000",
      highPrice: "60000.00000000",
      lowPrice: "60000.00000000",
      lastPrice: "60000.00000000",
      volume: "0.30000000",
      quoteVolume: "18000.00000000",
      openTime: number,
      closeTime: number,
      firstId: 1,
      lastId: 1,
      count: 1,
    };
    const window = (await asks("/api/v3/ticker?symbol=BTCUSDT&windowSize=1h")).json as typeof fields & {
      openTime: number;
    };
    expect(window).toEqual(fields);
    expect(window.openTime % 60_000).toBe(0);
    const day = (await asks("/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone=05:45")).json as { openTime: number };
    expect(day).toEqual(fields);
    expect((day.openTime + (5 * 60 + 45) * 60_000) % 86_400_000).toBe(0);
  });

  test("13: the last price and the best prices", async () => {
    expect((await asks("/api/v3/ticker/price?symbol=BTCUSDT")).json).toEqual({
      symbol: "BTCUSDT",
      price: "60000.00000000",
    });
    expect((await asks("/api/v3/ticker/bookTicker?symbol=BTCUSDT")).json).toEqual({
      symbol: "BTCUSDT",
      bidPrice: "59990.00000000",
      bidQty: "1.00000000",
      askPrice: "60000.00000000",
      askQty: decimal,
    });
    expect((await asks('/api/v3/ticker/price?symbols=["BTCUSDT"]')).json).toHaveLength(1);
  });
});

describe("request security", () => {
  const order = (): Parameters => ({
    symbol: "BTCUSDT",
    side: "BUY",
    type: "LIMIT",
    timeInForce: "GTC",
    quantity: "0.01",
    price: "40000",
    timestamp: Date.now(),
    recvWindow: "5000",
  });
  const path = "/api/v3/order/test";

  test("14: query, form body, or both mixed: the signature covers query and body joined", async () => {
    const headers = { "X-MBX-APIKEY": desk.apiKey };
    const all = form(order());
    const half = all.indexOf("&quantity");
    const parts: readonly (readonly [string, string])[] = [
      [all, ""],
      ["", all],
      [all.slice(0, half), all.slice(half + 1)],
    ];
    for (const [query, body] of parts) {
      const proof = `signature=${signature(desk, query + body)}`;
      const sent = await send(`${exchange.url}${path}?${query}${body === "" ? `&${proof}` : ""}`, {
        method: "POST",
        headers,
        body: body === "" ? "" : `${body}&${proof}`,
      });
      expect([sent.status, sent.text]).toEqual([200, "{}"]);
    }
  });

  test("15: an HMAC signature may be in capitals", async () => {
    const all = form(order());
    const sent = await send(`${exchange.url}${path}?${all}&signature=${signature(desk, all).toUpperCase()}`, {
      method: "POST",
      headers: { "X-MBX-APIKEY": desk.apiKey },
    });
    expect(sent.text).toBe("{}");
  });

  test.each([
    ["ed-key", ed25519.privateKey],
    ["rsa-key", rsa.privateKey],
  ])("16: %s signs in base64, and one letter in another case is −1022", async (apiKey, secret) => {
    const by = { apiKey, secret };
    expect((await signed("POST", path, order(), by)).text).toBe("{}");
    const all = form(order());
    const proof = signature(by, all);
    const at = proof.search(/[a-z]/);
    const wrong = proof.slice(0, at) + (proof[at] ?? "").toUpperCase() + proof.slice(at + 1);
    const sent = await send(`${exchange.url}${path}?${all}&signature=${encodeURIComponent(wrong)}`, {
      method: "POST",
      headers: { "X-MBX-APIKEY": apiKey },
    });
    expect(sent.json).toEqual(refusal(-1022, "Signature for this request is not valid."));
  });

  test("17: a timestamp in microseconds and a window of fractions are understood", async () => {
    const precise = { ...order(), timestamp: Date.now() * 1_000, recvWindow: "5000.346" };
    expect((await signed("POST", path, precise)).text).toBe("{}");
  });

  test.each([
    [{ timestamp: Date.now() - 60_000 }, -1021, "Timestamp for this request is outside of the recvWindow."],
    [{ timestamp: Date.now() + 600_000 }, -1021, "Timestamp for this request was 1000ms ahead of the server's time."],
    [{ timestamp: "soon" }, -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."],
    [{ recvWindow: "60001" }, -1131, "recvWindow must be less than 60000."],
    [{ side: "HOLD" }, -1117, "Invalid side."],
    [{ type: "HOPE" }, -1116, "Invalid orderType."],
    [{ timeInForce: "EVER" }, -1115, "Invalid timeInForce."],
    [{ newOrderRespType: "NONE" }, -1130, "Data sent for parameter 'newOrderRespType' is not valid."],
    [{ quantity: "0.123456789" }, -1111, "Parameter 'quantity' has too much precision."],
    [
      { quantity: "1e3" },
      -1100,
      "Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.",
    ],
    [
      { newClientOrderId: "no spaces" },
      -1100,
      "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_.:/]{1,36}$'.",
    ],
    [{ stopPrice: "1" }, -1106, "Parameter 'stopPrice' sent when not required."],
    [{ quoteOrderQty: "1" }, -1106, "Parameter 'quoteOrderQty' sent when not required."],
    [{ strategyType: "999999" }, -1134, "`strategyType` was less than 1000000."],
    [{ icebergQty: "1" }, -1013, "IcebergQty exceeds QTY."],
    [{ icebergQty: "0.001", timeInForce: "IOC" }, -1013, "Unsupported order combination"],
    [{ trailingDelta: "100" }, -2010, "Trailing stop orders are not supported for this symbol."],
    [{ pegPriceType: "PRIMARY_PEG" }, -2010, "Pegged orders are not supported for this symbol."],
    [{ unknown: "1" }, -1104, "Not all sent parameters were read; read '9' parameter(s) but was sent '10'."],
    [{ price: "40000.001" }, -1013, "Filter failure: PRICE_FILTER"],
    [{ price: "1000" }, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"],
    [{ quantity: "0.000001" }, -1013, "Filter failure: LOT_SIZE"],
    [{ quantity: "0.0001" }, -1013, "Filter failure: NOTIONAL"],
    [{ icebergQty: "0.0005" }, -1013, "Filter failure: ICEBERG_PARTS"],
  ] as [Parameters, number, string][])("18: %j is answered with %i", async (over, code, msg) => {
    expect((await signed("POST", path, { ...order(), ...over })).json).toEqual(refusal(code, msg));
  });

  test.each([
    ["LIMIT", "timeInForce", -1102],
    ["LIMIT", "price", -1102],
    ["LIMIT", "quantity", -1102],
    ["LIMIT_MAKER", "price", -1102],
    ["STOP_LOSS", "stopPrice", -1102],
    ["TAKE_PROFIT_LIMIT", "timeInForce", -1102],
    ["STOP_LOSS_LIMIT", "price", -1102],
    ["MARKET", "quantity", -1102],
  ])("19: %s without %s is %i", async (type, missing, code) => {
    const needs: Readonly<Record<string, readonly string[]>> = {
      LIMIT: ["timeInForce", "quantity", "price"],
      MARKET: ["quantity"],
      LIMIT_MAKER: ["quantity", "price"],
      STOP_LOSS: ["quantity", "stopPrice"],
      STOP_LOSS_LIMIT: ["timeInForce", "quantity", "price", "stopPrice"],
      TAKE_PROFIT_LIMIT: ["timeInForce", "quantity", "price", "stopPrice"],
    };
    const values: Parameters = { ...order(), stopPrice: "61000", type };
    const sent = ["symbol", "side", "type", "timestamp", ...(needs[type] ?? [])].filter((name) => name !== missing);
    const { json } = await signed("POST", path, Object.fromEntries(sent.map((name) => [name, values[name] ?? ""])));
    expect(json).toEqual({ code, msg: text });
  });

  test("20: no key, no such key, no signature", async () => {
    const all = form(order());
    const post = (query: string, headers: Record<string, string>): Promise<Answer> =>
      send(`${exchange.url}${path}?${query}`, { method: "POST", headers });
    expect(await post(all, {})).toMatchObject({ status: 401, json: { code: -2014, msg: "API-key format invalid." } });
    expect(await post(`${all}&signature=00`, { "X-MBX-APIKEY": "stranger" })).toMatchObject({
      status: 401,
      json: { code: -2015, msg: "Invalid API-key, IP, or permissions for action." },
    });
    expect((await post(all, { "X-MBX-APIKEY": desk.apiKey })).json).toMatchObject({ code: -1102 });
  });

  test("21: a tested order may ask for its commission", async () => {
    const { json } = await signed("POST", path, { ...order(), computeCommissionRates: true });
    const rates = (rate: string): object => ({ maker: rate, taker: rate });
    expect(json).toEqual({
      standardCommissionForOrder: rates("0.00100000"),
      specialCommissionForOrder: rates("0.00000000"),
      taxCommissionForOrder: rates("0.00000000"),
      discount: { enabledForAccount: false, enabledForSymbol: false, discountAsset: "BNB", discount: "0.00000000" },
    });
  });
});

describe("orders", () => {
  test("22: ACK, RESULT and FULL; LIMIT and MARKET are FULL by themselves, others ACK", async () => {
    const ack = {
      symbol: "BTCUSDT",
      orderId: number,
      orderListId: -1,
      clientOrderId: text,
      transactTime: number,
    };
    const result = {
      ...ack,
      price: "50000.00000000",
      origQty: "0.01000000",
      executedQty: "0.00000000",
      origQuoteOrderQty: "0.00000000",
      cummulativeQuoteQty: "0.00000000",
      status: "NEW",
      timeInForce: "GTC",
      type: "LIMIT",
      side: "BUY",
      workingTime: number,
      selfTradePreventionMode: "EXPIRE_TAKER",
    };
    expect((await place({ newOrderRespType: "ACK" })).json).toEqual(ack);
    expect((await place({ newOrderRespType: "RESULT" })).json).toEqual(result);
    expect((await place()).json).toEqual({ ...result, fills: [] });
    expect((await place({ type: "LIMIT_MAKER", timeInForce: "" })).json).toEqual(ack);
    const headers = (await place()).headers;
    expect(
      [headers.get("x-mbx-order-count-10s"), headers.get("x-mbx-order-count-1d")].every((one) => Number(one) > 0),
    ).toBe(true);
  });

  test("23: a market order by quantity tells each fill, with its commission in what was received", async () => {
    const { json } = await place({ type: "MARKET", timeInForce: "", price: "", quantity: "0.1" });
    expect(json).toMatchObject({
      status: "FILLED",
      type: "MARKET",
      price: "0.00000000",
      executedQty: "0.10000000",
      cummulativeQuoteQty: "6000.00000000",
      fills: [
        {
          price: "60000.00000000",
          qty: "0.10000000",
          commission: "0.00010000",
          commissionAsset: "BTC",
          tradeId: number,
        },
      ],
    });
  });

  test("24: a market order by quote quantity buys as much as that pays, in whole steps", async () => {
    const { json } = await place({ type: "MARKET", timeInForce: "", price: "", quantity: "", quoteOrderQty: "6001" });
    expect(json).toMatchObject({
      status: "FILLED",
      origQuoteOrderQty: "6001.00000000",
      executedQty: "0.10001000",
      cummulativeQuoteQty: "6000.60000000",
    });
  });

  test("25: what IOC and FOK do not fill expires, with the reason", async () => {
    expect((await place({ timeInForce: "IOC", price: "59995" })).json).toMatchObject({
      status: "EXPIRED",
      expiryReason: "UNFILLED_IOC_QUANTITY_EXPIRED",
    });
    expect((await place({ timeInForce: "FOK", price: "60000", quantity: "50" })).json).toMatchObject({
      status: "EXPIRED",
      executedQty: "0.00000000",
      expiryReason: "UNFILLED_FOK_ORDER_EXPIRED",
    });
  });

  test("26: a post-only order that would take, and an id that an open order has", async () => {
    expect((await place({ type: "LIMIT_MAKER", timeInForce: "", price: "60000" })).json).toEqual(
      refusal(-2010, "Order would immediately match and take."),
    );
    await place({ newClientOrderId: "twice" });
    expect((await place({ newClientOrderId: "twice" })).json).toEqual(refusal(-2010, "Duplicate order sent."));
  });

  test("27: more than the account has", async () => {
    const whole = { symbol: "SOLUSDT", side: "SELL", price: "700", quantity: "9000" };
    for (let count = 0; count < 111; count += 1) expect((await place(whole)).status).toBe(200);
    expect((await place(whole)).json).toEqual(refusal(-2010, "Account has insufficient balance for requested action."));
    await signed("DELETE", "/api/v3/openOrders", { symbol: "SOLUSDT" });
  });

  test("28: query and cancel by either id, or by both when they belong together", async () => {
    const placed = (await place({ newClientOrderId: "find-me", strategyId: "37", strategyType: "1000001" })).json as {
      orderId: number;
    };
    const query = (by: Parameters): Promise<Answer> => signed("GET", "/api/v3/order", { symbol: "BTCUSDT", ...by });
    const order = {
      symbol: "BTCUSDT",
      orderId: placed.orderId,
      orderListId: -1,
      clientOrderId: "find-me",
      price: "50000.00000000",
      origQty: "0.01000000",
      executedQty: "0.00000000",
      cummulativeQuoteQty: "0.00000000",
      status: "NEW",
      timeInForce: "GTC",
      type: "LIMIT",
      side: "BUY",
      stopPrice: "0.00000000",
      icebergQty: "0.00000000",
      time: number,
      updateTime: number,
      isWorking: true,
      workingTime: number,
      origQuoteOrderQty: "0.00000000",
      selfTradePreventionMode: "EXPIRE_TAKER",
      strategyId: 37,
      strategyType: 1_000_001,
    };
    expect((await query({ orderId: placed.orderId })).json).toEqual(order);
    expect((await query({ origClientOrderId: "find-me" })).json).toEqual(order);
    expect((await query({ orderId: placed.orderId, origClientOrderId: "twice" })).json).toEqual(
      refusal(-2039, "Client order ID is not correct for this order ID."),
    );
    expect((await query({})).json).toEqual(
      refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"),
    );
    expect((await query({ orderId: 999_999 })).json).toEqual(refusal(-2013, "Order does not exist."));
    const cancel = (by: Parameters): Promise<Answer> => signed("DELETE", "/api/v3/order", { symbol: "BTCUSDT", ...by });
    const restricted = await cancel({ origClientOrderId: "find-me", cancelRestrictions: "ONLY_PARTIALLY_FILLED" });
    expect(restricted.json).toEqual(refusal(-2011, "Order was not canceled due to cancel restrictions."));
    expect((await cancel({ orderId: placed.orderId, cancelRestrictions: "NEVER" })).json).toEqual(
      refusal(-1145, "Invalid cancelRestrictions"),
    );
    const cancelled = await cancel({ orderId: placed.orderId, newClientOrderId: "the-cancel" });
    expect(cancelled.json).toEqual({
      symbol: "BTCUSDT",
      origClientOrderId: "find-me",
      orderId: placed.orderId,
      orderListId: -1,
      clientOrderId: "the-cancel",
      transactTime: number,
      price: "50000.00000000",
      origQty: "0.01000000",
      executedQty: "0.00000000",
      origQuoteOrderQty: "0.00000000",
      cummulativeQuoteQty: "0.00000000",
      status: "CANCELED",
      timeInForce: "GTC",
      type: "LIMIT",
      side: "BUY",
      selfTradePreventionMode: "EXPIRE_TAKER",
      strategyId: 37,
      strategyType: 1_000_001,
    });
    expect((await cancel({ orderId: placed.orderId })).json).toEqual(refusal(-2011, "Unknown order sent."));
  });

  test("29: cancel all of a symbol tells each; none open is −2011", async () => {
    await place({ symbol: "ETHUSDT", price: "2000", quantity: "0.1" });
    await place({ symbol: "ETHUSDT", price: "2001", quantity: "0.1" });
    const all = (): Promise<Answer> => signed("DELETE", "/api/v3/openOrders", { symbol: "ETHUSDT" });
    expect((await all()).json).toMatchObject([
      { status: "CANCELED", price: "2000.00000000" },
      { status: "CANCELED", price: "2001.00000000" },
    ]);
    expect((await all()).json).toEqual(refusal(-2011, "Unknown order sent."));
  });

  test("30: cancel and replace: whole, in part with 409, not at all with 400", async () => {
    const placed = (await place()).json as { orderId: number };
    const replace = (over: Parameters): Promise<Answer> =>
      signed("POST", "/api/v3/order/cancelReplace", {
        symbol: "BTCUSDT",
        side: "BUY",
        type: "LIMIT",
        timeInForce: "GTC",
        quantity: "0.01",
        price: "50001",
        cancelReplaceMode: "STOP_ON_FAILURE",
        ...over,
      });
    expect((await replace({ cancelOrderId: placed.orderId })).json).toMatchObject({
      cancelResult: "SUCCESS",
      newOrderResult: "SUCCESS",
      cancelResponse: { status: "CANCELED", orderId: placed.orderId },
      newOrderResponse: { status: "NEW", price: "50001.00000000" },
    });
    expect(await replace({ cancelOrderId: placed.orderId })).toMatchObject({
      status: 400,
      json: {
        code: -2022,
        msg: "Order cancel-replace failed.",
        data: { cancelResult: "FAILURE", newOrderResult: "NOT_ATTEMPTED", newOrderResponse: null },
      },
    });
    expect(await replace({ cancelOrderId: placed.orderId, cancelReplaceMode: "ALLOW_FAILURE" })).toMatchObject({
      status: 409,
      json: { code: -2021, data: { cancelResult: "FAILURE", newOrderResult: "SUCCESS" } },
    });
  });

  test("31: open orders of a symbol and of all; all orders from an id on", async () => {
    const open = (await signed("GET", "/api/v3/openOrders", { symbol: "BTCUSDT" })).json as { orderId: number }[];
    expect(open.length).toBeGreaterThan(0);
    expect((await signed("GET", "/api/v3/openOrders")).json).toEqual(open);
    const all = (await signed("GET", "/api/v3/allOrders", { symbol: "BTCUSDT" })).json as { orderId: number }[];
    expect(all.length).toBeGreaterThan(open.length);
    const third = all[2]?.orderId ?? 0;
    const from = await signed("GET", "/api/v3/allOrders", { symbol: "BTCUSDT", orderId: third, limit: 2 });
    expect(from.json).toEqual(all.slice(2, 4));
    const apart = { symbol: "BTCUSDT", startTime: 1, endTime: 90_000_000 };
    expect((await signed("GET", "/api/v3/allOrders", apart)).json).toMatchObject({ code: -1127 });
  });
});

describe("conditional orders and icebergs", () => {
  /** Trades a little at `price`, so that it is the last price. */
  async function print(price: string): Promise<void> {
    await place({ symbol: "SOLUSDT", side: "SELL", price, quantity: "0.5" }, market);
    await place({ symbol: "SOLUSDT", side: "BUY", price, quantity: "0.5", selfTradePreventionMode: "NONE" }, market);
  }
  const sol = { symbol: "SOLUSDT", quantity: "1" };
  const statusOf = async (clientOrderId: string): Promise<unknown> =>
    (await signed("GET", "/api/v3/order", { symbol: "SOLUSDT", origClientOrderId: clientOrderId })).json;

  test("32: a stop waits off the book, and works when the last price has reached it", async () => {
    await print("150");
    const stop = { ...sol, newClientOrderId: "stop", type: "STOP_LOSS_LIMIT", stopPrice: "155", price: "154" };
    expect((await place(stop)).json).toEqual({
      symbol: "SOLUSDT",
      orderId: number,
      orderListId: -1,
      clientOrderId: "stop",
      transactTime: number,
    });
    expect(await statusOf("stop")).toMatchObject({
      status: "NEW",
      stopPrice: "155.00000000",
      isWorking: false,
      workingTime: -1,
    });
    expect((await asks("/api/v3/depth?symbol=SOLUSDT")).json).toMatchObject({ bids: [] });
    await print("155");
    expect(await statusOf("stop")).toMatchObject({ status: "NEW", isWorking: true, workingTime: number });
    expect((await asks("/api/v3/depth?symbol=SOLUSDT")).json).toMatchObject({ bids: [["154.00000000", "1.00000000"]] });
    await signed("DELETE", "/api/v3/order", { symbol: "SOLUSDT", origClientOrderId: "stop" });
  });

  test("33: the market versions take what is there", async () => {
    await print("150");
    await place({ symbol: "SOLUSDT", side: "BUY", price: "139", quantity: "3" }, market);
    const sell = { ...sol, side: "SELL", timeInForce: "", price: "" };
    await place({ ...sell, newClientOrderId: "sl", type: "STOP_LOSS", stopPrice: "140" });
    await place({ ...sell, newClientOrderId: "tp", type: "TAKE_PROFIT", stopPrice: "160" });
    await print("140");
    expect(await statusOf("sl")).toMatchObject({ status: "FILLED", cummulativeQuoteQty: "139.00000000" });
    expect(await statusOf("tp")).toMatchObject({ status: "NEW", isWorking: false });
    await print("160");
    expect(await statusOf("tp")).toMatchObject({ status: "FILLED" });
  });

  test("34: one that would trigger at once is refused, one too many as well, and a waiting one can be cancelled", async () => {
    await print("150");
    const buy = { ...sol, type: "STOP_LOSS_LIMIT", price: "200" };
    expect((await place({ ...buy, stopPrice: "149" })).json).toEqual(
      refusal(-2010, "Order would trigger immediately."),
    );
    for (let count = 0; count < 5; count += 1) expect((await place({ ...buy, stopPrice: "190" })).status).toBe(200);
    expect((await place({ ...buy, stopPrice: "190" })).json).toEqual(
      refusal(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    );
    const { json } = await signed("DELETE", "/api/v3/openOrders", { symbol: "SOLUSDT" });
    expect(json).toHaveLength(5);
    for (const one of json as object[]) expect(one).toMatchObject({ status: "CANCELED", stopPrice: "190.00000000" });
  });

  test("35: an iceberg shows one part at a time, the next one behind the others, and trades whole", async () => {
    const iceberg = { ...sol, side: "SELL", price: "170", quantity: "5", icebergQty: "1" };
    expect((await place({ ...iceberg, newClientOrderId: "ice" })).json).toMatchObject({ icebergQty: "1.00000000" });
    await place({ symbol: "SOLUSDT", side: "SELL", price: "170", quantity: "1" }, market);
    const ask = async (): Promise<unknown> =>
      ((await asks("/api/v3/depth?symbol=SOLUSDT")).json as { asks: unknown[] }).asks[0];
    expect(await ask()).toEqual(["170.00000000", "2.00000000"]);
    await place({ symbol: "SOLUSDT", price: "170", quantity: "1.5", selfTradePreventionMode: "NONE" }, market);
    expect(await statusOf("ice")).toMatchObject({ status: "PARTIALLY_FILLED", executedQty: "1.00000000" });
    expect(await ask()).toEqual(["170.00000000", "1.50000000"]);
    const fok = { symbol: "SOLUSDT", price: "170", quantity: "4", timeInForce: "FOK", selfTradePreventionMode: "NONE" };
    expect((await place(fok, market)).json).toMatchObject({ status: "FILLED" });
    await signed("DELETE", "/api/v3/order", { symbol: "SOLUSDT", origClientOrderId: "ice" });
    expect(await ask()).toBeUndefined();
  });
});

describe("the account", () => {
  test("36: balances, free and locked, and commissions", async () => {
    const { json } = await signed("GET", "/api/v3/account", { omitZeroBalances: true });
    expect(json).toMatchObject({
      makerCommission: 10,
      takerCommission: 10,
      commissionRates: { maker: "0.00100000", taker: "0.00100000", buyer: "0.00000000", seller: "0.00000000" },
      canTrade: true,
      accountType: "SPOT",
      permissions: ["SPOT"],
      uid: number,
    });
    expect((json as { balances: object[] }).balances).toContainEqual({ asset: "USDT", free: decimal, locked: decimal });
    const rates = { maker: "0.00100000", taker: "0.00100000", buyer: "0.00000000", seller: "0.00000000" };
    const none = { maker: "0.00000000", taker: "0.00000000", buyer: "0.00000000", seller: "0.00000000" };
    expect((await signed("GET", "/api/v3/account/commission", { symbol: "BTCUSDT" })).json).toEqual({
      symbol: "BTCUSDT",
      standardCommission: rates,
      specialCommission: none,
      taxCommission: none,
      discount: { enabledForAccount: false, enabledForSymbol: false, discountAsset: "BNB", discount: "0.00000000" },
    });
  });

  test("37: my trades, from an id on, and those of one order", async () => {
    const trades = (await signed("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" })).json as {
      id: number;
      orderId: number;
    }[];
    expect(trades[0]).toEqual({
      symbol: "BTCUSDT",
      id: 1,
      orderId: number,
      orderListId: -1,
      price: "60000.00000000",
      qty: "0.30000000",
      quoteQty: "18000.00000000",
      commission: "0.00030000",
      commissionAsset: "BTC",
      time: number,
      isBuyer: true,
      isMaker: false,
      isBestMatch: true,
    });
    const second = trades[1];
    expect((await signed("GET", "/api/v3/myTrades", { symbol: "BTCUSDT", fromId: second?.id ?? 0 })).json).toEqual(
      trades.slice(1),
    );
    const ofOrder = { symbol: "BTCUSDT", orderId: second?.orderId ?? 0 };
    expect((await signed("GET", "/api/v3/myTrades", ofOrder)).json).toEqual([second]);
    const both = { symbol: "BTCUSDT", fromId: 1, startTime: 1 };
    expect((await signed("GET", "/api/v3/myTrades", both)).json).toEqual(
      refusal(-1128, "Combination of optional parameters invalid."),
    );
  });

  test("38: the unfilled orders that count", async () => {
    expect((await signed("GET", "/api/v3/rateLimit/order")).json).toEqual([
      { rateLimitType: "ORDERS", interval: "SECOND", intervalNum: 10, limit: number, count: number },
      { rateLimitType: "ORDERS", interval: "DAY", intervalNum: 1, limit: number, count: number },
    ]);
  });

  test("39: a prevented match is told with the order that it ended, and again when asked for", async () => {
    await place({ symbol: "ETHUSDT", side: "SELL", price: "3100", quantity: "1" });
    const taking = { symbol: "ETHUSDT", price: "3100", quantity: "0.4" };
    const { json } = await place(taking);
    expect(json).toMatchObject({
      status: "EXPIRED_IN_MATCH",
      preventedMatchId: 0,
      preventedQuantity: "0.40000000",
      selfTradePreventionMode: "EXPIRE_TAKER",
    });
    const { orderId } = json as { orderId: number };
    expect((await signed("GET", "/api/v3/myPreventedMatches", { symbol: "ETHUSDT", orderId })).json).toEqual([
      {
        symbol: "ETHUSDT",
        preventedMatchId: 0,
        takerOrderId: orderId,
        makerSymbol: "ETHUSDT",
        makerOrderId: number,
        tradeGroupId: number,
        selfTradePreventionMode: "EXPIRE_TAKER",
        price: "3100.00000000",
        takerPreventedQuantity: "0.40000000",
        transactTime: number,
      },
    ]);
    const other = await place({ ...taking, selfTradePreventionMode: "EXPIRE_MAKER", timeInForce: "IOC" });
    expect(other.json).toMatchObject({ status: "EXPIRED", expiryReason: "UNFILLED_IOC_QUANTITY_EXPIRED" });
  });

  test("40: what this venue does not have is 404, never a wrong answer", async () => {
    for (const path of ["/api/v3/orderList/oco", "/api/v3/sor/order", "/api/v3/order/amend/keepPriority"]) {
      expect((await signed("POST", path)).status).toBe(404);
    }
  });
});
