/**
 * Iceberg: of the whole quantity one child of `display` rests at the limit at a time; the next comes when it has gone.
 * There is never more than one child that may be at the venue: a child in doubt is alive until its doubt has ended, so a
 * successor does not show the same quantity twice (I13). An amendment takes the child back that no longer fits. Three
 * children in a row that end without having executed anything, unasked, end the parent as failed.
 */
import { assert } from "../assert.ts";
import { compare, floorToStep, isPositive, isZero, minimum, subtract } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { IcebergParameters } from "../formats/algorithms.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { slicesMax } from "../orders/refusal.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms } from "../orders/terms.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { cancelsOf, childrenOf, decideChild, isKilled, openChildren, soon, takenBy, waits } from "./child.ts";
import type { ParentContext, ParentStep } from "./child.ts";
import { endOf, stoppedFor, stopSlices } from "./ending.ts";

const sendWithinMs = 2_000;
/** So many children in a row that executed nothing end the parent. */
const failuresMax = 3;

/** Why an iceberg cannot be accepted; undefined: it can. */
export function checkIceberg(parameters: IcebergParameters, rules: InstrumentRules): Refusal | undefined {
  const { quantity, display } = parameters;
  for (const each of [quantity, display]) {
    if (subtract(each, floorToStep(each, rules.lotSize)) !== "0")
      return refused("lot-size", { quantity: each, lotSize: rules.lotSize });
  }
  if (compare(display, quantity) > 0) return refused("slice-too-small", { display, quantity });
  return compare(display, rules.quantityMin) < 0
    ? refused("slice-too-small", { slice: display, min: rules.quantityMin })
    : undefined;
}

/** See `stepParent`. */
export function stepIceberg(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
): ParentStep {
  const { algorithm } = parent;
  assert(algorithm.name === "iceberg", `${parent.id} is an iceberg`);
  const { rules, nowWallMs: now } = context;
  if (stoppedFor(parent) !== undefined) return endOf(state, parent, now);
  if (isKilled(state, parent)) return stopSlices(state, parent, "killed", now);
  const open = openChildren(state, parent);
  const rest = subtract(algorithm.quantity, takenBy(state, parent));
  if (open.length > 0) {
    const cancels = isZero(rest) || isPositive(rest) ? misfits(open, algorithm) : open;
    const events = cancelsOf(cancels, parent.id, now);
    return { events, wakeAtWallMs: undefined, sentence: `${parent.id} shows ${open.map((child) => child.id).join()}` };
  }
  if (parent.paused !== undefined) return waits(`${parent.id} is paused`);
  if (rules === undefined) return endOf(state, parent, now, { reason: "failed", detail: "unknown-symbol" });
  if (compare(rest, rules.quantityMin) < 0) return endOf(state, parent, now);
  if (parent.slices.length >= slicesMax)
    return endOf(state, parent, now, { reason: "failed", detail: "its slices are used up" });
  const failures = failuresOf(childrenOf(state, parent));
  if (failures.length >= failuresMax)
    return endOf(state, parent, now, { reason: "failed", detail: failures.at(-1)?.endReason ?? "nothing executed" });
  if (isCrossing(algorithm, context)) return waits(`${parent.id} waits: a post-only order would take`, soon(now));
  const { venue, symbol, side, limitPrice: price, timeInForce } = algorithm;
  const quantity = shown(rest, algorithm.display, rules);
  const terms: OrderTerms = { venue, symbol, side, type: "limit", quantity, price, timeInForce };
  const slice = parent.slices.length + 1;
  const child = decideChild(state, { parent, slice, terms, sendWithinMs, tag, context });
  if (child.kind === "recorded") return { ...child, wakeAtWallMs: undefined };
  return { events: child.events, wakeAtWallMs: soon(now), sentence: `${parent.id} waits: ${child.refusal.sentence}` };
}

/** The children at the end of the list that executed nothing, and that nobody asked to go. */
export function failuresOf(children: readonly OrderRow[]): readonly OrderRow[] {
  const lastGood = children.findLastIndex((child) => child.executed !== "0" || child.cancel !== undefined);
  return children.slice(lastGood + 1);
}

/** A rest that the venue would not take by itself is shown with the part before it. */
function shown(rest: Decimal, display: Decimal, rules: InstrumentRules): Decimal {
  const part = minimum(display, rest);
  return compare(subtract(rest, part), rules.quantityMin) < 0 ? rest : part;
}

/** Children at another price than it has since an amendment. */
function misfits(open: readonly OrderRow[], algorithm: IcebergParameters): readonly OrderRow[] {
  return open.filter((child) => child.terms.price !== algorithm.limitPrice);
}

function isCrossing({ timeInForce, side, limitPrice }: IcebergParameters, { market }: ParentContext): boolean {
  if (timeInForce !== "GTX" || market.kind === "stale") return false;
  return side === "buy" ? compare(limitPrice, market.basis.ask) >= 0 : compare(limitPrice, market.basis.bid) <= 0;
}
