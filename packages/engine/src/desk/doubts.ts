/**
 * Finding out what became of an order: asks the venue what core says to ask, when it says so, until evidence ends the
 * doubt. A doubt blocks itself (or what `doubt.block` says) and nothing else. Inherited doubts are asked for at once.
 * Invariants I9, I10; operators see them in `baton orders list`.
 */
import type {
  Doubt,
  DoubtKnown,
  DoubtPolicy,
  DoubtProgress,
  DoubtResolved,
  FinalEvidence,
  IntentId,
  ListsAsked,
  OrderRow,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrder,
  VenueOrderId,
  WallMs,
} from "@baton/core";
import {
  assertNever,
  beginDoubt,
  doubtOf,
  id,
  marketKey,
  nextDoubtStep,
  noteFinal,
  noteQuery,
  resolutionEvent,
  serves,
  unexplainedTrades,
  validityMaxMsOf,
  venueOrderKey,
  venueProfiles,
} from "@baton/core";
import type { Venue, VenueTrade } from "@baton/venues";
import { VenueUnavailable } from "@baton/venues";
import { wallNow } from "../clock.ts";
import { clockOffBy } from "./clock-bound.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";
import { Turns } from "./turns.ts";

/** Longest pause before the state is looked at again: the account stream may have brought the answer. */
const lookEveryMs = 25;
/** So many look at that pace; more of them take turns, or a storm of doubts would keep the loop from what ends it. */
const lookersAtPace = 16;
/** How often a doubt about an order of a venue that is not connected looks for the connection. */
const awayEveryMs = 1_000;
/** How often a doubt that could be proved by now looks whether the clock is right again. */
const clockEveryMs = 1_000;
/** How many doubts ask the venue at the same time. */
const atOnceMax = 8;

/** What doubts need of others. */
export interface DoubtPorts {
  /** The order can be driven on. */
  ended(intent: IntentId): void;
  /** Known to be somebody else's order on this account. */
  isForeign(venue: VenueId, symbol: SymbolId, venueOrderId: VenueOrderId): boolean;
  /** Nothing new may be risked on the account at this venue. */
  stop(venue: VenueId, why: string): void;
}

/** What the lists of a market said, or will say. */
interface Lists extends ListsAsked {
  readonly openOrders: Promise<readonly VenueOrder[] | { readonly unavailable: string }>;
  readonly trades: Promise<readonly VenueTrade[] | { readonly unavailable: string }>;
}

interface Entry {
  progress: DoubtProgress;
}

interface Asked {
  readonly intent: IntentId;
  readonly venue: Venue;
  readonly entry: Entry;
}

export class Doubts {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ports: DoubtPorts;
  readonly #open = new Map<IntentId, Entry>();
  /** By `marketKey`, the latest; held only while there are doubts. */
  readonly #lists = new Map<string, Lists>();
  /** By `venueOrderKey`, the client order ids of orders that were asked for; held as long as the lists. */
  readonly #whose = new Map<string, string>();
  readonly #turns = new Turns(atOnceMax);

  constructor(context: DeskContext, term: Term, ports: DoubtPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
  }

  begin(intent: IntentId): void {
    if (this.#open.has(intent)) return;
    const entry = { progress: beginDoubt(wallNow()) };
    this.#open.set(intent, entry);
    void this.#pursue(intent, entry).then(() => {
      this.#open.delete(intent);
      if (this.#open.size === 0) {
        this.#lists.clear();
        this.#whose.clear();
      }
      if (!this.#term.isOver) this.#ports.ended(intent);
    });
  }

