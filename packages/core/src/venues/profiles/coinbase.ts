/**
 * Coinbase Advanced Trade. Sources: docs.cdp.coinbase.com (Advanced Trade: orders, fills, rate limits, authentication);
 * ccxt 4.5.84 `js/src/coinbase.js` for what reaches the wire.
 */
import type { VenueProfile } from "../profile.ts";

export const coinbase: VenueProfile = {
  exchange: "coinbase",
  title: "Coinbase Advanced Trade",
  hasSandbox: false, // its sandbox answers with canned orders
  needsPassphrase: false,
  market: "spot",
  hasReduceOnly: false,
  // "Create order": client_order_id is required. Whether a second use is refused is not documented.
  clientOrderId: { field: "client_order_id", form: "text; required", uniqueness: "unknown" },
  // "Authentication": a JSON web token lives for 120 s, and no parameter of an order shortens that.
  validity: { kind: "fixed", field: "JWT exp", maxMs: 120_000 },
  codes: {
    definite: [
      "INSUFFICIENT_FUND",
      "INSUFFICIENT_FUNDS",
      "PREVIEW_INSUFFICIENT_FUND",
      "UNSUPPORTED_ORDER_CONFIGURATION",
      "INVALID_SIDE",
      "INVALID_SIZE_PRECISION",
      "INVALID_PRICE_PRECISION",
      "INVALID_PRODUCT_ID",
      "INVALID_LIMIT_PRICE",
      "INVALID_LIMIT_PRICE_POST_ONLY",
      "INVALID_NO_LIQUIDITY",
      "INVALID_REQUEST",
      "INVALID_ORDER_CONFIG",
      "ORDER_ENTRY_DISABLED",
      "INELIGIBLE_PAIR",
      "INVALID_ARGUMENT",
      "PERMISSION_DENIED",
      "UNAUTHORIZED",
      "UNAUTHENTICATED",
      "RATE_LIMIT_EXCEEDED",
      "RESOURCE_EXHAUSTED",
    ],
    inDoubt: ["UNKNOWN_FAILURE_REASON", "UNKNOWN", "INTERNAL", "INTERNAL_SERVER_ERROR", "DEADLINE_EXCEEDED"],
    duplicate: ["DUPLICATE_CLIENT_ORDER_ID"],
    notFound: ["UNKNOWN_CANCEL_ORDER", "NOT_FOUND"],
    throttled: ["RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"],
    ordersExhausted: [],
    clock: ["UNAUTHENTICATED"],
  },
  queryPaths: [{ name: "orders of the product, matched by client_order_id", by: "list-and-match" }],
  amendCall: "orders/edit",
  answers: { place: "receipt", cancel: "receipt" },
  accountEvents: { tells: "orders", standInEveryMs: 1_000 },
  tradeIds: "unordered",
  limits: [
    // "Rate limits": 30 private requests a second and user.
    { name: "requests", scope: "account", counts: "weight", kind: "rolling", perMs: 1_000, limit: 30 },
    { name: "orders", scope: "account", counts: "orders", kind: "rolling", perMs: 1_000, limit: 30 },
  ],
  maintenance: "announced on its status page; products go cancel-only or limit-only",
  notes: [
    "A signed order stays valid for two minutes: doubt about an unanswered one lasts as long.",
    "There is no test network: mode sandbox needs a restUrl.",
  ],
};
