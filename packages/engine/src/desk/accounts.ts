/**
 * What the venues tell of our accounts, made into facts: fills (each trade once), the state of orders, and the baseline of
 * an account that has a past. A successor does not trust what a standby overheard: at the start of its term it reads the
 * account anew from the last journaled trade on. Invariants I9, I11.
 */
import type {
  AccountReading,
  Decimal,
  DriftWatch,
  IntentId,
  JournalEvent,
  OrderRow,
  OrphanFound,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrder,
  VenueOrderId,
} from "@baton/core";
import {
  assertNever,
  fillKey,
  id,
  isUnsettled,
  latestAttempt,
  leftOnRecord,
  marketKey,
  Newest,
  orphanSteps,
  reconcile,
  venueOrderKey,
  venueProfiles,
  venueWord,
  watchDrift,
} from "@baton/core";
import type { AccountEvent, AccountStream, AccountStreamState, Venue, VenueTrade } from "@baton/venues";
import { takeBaseline, VenueUnavailable } from "@baton/venues";
import { monoNow, wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { Differences } from "./differences.ts";
import { PositionReadings } from "./position-readings.ts";
import type { Term } from "./term.ts";

const baselineRetryMs = 250;
/** So long after an order's end its fills may still be on their way. */
const fillDueMs = 1_000;
/** How many foreign orders are remembered; a doubt asks about trades of the last seconds only. */
const foreignKept = 20_000;

/** What accounts need of others, and how this term began. */
export interface AccountPorts {
  /** Every venue's orders and trades must be read before anything is ordered. */
  readonly isReconcileDue: boolean;
  /** The venue told of an order of ours whose fate was open. */
  onEvidence(order: OrderRow, venueOrder: VenueOrder): void;
  /** Nothing new may be risked on the account at this venue. */
  stop(venue: VenueId, why: string): void;
  /** The positions that a venue keeps of its own were read, and held against the journal. */
  onPositions(reading: AccountReading): void;
}

export class Accounts {
  readonly #context: DeskContext;
  readonly #term: Term;
  /** Orphans that are to go, by their client order ids; what they may still execute counts in no limit. */
  readonly #leaving = new Map<VenueId, Set<string>>();
  /** Orphans that are left alone, as the latest list of a venue in this term shows them. */
  readonly #left = new Map<VenueId, readonly VenueOrder[]>();
  readonly #ports: AccountPorts;
  readonly #streams: AccountStream[] = [];
  readonly #states = new Map<VenueId, AccountStreamState>();
  /** Venues whose account is read because its stream cannot be had. */
  readonly #readInstead = new Set<VenueId>();
  readonly #balances = new Map<VenueId, Map<string, Decimal>>();
  /** What is not yet known to be drift. */
  readonly #drifts = new Map<VenueId, DriftWatch>();
  readonly #differences: Differences;
  readonly #positions: PositionReadings;
  /** Venues that have told every balance in this term. */
  readonly #complete = new Set<VenueId>();
  /** By `venueOrderKey`: orders that were told under an id that is not ours. */
  readonly #foreign = new Newest<string, true>(foreignKept);
  /** Venues whose trades and open orders must be read before anything is ordered: the journal may lack records of them. */
  readonly #unreconciled: Set<VenueId>;
  /** Orders that the venue took and denies now: told once in a term. */
  readonly #denied = new Set<IntentId>();
  /** What was told of an order before its placement was answered. */
  readonly #early = new Map<IntentId, { readonly venue: VenueId; readonly order: VenueOrder }>();

  constructor(context: DeskContext, term: Term, ports: AccountPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
    this.#differences = new Differences(context, term);
    this.#positions = new PositionReadings(context, term, (at, reading) => {
      this.#watchDrift(at, reading);
      ports.onPositions(reading);
    });
    this.#unreconciled = new Set(ports.isReconcileDue ? context.config.venues.map((venue) => venue.id) : []);
  }

  /** Starts listening, and takes the baseline of every account that has none. The epoch's opening is committed. */
  begin(): void {
    if (this.#context.config.venues.length === 0) this.#context.reconciled(this.#term.epoch, this.#term.state.applied);
    for (const venue of this.#context.venues.values()) void this.#begin(venue);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  /** True when the venue told of this order under an id that is not ours: its trades are no trace of an order in doubt. */
  isForeign(venue: VenueId, symbol: SymbolId, venueOrderId: VenueOrderId): boolean {
    return this.#foreign.has(venueOrderKey(venue, symbol, venueOrderId));
  }

  /** The placement of an order was answered: what the stream told before, and may be newer than the answer, counts now. */
  answered(intent: IntentId): void {
    const early = this.#early.get(intent);
    if (early === undefined || this.#term.isOver) return;
    this.#early.delete(intent);
    this.#onOrder(early.venue, early.order);
  }

  /** What the venue answered about one order when it was asked. */
  found(venue: VenueId, order: VenueOrder): void {
    if (!this.#term.isOver) this.#onOrder(venue, order);
  }

  /** Open orders of ours that the journal does not know and that are left alone: by the latest list, else those on record. */
  leftOrphans(): ReadonlyMap<VenueId, readonly VenueOrder[]> {
    const all = new Map<VenueId, readonly VenueOrder[]>();
    for (const venue of this.#term.state.baselines.keys()) {
      const left = this.#left.get(venue) ?? leftOnRecord(this.#term.state, venue);
      if (left.length > 0) all.set(venue, left);
    }
    return all;
  }

  /** Reads the positions that a venue keeps of its own, unless that is under way; see `onPositions`. */
  async readPositions(venue: VenueId): Promise<void> {
    const at = this.#context.venues.get(venue);
    if (at !== undefined) await this.#positions.read(at);
  }

  /** As told so far. */
  balances(): readonly { readonly venue: VenueId; readonly currency: string; readonly total: number }[] {
    return [...this.#balances].flatMap(([venue, currencies]) =>
      [...currencies].map(([currency, total]) => ({ venue, currency, total: Number(total) })),
    );
  }

  /** What an operator should know of the accounts now, a sentence each. */
  warnings(): readonly string[] {
    const unstreamed = [...this.#readInstead].map(
      (venue) => `no account stream of ${venue} can be had: the account is read instead, and fills are told later`,
    );
    const left = [...this.leftOrphans()].map(
      ([venue, orders]) =>
        `${orders.length} open orders of ours at ${venue} are not in the journal and are left alone (doubt.orphans): they count at worst case until they end`,
    );
    return [...unstreamed, ...left];
  }

  /** Currency → free and locked together, once the venue has told all of it; undefined until then. */
  fundsOf(venue: VenueId): ReadonlyMap<string, Decimal> | undefined {
    return this.#complete.has(venue) ? this.#balances.get(venue) : undefined;
  }

  /** Why no order may go to this venue yet; undefined when one may. */
  whyNotReady(venue: VenueId): string | undefined {
    if (this.#term.state.baselines.get(venue)?.baseline === undefined) {
      return "the account's baseline has not been taken yet";
    }
    if ((this.#leaving.get(venue)?.size ?? 0) > 0) {
      return "open orders of ours that the journal does not know are being taken back";
    }
    return this.#unreconciled.has(venue)
      ? "its orders and trades have not been read since the unclean failover"
      : undefined;
  }

  async #begin(venue: Venue): Promise<void> {
    await this.#takeBaseline(venue);
    if (this.#term.isOver) return;
    this.#streams.push(
      venue.openAccountStream({
        lastTradeId: (symbol) => this.#lastTradeId(venue.id, symbol),
        // A predecessor's stream may have lost a trade below its newest one: recovery reads back, what is journaled is left out.
        isKnownTrade: (symbol, tradeId) => this.#term.state.fills.has(fillKey(venue.id, symbol, tradeId)),
        baselineTradeId: (symbol) => this.#term.state.baselines.get(venue.id)?.baseline?.lastTradeIds[symbol],
        clientOrderIdOf: (symbol, venueOrderId) => {
          const { indexes, orders } = this.#term.state;
          const intent = indexes.byVenueOrderId.get(venueOrderKey(venue.id, symbol, venueOrderId));
          const order = intent === undefined ? undefined : orders.get(intent);
          return order === undefined ? undefined : latestAttempt(order).clientOrderId;
        },
        liveOrders: () => this.#liveOrders(venue.id),
        isFillMissing: () => this.#isFillMissing(venue.id),
        onDenied: ({ clientOrderId }) => this.#onDenied(venue.id, clientOrderId),
        onOpenOrders: (open) => this.#findOrphans(venue, open),
        onEvent: (event) => this.#onEvent(venue, event),
        onState: (state, why) => {
          const was = this.#states.get(venue.id);
          this.#states.set(venue.id, state);
          if (state === "ready" || state === "reading") this.#reconciled(venue.id);
          if (state === "reading" && !this.#readInstead.has(venue.id)) {
            this.#readInstead.add(venue.id);
            const sentence = `No account stream of ${venue.id} can be had (${why}); the account is read instead, and fills are told later.`;
            this.#context.warn("account.read-instead", sentence, { venue: venue.id });
          } else if (state === "ready") {
            this.#readInstead.delete(venue.id);
            this.#context.say("account.ready", `The account stream of ${venue.id} is complete.`);
          } else if (was === "ready") {
            this.#context.warn("account.lost", `The account stream of ${venue.id} ended: ${why}.`);
          }
        },
      }),
    );
  }

  #reconciled(venue: VenueId): void {
    if (this.#unreconciled.delete(venue) && this.#unreconciled.size === 0 && !this.#term.isOver) {
      this.#context.reconciled(this.#term.epoch, this.#term.state.applied);
    }
  }

  async #takeBaseline(venue: Venue): Promise<void> {
    const symbols = [...venue.instruments.keys()];
    while (!this.#term.isOver && this.#term.state.baselines.get(venue.id)?.baseline === undefined) {
      try {
        const found = await takeBaseline(venue, symbols);
        this.#term.note({
          kind: "baseline.taken",
          venue: venue.id,
          atWallMs: wallNow(),
          balances: found.balances,
          lastTradeIds: found.lastTradeIds,
          externalOrders: found.openOrders.map((order) => order.venueOrderId),
        });
        this.#context.say(
          "account.baseline",
          `The account at ${venue.id} starts with ${found.openOrders.length} foreign orders.`,
        );
      } catch (error) {
        if (!(error instanceof VenueUnavailable)) throw error;
        this.#context.warn("account.baseline-missing", `No baseline of ${venue.id} yet: ${error.message}.`);
        await new Promise((resolve) => setTimeout(resolve, baselineRetryMs));
      }
    }
  }

  /** The reverse check: open orders with our tag that the journal does not know; when what is done about them is core's. */
  #findOrphans(venue: Venue, open: readonly VenueOrder[]): void {
    if (this.#term.isOver) return;
    const list = { venue: venue.id, symbols: [...venue.instruments.keys()], orders: open, atWallMs: wallNow() };
    const ours = { tag: this.#context.tag, orphans: this.#context.config.doubt.orphans };
    const { orphans } = reconcile(this.#term.state, list, ours);
    const { note, cancel, leaving } = orphanSteps(this.#term.state, this.#term.committed, orphans);
    this.#leaving.set(venue.id, new Set(leaving.map(({ order }) => order.clientOrderId)));
    const left = orphans.flatMap(({ action, order }) => (action === "leave" ? [order] : []));
    this.#left.set(venue.id, left);
    for (const orphan of cancel) this.orphanCommitted(orphan);
    for (const orphan of note) {
      this.#term.note(orphan);
      const sentence = `An open order at ${venue.id} has our tag and no intent; policy: ${orphan.action}.`;
      this.#context.warn("order.orphan", sentence, { clientOrderId: orphan.order.clientOrderId });
    }
  }

  /** What became of the cancel is seen at the next recovery or sweep. */
  orphanCommitted(orphan: OrphanFound): void {
    const permit = this.#context.permits.current(monoNow());
    if (orphan.action !== "cancel" || permit === undefined) return;
    const { clientOrderId, symbol } = orphan.order;
    const venue = this.#context.venues.get(orphan.venue);
    void venue?.cancel({ clientOrderId, symbol: id<SymbolId>(symbol) }, permit).then(({ kind }) => {
      if (kind === "cancelled" || kind === "unknown-order") this.#leaving.get(orphan.venue)?.delete(clientOrderId);
    });
  }

  #onEvent(venue: Venue, event: AccountEvent): void {
    if (this.#term.isOver) return;
    if (event.kind === "fill") this.#onFill(venue.id, event.fill);
    else if (event.kind === "order") this.#onOrder(venue.id, event.order);
    else this.#onBalances(venue, event.balances, event.source === "recovery");
  }

  /** Recovery tells all that is not zero, the stream what has changed. */
  #onBalances(at: Venue, told: Readonly<Record<string, Decimal>>, isAll: boolean): void {
    const venue = at.id;
    const known = this.#balances.get(venue) ?? new Map<string, Decimal>();
    if (isAll) {
      known.clear();
      this.#complete.add(venue);
    }
    for (const [currency, total] of Object.entries(told)) known.set(currency, total);
    this.#balances.set(venue, known);
    if (venueProfiles[at.exchange].market === "spot") {
      this.#watchDrift(at, { venue, balances: told, isAll, atWallMs: wallNow() });
    } else if (isAll) {
      // A wallet of futures is not what its trades add up to; the venue's own positions are.
      void this.#positions.read(at);
    }
  }

  /** Held against the journal's own count; what stays different is looked into, recorded and told. */
  #watchDrift(at: Venue, reading: AccountReading): void {
    const { watch, found } = watchDrift(this.#term.state, reading, this.#drifts.get(at.id) ?? new Map());
    this.#drifts.set(at.id, watch);
    for (const drift of found) this.#differences.take(at, drift);
  }

  /**
   * A venue that took an order and says now that it has none: it forgot (a test network that was emptied, a paper exchange
   * that was started again), or it lies for a while. Nothing ends the order by itself, since it may still be executed.
   */
  #onDenied(venue: VenueId, clientOrderId: string): void {
    const known = this.#known(clientOrderId);
    if (this.#term.isOver || known === undefined || isUnsettled(known) || this.#denied.has(known.id)) return;
    this.#denied.add(known.id);
    const sentence = `${known.id}: ${venue} took this order and says now that it has none such; it stays open here, and counts in every limit, until the venue shows it or an operator ends it (baton orders resolve --ended).`;
    this.#context.warn("order.denied", sentence, { intent: known.id, venue });
  }

  #onFill(venue: VenueId, fill: VenueTrade): void {
    const intent = this.#intentOf(venue, fill);
    if (intent === undefined && fill.clientOrderId !== undefined) this.#noteForeign(venue, fill);
    const recorded: JournalEvent = {
      kind: "fill.recorded",
      venue,
      symbol: fill.symbol,
      tradeId: fill.tradeId,
      venueOrderId: fill.venueOrderId,
      ...(intent !== undefined && { intent }),
      side: fill.side,
      price: fill.price,
      quantity: fill.quantity,
      fee: fill.fee,
      feeCurrency: fill.feeCurrency,
      tradedWallMs: fill.tradedWallMs,
    };
    this.#term.note(recorded);
    this.#positions.noteFill(venue, fill.symbol);
  }

  #intentOf(venue: VenueId, fill: VenueTrade): IntentId | undefined {
    const byClient = fill.clientOrderId === undefined ? undefined : this.#known(fill.clientOrderId)?.id;
    return (
      byClient ?? this.#term.state.indexes.byVenueOrderId.get(venueOrderKey(venue, fill.symbol, fill.venueOrderId))
    );
  }

  #noteForeign(venue: VenueId, order: { readonly symbol: string; readonly venueOrderId: VenueOrderId }): void {
    this.#foreign.set(venueOrderKey(venue, order.symbol, order.venueOrderId), true);
  }

  #onOrder(venue: VenueId, order: VenueOrder): void {
    const word = venueWord(this.#term.state, order, wallNow());
    switch (word.kind) {
      case "foreign":
        return this.#noteForeign(venue, order);
      case "absent-attempt": {
        const { id: intent } = word.order;
        const sentence = `${intent}: the venue tells of ${order.clientOrderId}, an attempt that was proved absent`;
        this.#context.warn("order.absent-attempt-seen", sentence, { intent });
        return this.#ports.stop(venue, sentence);
      }
      case "evidence":
        return this.#ports.onEvidence(word.order, order);
      case "early":
        return void this.#early.set(word.order.id, { venue, order });
      case "known":
        return;
      case "update":
        return this.#term.note(word.event);
      default:
        assertNever(word, "word of the venue");
    }
  }

  #known(clientOrderId: string): OrderRow | undefined {
    const known = this.#term.state.indexes.byClientOrderId.get(clientOrderId as never);
    return known === undefined ? undefined : this.#term.state.orders.get(known.intent);
  }

  /** The highest id up to which every trade is journaled. */
  #lastTradeId(venue: VenueId, symbol: SymbolId): TradeId | undefined {
    const { positions, baselines } = this.#term.state;
    return positions.get(marketKey(venue, symbol))?.lastTradeId ?? baselines.get(venue)?.baseline?.lastTradeIds[symbol];
  }

  /** An order that ended has executed more than its fills say, and the stream had its time to tell the rest. */
  #isFillMissing(venue: VenueId): boolean {
    const { indexes, orders } = this.#term.state;
    const before = wallNow() - fillDueMs;
    for (const intent of indexes.fillsMissing) {
      const order = orders.get(intent);
      if (order?.terms.venue === venue && (order.endedWallMs ?? before) < before) return true;
    }
    return false;
  }

  #liveOrders(venue: VenueId): { symbol: SymbolId; clientOrderId: string }[] {
    const { indexes, orders } = this.#term.state;
    const live: { symbol: SymbolId; clientOrderId: string }[] = [];
    for (const intents of indexes.open.values()) {
      for (const intent of intents) {
        const order = orders.get(intent);
        if (order === undefined || order.terms.venue !== venue) continue;
        live.push({ symbol: order.terms.symbol, clientOrderId: latestAttempt(order).clientOrderId });
      }
    }
    return live;
  }
}
