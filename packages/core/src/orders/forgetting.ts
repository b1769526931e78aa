/**
 * What leaves the state, so that memory has a bound: the oldest complete orders, the parents that ended first and the oldest
 * fills, two for one, once there are more of them than are kept and they are old enough. Which ones follows from the rows and
 * the event alone, so every node lets the same ones go (I19). A position remembers up to which trade its fills are gone.
 */
import { assert } from "../assert.ts";
import type { WallMs } from "../time.ts";
import { dropUnclaimed, unindexOrder, venueOrderKey } from "./indexes.ts";
import { isLaterTrade, marketKey, parentsKept } from "./state.ts";
import type { EngineState, Touched } from "./state.ts";

/** After an event of `nowWallMs`: lets go what is too much and old enough; names the rows, with what they last said. */
export function forget(state: EngineState, nowWallMs: WallMs, touched: Touched[]): void {
  const { kept } = state.engine;
  const before = nowWallMs - kept.forMs;
  for (let gone = 0; gone < 2 && state.indexes.closed.size > kept.orders; gone += 1) {
    const oldest = state.indexes.closed.values().next().value;
    const order = oldest === undefined ? undefined : state.orders.get(oldest);
    assert(order !== undefined, "a closed order is known");
    if ((order.endedWallMs ?? order.recordedWallMs) > before) break;
    unindexOrder(state.indexes, order);
    state.orders.delete(order.id);
    touched.push({ table: "orders", key: order.id, past: order });
  }
  for (let gone = 0; gone < 2 && state.indexes.endedParents.size > (kept.parents ?? parentsKept); gone += 1) {
    const oldest = state.indexes.endedParents.values().next().value;
    const parent = oldest === undefined ? undefined : state.parents.get(oldest);
    assert(parent !== undefined, "an ended parent is known");
    if ((parent.endedWallMs ?? parent.startedWallMs) > before) break;
    state.indexes.endedParents.delete(parent.id);
    state.parents.delete(parent.id);
    touched.push({ table: "parents", key: parent.id, pastParent: parent });
  }
  for (let gone = 0; gone < 2 && state.fills.size > kept.fills; gone += 1) {
    const oldest = state.fills.entries().next().value;
    assert(oldest !== undefined, "there is an oldest fill");
    const [key, fill] = oldest;
    if (fill.tradedWallMs > before) break;
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
