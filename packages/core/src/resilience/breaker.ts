/**
 * Whether a dependency that can be done without for a while is asked now. Decided on how its last answers went: several
 * failures in a row open the breaker, then a single question at a time goes through, so that who is ill is not asked by
 * everybody at once, and whose question waits is told how long. One sound answer closes it. Not for everything: what a
 * leader lives on is never shut, and an order has its venue's own breaker (decision 22).
 */
import { monoMs } from "../time.ts";
import type { MonoMs } from "../time.ts";

/** As `baton_breaker_state` and status name it. */
export type BreakerState = "closed" | "probing" | "open";

/** When one opens, and for how long at a time. */
export interface BreakerRule {
  readonly failuresInRow: number;
  readonly openForMs: number;
}

export type Breaker =
  | { readonly state: "closed"; readonly failures: number }
  | { readonly state: "open"; readonly untilMono: MonoMs }
  /** A question is on its way; it is given up for lost at `untilMono`, so that nothing stays shut by an answer that never comes. */
  | { readonly state: "probing"; readonly untilMono: MonoMs };

/** Nothing is known against it yet. */
export const closedBreaker: Breaker = { state: "closed", failures: 0 };

/** May a question leave now? Otherwise `waitMs` says when to come again. A leave given while it is ill is the only one. */
export function askLeave(
  breaker: Breaker,
  nowMono: MonoMs,
  rule: BreakerRule,
): { readonly breaker: Breaker; readonly waitMs: number } {
  if (breaker.state === "closed") return { breaker, waitMs: 0 };
  const waitMs = breaker.untilMono - nowMono;
  if (waitMs > 0) return { breaker, waitMs };
  return { breaker: { state: "probing", untilMono: monoMs(nowMono + rule.openForMs) }, waitMs: 0 };
}

/**
 * After an answer, or its failure (`isWell` false). What was asked before it opened counts as well: a sound answer is one,
 * whenever it was asked for.
 */
export function noteAnswer(breaker: Breaker, isWell: boolean, nowMono: MonoMs, rule: BreakerRule): Breaker {
  if (isWell) return closedBreaker;
  const open: Breaker = { state: "open", untilMono: monoMs(nowMono + rule.openForMs) };
  if (breaker.state === "probing") return open;
  if (breaker.state === "open") return breaker;
  const failures = breaker.failures + 1;
  return failures < rule.failuresInRow ? { state: "closed", failures } : open;
}
