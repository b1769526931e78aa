/**
 * The venue: the exchange's own matching core behind a door that lies. Every request is written to the audit when it
 * arrives, before any check or fault decides its fate; the audit is the truth of all checks. The lies: dropped before it is
 * accepted, accepted and the answer lost, accepted late, answers of an older state, account events lost, doubled or out of
 * order. It keeps within the bounds that the nodes are configured with.
 */
import { MatchingEngine, OrderFlow, HOUSE, amountDecimal, isOpen, units, usualFlow } from "@baton/exchange";
import type { Instrument, MatchingEvent, NewOrder, OrderState, Trade, Uniqueness } from "@baton/exchange";
import type { AuditRecord } from "@baton/core";
import type { Agenda } from "./agenda.ts";
import type { Dice } from "./dice.ts";
import { worldBeganWallMs } from "./host-clock.ts";

const account = "desk";
/** Each node has a key of its own on the one account. */
export const keyOf = (node: string): string => `key-${node}`;

/** An audit record without what the log adds. */
type Entry = AuditRecord extends infer R ? (R extends AuditRecord ? Omit<R, "n" | "monoMs" | "wallMs"> : never) : never;

/** What a request is answered with; `lost`: nothing ever comes back, `reset`: the connection breaks. */
export type Reply<T> =
  | { readonly kind: "ok"; readonly body: T }
  | { readonly kind: "error"; readonly status: number; readonly code?: number; readonly message: string }
  | { readonly kind: "reset" }
  | { readonly kind: "lost" };

export interface Signed {
  readonly apiKey: string;
  readonly timestamp: number;
  readonly recvWindow: number;
}

export interface VenueFill {
  readonly tradeId: number;
  readonly orderId: number;
  readonly symbol: string;
  readonly side: "BUY" | "SELL";
  readonly price: bigint;
  readonly quantity: bigint;
  readonly commission: bigint;
  readonly commissionAsset: string;
  readonly atMs: number;
}

/** One event of the account, as a stream tells it. */
export interface AccountNews {
  readonly order: OrderState;
  readonly fill?: VenueFill;
}

/** The lies in force, each as a chance between 0 and 1. */
export interface VenueTemper {
  dropBeforeAccept: number;
  refuseBusy: number;
  acceptLate: number;
  ackLost: number;
  ackStall: number;
  serverError: number;
  queryLag: number;
  queryDown: number;
  newsLost: number;
  newsScrambled: number;
}

function honest(): VenueTemper {
  return {
    dropBeforeAccept: 0,
    refuseBusy: 0,
    acceptLate: 0,
    ackLost: 0,
    ackStall: 0,
    serverError: 0,
    queryLag: 0,
    queryDown: 0,
    newsLost: 0,
    newsScrambled: 0,
  };
}

export interface VenueBounds {
  readonly processingMs: number;
  readonly queryLagMs: number;
}

export class Venue {
  readonly audit: AuditRecord[] = [];
  readonly temper: VenueTemper = honest();
  readonly uniqueness: Uniqueness;
  readonly #agenda: Agenda;
  readonly #dice: Dice;
  readonly #bounds: VenueBounds;
  readonly #onAudit: (record: AuditRecord) => void;
  readonly #engine: MatchingEngine;
  readonly #flows: readonly OrderFlow[];
  readonly #states = new Map<number, { readonly at: number; readonly state: OrderState }[]>();
  readonly #orderIds: number[] = [];
  readonly #fills: { readonly at: number; readonly fill: VenueFill }[] = [];
  readonly #streams = new Set<(news: AccountNews) => void>();
  /** How far its clock is ahead of true time. */
  #aheadMs = 0;
  #asker: { readonly recvN: number; readonly apiKey: string } | undefined;
  readonly #origins = new Map<number, { readonly recvN: number; readonly apiKey: string }>();

