/**
 * The budget of connection attempts per host, shared by every line of this process: venues count attempts by address,
 * not by feed.
 */
import type { AttemptBudget, AttemptRules, MonoMs } from "@baton/core";
import { fullBudget, takeAttempt } from "@baton/core";

const budgets = new Map<string, AttemptBudget>();

/** Takes one attempt at the host of `url`; returns the instant to wait for when there is none left. */
export function attempt(url: string, rules: AttemptRules, nowMono: MonoMs): MonoMs | undefined {
  const { host } = new URL(url);
  const taken = takeAttempt(budgets.get(host) ?? fullBudget(rules, nowMono), rules, nowMono);
  budgets.set(host, taken.budget);
  return taken.deniedUntilMono;
}