  /** The venue told of it by itself. */
  evidence(order: OrderRow, told: VenueOrder): void {
    const entry = this.#open.get(order.id);
    if (entry === undefined) return this.begin(order.id);
    entry.progress = noteQuery(entry.progress, wallNow(), { kind: "found", order: told });
    // Not at its next turn to ask: there is nothing to ask any more.
    const doubt = doubtOf(order, this.#policy(this.#context.venues.get(order.terms.venue)));
    const step = doubt === undefined ? undefined : nextDoubtStep(doubt, entry.progress, wallNow());
    if (doubt !== undefined && step?.kind === "resolved") this.#end(doubt, step.resolution);
  }

  /** What is known of a doubt, for a person who would end it. */
  known(order: OrderRow): DoubtKnown {
    const venue = this.#context.venues.get(order.terms.venue);
    const doubt = doubtOf(order, this.#policy(venue));
    // Of a venue that is configured no more nobody asks anything.
    return { order, doubt, progress: venue === undefined ? undefined : this.#open.get(order.id)?.progress };
  }

  async #pursue(intent: IntentId, entry: Entry): Promise<void> {
    while (!this.#term.isOver) {
      const order = this.#term.state.orders.get(intent);
      const venue = order === undefined ? undefined : this.#context.venues.get(order.terms.venue);
      const doubt = order === undefined ? undefined : doubtOf(order, this.#policy(venue));
      if (doubt === undefined) return;
      if (venue === undefined) {
        // Nobody here can ask: its venue has left the configuration. It stays in doubt, and is shown.
        await pause(awayEveryMs);
        continue;
      }
      const step = nextDoubtStep(doubt, entry.progress, wallNow(), this.#open.size);
      switch (step.kind) {
        case "resolved":
          return this.#end(doubt, step.resolution);
        case "mismatch":
          this.#context.warn("doubt.mismatch", step.sentence, { intent });
          this.#ports.stop(venue.id, step.sentence);
          await pause(1_000);
          break;
        case "query":
        case "ask-all": {
          const earlyMs = step.atWallMs - wallNow();
          if (earlyMs > 0) await pause(Math.min(this.#lookEveryMs(), Math.max(1, earlyMs)));
          else await this.#takeTurn(step.kind, { intent, venue, entry });
          break;
        }
        default:
          assertNever(step, "doubt step");
      }
    }
  }

  #lookEveryMs(): number {
    return lookEveryMs * Math.max(1, this.#open.size / lookersAtPace);
  }

  #end(doubt: Doubt, resolution: DoubtResolved["resolution"]): void {
    const { intent } = doubt;
    this.#term.note(resolutionEvent(doubt, resolution, "venue", wallNow()));
    const how = resolution.kind === "accepted" ? "the venue has it" : "it was never accepted";
    this.#context.say("doubt.resolved", `The doubt about ${intent} has ended: ${how}.`, { intent });
  }

  /** Asks when it is its turn; who can end a doubt now goes before who only looks. */
  async #takeTurn(kind: "query" | "ask-all", about: Asked): Promise<void> {
    const { intent, venue, entry } = about;
    const { progress } = entry;
    await this.#turns.take(kind === "ask-all");
    let isClockWrong = false;
    try {
      // Who has waited in line asks only if there is still something to ask.
      const order = this.#term.state.orders.get(intent);
      const doubt = order === undefined ? undefined : doubtOf(order, this.#policy(venue));
      if (doubt === undefined || this.#term.isOver || entry.progress !== progress) return;
      // By a clock that may be wrong no proof time has come; what the venue has is still found.
      isClockWrong = kind === "ask-all" && !this.#isClockRight(venue);
      if (kind === "query" || isClockWrong) await this.#query(doubt, about);
      else await this.#askAll(doubt, about);
    } finally {
      this.#turns.give();
    }
    if (isClockWrong) await pause(clockEveryMs);
  }

  async #query(doubt: Doubt, { venue, entry }: Asked): Promise<void> {
    const askedWallMs = wallNow();
    const answer = await venue.query(doubt.terms.symbol, doubt.clientOrderId);
    entry.progress = noteQuery(entry.progress, askedWallMs, answer);
  }

  async #askAll(doubt: Doubt, { venue, entry }: Asked): Promise<void> {
    const lists = this.#listsFor(venue, doubt, entry.progress);
    const [query, openOrders, trades] = await Promise.all([
      venue.query(doubt.terms.symbol, doubt.clientOrderId),
      lists.openOrders,
      lists.trades,
    ]);
    const unexplained = "unavailable" in trades ? trades : await this.#unexplained(venue, doubt, trades);
    entry.progress = noteFinal(entry.progress, { askedWallMs: lists.askedWallMs, query, openOrders, unexplained });
  }

  /**
   * A proof counts on this machine's wall clock being near the venue's. One that was set, or that is being slewed from far
   * off, shows at once against the venue's time, which is kept on the monotonic clock; the keeper of the lease notices
   * only a jump, and only after it.
   */
  #isClockRight(venue: Venue): boolean {
    const offByMs = clockOffBy(venue.clock());
    return offByMs !== undefined && offByMs <= this.#context.config.risk.clockErrorMaxMs;
  }

  /** One reading for all doubts of a market that it can serve: a takeover may leave hundreds of them. */
  #listsFor(venue: Venue, doubt: Doubt, progress: DoubtProgress): Lists {
    const { symbol } = doubt.terms;
    const market = marketKey(venue.id, symbol);
    const known = this.#lists.get(market);
    if (known !== undefined && serves(known, doubt, progress)) return known;
    const lists: Lists = {
      askedWallMs: wallNow(),
      sinceWallMs: doubt.sinceWallMs,
      openOrders: orUnavailable(() => venue.openOrders(symbol)),
      trades: orUnavailable(() => tradesSince(venue, symbol, doubt.sinceWallMs)),
    };
    this.#lists.set(market, lists);
    return lists;
  }

  /**
   * Trades since the doubt began that could be its. A trade that an earlier leader journaled as nobody's is told no more, so
   * whose order it was is asked for here, or a doubt from before it would never end.
   */
  async #unexplained(venue: Venue, doubt: Doubt, trades: readonly VenueTrade[]): Promise<FinalEvidence["unexplained"]> {
    const { venue: at, symbol } = doubt.terms;
    const since = trades.filter((trade) => trade.tradedWallMs >= doubt.sinceWallMs);
    const nobodys = unexplainedTrades(this.#term.state, doubt, since);
    const left: VenueOrderId[] = [];
    for (const venueOrderId of nobodys.filter((one) => !this.#ports.isForeign(at, symbol, one))) {
      const key = venueOrderKey(at, symbol, venueOrderId);
      const whose = this.#whose.get(key) ?? (await this.#ask(venue, symbol, venueOrderId));
      if (typeof whose === "object") return whose;
      if (whose !== undefined) this.#whose.set(key, whose);
      if (whose === undefined || whose === doubt.clientOrderId) left.push(venueOrderId);
    }
    return left;
  }

  /** The client order id of one of the venue's orders; undefined where the venue does not know it yet. */
  async #ask(
    venue: Venue,
    symbol: SymbolId,
    venueOrderId: VenueOrderId,
  ): Promise<string | undefined | { readonly unavailable: string }> {
    const found = await orUnavailable(() => venue.orderById(symbol, venueOrderId));
    return found !== undefined && "unavailable" in found ? found : found?.clientOrderId;
  }

  #policy(venue: Venue | undefined): DoubtPolicy {
    const { doubt, risk, venues } = this.#context.config;
    const validityMaxMs = Math.max(
      ...venues
        .filter((v) => venue === undefined || v.id === venue.id)
        .map((v) => validityMaxMsOf(venueProfiles[v.exchange], v.validityMs)),
    );
    return {
      processingBoundMs: doubt.processingBoundMs,
      queryLagMs: doubt.queryLagMs,
      // Nobody trades whose clock is further off the venue's; the sender and this node may err in opposite directions.
      clockErrorMs: 2 * risk.clockErrorMaxMs,
      validityMaxMs,
    };
  }
}

/**
 * Every trade of the account since then. The venue gives the latest page, and from an id on; ids are the symbol's, so an
 * account's own may lie far apart. So it steps back, further each time, to a trade from before, and reads on from there.
 */
export async function tradesSince(
  venue: Pick<Venue, "trades">,
  symbol: SymbolId,
  since: WallMs,
  page = 1_000,
): Promise<readonly VenueTrade[]> {
  const latest = await venue.trades(symbol, { limit: page, sinceMs: since });
  const [first] = latest;
  const newest = latest.at(-1);
  const isWhole = first === undefined || newest === undefined || latest.length < page || first.tradedWallMs < since;
  if (isWhole) return latest.filter((trade) => trade.tradedWallMs >= since);
  let start = BigInt(first.tradeId);
  for (let back = BigInt(newest.tradeId) - start + 1n; start > 0n; back *= 2n) {
    start = start > back ? start - back : 0n;
    const [earliest] = await venue.trades(symbol, { fromId: id<TradeId>(`${start}`), limit: 1 });
    if (earliest === undefined || earliest.tradedWallMs < since) break;
  }
  const found: VenueTrade[] = [];
  for (;;) {
    const trades = await venue.trades(symbol, { fromId: id<TradeId>(`${start}`), limit: page });
    found.push(...trades);
    const last = trades.at(-1);
    if (last === undefined || trades.length < page) return found.filter((trade) => trade.tradedWallMs >= since);
    start = BigInt(last.tradeId) + 1n;
  }
}

/** What a read gives, or why it gives nothing. */
export async function orUnavailable<T>(ask: () => Promise<T>): Promise<T | { readonly unavailable: string }> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof VenueUnavailable) return { unavailable: error.message };
    throw error;
  }
}
