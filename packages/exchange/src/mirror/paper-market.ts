/**
 * Paper orders on live markets, by the exchange's own matching core. Between two events the core's books hold the resting
 * paper orders and nothing else; what the live venue quotes is lent to them for the length of one event:
 *
 * - a new paper order meets the live quotes on its far side, best first, and takes what it can of them;
 * - a live quote that comes to stand at or beyond a paper order's price trades with it, at the paper order's price;
 * - a live trade fills resting paper orders by the queue rule (`queue.ts`).
 *
 * So filters, funds, times in force and fees are the same code as everywhere. Nothing of this is seen in the public
 * market data, which is the live venue's; and while a market is not live, nothing fills and no order is taken.
 */
import { notional } from "../amounts.ts";
import { HOUSE } from "../flow/order-flow.ts";
import type { PastBook, PastLevel } from "../market/book-memory.ts";
import type { MatchingEngine, MatchingEvent, Placed } from "../matching/matching-engine.ts";
import type { NewOrder } from "../matching/new-order.ts";
import { isMarket, isOpen, type Side } from "../matching/order.ts";
import type { Refusal } from "../matching/refusals.ts";
import type { MirroredBook } from "./mirrored-book.ts";
import { PaperQueue, type LivePrint } from "./queue.ts";

/** All mirrored markets of one exchange. */
export class PaperMarket {
  readonly #engine: MatchingEngine;
  readonly #books: ReadonlyMap<string, MirroredBook>;
  readonly #queues: ReadonlyMap<string, PaperQueue>;
  readonly #isLive: (symbol: string) => boolean;

  constructor(options: {
    readonly engine: MatchingEngine;
    readonly books: ReadonlyMap<string, MirroredBook>;
    readonly isLive: (symbol: string) => boolean;
  }) {
    this.#engine = options.engine;
    this.#books = options.books;
    this.#queues = new Map([...options.books.keys()].map((symbol) => [symbol, new PaperQueue()]));
    this.#isLive = options.isLive;
  }

  /** True while the live market is known. */
  isLive(symbol: string): boolean {
    return this.#isLive(symbol);
  }

  /** The live venue's book; empty while it is not known. */
  book(symbol: string): PastBook {
    return this.#book(symbol).view();
  }

  /** Places a paper order against what is quoted now. */
  place(request: NewOrder, nowMs: number): Placed | Refusal {
    return this.#meet(request, nowMs, () => this.#engine.place(request, nowMs));
  }

  /** The book has changed: quotes that now stand at or beyond a paper order's price trade with it. */
  quotesMoved(symbol: string, nowMs: number): void {
    if (!this.isLive(symbol)) return;
    for (const side of ["BUY", "SELL"] as const) {
      const resting = this.#engine.book(symbol).facing(side)[0];
      if (resting === undefined) continue;
      const isWanted = (level: PastLevel): boolean =>
        side === "BUY" ? level.price >= resting.price : level.price <= resting.price;
      this.#lend({ symbol, side, isWanted, nowMs }, () => undefined);
    }
  }

  /** A live trade. */
  printed(symbol: string, print: LivePrint, nowMs: number): void {
    this.#engine.setLastPrice(symbol, print.price);
    if (!this.isLive(symbol)) return;
    const quantity = this.#queue(symbol).print(print, this.#engine.book(symbol).levels(print.restingSide));
    if (quantity > 0n) {
      const side: Side = print.restingSide === "BUY" ? "SELL" : "BUY";
      this.#engine.place(houseOrder(symbol, side, { price: print.price, total: quantity }, "IOC"), nowMs);
    }
    for (let due = this.#engine.dueStop(symbol); due !== undefined; due = this.#engine.dueStop(symbol)) {
      const { orderId } = due;
      this.#meet(due, nowMs, () => this.#engine.activate(orderId, nowMs));
    }
  }

  /** Keeps the queues: who has come to rest, and who has left. Called with all that a step of the floor caused. */
  follow(events: readonly MatchingEvent[]): void {
    for (const event of events) {
      if (event.kind === "level") continue;
      for (const one of event.kind === "traded" ? [event.taker, event.maker] : [event.order]) {
        if (one.account === HOUSE) continue;
        const order = this.#engine.orders.byId(one.orderId);
        const queue = this.#queue(one.symbol);
        if (order === undefined || !isOpen(order)) queue.leave(one.orderId);
        else if (order.isWorking && !queue.has(order.orderId)) {
          const level = this.#engine
            .book(order.symbol)
            .levels(order.side)
            .find(({ price }) => price === order.price);
          const before = [...(level?.queue.keys() ?? [])].filter((id) => id !== order.orderId);
          queue.join(order.orderId, this.#book(order.symbol).quoted(order.side, order.price), before);
        }
      }
    }
  }

  /** Lets an order meet what is quoted on its far side while `act` runs. */
  #meet<T>(order: Wish, nowMs: number, act: () => T): T {
    const side: Side = order.side === "BUY" ? "SELL" : "BUY";
    return this.#lend({ symbol: order.symbol, side, isWanted: wantedBy(order), nowMs }, act);
  }

  /**
   * Rests live quotes of one side in the core's book while `act` runs, best first as long as they are wanted, and notes
   * what was taken of them.
   */
  #lend<T>(
    loan: {
      readonly symbol: string;
      readonly side: Side;
      readonly isWanted: (level: PastLevel) => boolean;
      readonly nowMs: number;
    },
    act: () => T,
  ): T {
    const { symbol, side, isWanted, nowMs } = loan;
    const lent: { readonly level: PastLevel; readonly orderId: number | undefined }[] = [];
    for (const level of this.#book(symbol).left(side)) {
      if (!isWanted(level)) break;
      const placed = this.#engine.place(houseOrder(symbol, side, level, "GTC"), nowMs);
      lent.push({ level, orderId: placed.kind === "placed" ? placed.order.orderId : undefined });
    }
    const result = act();
    for (const { level, orderId } of lent) {
      // A quote that was traded with whole is forgotten by the core.
      const order = orderId === undefined ? undefined : this.#engine.orders.byId(orderId);
      const taken = order === undefined ? level.total : order.executed;
      if (taken > 0n) this.#book(symbol).take(side, level.price, taken);
      if (order !== undefined) this.#engine.cancel(order.orderId, nowMs);
    }
    return result;
  }

  #book(symbol: string): MirroredBook {
    return this.#books.get(symbol) as MirroredBook;
  }

  #queue(symbol: string): PaperQueue {
    return this.#queues.get(symbol) as PaperQueue;
  }
}

type Wish = Pick<NewOrder, "symbol" | "side" | "type" | "price" | "quantity" | "quoteQuantity">;

/** Whether one more level is of use to an order, asked for one after the other. */
function wantedBy(request: Wish): (level: PastLevel) => boolean {
  let [quantity, quote] = [0n, 0n];
  return ({ price, total }) => {
    if (!isMarket(request) && (request.side === "BUY" ? price > request.price : price < request.price)) {
      return false;
    }
    const isEnough = request.quantity > 0n ? quantity >= request.quantity : quote >= request.quoteQuantity;
    quantity += total;
    quote += notional(price, total);
    return !isEnough;
  };
}

function houseOrder(symbol: string, side: Side, { price, total }: PastLevel, timeInForce: "GTC" | "IOC"): NewOrder {
  return {
    account: HOUSE,
    symbol,
    side,
    type: "LIMIT",
    timeInForce,
    quantity: total,
    quoteQuantity: 0n,
    price,
    clientOrderId: HOUSE,
    selfTradePrevention: "NONE",
  };
}
