/** Orders, parents and positions as the outside sees them, made of the committed rows and their journaled events. */
import type {
  Config,
  EngineState,
  IntentId,
  OrderEvent,
  OrderOutcome,
  OrderRow,
  OrderView,
  ParentRow,
  ParentView,
  PositionView,
  ReplaceRow,
  ReplaceView,
} from "@baton/core";
import { add, assert, fixedSlices, isOrderEnded, marketKey, replaceEndText, zero } from "@baton/core";

/** One order with its life. */
export function orderView(order: OrderRow, events: readonly OrderEvent[]): OrderView {
  const sent = order.attempts.findLast(
    (attempt) => attempt.stamp !== undefined || attempt.answeredWallMs !== undefined,
  );
  const routedFrom = events.find((event) => event.kind === "intent.recorded")?.routedFrom;
  return {
    id: order.id,
    clientOrderIds: order.attempts.map((attempt) => attempt.clientOrderId),
    parent: order.parent ?? null,
    slice: order.slice ?? null,
    epoch: sent?.epoch ?? null,
    sentBy: sent === undefined || sent.node === "" ? null : sent.node,
    terms: order.terms,
    ...(routedFrom !== undefined && { routedFrom }),
    status: order.status,
    outcome: outcomeOf(order),
    executed: order.executed,
    ...(order.replaces !== undefined && { replaces: order.replaces }),
    ...(order.replace !== undefined && { replace: replaceView(order.replace) }),
    events,
  };
}

function replaceView({ quantity, price, by, end }: ReplaceRow): ReplaceView {
  return {
    ...{ quantity, price, by },
    status: end?.kind ?? "pending",
    successor: end?.kind === "replaced" ? end.successor : null,
    detail: end?.kind === "given-up" ? replaceEndText(end.reason) : null,
  };
}

function outcomeOf(order: OrderRow): OrderOutcome | null {
  if (order.venueOrderId !== undefined) return "accepted";
  switch (order.status) {
    case "rejected":
      return "rejected";
    case "not-sent":
      return "not-sent";
    case "in-doubt":
      return "in-doubt";
    case "pending-new":
    case "new":
    case "partially-filled":
    case "filled":
    case "cancelled":
    case "expired":
      return null;
  }
}

/** One parent with its slices. */
export function parentView(parent: ParentRow, state: EngineState): ParentView {
  let done = 0;
  let open = 0;
  const children = childrenOf(parent);
  for (const intent of children) {
    const child = state.orders.get(intent);
    // Only orders that have ended leave the state.
    if (child === undefined || isOrderEnded(child)) done += 1;
    else open += 1;
  }
  const skipped = parent.slices.filter((slice) => slice.kind === "skipped").length;
  const working = parent.paused === undefined ? "running" : "paused";
  const { counted } = parent;
  return {
    id: parent.id,
    algorithm: parent.algorithm,
    by: parent.by,
    status: parent.status === "working" ? working : parent.status,
    detail: parent.endDetail ?? null,
    executed: parent.executed,
    slices: { planned: fixedSlices(parent.algorithm) ?? null, done, skipped, open },
    counted: counted === undefined ? null : { lastTradeId: counted.lastTradeId, volume: counted.volume },
    isTriggered: parent.triggered !== undefined,
    ...(parent.status === "working" && parent.paused !== undefined && { paused: pausedView(parent.paused) }),
    children,
  };
}

/** The parent orders that have not ended. */
export function workingParents(state: EngineState): readonly ParentRow[] {
  return [...state.parents.values()].filter(({ status }) => status === "working");
}

/** The orders of a parent, in the order of its slices. */
export function childrenOf(parent: ParentRow): readonly IntentId[] {
  return parent.slices.flatMap((slice) => (slice.kind === "intent" ? [slice.intent] : []));
}

function pausedView({ by, atWallMs, loss }: NonNullable<ParentRow["paused"]>): NonNullable<ParentView["paused"]> {
  const since = { by, sinceWallMs: atWallMs };
  return loss === undefined ? since : { ...since, cause: "history-lost", bought: loss.bought, sold: loss.sold };
}

/** Positions since the baseline, with what may still come of open and doubted orders. */
export function positionViews(state: EngineState, config: Config): readonly PositionView[] {
  return config.venues.flatMap((venue) =>
    venue.symbols.map((symbol) => {
      const key = marketKey(venue.id, symbol);
      const exposure = state.indexes.exposure.get(key);
      return {
        venue: venue.id,
        account: venue.account,
        symbol,
        quantity: state.positions.get(key)?.quantity ?? zero,
        openBuy: exposure === undefined ? zero : add(exposure.buyOpen, exposure.buyDoubt),
        openSell: exposure === undefined ? zero : add(exposure.sellOpen, exposure.sellDoubt),
      };
    }),
  );
}

/** Orders in the order of their records; `next` is where the next page goes on after, null when there is none. */
export interface OrderPage {
  readonly orders: readonly OrderRow[];
  readonly next: number | null;
}

/** A page that past orders and the state's present ones give together; an order that just became past may be in both. */
export function mergedPage(past: readonly OrderRow[], present: OrderPage, limit: number): OrderPage {
  if (past.length === 0) return present;
  const known = new Set(past.map((order) => order.id));
  const orders = [...past, ...present.orders.filter((order) => !known.has(order.id))]
    .toSorted((a, b) => a.sequence - b.sequence)
    .slice(0, limit);
  const isMore = past.length + present.orders.length > limit || present.next !== null;
  return { orders, next: isMore ? (orders.at(-1)?.sequence ?? null) : null };
}

/** A page of the orders that a state holds: those not ended, or all. */
export function orderPage(state: EngineState, o: PageAsked): OrderPage {
  return pageInOrder(state.orders.values(), o);
}

/** The same of some orders, whatever order they come in. */
export function pageOf(orders: readonly OrderRow[], o: PageAsked): OrderPage {
  return pageInOrder(
    orders.toSorted((a, b) => a.sequence - b.sequence),
    o,
  );
}

interface PageAsked {
  /** Ended ones too. */
  readonly all: boolean;
  readonly after: number;
  readonly limit: number;
}

function pageInOrder(orders: Iterable<OrderRow>, o: PageAsked): OrderPage {
  const found: OrderRow[] = [];
  for (const order of orders) {
    if (order.sequence <= o.after || (!o.all && isOrderEnded(order))) continue;
    if (found.length === o.limit) {
      const last = found.at(-1);
      assert(last !== undefined, "a full page has a last order");
      return { orders: found, next: last.sequence };
    }
    found.push(order);
  }
  return { orders: found, next: null };
}
