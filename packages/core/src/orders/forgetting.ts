/**
 * What leaves the state, so that memory has a bound: the oldest complete orders, the parents that ended first, the oldest
 * fills and idempotency keys, two for one, once there are more of them than are kept and they are old enough. Which ones follows from the rows and
 * the event alone, so every node lets the same ones go (I19). A position remembers up to which trade its fills are gone.
 */
import { assert } from "../assert.ts";
import type { Sequence } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { dropUnclaimed, unindexOrder, venueOrderKey } from "./indexes.ts";
import { isLaterTrade, keysKept, marketKey, parentsKept } from "./state.ts";
import type { EngineState, KeyRow, Touched } from "./state.ts";

/** For how long a repeated request finds its first answer. */
export const requestKeysKeptMs: number = 25 * 3_600_000;

/**
 * A row whose time lies further ahead than this was made while a clock was wrong: it holds nobody up. No leader's clock is off by
 * as much as a second (reason `clock`), but one that was set wrong may have led until that was noticed.
 */
const aheadMaxMs = 3_600_000;

/** Until when a row has to be from, to leave, and from when on its time is wrong. */
interface Ages {
  readonly before: number;
  readonly ahead: number;
}

/**
 * After an event: lets go what is too much and old enough; names the rows, with what they last said. `isOurTime`: `nowWallMs`
 * is the time of the record, and not of something long before it that was told late.
 */
export function forget(
  state: EngineState,
  { nowWallMs, isOurTime }: { readonly nowWallMs: WallMs; readonly isOurTime: boolean },
  touched: Touched[],
): void {
  const { kept } = state.engine;
  const ages = { before: nowWallMs - kept.forMs, ahead: isOurTime ? nowWallMs + aheadMaxMs : Number.POSITIVE_INFINITY };
  for (let gone = 0; gone < 2 && state.indexes.closed.size > kept.orders; gone += 1) {
    const oldest = state.indexes.closed.oldest;
    const order = oldest === undefined ? undefined : state.orders.get(oldest);
    assert(order !== undefined, "a closed order is known");
    if (isRecent(order.endedWallMs ?? order.recordedWallMs, ages)) break;
    unindexOrder(state.indexes, order);
    state.orders.delete(order.id);
    touched.push({ table: "orders", key: order.id, past: order });
  }
  for (let gone = 0; gone < 2 && state.indexes.endedParents.size > (kept.parents ?? parentsKept); gone += 1) {
    const oldest = state.indexes.endedParents.oldest;
    const parent = oldest === undefined ? undefined : state.parents.get(oldest);
    assert(parent !== undefined, "an ended parent is known");
    if (isRecent(parent.endedWallMs ?? parent.startedWallMs, ages)) break;
    state.indexes.endedParents.delete(parent.id);
    state.parents.delete(parent.id);
    touched.push({ table: "parents", key: parent.id, pastParent: parent });
  }
  for (let gone = 0; gone < 2 && state.fills.size > kept.fills; gone += 1) {
    const key = state.indexes.fills.oldest;
    const fill = key === undefined ? undefined : state.fills.get(key);
    assert(key !== undefined && fill !== undefined, "there is an oldest fill");
    if (isRecent(fill.tradedWallMs, ages)) break;
    state.indexes.fills.delete(key);
    state.fills.delete(key);
    dropUnclaimed(state.indexes, venueOrderKey(fill.venue, fill.symbol, fill.venueOrderId), key);
    touched.push({ table: "fills", key });
    const market = marketKey(fill.venue, fill.symbol);
    const position = state.positions.get(market);
    assert(position !== undefined, "a fill has its position");
    const known = position.forgottenTradeId;
    if (known !== undefined && !isLaterTrade(fill.tradeId, known)) continue;
    state.positions.set(market, { ...position, forgottenTradeId: fill.tradeId });
    touched.push({ table: "positions", key: market });
  }
}

/**
 * After a key that came at `nowWallMs`: the oldest keys leave, two for one. What is younger than a day goes to the journal's
 * tables, who is older stands for nothing any more.
 */
export function forgetKeys(state: EngineState, nowWallMs: WallMs, touched: Touched[]): void {
  const { kept } = state.engine;
  const ages = { before: nowWallMs - kept.forMs, ahead: nowWallMs + aheadMaxMs };
  for (let gone = 0; gone < 2; gone += 1) {
    const key = state.indexes.keys.oldest;
    const row = key === undefined ? undefined : state.keys.get(key);
    if (key === undefined || row === undefined) return;
    const isOver = isKeyOver(row, nowWallMs);
    const isTooMany = state.keys.size > (kept.keys ?? keysKept) && !isRecent(row.atWallMs, ages);
    if (!isOver && !isTooMany) return;
    state.indexes.keys.delete(key);
    state.keys.delete(key);
    touched.push(isOver ? { table: "keys", key } : { table: "keys", key, pastKey: row });
  }
}

function isRecent(atWallMs: number, { before, ahead }: Ages): boolean {
  return atWallMs > before && atWallMs <= ahead;
}

/** Whether a key is so old that it stands for nothing any more. */
export function isKeyOver(row: Pick<KeyRow, "atWallMs">, nowWallMs: WallMs): boolean {
  return row.atWallMs < nowWallMs - requestKeysKeptMs;
}

/**
 * Up to which record idempotency keys may have left the state that stand for something still: the journal has them.
 * Undefined: there are none, since as many as are kept would be here. Half of them are enough to ask: a clock that was wrong for a
 * moment may have taken some of those for too old.
 */
export function keysLeftUpTo({ keys, indexes, engine, applied }: EngineState): Sequence | undefined {
  if (keys.size < (engine.kept.keys ?? keysKept) / 2) return undefined;
  const oldest = indexes.keys.oldest === undefined ? undefined : keys.get(indexes.keys.oldest);
  return oldest === undefined ? applied : oldest.sequence - 1;
}
