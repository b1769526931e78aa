/**
 * Bracket and OCO: two ways out of a position of which only one is taken. The take rests at the venue, the stop is watched
 * here on fresh prices; that it was reached is recorded before anything follows from it, so a successor goes on getting
 * out whatever the price has done since. Then the take is called back, and only when it has surely ended is the rest sold
 * (or bought) with IOC children through the book, again and again until nothing is left: at no time can both ways out
 * together execute more than the position (I12, I13). While no leader trades or no price is fresh, nobody watches the
 * stop; a venue that has stop orders of its own would, which is the price of working on every venue alike.
 *
 * A bracket begins with an entry; its exits are of what the entry executed. While the entry is open the stop is watched
 * already, and calls the entry back. A kill stops exits like everything else. Where the venue took back what the entry
 * had executed, an exit that rests for more than is left is called back, and comes again for that: it would sell what is
 * not held.
 *
 * Where the venue has reduce-only orders every exit is one, for no more than the position still has beside all that is
 * open against it: whoever else closed the position meanwhile, an exit opens none. Where nothing is left to reduce it
 * waits, for as long as it is wanted: what one position per symbol is made of may come back (another order of the account
 * stood against it), and a protection that ends by itself is none. Who closed it for good cancels it.
 *
 * After a loss (`lost-history.ts`) no entry and no take is sent until a person says so: the lost history may have. What
 * stands at the venue stands, and a stop that is reached gets out all the same, of no more than can still be held: what the
 * account traded on that side, and no order here explains, is taken for exits that were made already, and what an order may
 * still trade there that the journal does not know and that is left alone, for exits that are under way.
 */
