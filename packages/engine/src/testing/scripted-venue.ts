/**
 * A venue that does what a test says: it accepts orders and keeps them, or answers as scripted. What it was asked stands
 * in `sent`, in order. Only what the desk uses of a venue is meant seriously.
 */
import { decimal, id } from "@baton/core";
import type {
  BreakerState,
  CancelOutcome,
  Decimal,
  ExchangeId,
  InstrumentRules,
  OrderTerms,
  Permit,
  PlaceOutcome,
  QueryOutcome,
  SendStamp,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrder,
  VenueOrderId,
  VenueOrderStatus,
} from "@baton/core";
import { VenueUnavailable } from "@baton/venues";
import type {
  AccountEvent,
  AccountStreamOptions,
  AccountStreamState,
  OrderToPlace,
  Venue,
  VenueTrade,
} from "@baton/venues";
import { wallNow } from "../clock.ts";

/** What the desk sent. */
export interface Sent {
  readonly kind: "place" | "cancel" | "switch";
  readonly clientOrderId: string;
  readonly epoch: number;
}

export const btc: SymbolId = id<SymbolId>("BTC/USDT");

const rules: InstrumentRules = {
  symbol: btc,
  base: "BTC",
  quote: "USDT",
  tickSize: decimal("0.5"),
  lotSize: decimal("0.1"),
  quantityMin: decimal("0.1"),
  quantityMax: decimal("1000"),
  notionalMin: decimal("10"),
};

export class ScriptedVenue {
  readonly id: VenueId;
  /** The account stream does not get complete by itself. */
  isRecoveryHeld = false;
  readonly sent: Sent[] = [];
  /** How often its list of open orders was read. */
  listings = 0;
  /** How often it was asked for an order by its client order id. */
  queries = 0;
  /** By client order id. */
  readonly orders: Map<string, VenueOrder> = new Map();
  readonly trades: VenueTrade[] = [];
  /** What happens to the next placements, first to last; afterwards they are accepted. */
  readonly script: ((order: OrderToPlace, withdrawal: AbortSignal | undefined) => Promise<PlaceOutcome>)[] = [];
  /** What happens to the next cancels, first to last, each with what the venue would have done; afterwards that is done. */
  readonly cancelScript: ((carryOut: () => CancelOutcome) => Promise<CancelOutcome>)[] = [];
  /** Present: a futures venue, which keeps positions of its own. */
  positions: Map<SymbolId, Decimal> | undefined;
  /** Another exchange than Binance, spot or futures by `positions`. */
  exchange: ExchangeId | undefined;
  /** It has a dead man's switch; the times it was set to. */
  readonly switchTimes: number[] = [];
  hasSwitch = false;
  /** False: what it is given to place has no socket yet, so that no byte of it leaves before its outcome. */
  hasSockets = true;
  /** False: nothing that is read is answered. */
  isReachable = true;
  /** How far the venue's time is ahead of this machine's wall clock. */
  clockOffsetMs = 0;
  breakerState: BreakerState = "closed";
  #listener: AccountStreamOptions | undefined;
  #number = 0;

  constructor(name = "sim") {
    this.id = id<VenueId>(name);
  }

