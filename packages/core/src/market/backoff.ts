/**
 * How long to wait before the next attempt, and how many attempts an address may see at all.
 *
 * Full jitter: uniform between zero and the doubled bound, so that a herd cut at one moment spreads over the whole
 * window. Even the first attempt after a long healthy life is spread over the base: ten thousand clients that all
 * reconnect "at once, because they were stable" are the storm that the venue's limit is there for.
 */
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";

export interface BackoffRules {
  /** Bound of the first wait. */
  readonly baseMs: number;
  /** No bound is larger. */
  readonly capMs: number;
}

/** The wait after `failures` failures in a row; `random` is uniform in [0, 1) and drawn by the caller. */
export function fullJitterMs(rules: BackoffRules, failures: number, random: number): number {
  return random * Math.min(rules.capMs, rules.baseMs * 2 ** Math.min(failures, 30));
}

/** A token bucket of connection attempts, shared by all lines of this process to one host. */
export interface AttemptBudget {
  readonly tokens: number;
  readonly atMono: MonoMs;
  /** The host refused an attempt and named a time: nobody asks it before. */
  readonly closedUntilMono?: MonoMs;
}

export interface AttemptRules {
  /** Attempts that may be made within `perMs`; take half of what the venue allows, the address is shared. */
  readonly attempts: number;
  readonly perMs: number;
}

/** A full bucket. */
export function fullBudget(rules: AttemptRules, nowMono: MonoMs): AttemptBudget {
  return { tokens: rules.attempts, atMono: nowMono };
}

/** Takes one attempt, or says from when on there is one again. */
export function takeAttempt(
  budget: AttemptBudget,
  rules: AttemptRules,
  nowMono: MonoMs,
): { readonly budget: AttemptBudget; readonly deniedUntilMono?: MonoMs } {
  const { closedUntilMono } = budget;
  if (closedUntilMono !== undefined && nowMono < closedUntilMono) return { budget, deniedUntilMono: closedUntilMono };
  const refill = (Math.max(0, nowMono - budget.atMono) * rules.attempts) / rules.perMs;
  const tokens = Math.min(rules.attempts, budget.tokens + refill);
  if (tokens >= 1) return { budget: { tokens: tokens - 1, atMono: nowMono } };
  const waitMs = ((1 - tokens) * rules.perMs) / rules.attempts;
  return { budget: { tokens, atMono: nowMono }, deniedUntilMono: monoMs(nowMono + Math.ceil(waitMs)) };
}

/** One line's attempt was refused with a Retry-After: that holds for every line to the host. */
export function closeHost(budget: AttemptBudget, untilMono: MonoMs): AttemptBudget {
  return { ...budget, closedUntilMono: monoMs(Math.max(budget.closedUntilMono ?? 0, untilMono)) };
}