import { assert } from "../assert.ts";
import { add, compare, floorToStep, isMultipleOf, isPositive, maximum, minimum, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { exitSideOf, hasLegs } from "../formats/algorithms.ts";
import type { BracketParameters, OcoParameters } from "../formats/algorithms.ts";
import type { DeploymentTag } from "../orders/client-order-id.ts";
import { isOrderEnded, latestAttempt } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { slicesMax } from "../orders/refusal.ts";
import { marketKey } from "../orders/state.ts";
import type { EngineState, ParentRow } from "../orders/state.ts";
import type { InstrumentRules, OrderTerms, Side } from "../orders/terms.ts";
import { reducibleBy } from "../risk/loss.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import { cancelsOf, childPrice, childrenOf, decideChild, isKilled, openChildren, soon, waits } from "./child.ts";
import type { ParentContext, ParentStep } from "./child.ts";
import { endOf, stoppedFor, stopSlices } from "./ending.ts";
import { failuresOf } from "./iceberg.ts";
import { lossOf, parentsHeldByLoss } from "./lost-history.ts";

const sendWithinMs = 2_000;
/** Time between two tries of a way out; twice as long after each that executed nothing, up to a bound. */
const tryEveryMs = 250;
const tryEveryMaxMs = 10_000;

/** Where a parent with legs stands. */
interface Position {
  readonly exitSide: Side;
  /** The entry of a bracket; undefined before it is recorded, and once it has left the state. */
  readonly entry: OrderRow | undefined;
  readonly isEntered: boolean;
  /** What is to be got out of: all that the entry executed, or the quantity of an OCO. */
  readonly held: Decimal;
  /** Less what the exits executed. */
  readonly rest: Decimal;
  readonly exits: readonly OrderRow[];
}

/** Why a bracket or OCO cannot be accepted; undefined: it can. */
export function checkExits(parameters: OcoParameters | BracketParameters, rules: InstrumentRules): Refusal | undefined {
  const { quantity, takePrice, stopPrice } = parameters;
  const entryPrice = parameters.name === "bracket" ? parameters.entryPrice : undefined;
  if (!isMultipleOf(quantity, rules.lotSize)) return refused("lot-size", { quantity, lotSize: rules.lotSize });
  if (compare(quantity, rules.quantityMin) < 0) return refused("quantity-min", { quantity, min: rules.quantityMin });
  for (const price of [takePrice, stopPrice, entryPrice]) {
    if (price !== undefined && !isMultipleOf(price, rules.tickSize))
      return refused("tick-size", { price, tickSize: rules.tickSize });
  }
  const [low, high] = exitSideOf(parameters) === "sell" ? [stopPrice, takePrice] : [takePrice, stopPrice];
  const between = entryPrice === undefined || (compare(low, entryPrice) < 0 && compare(entryPrice, high) < 0);
  return compare(low, high) < 0 && between ? undefined : refused("prices-crossed", { takePrice, stopPrice });
}

/** See `stepParent`. */
export function stepExits(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
): ParentStep {
  const { algorithm } = parent;
  assert(hasLegs(algorithm), `${parent.id} has legs`);
  const { rules, nowWallMs: now } = context;
  if (stoppedFor(parent) !== undefined) return endOf(state, parent, now);
  if (isKilled(state, parent)) return stopSlices(state, parent, "killed", now);
  if (rules === undefined) return endOf(state, parent, now, { reason: "failed", detail: "unknown-symbol" });
  const open = openChildren(state, parent);
  const position = positionOf(state, parent, algorithm);
  if (parent.slices.length >= slicesMax && open.length === 0)
    return endOf(state, parent, now, { reason: "failed", detail: "its slices are used up" });
  const isHeld = lossOf(parent) !== undefined;
  if (!position.isEntered) {
    return isHeld ? waits(`${parent.id} is paused: its entry may be lost`) : enter(state, parent, tag, context);
  }
  if (parent.triggered === undefined && isStopReached(algorithm, position, context)) {
    assert(context.market.kind === "fresh", "a stop is reached at a fresh price");
    const { basis } = context.market;
    return {
      events: [
        { kind: "parent.triggered", parent: parent.id, basis, atWallMs: now },
        ...cancelsOf(open, parent.id, now),
      ],
      wakeAtWallMs: now,
      sentence: `${parent.id}: the stop at ${algorithm.stopPrice} is reached (${basis.bid} / ${basis.ask})`,
    };
  }
  const isEntering = position.entry !== undefined && !isOrderEnded(position.entry);
  if (parent.triggered !== undefined || isEntering) {
    if (open.length > 0) {
      // What takes ends by itself; what rests is called back, but for an entry whose stop was not reached.
      const events = parent.triggered === undefined ? [] : cancelsOf(open.filter(isResting), parent.id, now);
      return { events, wakeAtWallMs: soon(now), sentence: `${parent.id} waits for ${open.length} children` };
    }
  }
  const beyond = beyondRest(position);
  if (beyond.length > 0) {
    const events = cancelsOf(beyond, parent.id, now);
    return {
      events,
      wakeAtWallMs: soon(now),
      sentence: `${parent.id} calls its exit back: only ${position.rest} is left to get out of`,
    };
  }
  if (isHeld && !isPositive(position.held)) return waits(`${parent.id} is paused: its entry may be lost`);
  if (compare(position.rest, rules.quantityMin) < 0) {
    const nothing =
      parent.busted === undefined ? "the entry executed nothing" : "what the entry executed was taken back";
    const detail = isPositive(position.held) ? undefined : nothing;
    return endOf(state, parent, now, detail === undefined ? {} : { detail });
  }
  if (parent.triggered !== undefined) return getOut(state, parent, tag, context, position);
  return isHeld
    ? waits(`${parent.id} is paused, and watches its stop at ${algorithm.stopPrice}`, soon(now))
    : rest(state, parent, tag, context, position);
}

function enter(state: EngineState, parent: ParentRow, tag: DeploymentTag, context: ParentContext): ParentStep {
  const { algorithm } = parent;
  assert(algorithm.name === "bracket", `${parent.id} has an entry`);
  const { venue, symbol, side, quantity, entryPrice, timeInForce } = algorithm;
  const terms: OrderTerms =
    entryPrice === undefined
      ? { venue, symbol, side, type: "market", quantity, timeInForce: "IOC" }
      : { venue, symbol, side, type: "limit", quantity, price: entryPrice, timeInForce };
  return recorded(state, parent, tag, context, terms);
}

/** The take rests at the venue; where the venue will not have it, the stop alone is watched. */
function rest(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
  { exitSide, rest: quantity, exits }: Position,
): ParentStep {
  const { algorithm } = parent;
  assert(hasLegs(algorithm) && context.rules !== undefined, `${parent.id} has legs`);
  const look = soon(context.nowWallMs);
  const open = exits.filter((exit) => !isOrderEnded(exit));
  if (open.length > 0) {
    const misfits = open.filter((exit) => exit.terms.price !== algorithm.takePrice);
    const events = cancelsOf(misfits, parent.id, context.nowWallMs);
    return { events, wakeAtWallMs: look, sentence: `${parent.id} watches its stop at ${algorithm.stopPrice}` };
  }
  const nextWallMs = nextTryWallMs(exits.filter(isResting), context.nowWallMs);
  if (context.nowWallMs < nextWallMs)
    return waits(`${parent.id} watches its stop; the other exit is tried again at ${nextWallMs}`, look);
  if (context.hasReduceOnly === true && childrenOf(state, parent).some((child) => child.filled !== child.executed))
    return waits(`${parent.id} watches its stop; its other exit waits until all it executed is told as trades`, look);
  const { takePrice: price } = algorithm;
  const terms = exitTerms(state, parent, context, { exitSide, quantity, price, timeInForce: "GTC" });
  if (terms === undefined) return waits(`${parent.id} waits: of the position there is nothing left to reduce`, look);
  return recorded(state, parent, tag, context, terms);
}

function getOut(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
  { exitSide, rest: quantity, exits }: Position,
): ParentStep {
  const { algorithm } = parent;
  const { market, rules, nowWallMs: now, limits } = context;
  assert(hasLegs(algorithm) && rules !== undefined, `${parent.id} has legs`);
  if (market.kind === "stale") return waits(`${parent.id} waits for a fresh price: ${market.why}`, soon(now));
  const tries = exits.filter((exit) => !isResting(exit));
  const nextWallMs = nextTryWallMs(tries, now);
  if (now < nextWallMs) return waits(`${parent.id} tries again at ${nextWallMs}`, nextWallMs);
  const price = childPrice({ side: exitSide, aggressionBps: algorithm.aggressionBps }, market.basis, rules.tickSize);
  const room = lossOf(parent) === undefined ? quantity : heldAfterLoss(state, parent);
  if (compare(minimum(quantity, room), rules.quantityMin) < 0)
    return waits(`${parent.id} waits: what it held was perhaps got out of in the history that is lost`, soon(now));
  const most = minimum(minimum(quantity, room), limits.orderQuantityMax);
  const terms = exitTerms(state, parent, context, { exitSide, quantity: most, price, timeInForce: "IOC" });
  if (terms === undefined)
    return waits(`${parent.id} waits: of the position there is nothing left to reduce`, soon(now));
  return recorded(state, parent, tag, context, terms);
}

/**
 * How much may still be held of the positions of all brackets and OCOs that wait after a loss and have the same way out, less
 * what is open on it. Whose exits the unexplained trades were nobody can say: so they count once against all of them
 * together, and what is left may be sold by whichever stop is reached first. Where some wait since an earlier loss, theirs
 * is the longer count, and it has all that the others have.
 */
function heldAfterLoss(state: EngineState, { id: parent, algorithm }: ParentRow): Decimal {
  assert(hasLegs(algorithm), `${parent} has legs`);
  const side = exitSideOf(algorithm);
  let held = zero;
  let unexplained = zero;
  for (const other of parentsHeldByLoss(state)) {
    const { venue, symbol } = other.algorithm;
    if (venue !== algorithm.venue || symbol !== algorithm.symbol) continue;
    if (!hasLegs(other.algorithm) || exitSideOf(other.algorithm) !== side) continue;
    const loss = lossOf(other);
    assert(loss !== undefined, `${other.id} is held by a loss`);
    unexplained = maximum(unexplained, side === "sell" ? loss.sold : loss.bought);
    const { rest: left, exits } = positionOf(state, other, other.algorithm);
    const leaving = exits
      .filter((exit) => !isOrderEnded(exit))
      .map(({ terms, executed }) => subtract(terms.quantity, executed));
    held = add(held, maximum(zero, subtract(left, leaving.reduce(add, zero))));
  }
  // An order of the lost history that is left alone at the venue may be one of those exits, not executed yet.
  const beside = state.indexes.left?.get(marketKey(algorithm.venue, algorithm.symbol))?.[side] ?? zero;
  return maximum(zero, subtract(held, add(unexplained, beside)));
}

/** A way out of so much, or of what can be reduced where the venue knows such orders; undefined: that is too little. */
function exitTerms(
  state: EngineState,
  { algorithm: { venue, symbol } }: ParentRow,
  { rules, hasReduceOnly }: ParentContext,
  exit: Pick<OrderTerms, "quantity" | "timeInForce"> & { readonly exitSide: Side; readonly price: Decimal },
): OrderTerms | undefined {
  assert(rules !== undefined, "the venue lists the symbol");
  const { exitSide: side, price, timeInForce } = exit;
  const terms = { venue, symbol, side, type: "limit", price, timeInForce } as const;
  if (hasReduceOnly !== true) return { ...terms, quantity: floorToStep(exit.quantity, rules.lotSize) };
  const most = minimum(exit.quantity, reducibleBy(state, terms) ?? zero);
  const quantity = floorToStep(most, rules.lotSize);
  return compare(quantity, rules.quantityMin) < 0 ? undefined : { ...terms, quantity, reduceOnly: true };
}

function recorded(
  state: EngineState,
  parent: ParentRow,
  tag: DeploymentTag,
  context: ParentContext,
  terms: OrderTerms,
): ParentStep {
  const slice = parent.slices.length + 1;
  const child = decideChild(state, { parent, slice, terms, sendWithinMs, tag, context });
  const look = soon(context.nowWallMs);
  if (child.kind === "recorded") return { ...child, wakeAtWallMs: look };
  return { events: child.events, wakeAtWallMs: look, sentence: `${parent.id} waits: ${child.refusal.sentence}` };
}

function positionOf(state: EngineState, parent: ParentRow, algorithm: OcoParameters | BracketParameters): Position {
  const hasEntry = algorithm.name === "bracket";
  const [first, ...others] = parent.slices;
  const exitRows = hasEntry ? others : parent.slices;
  const executedOf = (row: ParentRow["slices"][number]): Decimal => {
    if (row.kind !== "intent") return zero;
    return maximum(row.executed ?? zero, state.orders.get(row.intent)?.executed ?? zero);
  };
  const children = childrenOf(state, parent);
  const entry = hasEntry ? children.find((child) => child.slice === 1) : undefined;
  const held = !hasEntry ? algorithm.quantity : first === undefined ? zero : executedOf(first);
  const out = exitRows.reduce((sum, row) => add(sum, executedOf(row)), zero);
  return {
    exitSide: exitSideOf(algorithm),
    entry,
    isEntered: !hasEntry || first !== undefined,
    held,
    rest: subtract(held, out),
    exits: children.filter((child) => !hasEntry || child.slice !== 1),
  };
}

/** The resting exits, where together they could still execute more than there is to get out of. */
function beyondRest({ exits, rest: left }: Position): readonly OrderRow[] {
  const resting = exits.filter((exit) => isResting(exit) && !isOrderEnded(exit));
  const could = resting.reduce((sum, exit) => add(sum, subtract(exit.terms.quantity, exit.executed)), zero);
  return compare(could, maximum(left, zero)) > 0 ? resting : [];
}

/** A fresh price at or beyond the stop, on the side that getting out would meet. */
function isStopReached(
  algorithm: OcoParameters | BracketParameters,
  position: Position,
  { market }: ParentContext,
): boolean {
  if (market.kind === "stale" || !isPositive(position.held)) return false;
  return position.exitSide === "sell"
    ? compare(market.basis.bid, algorithm.stopPrice) <= 0
    : compare(market.basis.ask, algorithm.stopPrice) >= 0;
}

/** Not before a pause after the last try; it grows with each that executed nothing. */
function nextTryWallMs(tries: readonly OrderRow[], now: WallMs): WallMs {
  const last = tries.at(-1);
  const pauseMs = Math.min(tryEveryMs * 2 ** Math.min(failuresOf(tries).length, 10), tryEveryMaxMs);
  return last === undefined ? now : wallMs(latestAttempt(last).recordedWallMs + pauseMs);
}

function isResting(child: OrderRow): boolean {
  return child.terms.timeInForce !== "IOC" && child.terms.timeInForce !== "FOK";
}
