/**
 * Switching on again what was switched off: a principal or strategy that repeated itself, a currency whose loss was too
 * large (the day's result is counted anew from now on, so it needs prices), a strategy that threw or overran its budget.
 */
import type { EnableRequest, EngineState, JournalEvent, Marks, Refusal, Sequence, WallMs } from "@baton/core";
import { disabledBy, refused, totalOf } from "@baton/core";

/** What became of it. */
export type Enabled =
  | { readonly kind: "recorded"; readonly sequence: Sequence }
  | { readonly why: "not-found" }
  | { readonly why: "refused"; readonly refusal: Refusal };

type Switch = Extract<JournalEvent, { readonly kind: "control.switched" | "strategy.switched" }>;

/** The fact to record, or why there is none. */
export function enabling(
  state: EngineState,
  request: EnableRequest,
  o: { readonly by: string; readonly now: WallMs; readonly marks: Marks },
): Switch | Exclude<Enabled, { readonly kind: "recorded" }> {
  const { control, subject, reason } = request;
  const at = { reason: `${reason} (${o.by})`, atWallMs: o.now };
  if (control === "strategy") {
    if (state.strategies.get(subject)?.enabled !== false) return { why: "not-found" };
    return { kind: "strategy.switched", strategy: subject, enabled: true, ...at };
  }
  if (disabledBy(state.engine, control, subject) === undefined) return { why: "not-found" };
  const event = { kind: "control.switched", control, subject, enabled: true, by: o.by, ...at } as const;
  if (control !== "loss-limit") return event;
  const total = totalOf(state, subject, o.marks);
  return total.kind === "stale"
    ? { why: "refused", refusal: refused("price-stale", { why: total.why }) }
    : { ...event, total: total.amount };
}
