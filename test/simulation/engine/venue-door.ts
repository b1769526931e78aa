/**
 * A node's way to the venue. The last check of the permit, the signed window and the write are one step; before it a
 * request may have waited for a socket or for room in the budget. What comes back falls into one of the five classes, as
 * `@baton/venues` classifies Binance's answers; no answer in time is in doubt.
 */
import { amountDecimal, units } from "@baton/exchange";
import type { OrderState } from "@baton/exchange";
import { id, monoMs, wallMs } from "@baton/core";
import type {
  CancelOutcome,
  MonoMs,
  NotSentReason,
  OrderTerms,
  Permit,
  PermitSource,
  PlaceOutcome,
  QueryOutcome,
  SendStamp,
  SymbolId,
  TradeId,
  VenueOrder,
  VenueOrderId,
} from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { Dice } from "../world/dice.ts";
import type { Network } from "../world/network.ts";
import type { Process } from "../world/process.ts";
import { keyOf } from "../world/venue.ts";
import type { AccountNews, Reply, Signed, Venue, VenueFill } from "../world/venue.ts";
import type { Settings } from "./settings.ts";
import { VenueClock } from "./venue-clock.ts";

export interface DoorPorts {
  readonly place: string;
  readonly node: string;
  readonly permits: PermitSource;
  isKilled(): boolean;
  /** An answer that came after its request had been called in doubt. */
  lateAnswer(clientOrderId: string, outcome: PlaceOutcome): void;
  /** The instant at which bytes of an order-changing request leave. */
  wrote(write: VenueWrite): void;
  /** More time has passed at the venue than on this machine's clock. */
  clockAhead(): void;
  /** The venue has told this of the account: its open orders, or the trades of one symbol from the first on. */
  read(what: "open orders" | SymbolId): void;
}

/** Orders that can still be taken back: what to call when they are. */
export type Withdrawal = Set<() => void>;

/** What leaves for the venue, as those who watch see it. */
export interface VenueWrite {
  readonly call: "order.place" | "order.cancel";
  readonly clientOrderId: string;
  readonly stamp: SendStamp;
  readonly mono: MonoMs;
  readonly epoch: number;
}

type Refusal = { readonly reason: NotSentReason; readonly message: string };

export interface Trade {
  readonly tradeId: TradeId;
  readonly venueOrderId: VenueOrderId;
  readonly symbol: SymbolId;
  readonly side: "buy" | "sell";
  readonly price: VenueOrder["executed"];
  readonly quantity: VenueOrder["executed"];
  readonly fee: VenueOrder["executed"];
  readonly feeCurrency: string;
  readonly tradedWallMs: ReturnType<typeof wallMs>;
}

const clockEveryMs = 10_000;
const reachEveryMs = 1_000;
const venuePlace = "venue";

export class VenueDoor {
  readonly clock: VenueClock;
  /** How long a request waits before its last check: [least, most]. */
  waitMs: readonly [number, number] = [0, 0.3];
  readonly #venue: Venue;
  readonly #network: Network;
  readonly #process: Process;
  readonly #dice: Dice;
  readonly #settings: Settings;
  readonly #bent: Bent;
  readonly #ports: DoorPorts;
  #lostSince: number | undefined;
  #reachedMono = 0;
  #misses = 0;
  #isOpen = false;

