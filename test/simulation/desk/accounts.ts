/**
 * What the venue tells of the account, made into facts: fills, each trade once, and the state of orders. At the start of
 * its term, and again and again, it reads the account anew; what the stream told and what was read are the same facts.
 */
import { assertNever, fillKey, id, latestAttempt, orphanSteps, reconcile, venueOrderKey, venueWord } from "@baton/core";
import type {
  IntentId,
  JournalEvent,
  OrderRow,
  OrphanFound,
  SymbolId,
  TradeId,
  VenueOrder,
  VenueOrderId,
} from "@baton/core";
import type { Trade } from "../engine/venue-door.ts";
import { venue } from "./context.ts";
import type { DeskContext } from "./context.ts";
import type { Term } from "./term.ts";

const baselineRetryMs = 250;
const recoverRetryMs = 200;
const firstSweepMs = 3_000;
const sweepEveryMs = 6_000;

export class Accounts {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #onEvidence: (order: OrderRow, told: VenueOrder) => void;
  readonly #seen = new Set<string>();
  readonly #foreign = new Set<string>();
  /** Orphans that are to go; what they may still execute counts in no limit. */
  #leaving = new Set<string>();
  readonly #early = new Map<IntentId, VenueOrder>();
  /** Nothing is ordered before the account has been read. */
  #isReconcileDue: boolean;
  #buffer: (() => void)[] | undefined = [];
  #unlisten: (() => void) | undefined;

  constructor(
    context: DeskContext,
    term: Term,
    isReconcileDue: boolean,
    onEvidence: (order: OrderRow, told: VenueOrder) => void,
  ) {
    this.#context = context;
    this.#term = term;
    this.#isReconcileDue = isReconcileDue;
    if (context.bent.is("reconcile-skipped")) this.#reconciled();
    this.#onEvidence = onEvidence;
  }

