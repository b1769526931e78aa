/**
 * Events as tests tell them: one function a fact, with the least that the fact needs. Two instruments at one venue,
 * one unit of time a millisecond, and a `Story` that applies what it is told and keeps the tables as a journal would.
 */
import { decimal } from "../decimal.ts";
import type { EpochOpened, JournalEvent } from "../formats/events.ts";
import type { AttemptAnswered, FillRecorded, IntentRecorded } from "../formats/order-events.ts";
import { id } from "../ids.ts";
import type {
  BootId,
  ClusterId,
  IntentId,
  NodeId,
  ParentId,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrderId,
} from "../ids.ts";
import { wallMs } from "../time.ts";
import { applyEvent } from "./apply.ts";
import { tagOf } from "./client-order-id.ts";
import type { DeploymentTag } from "./client-order-id.ts";
import { intentEvent } from "./intent.ts";
import { latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { PlaceOutcome, SendStamp, VenueOrder } from "./outcome.ts";
import { emptyState, rowOf } from "./state.ts";
import type { EngineState, Touched } from "./state.ts";
import type { InstrumentRules, OrderTerms, PriceBasis } from "./terms.ts";

export const venue: VenueId = id<VenueId>("binance");
export const btc: SymbolId = id<SymbolId>("BTC/USDT");
export const eth: SymbolId = id<SymbolId>("ETH/USDT");
export const tag: DeploymentTag = tagOf(id<ClusterId>("6f6c0f7e-0000-4000-8000-000000000001"));

/** Buy 2 BTC at 100, good till cancelled, unless said otherwise. */
export function terms(over: Partial<OrderTerms> = {}): OrderTerms {
  return {
    venue,
    symbol: btc,
    side: "buy",
    type: "limit",
    quantity: decimal("2"),
    price: decimal("100"),
    timeInForce: "GTC",
    ...over,
  };
}

export const rules: InstrumentRules = {
  symbol: btc,
  base: "BTC",
  quote: "USDT",
  tickSize: decimal("0.5"),
  lotSize: decimal("0.1"),
  quantityMin: decimal("0.1"),
  quantityMax: decimal("1000"),
  notionalMin: decimal("10"),
};

export const basis: PriceBasis = { feed: "f", updateId: 1, ageMs: 3, bid: decimal("99.5"), ask: decimal("100") };

/** Node `a` or another opens an epoch; what is unsettled in the state is listed as in doubt. */
export function epochOpened(state: EngineState, epoch: number, over: Partial<EpochOpened> = {}): EpochOpened {
  return {
    kind: "epoch.opened",
    epoch,
    node: id<NodeId>(epoch % 2 === 1 ? "a" : "b"),
    boot: id<BootId>(`boot-${epoch}`),
    reason: "expired",
    atWallMs: wallMs(epoch * 10_000),
    inheritedSendByWallMs: wallMs(epoch * 10_000 + 2_000),
    inDoubt: [...state.indexes.unsettled],
    ...over,
  };
}

/** The next intent. */
export function wanted(
  state: EngineState,
  over: Partial<OrderTerms> = {},
  more: Partial<Omit<IntentRecorded, "kind" | "intent" | "clientOrderId" | "terms">> = {},
): IntentRecorded {
  return intentEvent(state, tag, {
    terms: terms(over),
    sendWithinMs: 2_000,
    atWallMs: wallMs(10_000),
    by: "trader",
    ...more,
  });
}

/** The venue's description of an order. */
export function venueOrder(order: OrderRow, over: Partial<VenueOrder> = {}): VenueOrder {
  const { symbol, side, quantity, price } = order.terms;
  return {
    venueOrderId: id<VenueOrderId>(`v${order.id}-${latestAttempt(order).number}`),
    clientOrderId: latestAttempt(order).clientOrderId,
    symbol,
    side,
    status: "open",
    quantity,
    ...(price !== undefined && { price }),
    executed: decimal("0"),
    ...over,
  };
}

/** An answer to the latest attempt. */
export function answer(order: OrderRow, outcome: PlaceOutcome, atWallMs = 10_010): AttemptAnswered {
  return {
    kind: "attempt.answered",
    intent: order.id,
    attempt: latestAttempt(order).number,
    epoch: latestAttempt(order).epoch,
    node: id<NodeId>("a"),
    outcome,
    atWallMs: wallMs(atWallMs),
  };
}

/** Sent at 10,005, valid for a second. */
export const stamp: SendStamp = { sentWallMs: wallMs(10_005), validityMs: 1_000 };

export function accepted(order: OrderRow, over: Partial<VenueOrder> = {}): AttemptAnswered {
  return answer(order, { kind: "accepted", order: venueOrder(order, over), stamp });
}

export function inDoubt(order: OrderRow): AttemptAnswered {
  return answer(order, { kind: "in-doubt", cause: "no answer within 1500 ms", stamp });
}

export function notSent(
  order: OrderRow,
  reason: Extract<PlaceOutcome, { kind: "not-sent" }>["reason"],
): AttemptAnswered {
  return answer(order, { kind: "not-sent", reason, message: "no byte left" });
}

export function rejected(order: OrderRow): AttemptAnswered {
  return answer(order, { kind: "rejected", code: "-2010", message: "insufficient balance", stamp });
}

export function updated(order: OrderRow, over: Partial<VenueOrder>): JournalEvent {
  const { number } = latestAttempt(order);
  return {
    kind: "order.updated",
    intent: order.id,
    attempt: number,
    order: venueOrder(order, over),
    atWallMs: wallMs(10_020),
  };
}

export function provedAbsent(order: OrderRow, atWallMs = 20_000): JournalEvent {
  return {
    kind: "doubt.resolved",
    intent: order.id,
    attempt: latestAttempt(order).number,
    resolution: { kind: "not-accepted", proof: "asked after the proof time" },
    by: "venue",
    atWallMs: wallMs(atWallMs),
  };
}

/** A trade of an order, at its own price unless said otherwise. */
export function fill(
  order: OrderRow,
  tradeId: number,
  quantity: string,
  price: string = order.terms.price ?? "100",
): FillRecorded {
  return {
    kind: "fill.recorded",
    venue: order.terms.venue,
    symbol: order.terms.symbol,
    tradeId: id<TradeId>(`${tradeId}`),
    venueOrderId: venueOrder(order).venueOrderId,
    intent: order.id,
    side: order.terms.side,
    price: decimal(price),
    quantity: decimal(quantity),
    fee: decimal("0.01"),
    feeCurrency: "USDT",
    tradedWallMs: wallMs(10_015),
  };
}

/** Sell 1 BTC in 4 slices over 4 seconds from 10,000 on. */
export function twapRecorded(
  state: EngineState,
  over: Partial<Record<"slices" | "durationMs", number>> = {},
): JournalEvent {
  return {
    kind: "parent.recorded",
    parent: id<ParentId>(`p-${state.engine.nextParent}`),
    algorithm: {
      name: "twap",
      venue,
      symbol: btc,
      side: "sell",
      quantity: decimal("1"),
      slices: 4,
      durationMs: 4_000,
      aggressionBps: 100,
      ...over,
    },
    by: "trader",
    atWallMs: wallMs(10_000),
  };
}

/** Buy 1 BTC at a tenth of the volume that trades after trade 100. */
export function povRecorded(state: EngineState): JournalEvent {
  return {
    kind: "parent.recorded",
    parent: id<ParentId>(`p-${state.engine.nextParent}`),
    algorithm: {
      ...{ name: "pov", venue, symbol: btc, side: "buy", quantity: decimal("1"), participation: decimal("0.1") },
      ...{ durationMs: 60_000, intervalMs: 1_000, sliceMin: decimal("0.1"), aggressionBps: 10 },
    },
    by: "trader",
    atWallMs: wallMs(10_000),
    countFrom: 100,
  };
}

/** A state and its journal: events as stored text, tables as materialised rows. */
export class Story {
  state: EngineState = emptyState();
  readonly texts: string[] = [];
  /** `table key` → the row's JSON text. */
  readonly tables: Map<string, string> = new Map();

  /** Applies one event and writes its rows. */
  tell(event: JournalEvent): readonly Touched[] {
    const touched = applyEvent(this.state, this.state.applied + 1, event);
    this.texts.push(JSON.stringify(event));
    for (const each of touched) {
      const row = rowOf(this.state, each);
      if (row === undefined) this.tables.delete(`${each.table} ${each.key}`);
      else this.tables.set(`${each.table} ${each.key}`, JSON.stringify(row));
    }
    return touched;
  }

  /** Records a new intent and gives its row. */
  want(over: Partial<OrderTerms> = {}, more: Parameters<typeof wanted>[2] = {}): OrderRow {
    const event = wanted(this.state, over, more);
    this.tell(event);
    return this.order(event.intent);
  }

  order(intent: IntentId): OrderRow {
    const order = this.state.orders.get(intent);
    if (order === undefined) throw new Error(`${intent} is not in the state`);
    return order;
  }
}

/** A story in epoch 1. */
export function story(): Story {
  const begun = new Story();
  begun.tell(epochOpened(begun.state, 1));
  return begun;
}