  constructor(o: {
    venue: Venue;
    network: Network;
    process: Process;
    dice: Dice;
    settings: Settings;
    bent: Bent;
    ports: DoorPorts;
  }) {
    this.#venue = o.venue;
    this.#network = o.network;
    this.#process = o.process;
    this.#dice = o.dice;
    this.#settings = o.settings;
    this.#bent = o.bent;
    this.#ports = o.ports;
    this.clock = new VenueClock(o.process.clock, () => o.ports.clockAhead());
    this.#sampleClock();
    o.process.every(clockEveryMs, () => this.#sampleClock());
    o.process.every(reachEveryMs, () => this.#reach());
  }

  /** False until the venue's time was known once. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get lostSinceMono(): number | undefined {
    return this.#lostSince;
  }

  get reaches(): boolean {
    return this.#isOpen && this.#lostSince === undefined;
  }

  /** So long ago it asked what the venue has answered since. */
  get reachedAgoMs(): number {
    return this.#process.clock.mono() - this.#reachedMono;
  }

  place(
    order: { readonly clientOrderId: string; readonly terms: OrderTerms; readonly expiresAtMonoMs: MonoMs },
    permit: Permit,
    withdrawal: Withdrawal,
    done: (outcome: PlaceOutcome) => void,
  ): void {
    const { clientOrderId, terms } = order;
    let isWithdrawn = false;
    const takeBack = (): void => {
      isWithdrawn = true;
      done({ kind: "not-sent", reason: "withdrawn", message: "a switchover ended the sending" });
    };
    const early = this.#window(permit);
    if ("reason" in early && this.#bent.is("permit-not-rechecked")) return done({ kind: "not-sent", ...early });
    withdrawal.add(takeBack);
    this.#process.after(this.#dice.between(...this.waitMs), () => {
      withdrawal.delete(takeBack);
      if (isWithdrawn) return;
      const now = this.#process.clock.mono();
      const window = this.#bent.is("permit-not-rechecked") ? early : this.#window(permit);
      if ("reason" in window) return done({ kind: "not-sent", ...window });
      if (this.#ports.isKilled())
        return done({ kind: "not-sent", reason: "killed", message: "a kill level is in force" });
      if (now >= order.expiresAtMonoMs) {
        return done({ kind: "not-sent", reason: "expired", message: "past the intent's own time" });
      }
      const { stamp } = window;
      let isOver = false;
      const write: VenueWrite = { call: "order.place", clientOrderId, stamp, mono: now, epoch: permit.epoch };
      this.#ports.wrote(write);
      const signed = this.#signed(stamp);
      this.#process.after(this.#settings.deadlineMs, () => {
        if (isOver) return;
        isOver = true;
        done({ kind: "in-doubt", cause: `no answer within ${this.#settings.deadlineMs} ms`, stamp });
      });
      this.#request<OrderState>(
        (reply) => this.#venue.place(orderOf(clientOrderId, terms), signed, reply),
        (answer) => {
          const outcome = this.#classify(answer, stamp);
          if (outcome === undefined) return;
          if (!isOver) {
            isOver = true;
            done(outcome);
          } else if (outcome.kind !== "in-doubt") this.#ports.lateAnswer(clientOrderId, outcome);
        },
      );
    });
  }

  cancel(
    order: { readonly clientOrderId: string; readonly symbol: SymbolId },
    permit: Permit,
    done: (outcome: CancelOutcome) => void,
  ): void {
    const window = this.#window(permit);
    if ("reason" in window) return done({ kind: "not-sent", ...window });
    const { stamp } = window;
    const { clientOrderId, symbol } = order;
    const mono = this.#process.clock.mono();
    this.#ports.wrote({ call: "order.cancel", clientOrderId, stamp, mono, epoch: permit.epoch });
    const signed = this.#signed(stamp);
    this.#once<OrderState>(
      (reply) => this.#venue.cancel(venueSymbol(symbol), clientOrderId, signed, reply),
      (answer) => {
        if (answer?.kind === "ok") return done({ kind: "cancelled", order: venueOrder(answer.body) });
        if (answer?.kind === "error" && answer.code === -2011) {
          return done({ kind: "unknown-order", message: answer.message });
        }
        done({ kind: "in-doubt", cause: answer?.kind ?? "no answer" });
      },
    );
  }

  query(symbol: SymbolId, clientOrderId: string, done: (outcome: QueryOutcome) => void): void {
    this.#once<OrderState | undefined>(
      (reply) => this.#venue.query(venueSymbol(symbol), clientOrderId, reply),
      (answer) => {
        if (answer?.kind !== "ok") return done({ kind: "unavailable", cause: answer?.kind ?? "no answer" });
        done(answer.body === undefined ? { kind: "not-found" } : { kind: "found", order: venueOrder(answer.body) });
      },
    );
  }

  /** Undefined: the venue did not answer. */
  orderById(orderId: VenueOrderId, done: (order: VenueOrder | undefined, isAnswered: boolean) => void): void {
    this.#once<OrderState | undefined>(
      (reply) => this.#venue.orderById(Number(orderId), reply),
      (answer) => {
        if (answer?.kind !== "ok") return done(undefined, false);
        done(answer.body === undefined ? undefined : venueOrder(answer.body), true);
      },
    );
  }

  openOrders(symbol: SymbolId | undefined, done: (orders: readonly VenueOrder[] | undefined) => void): void {
    this.#once<readonly OrderState[]>(
      (reply) => this.#venue.openOrders(symbol === undefined ? undefined : venueSymbol(symbol), reply),
      (answer) => {
        if (answer?.kind === "ok" && symbol === undefined) this.#ports.read("open orders");
        done(answer?.kind === "ok" ? answer.body.map(venueOrder) : undefined);
      },
    );
  }

  trades(symbol: SymbolId, fromId: number, done: (trades: readonly Trade[] | undefined) => void): void {
    this.#once<readonly VenueFill[]>(
      (reply) => this.#venue.trades(venueSymbol(symbol), fromId, reply),
      (answer) => {
        if (answer?.kind === "ok" && fromId === 0) this.#ports.read(symbol);
        done(answer?.kind === "ok" ? answer.body.map(tradeOf) : undefined);
      },
    );
  }

  /** Account events as this node's line brings them, until it is closed or breaks. */
  listen(onNews: (order: VenueOrder, trade: Trade | undefined) => void): () => void {
    let lastArrival = 0;
    const stop = this.#venue.listen((news: AccountNews) => {
      const path = this.#network.path(venuePlace, this.#ports.place);
      if (path.cuts > 0) return;
      const isScrambled = this.#venue.temper.newsScrambled > 0;
      const delay = this.#network.delayOf(path) + (isScrambled ? this.#dice.between(0, 300) : 0);
      const mono = Math.max(isScrambled ? 0 : lastArrival, this.#process.clock.mono() + delay);
      lastArrival = mono;
      this.#process.after(mono - this.#process.clock.mono(), () =>
        onNews(venueOrder(news.order), news.fill === undefined ? undefined : tradeOf(news.fill)),
      );
    });
    return stop;
  }

  #classify(answer: Reply<OrderState>, stamp: SendStamp): PlaceOutcome | undefined {
    switch (answer.kind) {
      case "ok":
        return { kind: "accepted", order: venueOrder(answer.body), stamp };
      case "lost":
        return undefined;
      case "reset":
        return { kind: "in-doubt", cause: "the connection broke", stamp };
      case "error": {
        const { status, code, message } = answer;
        if (status === 400 && code === -2010 && /^duplicate order/i.test(message)) {
          return { kind: "duplicate", message, stamp };
        }
        if (code === -1021) this.#sampleClock();
        if (status === 400 && code !== undefined) return { kind: "rejected", code: `${code}`, message, stamp };
        return { kind: "in-doubt", cause: `HTTP ${status}: ${message}`, stamp };
      }
    }
  }

  /** The signed window, never longer than the permit; asked in the step that writes. */
  #window(permit: Permit): Refusal | { readonly stamp: SendStamp } {
    const now = this.#process.clock.mono();
    const current = this.#ports.permits.current(now);
    if (current === undefined || current.epoch !== permit.epoch) {
      return { reason: "permit-ended", message: `the permit of epoch ${permit.epoch} has ended` };
    }
    const venueNow = this.clock.now();
    if (venueNow === undefined) return { reason: "validity-too-short", message: "the venue's time is not known" };
    const left = Math.min(this.#settings.validityMs, current.deadlineMonoMs - now - venueNow.errorMs);
    // Broken on purpose: signed for the whole of the venue's window, whatever is left of the right to send.
    const validityMs = this.#bent.is("validity-whole") ? this.#settings.validityMs : Math.floor(left);
    if (validityMs < this.#settings.minValidityMs) {
      return { reason: "validity-too-short", message: `${validityMs} ms of validity are left` };
    }
    return { stamp: { sentWallMs: wallMs(Math.floor(venueNow.venueWallMs)), validityMs } };
  }

  #signed(stamp: SendStamp): Signed {
    return { apiKey: keyOf(this.#ports.node), timestamp: stamp.sentWallMs, recvWindow: stamp.validityMs };
  }

  /** One request with this node's patience; undefined: no answer in time. */
  #once<T>(ask: (reply: (answer: Reply<T>) => void) => void, done: (answer: Reply<T> | undefined) => void): void {
    let isDone = false;
    const finish = (answer: Reply<T> | undefined): void => {
      if (isDone) return;
      isDone = true;
      done(answer);
    };
    this.#process.after(this.#settings.deadlineMs, () => finish(undefined));
    this.#request(ask, finish);
  }

  /** Over the wire and back. While the path is cut the bytes wait in the kernel and may still arrive; an answer is lost. */
  #request<T>(ask: (reply: (answer: Reply<T>) => void) => void, done: (answer: Reply<T>) => void): void {
    const { place } = this.#ports;
    const answered = (answer: Reply<T>): void => {
      if (answer.kind === "lost") return;
      this.#network.packet(venuePlace, place, () => this.#process.run(() => done(answer)));
    };
    this.#network.patient(place, venuePlace, 15_000, () => ask(answered));
  }

  #sampleClock(): void {
    const sentMono = this.#process.clock.mono();
    this.#network.packet(this.#ports.place, venuePlace, () => {
      const time = this.#venue.time();
      this.#network.packet(venuePlace, this.#ports.place, () =>
        this.#process.run(() => {
          this.clock.observe(sentMono, this.#process.clock.mono(), time);
          this.#isOpen = true;
        }),
      );
    });
  }

  #reach(): void {
    let isAnswered = false;
    const askedMono = this.#process.clock.mono();
    if (!this.#isOpen) this.#sampleClock();
    this.#network.packet(this.#ports.place, venuePlace, () =>
      this.#network.packet(venuePlace, this.#ports.place, () => this.#process.run(() => void (isAnswered = true))),
    );
    this.#process.after(900, () => {
      this.#misses = isAnswered ? 0 : this.#misses + 1;
      if (isAnswered) this.#reachedMono = askedMono;
      if (isAnswered) this.#lostSince = undefined;
      else if (this.#misses === 2) this.#lostSince = monoMs(this.#process.clock.mono() - reachEveryMs);
    });
  }
}