  begin(): void {
    this.#unlisten = this.#context.door.listen((order, trade) => {
      if (this.#term.isOver) return;
      const give = (): void => {
        if (trade !== undefined) this.#onTrade(trade, order.clientOrderId);
        this.#onOrder(order);
      };
      if (this.#buffer === undefined) give();
      else this.#buffer.push(give);
    });
    this.#takeBaseline(() => {
      this.#recover(() => {
        for (const give of this.#buffer ?? []) give();
        this.#buffer = undefined;
        this.#reconciled();
        this.#sweep(firstSweepMs);
      });
    });
  }

  close(): void {
    this.#unlisten?.();
  }

  /** Whether orders may go to the venue. */
  get isReady(): boolean {
    const isLeaving = this.#leaving.size > 0;
    return !isLeaving && !this.#isReconcileDue && this.#term.state.baselines.get(venue)?.baseline !== undefined;
  }

  #reconciled(): void {
    if (!this.#isReconcileDue || this.#term.isOver) return;
    this.#isReconcileDue = false;
    this.#context.reconciled(this.#term.epoch, this.#term.state.applied);
  }

  isForeign(symbol: string, venueOrderId: VenueOrderId): boolean {
    return this.#foreign.has(venueOrderKey(venue, symbol, venueOrderId));
  }

  /** The placement was answered: what the stream told before it counts now. */
  answered(intent: IntentId): void {
    const early = this.#early.get(intent);
    if (early === undefined || this.#term.isOver) return;
    this.#early.delete(intent);
    this.#onOrder(early);
  }

  #takeBaseline(done: () => void): void {
    if (this.#term.isOver) return;
    if (this.#term.state.baselines.get(venue)?.baseline !== undefined) return done();
    const { door, instruments, process } = this.#context;
    const symbols = [...instruments.keys()];
    const lastTradeIds: Record<SymbolId, TradeId> = {};
    const read = (index: number): void => {
      const symbol = symbols[index];
      if (symbol === undefined) {
        const atWallMs = process.clock.wall();
        this.#term.note({ kind: "baseline.taken", venue, atWallMs, balances: {}, lastTradeIds, externalOrders: [] });
        return this.#takeBaseline(done);
      }
      door.trades(symbol, 0, (trades) => {
        if (trades === undefined) {
          process.after(baselineRetryMs, () => this.#takeBaseline(done));
          return;
        }
        const last = trades.at(-1);
        if (last !== undefined) lastTradeIds[symbol] = last.tradeId;
        read(index + 1);
      });
    };
    read(0);
  }

  #sweep(ms: number): void {
    this.#context.process.after(ms, () => {
      if (!this.#term.isOver) this.#recover(() => this.#sweep(sweepEveryMs));
    });
  }

  /** Reads trades, open orders, and orders that should be open and are not; again until the venue answers. */
  #recover(done: () => void): void {
    if (this.#term.isOver) return;
    const { door, instruments, process } = this.#context;
    const again = (): void => void process.after(recoverRetryMs, () => this.#recover(done));
    door.openOrders(undefined, (open) => {
      if (open === undefined) return again();
      this.#findOrphans(open);
      const openById = new Map(open.map((order) => [`${order.symbol} ${order.venueOrderId}`, order.clientOrderId]));
      const jobs: ((next: () => void) => void)[] = [...instruments.keys()].map(
        (symbol) => (next) =>
          door.trades(symbol, 0, (trades) => {
            if (trades === undefined) return again();
            this.#readTrades(trades, openById, again, next);
          }),
      );
      jobs.push((next) => {
        for (const order of open) this.#onOrder(order);
        next();
      });
      const isOpen = new Set(open.map((order) => order.clientOrderId));
      for (const live of this.#liveOrders()) {
        if (isOpen.has(live.clientOrderId)) continue;
        jobs.push((next) =>
          door.query(live.symbol, live.clientOrderId, (answer) => {
            if (answer.kind === "unavailable") return again();
            if (answer.kind === "found") this.#onOrder(answer.order);
            next();
          }),
        );
      }
      this.#inTurn(jobs, done);
    });
  }

  #inTurn(jobs: readonly ((next: () => void) => void)[], done: () => void, index = 0): void {
    if (this.#term.isOver) return;
    const job = jobs[index];
    if (job === undefined) return done();
    job(() => this.#inTurn(jobs, done, index + 1));
  }

  #readTrades(
    trades: readonly Trade[],
    openById: ReadonlyMap<string, string>,
    again: () => void,
    done: () => void,
  ): void {
    const jobs = trades
      .filter((trade) => this.#isNewTrade(trade))
      .map((trade) => (next: () => void) => {
        const key = venueOrderKey(venue, trade.symbol, trade.venueOrderId);
        const known = this.#term.state.indexes.byVenueOrderId.has(key);
        const clientOrderId = openById.get(`${trade.symbol} ${trade.venueOrderId}`);
        if (known || clientOrderId !== undefined) {
          this.#onTrade(trade, clientOrderId);
          return next();
        }
        this.#context.door.orderById(trade.venueOrderId, (order, isAnswered) => {
          if (!isAnswered) return again();
          this.#onTrade(trade, order?.clientOrderId);
          if (order !== undefined) this.#onOrder(order);
          next();
        });
      });
    this.#inTurn(jobs, done);
  }

  #isNewTrade(trade: Trade): boolean {
    if (this.#context.bent.is("fill-counted-twice")) return !this.#seen.has(`${trade.symbol} ${trade.tradeId}r`);
    return !this.#term.state.fills.has(fillKey(venue, trade.symbol, trade.tradeId));
  }

  #onTrade(trade: Trade, clientOrderId: string | undefined): void {
    const isTwice = this.#context.bent.is("fill-counted-twice") && this.#seen.has(`${trade.symbol} ${trade.tradeId}`);
    const tradeId = isTwice ? id<TradeId>(`${trade.tradeId}r`) : trade.tradeId;
    const seen = `${trade.symbol} ${tradeId}`;
    if (this.#seen.has(seen)) return;
    this.#seen.add(seen);
    const byClient = clientOrderId === undefined ? undefined : this.#known(clientOrderId)?.id;
    const key = venueOrderKey(venue, trade.symbol, trade.venueOrderId);
    const intent = byClient ?? this.#term.state.indexes.byVenueOrderId.get(key);
    if (intent === undefined && clientOrderId !== undefined) this.#foreign.add(key);
    const recorded: JournalEvent = {
      kind: "fill.recorded",
      venue,
      symbol: trade.symbol,
      tradeId,
      venueOrderId: trade.venueOrderId,
      ...(intent !== undefined && { intent }),
      side: trade.side,
      price: trade.price,
      quantity: trade.quantity,
      fee: trade.fee,
      feeCurrency: trade.feeCurrency,
      tradedWallMs: trade.tradedWallMs,
    };
    this.#term.note(recorded);
  }

  #onOrder(order: VenueOrder): void {
    if (this.#term.isOver) return;
    const word = venueWord(this.#term.state, order, this.#context.process.clock.wall());
    switch (word.kind) {
      case "foreign":
        return void this.#foreign.add(venueOrderKey(venue, order.symbol, order.venueOrderId));
      case "absent-attempt":
        return this.#context.note("venue tells of an attempt that was proved absent");
      case "evidence":
        return this.#onEvidence(word.order, order);
      case "early":
        return void this.#early.set(word.order.id, order);
      case "known":
        return;
      case "update":
        return this.#term.note(word.event);
      default:
        assertNever(word, "word of the venue");
    }
  }

  /** The reverse check: open orders with our tag that the journal does not know; when what is done about them is core's. */
  #findOrphans(open: readonly VenueOrder[]): void {
    if (this.#term.isOver) return;
    const { instruments, process, tag, bent } = this.#context;
    const list = { venue, symbols: [...instruments.keys()], orders: open, atWallMs: process.clock.wall() };
    const { orphans } = reconcile(this.#term.state, list, { tag, orphans: "cancel" });
    const { note, cancel, leaving } = orphanSteps(this.#term.state, this.#term.committed, orphans);
    this.#leaving = new Set(leaving.map(({ order }) => order.clientOrderId));
    for (const orphan of bent.is("orphan-unrecorded") ? orphans : cancel) this.orphanCommitted(orphan);
    for (const orphan of note) {
      this.#context.note("orphan");
      this.#term.note(orphan);
    }
  }

  /** What became of the cancel is seen at the next sweep. */
  orphanCommitted(orphan: OrphanFound): void {
    const { door, permits, process } = this.#context;
    const permit = permits.current(process.clock.mono());
    if (orphan.action !== "cancel" || permit === undefined) return;
    const { clientOrderId, symbol } = orphan.order;
    this.#context.note("orphan asked back");
    door.cancel({ clientOrderId, symbol: id<SymbolId>(symbol) }, permit, ({ kind }) => {
      if (kind === "cancelled" || kind === "unknown-order") this.#leaving.delete(clientOrderId);
    });
  }

  #known(clientOrderId: string): OrderRow | undefined {
    const known = this.#term.state.indexes.byClientOrderId.get(clientOrderId as never);
    return known === undefined ? undefined : this.#term.state.orders.get(known.intent);
  }

  #liveOrders(): { symbol: SymbolId; clientOrderId: string }[] {
    const { indexes, orders } = this.#term.state;
    return [...indexes.open.values()].flatMap((intents) =>
      [...intents].flatMap((intent) => {
        const order = orders.get(intent);
        return order === undefined
          ? []
          : [{ symbol: order.terms.symbol, clientOrderId: latestAttempt(order).clientOrderId }];
      }),
    );
  }
}