  /** As the engine takes it. */
  asVenue(): Venue {
    const { id: name } = this;
    return {
      id: name,
      exchange: this.exchange ?? (this.positions === undefined ? "binance" : "binanceusdm"),
      instruments: new Map([[btc, rules]]),
      place: (order, permit, withdrawal) => {
        if (this.hasSockets) order.onLeft?.();
        this.sent.push({ kind: "place", clientOrderId: order.clientOrderId, epoch: permit.epoch });
        const next = this.script.shift();
        return next === undefined ? Promise.resolve(this.accept(order)) : next(order, withdrawal);
      },
      cancel: (order, permit) => {
        this.sent.push({ kind: "cancel", clientOrderId: order.clientOrderId, epoch: permit.epoch });
        const next = this.cancelScript.shift();
        const carryOut = (): CancelOutcome => this.#cancel(order.clientOrderId);
        return next === undefined ? Promise.resolve(carryOut()) : next(carryOut);
      },
      ...(this.hasSwitch && {
        setSwitch: (timeoutMs: number, permit: Permit) => {
          this.sent.push({ kind: "switch", clientOrderId: "", epoch: permit.epoch });
          this.switchTimes.push(timeoutMs);
          return Promise.resolve(this.isReachable);
        },
      }),
      query: (_symbol, clientOrderId) => Promise.resolve(this.#query(clientOrderId)),
      orderById: (_symbol, venueOrderId) =>
        this.#read([...this.orders.values()].find((order) => order.venueOrderId === venueOrderId)),
      openOrders: () => {
        this.listings += 1;
        return this.#read([...this.orders.values()].filter(isOpen));
      },
      trades: (_symbol, { fromId, limit }) => {
        if (fromId === undefined) return this.#read(this.trades);
        const from = this.trades.filter((trade) => BigInt(trade.tradeId) >= BigInt(fromId));
        return this.#read(from.slice(0, limit));
      },
      lastTradeId: () => this.#read<TradeId | undefined>(undefined),
      balances: () => this.#read<Readonly<Record<string, Decimal>>>({ USDT: decimal("100000") }),
      clock: () => ({ offsetMs: this.clockOffsetMs, errorMs: 5 }),
      reach: () => Promise.resolve(this.isReachable),
      warm: () => Promise.resolve(),
      openAccountStream: (options) => {
        this.#listener = options;
        options.onState?.(this.isRecoveryHeld ? "recovering" : "ready", "");
        return { state: () => "ready", close: () => undefined };
      },
      budget: () => 1,
      usage: () => ({ venueMs: 0, used: {} }),
      adoptUsage: () => undefined,
      positions: () => this.#read(new Map(this.positions)),
      breaker: () => this.breakerState,
      close: () => Promise.resolve(),
    };
  }

  get placed(): readonly string[] {
    return this.sent.filter((each) => each.kind === "place").map((each) => each.clientOrderId);
  }

  /** What was held is read: the account stream is complete. */
  recovered(): void {
    this.#listener?.onState?.("ready", "");
  }

  /** Its account stream is in another state. */
  state(state: AccountStreamState, why: string): void {
    this.#listener?.onState?.(state, why);
  }

  /** What its account stream would be told when it asks whether to read soon. */
  get isFillMissing(): boolean {
    return this.#listener?.isFillMissing?.() === true;
  }

  /** A recovery asks for an order of ours that is not on the list of open ones, and the venue knows none. */
  deny(clientOrderId: string): void {
    this.#listener?.onDenied?.({ symbol: btc, clientOrderId });
  }

  /** A recovery, or a sweep, reads the list of open orders. */
  listOpen(): void {
    this.#listener?.onOpenOrders?.([...this.orders.values()].filter(isOpen));
  }

  /** The account stream tells it. */
  tell(event: AccountEvent): void {
    this.#listener?.onEvent(event);
  }

  /** Takes an order: open, or as said. Gives the answer that the engine would get. */
  accept(
    order: { readonly clientOrderId: string; readonly terms: OrderTerms },
    status: VenueOrderStatus = "open",
  ): PlaceOutcome {
    this.#number += 1;
    const { symbol, side, quantity, price, reduceOnly } = order.terms;
    const told: VenueOrder = {
      venueOrderId: id<VenueOrderId>(`${this.#number}`),
      clientOrderId: order.clientOrderId,
      symbol,
      side,
      status,
      quantity,
      ...(price !== undefined && { price }),
      ...(reduceOnly !== undefined && { reduceOnly }),
      executed: decimal(status === "filled" ? quantity : "0"),
    };
    this.orders.set(order.clientOrderId, told);
    return { kind: "accepted", order: told, stamp: stampNow() };
  }

  /** All of an order trades, and the account stream tells the trade and nothing else. */
  fill(clientOrderId: string, tradeId: string): void {
    const order = this.orders.get(clientOrderId);
    if (order === undefined) throw new Error(`the venue has no ${clientOrderId}`);
    this.orders.set(clientOrderId, { ...order, status: "filled", executed: order.quantity });
    const fill: VenueTrade = {
      tradeId: id<TradeId>(tradeId),
      symbol: btc,
      venueOrderId: order.venueOrderId,
      clientOrderId,
      side: order.side,
      price: order.price ?? decimal("100"),
      quantity: order.quantity,
      fee: decimal("0"),
      feeCurrency: "USDT",
      isMaker: false,
      tradedWallMs: wallNow(),
    };
    this.trades.push(fill);
    this.tell({ kind: "fill", fill, source: "stream" });
  }

  #cancel(clientOrderId: string): CancelOutcome {
    const order = this.orders.get(clientOrderId);
    if (order === undefined || !isOpen(order)) return { kind: "unknown-order", message: "Unknown order sent." };
    const cancelled: VenueOrder = { ...order, status: "cancelled" };
    this.orders.set(clientOrderId, cancelled);
    return { kind: "cancelled", order: cancelled };
  }

  #query(clientOrderId: string): QueryOutcome {
    this.queries += 1;
    if (!this.isReachable) return { kind: "unavailable", cause: "away" };
    const order = this.orders.get(clientOrderId);
    return order === undefined ? { kind: "not-found" } : { kind: "found", order };
  }

  #read<T>(value: T): Promise<T> {
    if (this.isReachable) return Promise.resolve(value);
    return Promise.reject(new VenueUnavailable(this.id, "a read", "away"));
  }
}

function isOpen(order: VenueOrder): boolean {
  return order.status === "open" || order.status === "partially-filled";
}

/** Sent now, valid for a second. */
export function stampNow(): SendStamp {
  return { sentWallMs: wallNow(), validityMs: 1_000 };
}
