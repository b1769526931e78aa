/**
 * What Baton knows about a venue before it connects: how an order is named there and for how long the name is refused
 * again, how long a signed request stays valid, what each answer code proves, how an order is found, what the venue
 * limits, and what it cannot do. One value per venue in `profiles/`; every number in them names its source. The shells
 * read these values and know no venue by name; the capability matrix is made of them.
 */

/** ccxt's id of an exchange that Baton has a profile of. */
export type ExchangeId = "binance" | "binanceusdm" | "okx" | "kraken" | "bybit" | "coinbase";

/** For how long a venue refuses a client order id that it has seen; `unknown`: it documents no rule. */
export type UniquenessRule = "open-only" | "forever" | "unknown";

/** How the venue bounds the time at which a signed request still counts. */
export type ValidityRule =
  /** Timestamp and window, both signed: refused later than their sum. */
  | { readonly kind: "window"; readonly field: string; readonly minMs: number; readonly maxMs: number }
  /** An instant after which the venue will not act. */
  | { readonly kind: "deadline"; readonly field: string; readonly minMs: number; readonly maxMs: number }
  /** The signature lives for a fixed time; nothing in the request shortens it. */
  | { readonly kind: "fixed"; readonly field: string; readonly maxMs: number };

/** One limit that the venue keeps. */
export interface RateLimitRule {
  readonly name: string;
  /** Whose requests it counts: all of an address, or all of an account whatever its addresses. */
  readonly scope: "address" | "account";
  /** `weight`: every request at its cost. `orders`: new orders only, one each. */
  readonly counts: "weight" | "orders";
  /**
   * `fixed` windows begin at multiples of their length on the venue's clock; `rolling` ones reach back from each request;
   * a `decaying` counter sinks evenly from `limit` to nothing in `perMs`.
   */
  readonly kind: "fixed" | "rolling" | "decaying";
  readonly perMs: number;
  readonly limit: number;
  /** The answer header that tells what is used. */
  readonly usedHeader?: string;
}

/** A code with what tells two meanings of it apart. `message` is a case-insensitive regular expression. */
export interface CodeWithMessage {
  readonly code: string;
  readonly message: string;
}

/**
 * What the venue's codes prove. What is on no list leaves an order in doubt; `inDoubt` names those that the venue itself
 * calls unknown, so that nobody puts them on another list by mistake (a test keeps the lists apart).
 */
export interface CodeTable {
  /** The venue refused the order and did nothing. A range includes both ends. */
  readonly definite: readonly (string | { readonly from: number; readonly to: number } | CodeWithMessage)[];
  readonly inDoubt: readonly string[];
  /** An order with this client id is there, or was. */
  readonly duplicate: readonly (string | CodeWithMessage)[];
  /** No order under this id, as an answer to a query or a cancel. */
  readonly notFound: readonly string[];
  /** "Too many requests" and bans, beside HTTP 429 and 418; the request was not acted on. */
  readonly throttled: readonly string[];
  /** "Too many orders": the account's order limit, while other requests still pass. */
  readonly ordersExhausted: readonly string[];
  /** Our signature's time is outside what the venue takes: its clock is asked anew. */
  readonly clock: readonly string[];
}

/** How an order is looked for, in this order. `by-client-id`: the venue is asked for exactly this order. */
export interface QueryPath {
  readonly name: string;
  readonly by: "client-id" | "list-and-match";
  /** How far back it can see; undefined: as far as the venue keeps orders. */
  readonly reach?: string;
}

/** A switch at the venue that cancels open orders when nobody renews it. Only one that Baton can set stands in a profile. */
export interface DeadMansSwitch {
  readonly scope: "symbol" | "account";
  readonly call: string;
  readonly minMs: number;
  readonly maxMs: number;
  /** Of one setting (scope `symbol`: of one symbol's), against the venue's limit by weight. */
  readonly weight: number;
  /** What must be known before it is used. */
  readonly note: string;
}

/**
 * `fills`: each fill is told. `orders`: only how far an order has come; its fills are read at once. `standInEveryMs`: the
 * period of reading the whole account instead, as often as the limits bear beside orders.
 */
export interface AccountEvents {
  readonly tells: "fills" | "orders";
  readonly standInEveryMs: number;
}

/** The longest time that a request signed with `configuredMs` can count at the venue: how long its doubt must wait. */
export function validityMaxMsOf({ validity }: VenueProfile, configuredMs: number): number {
  return validity.kind === "fixed" ? validity.maxMs : configuredMs;
}

export interface VenueProfile {
  readonly exchange: ExchangeId;
  readonly title: string;
  /** Whether the venue has a test network that Baton can use. */
  readonly hasSandbox: boolean;
  readonly needsPassphrase: boolean;
  readonly market: "spot" | "perpetual";
  /** Each signed request has to carry a higher number than the one before: two programs with one key overtake each other. */
  readonly countsNonces?: true;
  /** Whether it has orders that can only bring a position nearer to zero. */
  readonly hasReduceOnly: boolean;
  readonly clientOrderId: { readonly field: string; readonly form: string; readonly uniqueness: UniquenessRule };
  readonly validity: ValidityRule;
  readonly codes: CodeTable;
  readonly queryPaths: readonly QueryPath[];
  /** Whether the answer to a placement or a cancel tells the order's state, or only that the request was taken. */
  /** The venue's own call to change an open order, as documented; Baton does not use it (decision 23). */
  readonly amendCall: string;
  readonly answers: { readonly place: "state" | "receipt"; readonly cancel: "state" | "receipt" };
  /** What the venue's account stream tells, and how often the account is read while no stream can be had. */
  readonly accountEvents: AccountEvents;
  /** Trades have ascending numbers per symbol, or ids without order (then time orders them). */
  readonly tradeIds: "ascending" | "unordered";
  readonly deadMansSwitch?: DeadMansSwitch;
  readonly limits: readonly RateLimitRule[];
  /** What the venue announces and does in maintenance. */
  readonly maintenance: string;
  /** What else an operator has to know, a sentence each. */
  readonly notes: readonly string[];
}
