/**
 * Bybit v5, spot on a unified account. Source: bybit-exchange/docs 072c197 (v5: order, error codes,
 * rate limits, disconnect-cancel-all).
 */
import type { VenueProfile } from "../profile.ts";

export const bybit: VenueProfile = {
  exchange: "bybit",
  title: "Bybit spot",
  hasSandbox: true,
  needsPassphrase: false,
  market: "spot",
  hasReduceOnly: false,
  // "Place order": orderLinkId of up to 36 letters, digits, - and _, "always unique".
  clientOrderId: { field: "orderLinkId", form: "1–36 of letters, digits, - and _", uniqueness: "forever" },
  // "Integration guidance": server − window ≤ timestamp < server + 1,000; default 5,000.
  validity: { kind: "window", field: "headers X-BAPI-TIMESTAMP + X-BAPI-RECV-WINDOW", minMs: 1, maxMs: 60_000 },
  codes: {
    definite: [
      "10001", // parameters
      "10002", // outside the window
      "10003", // key
      "10004", // signature
      "10005", // permission
      "10006", // too many visits
      "10008", // banned
      "10009", // address banned
      "10010", // address not bound to the key
      "10017", // path
      "10018", // address over its limit
      "10024", // compliance
      "10029", // symbol not allowed for the key
      "33004", // key expired
      { from: 110_003, to: 110_071 }, // derivatives: order checks, funds, positions
      { from: 110_073, to: 110_078 }, // 110079: the order is being processed
      { from: 110_080, to: 110_100 },
      { from: 170_105, to: 170_140 }, // spot: order checks
      { from: 170_142, to: 170_145 },
      { from: 170_148, to: 170_229 },
      "170810", // open orders at their most
      "170811",
    ],
    inDoubt: ["10000", "10016", "10019", "110079", "170001", "170007", "170146", "170147"],
    duplicate: ["110072", "170141"],
    notFound: ["110001", "110008", "110010", "170139", "170142", "170213"],
    throttled: ["10006", "10018", "10009"],
    ordersExhausted: [],
    clock: ["10002"],
  },
  queryPaths: [
    {
      name: "order/realtime by orderLinkId",
      by: "client-id",
      reach: "open orders and the last 500 closed, until a restart",
    },
    { name: "order/history by orderLinkId", by: "client-id", reach: "2 years" },
  ],
  amendCall: "order/amend",
  answers: { place: "receipt", cancel: "receipt" },
  accountEvents: { tells: "fills", standInEveryMs: 1_000 },
  tradeIds: "unordered",
  limits: [
    // "Rate limit": 600 requests per 5 s and address, else 403 and a ban of 10 minutes.
    { name: "requests", scope: "address", counts: "weight", kind: "rolling", perMs: 5_000, limit: 600 },
    // Placing: 20 a second on spot, 10 on derivatives, per account (X-Bapi-Limit headers): the smaller one.
    { name: "orders", scope: "account", counts: "orders", kind: "rolling", perMs: 1_000, limit: 10 },
  ],
  maintenance: "announced on its status page; requests are answered with 10016 meanwhile",
  notes: [
    // "Set disconnect cancel all": 3 to 300 s per product; the private stream with the topic dcp is what keeps it quiet.
    "Its disconnected-cancel-all is for institutional accounts and hangs on a private stream: Baton does not use it.",
    "A placement is answered by a receipt: what became of the order is read afterwards.",
    "Order lists miss closed orders for a moment after a restart of the venue; the history does not.",
  ],
};
