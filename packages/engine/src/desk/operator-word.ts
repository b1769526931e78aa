/**
 * An operator's word on an order in doubt, recorded once under the operator's own id. Whether the word may end the doubt
 * is core's (`orders/operator-resolution.ts`): not while the venue can still prove it.
 */
import type { IntentId, OperatorFinding, OperatorRefusal, Sequence } from "@baton/core";
import { id, operatorResolution } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Doubts } from "./doubts.ts";
import { noted, repeated } from "./once.ts";
import type { Asked, AskedKey, Repeated } from "./once.ts";
import type { Term } from "./term.ts";

/** Who ends an order by their word, why, and under which id where there is one. */
export interface OperatorWord {
  readonly by: string;
  readonly reason: string;
  readonly operation?: AskedKey | undefined;
}

/** What became of such a word: its record, or why there is none. `unknown`: there is no such order. */
export type WordTaken = Sequence | OperatorRefusal | Repeated | "unknown";

/** Ends a doubt by an operator's word, unless the venue can still prove it. The term trades. */
export function endDoubt(
  { term, doubts }: { readonly term: Term; readonly doubts: Doubts },
  context: DeskContext,
  intent: string,
  finding: OperatorFinding,
  operator: OperatorWord,
): WordTaken {
  const { by, reason, operation } = operator;
  const asked: Asked = { what: "resolve", ref: intent, by, reason, operation, more: finding };
  const earlier = repeated(term.state, asked);
  if (earlier !== undefined) return earlier;
  const order = term.state.orders.get(id<IntentId>(intent));
  if (order === undefined) return "unknown";
  const made = operatorResolution(doubts.known(order), finding, operator, wallNow());
  if ("code" in made) return made;
  context.warn("doubt.resolved-by-operator", `${by} ended the doubt about ${intent}: ${finding.as}.`, { intent });
  return term.decide([made, ...noted(asked)]);
}
