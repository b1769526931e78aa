/**
 * The state that stored rows are. Rows come in any order and a few at a time, as a journal that is being opened reads them; a
 * row says by itself under which key it stands. Once all are there they are put in the order of events, and what is derived
 * from them (`indexes.ts`) is derived in one walk: a node that comes back waits for this, so exposure is added up as a sum
 * of each market and not order by order. The result equals a state that grew by the events. The rows' content is trusted.
 */
import { assert, assertNever } from "../assert.ts";
import type { Sequence } from "../ids.ts";
import { indexOrders, noteAttempt, noteCancel, noteUnclaimed, venueOrderKey } from "./indexes.ts";
import { emptyState, fillKey, marketKey, requestKeyOf } from "./state.ts";
import type {
  BaselineRow,
  EngineRow,
  EngineState,
  FillRow,
  KeyRow,
  ParentRow,
  PositionRow,
  StoredRow,
  StrategyRow,
  TableName,
} from "./state.ts";
import type { OrderRow } from "./order-row.ts";

/** The state that these rows are, derived indexes included. */
export function stateOf(rows: Iterable<Pick<StoredRow, "table" | "row">>, applied: Sequence): EngineState {
  const gathered = new StateOfRows();
  for (const { table, row } of rows) gathered.put(table, row);
  return gathered.state(applied);
}

/** Gathers rows until they are a state. For one use. */
export class StateOfRows {
  readonly #state = emptyState();
  readonly #orders: OrderRow[] = [];
  readonly #parents: ParentRow[] = [];
  readonly #fills: FillRow[] = [];
  readonly #keys: KeyRow[] = [];

  /** One more row, whose table says what it is. */
  put(table: TableName, row: unknown): void {
    switch (table) {
      case "orders":
        this.#orders.push(row as OrderRow);
        return;
      case "parents":
        this.#parents.push(row as ParentRow);
        return;
      case "fills":
        this.#fills.push(row as FillRow);
        return;
      case "keys":
        this.#keys.push(row as KeyRow);
        return;
      case "positions": {
        const position = row as PositionRow;
        this.#state.positions.set(marketKey(position.venue, position.symbol), position);
        return;
      }
      case "baselines": {
        const baseline = row as BaselineRow;
        this.#state.baselines.set(baseline.venue, baseline);
        return;
      }
      case "strategies": {
        const strategy = row as StrategyRow;
        this.#state.strategies.set(strategy.strategy, strategy);
        return;
      }
      case "engine":
        this.#state.engine = row as EngineRow;
        return;
      default:
        assertNever(table, "table");
    }
  }

  /** All rows are there: the state, which has every event up to `applied` in it. */
  state(applied: Sequence): EngineState {
    const state = this.#state;
    state.applied = applied;
    fill(state.orders, this.#orders, (order) => order.id);
    fill(state.parents, this.#parents, (parent) => parent.id);
    fill(state.fills, this.#fills, ({ venue, symbol, tradeId }) => fillKey(venue, symbol, tradeId));
    fill(state.keys, this.#keys, requestKeyOf);
    derive(state);
    return state;
  }
}

/** The order of insertion is the order of events, as in a state that grew by them. */
function fill<K, R extends { readonly sequence: Sequence }>(map: Map<K, R>, rows: R[], keyOf: (row: R) => K): void {
  for (const row of sorted(rows, ({ sequence }) => sequence)) map.set(keyOf(row), row);
  assert(map.size === rows.length, "no two rows have one key");
}

function derive({ orders, parents, fills, keys, indexes }: EngineState): void {
  for (const key of keys.keys()) indexes.keys.add(key);
  const endedParents = [...parents.values()].filter((parent) => parent.endedSequence !== undefined);
  for (const parent of sorted(endedParents, ({ endedSequence }) => endedSequence ?? 0))
    indexes.endedParents.add(parent.id);
  for (const [key, { venue, symbol, venueOrderId, intent, bustedWallMs }] of fills) {
    indexes.fills.add(key);
    if (intent === undefined && bustedWallMs === undefined)
      noteUnclaimed(indexes, venueOrderKey(venue, symbol, venueOrderId), key);
  }
  const inOrder = [...orders.values()];
  indexOrders(indexes, inOrder);
  const attempts = inOrder.flatMap((order) => order.attempts);
  for (const attempt of sorted(attempts, ({ sequence }) => sequence)) noteAttempt(indexes, attempt.recordedWallMs);
  const cancels = inOrder.map((order) => order.cancel).filter((cancel) => cancel !== undefined);
  for (const cancel of sorted(cancels, ({ sequence }) => sequence ?? 0)) noteCancel(indexes, cancel.atWallMs);
}

/** Mostly they are in order already, or in that of their keys. */
function sorted<R>(rows: R[], placeOf: (row: R) => number): readonly R[] {
  let last = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const place = placeOf(row);
    if (place < last) return rows.sort((a, b) => placeOf(a) - placeOf(b));
    last = place;
  }
  return rows;
}
