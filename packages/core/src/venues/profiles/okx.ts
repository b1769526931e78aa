/**
 * OKX v5, spot. Sources: okx.com/docs-v5 (order book trading, error codes); ccxt 4.5.84 `js/src/okx.js` for the meaning of
 * codes; nautechsystems/nautilus_trader a95c804, which reads 51149 as an outcome that is not known.
 */
import type { VenueProfile } from "../profile.ts";

export const okx: VenueProfile = {
  exchange: "okx",
  title: "OKX spot",
  hasSandbox: true, // the header x-simulated-trading
  needsPassphrase: true,
  market: "spot",
  hasReduceOnly: false,
  // "Place order": clOrdId of up to 32 letters and digits, case-sensitive. 51016 answers a duplicate; for how long is not
  // documented.
  clientOrderId: { field: "clOrdId", form: "1–32 letters and digits", uniqueness: "unknown" },
  // "Request timeouts": header expTime, the venue's milliseconds after which the request is refused.
  validity: { kind: "deadline", field: "header expTime", minMs: 1, maxMs: 60_000 },
  codes: {
    definite: [
      "50001", // matching engine upgrading
      "50011", // rate limit
      "50012", // account status
      { from: 50_014, to: 50_025 }, // parameters, frozen accounts
      "50027", // account restricted
      "50061", // order rate of the account
      { from: 50_100, to: 50_114 }, // keys, timestamps, signatures
      { from: 51_000, to: 51_148 }, // order refused; 51016 is read as a duplicate before
      { from: 51_150, to: 51_410 }, // order and cancel refused
    ],
    // 50004, 51054: timed out, neither success nor failure. 50013, 50026: system errors. 51149: order timed out. 1 and 2
    // stand for "see sCode", which is read first; alone they say nothing.
    inDoubt: ["1", "2", "50004", "50005", "50013", "50026", "51054", "51149"],
    duplicate: ["51016"],
    notFound: ["51603", "51400", "51401", "51402", "51410"],
    throttled: ["50011", "50040"],
    ordersExhausted: ["50061"],
    clock: ["50102", "50112"],
  },
  queryPaths: [{ name: "order by clOrdId", by: "client-id", reach: "2 hours for orders that ended unfilled" }],
  amendCall: "trade/amend-order",
  answers: { place: "receipt", cancel: "receipt" },
  accountEvents: { tells: "fills", standInEveryMs: 1_000 },
  tradeIds: "unordered", // numbers per instrument, but its lists are paged by bill id and bounded by time
  // "Cancel all after": timeOut 0 or 10 to 120 s; one call a second.
  deadMansSwitch: {
    scope: "account",
    call: "trade/cancel-all-after",
    minMs: 10_000,
    maxMs: 120_000,
    weight: 1,
    note: "shared by both leaders of a takeover",
  },
  limits: [
    // Each endpoint has its own limit; the tightest that Baton uses counts for all. Order book trading: 60 requests per
    // 2 s for placing and cancelling, per user and instrument; balance: 10 per 2 s.
    { name: "requests", scope: "account", counts: "weight", kind: "rolling", perMs: 2_000, limit: 60 },
    // "Sub-account rate limit": 1,000 new orders per 2 s.
    { name: "orders", scope: "account", counts: "orders", kind: "rolling", perMs: 2_000, limit: 60 },
  ],
  maintenance: "its status endpoint announces it; orders are refused with 50001",
  notes: [
    "A placement is answered by a receipt: what became of the order is read afterwards.",
    "An order that ended unfilled can be asked for only for two hours.",
  ],
};
