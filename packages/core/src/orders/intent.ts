/**
 * The record of a new intent and of its next attempt: which id comes next, and which client order id belongs to it. Both
 * follow from the state they are recorded on, so a leader asks its speculative state, and two leaders never differ about
 * what a number means.
 */
import { assert } from "../assert.ts";
import type { AttemptRecorded, IntentRecorded } from "../formats/order-events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { clientOrderIdOf } from "./client-order-id.ts";
import type { DeploymentTag } from "./client-order-id.ts";
import { isReissuable, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import { idNumber } from "./state.ts";
import type { EngineState } from "./state.ts";
import type { PriceBasis } from "./terms.ts";

/** The id of the next intent. */
export function nextIntentId(state: EngineState): IntentId {
  return id<IntentId>(`i-${state.engine.nextIntent}`);
}

/** The id of the next parent order. */
export function nextParentId(state: EngineState): ParentId {
  return id<ParentId>(`p-${state.engine.nextParent}`);
}

/** The fact that an order is wanted; it has passed risk on this same state. */
export function intentEvent(
  state: EngineState,
  tag: DeploymentTag,
  wish: Omit<IntentRecorded, "kind" | "intent" | "clientOrderId">,
): IntentRecorded {
  const intent = nextIntentId(state);
  const child = wish.slice ?? 0;
  const clientOrderId = clientOrderIdOf({ tag, intent: idNumber(intent), child, attempt: 1, terms: wish.terms });
  return { kind: "intent.recorded", intent, clientOrderId, ...wish };
}

/** The fact that an order that was proved absent or withdrawn is tried again; it has passed risk again. */
export function attemptEvent(
  tag: DeploymentTag,
  order: OrderRow,
  now: WallMs,
  basis: PriceBasis | undefined,
): AttemptRecorded {
  const attempt = latestAttempt(order).number + 1;
  assert(isReissuable(order), `${order.id} was proved absent, or withdrawn`);
  const { terms, slice } = order;
  const clientOrderId = clientOrderIdOf({ tag, intent: idNumber(order.id), child: slice ?? 0, attempt, terms });
  return {
    kind: "attempt.recorded",
    intent: order.id,
    attempt,
    clientOrderId,
    atWallMs: now,
    ...(basis !== undefined && { basis }),
  };
}
