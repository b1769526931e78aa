/**
 * The budget of connection attempts per host, shared by every line that is given it: venues count attempts by address,
 * not by feed. A host that refused one attempt and named a time is asked by no line before it.
 */
import type { AttemptBudget, AttemptRules, MonoMs } from "@baton/core";
import { closeHost, fullBudget, takeAttempt } from "@baton/core";

export interface Attempts {
  /** Takes one attempt at the host of `url`; returns the instant to wait for when there is none now. */
  take(url: string, rules: AttemptRules, nowMono: MonoMs): MonoMs | undefined;
  /** The host of `url` has refused an attempt and named a time. */
  close(url: string, rules: AttemptRules, times: { readonly nowMono: MonoMs; readonly untilMono: MonoMs }): void;
}

/** Full budgets for every host. */
export function openAttempts(): Attempts {
  const budgets = new Map<string, AttemptBudget>();
  const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);
  const budgetOf = (host: string, rules: AttemptRules, nowMono: MonoMs): AttemptBudget =>
    budgets.get(host) ?? fullBudget(rules, nowMono);
  return {
    take(url, rules, nowMono) {
      const host = hostOf(url);
      const taken = takeAttempt(budgetOf(host, rules, nowMono), rules, nowMono);
      budgets.set(host, taken.budget);
      return taken.deniedUntilMono;
    },
    close(url, rules, { nowMono, untilMono }) {
      const host = hostOf(url);
      budgets.set(host, closeHost(budgetOf(host, rules, nowMono), untilMono));
    },
  };
}
