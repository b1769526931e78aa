/**
 * What an answer proves about an order, by the venue's own code table: from HTTP status, code and message to a class. It
 * does not use ccxt's error classes, which put a definite −1021 under network errors and an unknown −1006 under plain
 * ones. `rejected` needs a code on the definite list and no 5xx; whatever is left is in doubt (I9).
 */
import type { CodeTable, CodeWithMessage } from "./profile.ts";

/** The part of an answer that decides. `code` is absent when the body was not the venue's own. */
export interface Verdict {
  readonly status: number;
  /** As the venue writes it; absent in an answer that reports no fault. */
  readonly code?: string;
  readonly message: string;
}

/** What an answer to a placement proves. `answered`: it should describe the order or be its receipt. */
export type PlacementClass = "answered" | "rejected" | "duplicate" | "in-doubt";

/** The class of an answer to a placement. */
export function placementClassOf(table: CodeTable, verdict: Verdict): PlacementClass {
  if (isAnswered(verdict)) return "answered";
  if (isThrottled(table, verdict)) return "rejected";
  // Any 5xx means that the execution is unknown, whatever code its body carries.
  if (verdict.status >= 500 || verdict.code === undefined) return "in-doubt";
  if (names(table.duplicate, verdict)) return "duplicate";
  if (table.inDoubt.includes(verdict.code)) return "in-doubt";
  return names(table.definite, verdict) ? "rejected" : "in-doubt";
}

/** True when the venue did what was asked, as far as status and code say. */
export function isAnswered(verdict: Verdict): boolean {
  return verdict.status >= 200 && verdict.status < 300 && verdict.code === undefined;
}

/** True when the venue answered that it has no (open) order under the id that was named. */
export function isNotFound(table: CodeTable, verdict: Verdict): boolean {
  return verdict.status < 500 && verdict.code !== undefined && table.notFound.includes(verdict.code);
}

/** "Too many requests", or the ban that follows: nothing was acted on, and nothing may be sent for a while. */
export function isThrottled(table: CodeTable, verdict: Verdict): boolean {
  if (verdict.status === 429 || verdict.status === 418) return true;
  return verdict.status < 500 && verdict.code !== undefined && table.throttled.includes(verdict.code);
}

/** True when only new orders are too many. */
export function isOrdersExhausted(table: CodeTable, verdict: Verdict): boolean {
  return verdict.code !== undefined && table.ordersExhausted.includes(verdict.code);
}

/** True when the venue doubts the time of our signature. */
export function isClockRefusal(table: CodeTable, verdict: Verdict): boolean {
  return verdict.code !== undefined && table.clock.includes(verdict.code);
}

/**
 * True when the venue or the way to it is ill, for the circuit breaker. Definite rejects are a healthy venue's work; an
 * answer without a code of the venue's own came from something in front of it.
 */
export function isIllness(table: CodeTable, verdict: Verdict): boolean {
  if (isAnswered(verdict)) return false;
  return verdict.status >= 500 || isThrottled(table, verdict) || verdict.code === undefined;
}

function names(
  entries: readonly (string | { readonly from: number; readonly to: number } | CodeWithMessage)[],
  { code, message }: Verdict,
): boolean {
  return entries.some((entry) => {
    if (typeof entry === "string") return entry === code;
    if ("code" in entry) return entry.code === code && new RegExp(entry.message, "i").test(message);
    const number = Number(code);
    return number >= entry.from && number <= entry.to;
  });
}
