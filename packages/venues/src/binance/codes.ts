/**
 * What an answer of Binance means for an order: the table from HTTP status and numeric code to an outcome class. It does
 * not use ccxt's error classes, which put a definite −1021 under network errors and an unknown −1006 under plain ones.
 * The rule is that of `orders/outcome.ts` in core: `rejected` needs a code on the definite list, the rest is in doubt.
 */
import type { PlaceOutcome, SendStamp, VenueOrder } from "@baton/core";

/** The part of an answer that decides. `code` is absent when the body was not the venue's JSON. */
export interface Verdict {
  readonly status: number;
  readonly code?: number;
  readonly message: string;
}

/** "Too many requests" and the ban that follows it; the venue names when to come back. */
export function isThrottled(status: number): boolean {
  return status === 429 || status === 418;
}

/** True when the venue says that it refused the request and did nothing. */
function isDefiniteReject(verdict: Verdict): boolean {
  if (isThrottled(verdict.status)) return true;
  // Any 5xx means that the execution is unknown, whatever code its body carries.
  if (verdict.status < 400 || verdict.status >= 500 || verdict.code === undefined) return false;
  return definite.has(verdict.code) || (verdict.code <= -1100 && verdict.code > -1200);
}

/** True when an order with this client id is (or was) known to the venue. */
function isDuplicate(verdict: Verdict): boolean {
  if (verdict.status < 400 || verdict.status >= 500) return false;
  return verdict.code === -4116 || (verdict.code === -2010 && /^duplicate order/i.test(verdict.message));
}

/** No order under that id: −2013 to a query, −2011 to a cancel. */
export function isUnknownOrder(verdict: Verdict): boolean {
  return verdict.status >= 400 && verdict.status < 500 && (verdict.code === -2013 || verdict.code === -2011);
}

/** True when the venue or the way to it is ill, for the circuit breaker; definite rejects are a healthy venue's work. */
export function isIllness(verdict: Verdict): boolean {
  return verdict.status >= 500 || isThrottled(verdict.status) || verdict.code === undefined;
}

/** The outcome class of a placement that the venue answered. `order` is the parsed body of a 2xx. */
export function placeOutcomeOf(verdict: Verdict, order: VenueOrder | undefined, stamp: SendStamp): PlaceOutcome {
  const { status, code, message } = verdict;
  if (status >= 200 && status < 300) {
    if (order !== undefined) return { kind: "accepted", order, stamp };
    return { kind: "in-doubt", cause: `HTTP ${status} without an order in it`, stamp };
  }
  if (isDuplicate(verdict)) return { kind: "duplicate", message, stamp };
  if (isDefiniteReject(verdict)) return { kind: "rejected", code: `${code ?? status}`, message, stamp };
  return { kind: "in-doubt", cause: `HTTP ${status}${code === undefined ? "" : ` code ${code}`}: ${message}`, stamp };
}

/**
 * Codes with which Binance refuses before the engine. Not here, though 4xx can carry them: −1000 unknown, −1001
 * disconnected, −1006 unexpected response, −1007 timeout, −1008 overloaded, −1016 shutting down.
 */
const definite: ReadonlySet<number> = new Set([
  -1002, // unauthorized
  -1003, // too many requests
  -1010, // message of the engine: refused
  -1013, // a filter
  -1014, // unknown order composition
  -1015, // too many orders
  -1020, // unsupported operation
  -1021, // outside the signed window
  -1022, // signature
  -2010, // new order rejected
  -2011, // cancel rejected
  -2014, // API key format
  -2015, // API key, address or permission
  -2016, // no trading window
]);
