/**
 * Kraken spot REST. Sources: docs.kraken.com (guides: client order ids, rate limits, spot errors; AddOrder, OpenOrders,
 * ClosedOrders, CancelOrder, CancelAllOrdersAfter); nautechsystems/nautilus_trader a95c804 parse.rs for the form of ids.
 */
import type { VenueProfile } from "../profile.ts";

export const kraken: VenueProfile = {
  exchange: "kraken",
  title: "Kraken spot",
  hasSandbox: false,
  needsPassphrase: false,
  market: "spot",
  countsNonces: true,
  hasReduceOnly: false,
  // Guide "client order ids": a UUID, 32 hex characters, or text of up to 18; unique among the open orders of the client.
  clientOrderId: { field: "cl_ord_id", form: "UUID, 32 hex characters, or text of up to 18", uniqueness: "open-only" },
  // AddOrder: deadline in RFC 3339, 500 ms to 60 s ahead; the engine will not match the order later.
  validity: { kind: "deadline", field: "deadline", minMs: 500, maxMs: 60_000 },
  codes: {
    // Spot errors: everything that the API or the order checks refuse. A message after the second colon is left off.
    definite: [
      "EAPI:Invalid key",
      "EAPI:Invalid signature",
      "EAPI:Invalid nonce",
      "EAPI:Bad request",
      "EAPI:Feature disabled",
      "EAPI:Rate limit exceeded",
      "EGeneral:Invalid arguments",
      "EGeneral:Permission denied",
      "EGeneral:Temporary lockout",
      "EGeneral:Too many requests",
      "EQuery:Unknown asset pair",
      "EQuery:Unknown asset",
      "EQuery:Invalid asset pair",
      "EOrder:Cannot open position",
      "EOrder:Cannot open opposing position",
      "EOrder:Margin allowance exceeded",
      "EOrder:Margin level too low",
      "EOrder:Margin position size exceeded",
      "EOrder:Insufficient margin",
      "EOrder:Insufficient funds",
      "EOrder:Order minimum not met",
      "EOrder:Cost minimum not met",
      "EOrder:Tick size check failed",
      "EOrder:Invalid price",
      "EOrder:Orders limit exceeded",
      "EOrder:Positions limit exceeded",
      "EOrder:Rate limit exceeded",
      "EOrder:Domain rate limit exceeded",
      "EOrder:Post only order",
      "EOrder:Trading agreement required",
      "EOrder:Unknown order",
      "EOrder:Invalid order",
      "EService:Market in cancel_only mode",
      "EService:Market in post_only mode",
      "EService:Market in limit_only mode",
      "EService:Deadline elapsed",
      "EAccount:Invalid permissions",
    ],
    inDoubt: [
      "EService:Unavailable",
      "EService:Busy",
      "EService:Timeout",
      "EGeneral:Internal error",
      "EGeneral:Unknown error",
      "EDatabase:Internal error",
    ],
    // The wording is not documented; where it differs the order is in doubt and found by its id.
    duplicate: ["EOrder:Duplicate client order id", "EOrder:Client order id already in use"],
    notFound: ["EOrder:Unknown order"],
    throttled: ["EAPI:Rate limit exceeded", "EGeneral:Temporary lockout", "EGeneral:Too many requests"],
    ordersExhausted: ["EOrder:Rate limit exceeded", "EOrder:Domain rate limit exceeded"],
    clock: ["EService:Deadline elapsed"],
  },
  queryPaths: [
    { name: "open orders by cl_ord_id", by: "client-id", reach: "open orders" },
    { name: "closed orders by cl_ord_id", by: "client-id" },
  ],
  amendCall: "AmendOrder",
  answers: { place: "receipt", cancel: "receipt" },
  accountEvents: { tells: "fills", standInEveryMs: 5_000 },
  tradeIds: "unordered",
  // CancelAllOrdersAfter: seconds, whole account; the guide renews a 60 s switch every 15 to 30 s. ccxt counts one call as
  // much as a query, which is one of the counter.
  deadMansSwitch: {
    scope: "account",
    call: "CancelAllOrdersAfter",
    minMs: 1_000,
    maxMs: 86_400_000,
    weight: 1,
    note: "one shot, and it fires at resume unless it was disarmed before planned maintenance",
  },
  limits: [
    // Guide "rate limits": counter of 15 sinking by 0.33/s (starter); 20 at 0.5/s and 20 at 1/s in the upper tiers.
    { name: "counter", scope: "account", counts: "weight", kind: "decaying", perMs: 45_000, limit: 15 },
    // Trading limits are per pair: 60 sinking by 1/s (starter).
    { name: "orders", scope: "account", counts: "orders", kind: "decaying", perMs: 60_000, limit: 60 },
  ],
  maintenance: "announced on its status page; the market goes cancel-only or post-only first",
  notes: [
    "The key needs a nonce window, because requests on several sockets may overtake each other.",
    "There is no test network: mode sandbox needs a restUrl.",
  ],
};
