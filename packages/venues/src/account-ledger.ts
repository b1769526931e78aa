/**
 * Each fact of the account once, in whatever order and however often the stream and the REST recovery tell it. Fills are
 * told apart by (symbol, trade id); an order's state only moves forward (executed quantity grows, an ended order stays
 * ended), never by arrival. So a drop and a recovery lose no fill and double none (I11).
 */
import {
  compare,
  Newest,
  type Decimal,
  type SymbolId,
  type TradeId,
  type VenueOrder,
  type VenueOrderStatus,
} from "@baton/core";
import { sameTradeIds } from "./dialects/trade-ids.ts";
import type { OrderChange } from "./dialects/user-message.ts";
import type { VenueTrade } from "./venue.ts";

/** Where a fact came from: pushed by the venue, or read after a (re)connection. */
export type FactSource = "stream" | "recovery";

export type AccountEvent =
  | { readonly kind: "fill"; readonly fill: VenueTrade; readonly source: FactSource }
  | { readonly kind: "order"; readonly order: VenueOrder; readonly source: FactSource }
  /** From the stream only the currencies that changed, zeros included; from recovery all that are not zero. */
  | { readonly kind: "balances"; readonly balances: Readonly<Record<string, Decimal>>; readonly source: FactSource };

/** Of each symbol. */
const tradesKept = 10_000;
const ordersKept = 20_000;

export class AccountLedger {
  readonly #emit: (event: AccountEvent) => void;
  readonly #tradesSeen = new Map<SymbolId, Newest<TradeId, true>>();
  readonly #ordersSeen = new Newest<string, { readonly executed: Decimal; readonly isEnded: boolean }>(ordersKept);
  readonly #clientOrderIds = new Newest<string, string>(ordersKept);
  /** By venue order id, for venues that tell only what changed. */
  readonly #orders = new Newest<string, VenueOrder>(ordersKept);
  readonly #floors = new Map<SymbolId, bigint>();
  readonly #overlapIds: bigint;

  /** `overlapIds`: how far below the newest trade that was read another may still turn up; 0 where lists are prefixes. */
  constructor(emit: (event: AccountEvent) => void, overlapIds = 0n) {
    this.#emit = emit;
    this.#overlapIds = overlapIds;
  }

  /**
   * The trade id from which recovery must read: one above the last that REST has shown (its lists are prefixes of the
   * truth, even when they lag), at first above what the caller vouches for. What only the stream has shown does not raise
   * it, since an earlier trade may have been lost there.
   */
  recoverFrom(symbol: SymbolId, vouchedFor: TradeId | undefined): bigint {
    const floor = this.#floors.get(symbol) ?? (vouchedFor === undefined ? -1n : BigInt(vouchedFor));
    this.#floors.set(symbol, floor);
    return floor + 1n;
  }

  /** Takes a trade; true when it was new. */
  trade(trade: VenueTrade, source: FactSource): boolean {
    const isNew = this.#isNew(trade);
    if (isNew) {
      const clientOrderId = trade.clientOrderId ?? this.clientOrderIdOf(trade);
      this.#emit({ kind: "fill", fill: clientOrderId === undefined ? trade : { ...trade, clientOrderId }, source });
    }
    if (source === "recovery") this.#raiseFloor(trade);
    return isNew;
  }

  /** Takes a trade of a REST list that the caller knows already: it is given out to nobody. */
  pass(trade: VenueTrade): void {
    this.#isNew(trade);
    this.#raiseFloor(trade);
  }

  /** True once per trade above the floor. */
  #isNew(trade: VenueTrade): boolean {
    const floor = this.#floors.get(trade.symbol);
    const seen = this.#tradesSeen.get(trade.symbol) ?? new Newest<TradeId, true>(tradesKept);
    this.#tradesSeen.set(trade.symbol, seen);
    if (floor !== undefined && BigInt(trade.tradeId) <= floor) return false;
    const names = this.#overlapIds > 0n ? sameTradeIds(trade.tradeId) : [trade.tradeId];
    if (names.some((name) => seen.has(name))) return false;
    seen.set(trade.tradeId, true);
    return true;
  }

  #raiseFloor(trade: VenueTrade): void {
    const tradeId = BigInt(trade.tradeId) - this.#overlapIds;
    const floor = this.#floors.get(trade.symbol);
    if (floor === undefined || tradeId > floor) this.#floors.set(trade.symbol, tradeId);
  }

  /** Takes an order's state; true when it was news. */
  order(order: VenueOrder, source: FactSource): boolean {
    const key = keyOf(order.symbol, order.venueOrderId);
    this.#clientOrderIds.set(key, order.clientOrderId);
    this.#orders.set(order.venueOrderId, order);
    const known = this.#ordersSeen.get(key);
    const isEnded = endedStatuses.has(order.status);
    if (known !== undefined) {
      const step = compare(order.executed, known.executed);
      // An end is news whatever it says was executed: where a trade was taken back, that may be less than was told before.
      const isEnd = isEnded && !known.isEnded;
      if (!isEnd && (step <= 0 || known.isEnded !== isEnded)) return false;
    }
    this.#ordersSeen.set(key, { executed: order.executed, isEnded });
    this.#emit({ kind: "order", order, source });
    return true;
  }

  /** Takes what changed of an order; "unknown" when that does not say where the order stands now: it has to be read. */
  change(change: OrderChange, source: FactSource): boolean | "unknown" {
    const order = this.#whole(change);
    return order === undefined ? "unknown" : this.order(order, source);
  }

  #whole({ status: word, ...told }: OrderChange): VenueOrder | undefined {
    const {
      symbol,
      clientOrderId,
      side,
      quantity,
      executed: known,
      ...rest
    } = {
      ...this.#orders.get(told.venueOrderId),
      ...told,
    };
    if (symbol === undefined || clientOrderId === undefined || side === undefined || quantity === undefined) {
      return undefined;
    }
    // "Filled" says how much by itself; any other end does not, if it tells no quantity.
    const executed = told.executed ?? (word === "filled" ? quantity : known);
    if (executed === undefined) return undefined;
    const status = typeof word === "function" ? word(executed, quantity) : word;
    if (told.executed === undefined && status !== "filled" && endedStatuses.has(status)) return undefined;
    return { ...rest, symbol, clientOrderId, side, quantity, executed, status };
  }

  balances(balances: Readonly<Record<string, Decimal>>, source: FactSource): void {
    this.#emit({ kind: "balances", balances, source });
  }

  /** The client id of the order that a trade belongs to, where the order was seen. */
  clientOrderIdOf(trade: Pick<VenueTrade, "symbol" | "venueOrderId">): string | undefined {
    return this.#clientOrderIds.get(keyOf(trade.symbol, trade.venueOrderId));
  }
}

const endedStatuses: ReadonlySet<VenueOrderStatus> = new Set(["filled", "cancelled", "expired", "rejected"]);

function keyOf(symbol: string, venueOrderId: string): string {
  return `${symbol} ${venueOrderId}`;
}