function venueSymbol(symbol: string): string {
  return symbol.replace("/", "");
}

function unifiedSymbol(symbol: string): SymbolId {
  return id<SymbolId>(`${symbol.slice(0, -4)}/${symbol.slice(-4)}`);
}

function orderOf(clientOrderId: string, terms: OrderTerms): Parameters<Venue["place"]>[0] {
  const isPostOnly = terms.timeInForce === "GTX";
  return {
    symbol: venueSymbol(terms.symbol),
    side: terms.side === "buy" ? "BUY" : "SELL",
    type: terms.type === "market" ? "MARKET" : isPostOnly ? "LIMIT_MAKER" : "LIMIT",
    timeInForce: terms.timeInForce === "GTX" ? "GTC" : terms.timeInForce,
    quantity: units(terms.quantity),
    quoteQuantity: 0n,
    price: terms.price === undefined ? 0n : units(terms.price),
    clientOrderId,
    selfTradePrevention: "EXPIRE_TAKER",
  };
}

function venueOrder(order: OrderState): VenueOrder {
  return {
    venueOrderId: id<VenueOrderId>(`${order.orderId}`),
    clientOrderId: order.clientOrderId,
    symbol: unifiedSymbol(order.symbol),
    side: order.side === "BUY" ? "buy" : "sell",
    status: statusOf(order.status),
    quantity: amountDecimal(order.quantity),
    ...(order.price > 0n && { price: amountDecimal(order.price) }),
    executed: amountDecimal(order.executed),
  };
}

function statusOf(status: OrderState["status"]): VenueOrder["status"] {
  if (status === "NEW") return "open";
  if (status === "PARTIALLY_FILLED") return "partially-filled";
  if (status === "FILLED") return "filled";
  return status === "CANCELED" ? "cancelled" : "expired";
}

function tradeOf(fill: VenueFill): Trade {
  return {
    tradeId: id<TradeId>(`${fill.tradeId}`),
    venueOrderId: id<VenueOrderId>(`${fill.orderId}`),
    symbol: unifiedSymbol(fill.symbol),
    side: fill.side === "BUY" ? "buy" : "sell",
    price: amountDecimal(fill.price),
    quantity: amountDecimal(fill.quantity),
    fee: amountDecimal(fill.commission),
    feeCurrency: fill.commissionAsset,
    tradedWallMs: wallMs(Math.floor(fill.atMs)),
  };
}
