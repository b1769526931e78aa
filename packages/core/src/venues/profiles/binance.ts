/**
 * Binance, spot and USDⓈ-M perpetuals. Sources: binance/binance-spot-api-docs (rest-api.md, errors.md, filters.md, state of
 * 2026-07-21) and developers.binance.com/docs/derivatives/usds-margined-futures (general info, error codes).
 */
import type { CodeTable, VenueProfile } from "../profile.ts";

/**
 * errors.md and the futures error codes. Not on the definite list, though 4xx can carry them: −1000 unknown, −1001
 * disconnected, −1006 unexpected response, −1007 timeout, −1008 overloaded, −1016 shutting down.
 */
const codes: CodeTable = {
  definite: [
    "-1002", // unauthorized
    "-1003", // too many requests
    "-1010", // message of the engine: refused
    "-1013", // a filter
    "-1014", // unknown order composition
    "-1015", // too many orders
    "-1020", // unsupported operation
    "-1021", // outside the signed window
    "-1022", // signature
    { from: -1199, to: -1100 }, // malformed requests
    "-2010", // new order rejected
    "-2011", // cancel rejected
    "-2014", // API key format
    "-2015", // API key, address or permission
    "-2016", // no trading window
  ],
  inDoubt: ["-1000", "-1001", "-1006", "-1007", "-1008", "-1016"],
  duplicate: [{ code: "-2010", message: "^duplicate order" }],
  notFound: ["-2013", "-2011"],
  throttled: ["-1003"],
  ordersExhausted: ["-1015"],
  clock: ["-1021"],
};

const maintenance =
  "announced by day; orders are refused meanwhile, streams close, and a switch that ran out fires at resume";

export const binance: VenueProfile = {
  exchange: "binance",
  title: "Binance spot",
  hasSandbox: true,
  needsPassphrase: false,
  market: "spot",
  hasReduceOnly: false,
  // rest-api.md, "New order": unique among open orders; accepted again once the first is filled or expired.
  clientOrderId: { field: "newClientOrderId", form: "1–36 of . A–Z : / a–z 0–9 _ -", uniqueness: "open-only" },
  // rest-api.md, "Timing security": default 5,000, at most 60,000; checked again before the engine.
  validity: { kind: "window", field: "timestamp + recvWindow", minMs: 1, maxMs: 60_000 },
  codes,
  // errors.md: −2013 no such order; −2026 archived: ended unfilled more than 90 days ago.
  queryPaths: [
    { name: "order by origClientOrderId", by: "client-id", reach: "90 days for orders that ended unfilled" },
  ],
  amendCall: "order/cancelReplace, order/amend/keepPriority",
  answers: { place: "state", cancel: "state" },
  accountEvents: { tells: "fills", standInEveryMs: 5_000 },
  tradeIds: "ascending",
  limits: [
    // rest-api.md, "Limits", and exchangeInfo, which replaces both when the connection opens.
    {
      name: "weight",
      scope: "address",
      counts: "weight",
      kind: "fixed",
      perMs: 60_000,
      limit: 6_000,
      usedHeader: "x-mbx-used-weight-1m",
    },
    {
      name: "orders",
      scope: "account",
      counts: "orders",
      kind: "fixed",
      perMs: 10_000,
      limit: 100,
      usedHeader: "x-mbx-order-count-10s",
    },
  ],
  maintenance,
  notes: ["A filled order's client id is accepted again: the id alone does not make an order idempotent."],
};

export const binanceUsdm: VenueProfile = {
  ...binance,
  exchange: "binanceusdm",
  title: "Binance USDⓈ-M futures",
  market: "perpetual",
  // "New Order", reduceOnly: one-way mode only. It counts what reduces already (-4118), and has no least notional (-4164).
  hasReduceOnly: true,
  // "New Order": 36 characters of the same alphabet. The rule after the close is not documented; the answer to a
  // duplicate of an open order is −4116.
  clientOrderId: { field: "newClientOrderId", form: "1–36 of . A–Z : / a–z 0–9 _ -", uniqueness: "open-only" },
  // "General Info", "Timing security"; −5028 is the second check, before the engine.
  codes: {
    ...codes,
    definite: [
      ...codes.definite,
      "-2018", // balance not sufficient
      "-2019", // margin not sufficient
      "-2020", // unable to fill
      "-2021", // would trigger at once
      "-2022", // reduce-only rejected
      "-2024", // position not sufficient
      "-2025", // open orders at their most
      "-2026", // type not reduce-only
      "-2027", // leverage bracket exceeded
      "-2028", // leverage too small for the margin
      { from: -4199, to: -4000 }, // filters and settings; −4116 is read as a duplicate before
      "-5021", // fill or kill: not fillable
      "-5022", // post only: would take
      "-5028", // outside the window at the engine
    ],
    duplicate: ["-4116"],
    clock: ["-1021", "-5028"],
  },
  // "Query Order": cancelled or expired and never filled and 3 days old, or 90 days old: gone.
  queryPaths: [{ name: "order by origClientOrderId", by: "client-id", reach: "3 days for orders that ended unfilled" }],
  amendCall: "PUT order",
  // "Auto-Cancel All Open Orders": per symbol, countdownTime in ms, 0 disarms; looked at about every 10 ms; weight 10.
  deadMansSwitch: {
    scope: "symbol",
    call: "countdownCancelAll",
    minMs: 1,
    maxMs: 86_400_000,
    weight: 10,
    note: "ccxt has no unified method for it; one call per symbol",
  },
  limits: [
    // exchangeInfo replaces both when the connection opens.
    {
      name: "weight",
      scope: "address",
      counts: "weight",
      kind: "fixed",
      perMs: 60_000,
      limit: 2_400,
      usedHeader: "x-mbx-used-weight-1m",
    },
    {
      name: "orders",
      scope: "account",
      counts: "orders",
      kind: "fixed",
      perMs: 60_000,
      limit: 1_200,
      usedHeader: "x-mbx-order-count-1m",
    },
  ],
  notes: [
    "Margin is counted at leverage 1, whatever is set at the venue; `risk.balances: ignore` switches that off.",
    "Account events need a listen key, which ends after 60 minutes without a keepalive.",
    "Baton trades in one-way mode: one position per symbol.",
  ],
};