  constructor(o: {
    agenda: Agenda;
    dice: Dice;
    instruments: readonly Instrument[];
    uniqueness: Uniqueness;
    bounds: VenueBounds;
    seed: string;
    onAudit: (record: AuditRecord) => void;
  }) {
    this.#onAudit = o.onAudit;
    this.#agenda = o.agenda;
    this.#dice = o.dice;
    this.#bounds = o.bounds;
    this.uniqueness = o.uniqueness;
    this.#engine = new MatchingEngine({
      instruments: o.instruments,
      makerFee: 0n,
      takerFee: 100_000n,
      uniqueness: () => o.uniqueness,
      onEvent: (event) => this.#onEvent(event),
    });
    this.#engine.openAccount(HOUSE, new Map(), { isHouse: true });
    const deposits = o.instruments.map((one): [string, bigint] => [one.base, units("100000")]);
    this.#engine.openAccount(account, new Map([...deposits, ["USDT", units("1000000000")]]));
    this.#flows = o.instruments.map(
      (rules) => new OrderFlow(this.#engine, rules, { ...usualFlow, depth: 6, seed: o.seed, quoteNotional: 20_000 }),
    );
    for (const flow of this.#flows) flow.fill(this.#wall());
    const step = (): void => {
      for (const flow of this.#flows) {
        flow.step(this.#wall());
        if (flow.isThin()) flow.fill(this.#wall());
      }
      this.#agenda.after(this.#dice.between(60, 200), step);
    };
    this.#agenda.after(50, step);
  }

  /** Its clock is set. */
  stepTime(ms: number): void {
    this.#aheadMs += ms;
  }

  /** The true time at which its clock will show this, if nobody sets it. */
  trueAt(wallMs: number): number {
    return wallMs - worldBeganWallMs - this.#aheadMs;
  }

  /** Its clock, which all clocks are compared with. */
  time(): number {
    return Math.floor(this.#wall());
  }

  /** Best bid and ask; undefined when a side is empty. */
  top(symbol: string): { readonly bid: bigint; readonly ask: bigint; readonly updateId: number } | undefined {
    const book = this.#engine.book(symbol);
    const bid = book.bids[0]?.price;
    const ask = book.asks[0]?.price;
    return bid === undefined || ask === undefined ? undefined : { bid, ask, updateId: book.lastUpdateId };
  }

  place(order: Omit<NewOrder, "account">, signed: Signed, reply: (answer: Reply<OrderState>) => void): void {
    const { symbol, clientOrderId } = order;
    const recvN = this.#append({
      type: "recv",
      call: "order.place",
      apiKey: signed.apiKey,
      account,
      symbol,
      clientOrderId,
      side: order.side,
      orderType: order.type,
      timeInForce: order.timeInForce,
      quantity: amountDecimal(order.quantity),
      ...(order.price > 0n && { price: amountDecimal(order.price) }),
      timestamp: signed.timestamp,
      recvWindow: signed.recvWindow,
    });
    const { temper } = this;
    if (this.#strikes(temper.dropBeforeAccept)) return reply({ kind: "reset" });
    if (this.#strikes(temper.refuseBusy)) {
      return reply(this.#dice.chance(0.5) ? busy : { kind: "error", status: 403, message: "<html>" });
    }
    if (!this.#isValid(signed))
      return reply(this.#reject("order.place", { ...signed, symbol, clientOrderId, recvN }, late));
    const isLate = this.#strikes(temper.acceptLate);
    const act = (): void => {
      // Checked once more before the engine, or, where this venue is at its worst, not.
      if (isLate && this.#dice.chance(0.4) && !this.#isValid(signed)) {
        return reply(this.#reject("order.place", { ...signed, symbol, clientOrderId, recvN }, late));
      }
      this.#asker = { recvN, apiKey: signed.apiKey };
      const placed = this.#engine.place({ ...order, account }, this.#wall());
      this.#asker = undefined;
      if (placed.kind === "refused") {
        const { code, message } = placed;
        return reply(this.#reject("order.place", { ...signed, symbol, clientOrderId, recvN }, { code, message }));
      }
      if (this.#strikes(temper.ackLost)) return reply({ kind: "reset" });
      if (this.#strikes(temper.ackStall)) return reply({ kind: "lost" });
      if (this.#strikes(temper.serverError)) {
        return reply({ kind: "error", status: 504, code: -1007, message: "Timeout waiting for response." });
      }
      reply({ kind: "ok", body: placed.order });
    };
    this.#agenda.after(
      isLate ? this.#dice.between(100, this.#bounds.processingMs - 5) : this.#dice.skewed(0.2, 4),
      act,
    );
  }

  cancel(symbol: string, clientOrderId: string, signed: Signed, reply: (answer: Reply<OrderState>) => void): void {
    const asked = { apiKey: signed.apiKey, account, symbol, clientOrderId } as const;
    const recvN = this.#append({
      type: "recv",
      call: "order.cancel",
      ...asked,
      timestamp: signed.timestamp,
      recvWindow: signed.recvWindow,
    });
    if (this.#strikes(this.temper.dropBeforeAccept)) return reply({ kind: "reset" });
    if (!this.#isValid(signed))
      return reply(this.#reject("order.cancel", { ...signed, symbol, clientOrderId, recvN }, late));
    this.#agenda.after(this.#dice.skewed(0.2, 4), () => {
      const order = this.#engine.orders.byClientId(account, symbol, clientOrderId);
      this.#asker = { recvN, apiKey: signed.apiKey };
      const cancelled =
        order === undefined || !isOpen(order) ? undefined : this.#engine.cancel(order.orderId, this.#wall());
      this.#asker = undefined;
      if (cancelled === undefined) {
        const unknown = { code: -2011, message: "Unknown order sent." };
        return reply(this.#reject("order.cancel", { ...signed, symbol, clientOrderId, recvN }, unknown));
      }
      reply(this.#strikes(this.temper.ackLost) ? { kind: "reset" } : { kind: "ok", body: cancelled });
    });
  }

  /** The order that a client order id means; undefined body: there is none. */
  query(symbol: string, clientOrderId: string, reply: (answer: Reply<OrderState | undefined>) => void): void {
    this.#answerQuery(reply, (at) => {
      const ids = this.#engine.orders.everByClientId(account, clientOrderId);
      const states = ids.flatMap((id) => this.#stateAt(id, at) ?? []).filter((state) => state.symbol === symbol);
      return states.find(isOpen) ?? states.at(-1);
    });
  }

  orderById(orderId: number, reply: (answer: Reply<OrderState | undefined>) => void): void {
    this.#answerQuery(reply, (at) => this.#stateAt(orderId, at));
  }

  openOrders(symbol: string | undefined, reply: (answer: Reply<readonly OrderState[]>) => void): void {
    this.#answerQuery(reply, (at) =>
      this.#orderIds
        .flatMap((id) => this.#stateAt(id, at) ?? [])
        .filter((state) => isOpen(state) && (symbol === undefined || state.symbol === symbol)),
    );
  }

  /** Trades of the account from a trade id on. */
  trades(symbol: string, fromId: number, reply: (answer: Reply<readonly VenueFill[]>) => void): void {
    this.#answerQuery(reply, (at) =>
      this.#fills
        .filter((one) => one.at <= at && one.fill.symbol === symbol && one.fill.tradeId >= fromId)
        .map((one) => one.fill),
    );
  }

  /** Tells of every later event of the account, in order, at once; what the line makes of it is the line's. */
  listen(listener: (news: AccountNews) => void): () => void {
    this.#streams.add(listener);
    return () => this.#streams.delete(listener);
  }

  #answerQuery<T>(reply: (answer: Reply<T>) => void, find: (at: number) => T): void {
    if (this.#strikes(this.temper.queryDown)) {
      return reply(this.#dice.chance(0.5) ? { kind: "lost" } : { kind: "error", status: 502, message: "<html>" });
    }
    const lag = this.#strikes(this.temper.queryLag) ? this.#dice.between(50, this.#bounds.queryLagMs - 5) : 0;
    this.#agenda.after(this.#dice.skewed(0.2, 3), () => reply({ kind: "ok", body: find(this.#agenda.now - lag) }));
  }

  #stateAt(orderId: number, at: number): OrderState | undefined {
    return this.#states.get(orderId)?.findLast((one) => one.at <= at)?.state;
  }

  #strikes(chance: number): boolean {
    return chance > 0 && this.#dice.chance(chance);
  }

  #isValid(signed: Signed): boolean {
    const now = this.#wall();
    return signed.timestamp < now + 1_000 && now - signed.timestamp <= signed.recvWindow;
  }

  #reject(
    call: string,
    asked: { readonly apiKey: string; readonly symbol: string; readonly clientOrderId: string; readonly recvN: number },
    why: { readonly code: number; readonly message: string },
  ): Reply<never> {
    const { apiKey, symbol, clientOrderId, recvN } = asked;
    this.#append({ type: "reject", call, apiKey, account, symbol, clientOrderId, recvN, ...why });
    return { kind: "error", status: 400, ...why };
  }

  #onEvent(event: MatchingEvent): void {
    // Conditional orders are not sent here.
    if (event.kind === "level" || event.kind === "triggered") return;
    if (event.kind === "traded") {
      this.#traded(event.trade, event.taker);
      this.#traded(event.trade, event.maker);
      return;
    }
    const { order } = event;
    if (order.account !== account) return;
    if (event.kind === "accepted" && this.#asker !== undefined) this.#origins.set(order.orderId, this.#asker);
    const origin = this.#origins.get(order.orderId);
    const named = {
      apiKey: (this.#asker ?? origin)?.apiKey ?? "",
      account,
      symbol: order.symbol,
      side: order.side,
      clientOrderId: order.clientOrderId,
      orderId: order.orderId,
    };
    if (event.kind === "accepted") {
      this.#orderIds.push(order.orderId);
      const recvN = origin?.recvN ?? 0;
      this.#append({ type: "accept", ...named, recvN, quantity: amountDecimal(order.quantity) });
    } else if (event.kind === "cancelled") this.#append({ type: "cancel", ...named, cause: "request" });
    else this.#append({ type: "expire", ...named, cause: event.reason });
    this.#remember(order);
    this.#tell({ order });
  }

  #traded(trade: Trade, order: OrderState): void {
    if (order.account !== account) return;
    const share = order.side === "BUY" ? trade.buyer : trade.seller;
    const fill: VenueFill = {
      tradeId: trade.tradeId,
      orderId: order.orderId,
      symbol: trade.symbol,
      side: order.side,
      price: trade.price,
      quantity: trade.quantity,
      commission: share.commission,
      commissionAsset: share.commissionAsset,
      atMs: trade.atMs,
    };
    this.#append({
      type: "fill",
      tradeId: trade.tradeId,
      isMaker: order.orderId !== trade.takerOrderId,
      apiKey: this.#origins.get(order.orderId)?.apiKey ?? "",
      account,
      symbol: trade.symbol,
      side: order.side,
      clientOrderId: order.clientOrderId,
      orderId: order.orderId,
      quantity: amountDecimal(trade.quantity),
      price: amountDecimal(trade.price),
    });
    this.#fills.push({ at: this.#agenda.now, fill });
    this.#remember(order);
    this.#tell({ order, fill });
  }

  #remember(order: OrderState): void {
    const states = this.#states.get(order.orderId) ?? [];
    states.push({ at: this.#agenda.now, state: order });
    this.#states.set(order.orderId, states);
  }

  #tell(news: AccountNews): void {
    for (const stream of this.#streams) {
      if (this.#strikes(this.temper.newsLost)) continue;
      stream(news);
      if (this.#strikes(this.temper.newsScrambled)) stream(news);
    }
  }

  #append(entry: Entry): number {
    const n = this.audit.length + 1;
    const record = { n, monoMs: this.#agenda.now, wallMs: this.#wall(), ...entry } as AuditRecord;
    this.audit.push(record);
    this.#onAudit(record);
    return n;
  }

  #wall(): number {
    return worldBeganWallMs + this.#agenda.now + this.#aheadMs;
  }
}

const late = { code: -1021, message: "Timestamp for this request is outside of the recvWindow." };
const busy: Reply<never> = { kind: "error", status: 503, code: -1008, message: "Server is currently overloaded." };
