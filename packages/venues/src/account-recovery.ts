/**
 * What the account did while nobody listened: no venue replays its stream, so after each (re)connection the truth is read
 * by REST, from the last trade id that is certain. The caller's live orders that are no longer open are asked for one by
 * one, since an order that ended in the gap appears in no list of open ones.
 */
import { id, type SymbolId, type TradeId, type VenueOrder, type VenueOrderId } from "@baton/core";
import { AccountLedger, type AccountEvent } from "./account-ledger.ts";
import type { AccountReads } from "./account-reads.ts";
import { idsOfMs, tradeNames } from "./dialects/trade-ids.ts";
import type { Line } from "./requests.ts";
import { VenueUnavailable, type Venue, type VenueTrade } from "./venue.ts";

const page = 1_000;
/** How many ids before the newest known trade are read again, when the caller can tell which of them it knows. */
const lookBackIds = 1_000n;
/** The same in time, for venues whose ids are times. */
const lookBackMs = 60_000;
/** Of those, how long before the newest trade that was read the next reading starts: lists may be late by a little. */
const overlapMs = 10_000;

/** What the engine knows, asked anew at each recovery. */
export interface AccountKnowledge {
  /** The highest trade id up to which the caller knows every trade of the symbol; undefined when it knows of none. */
  lastTradeId(symbol: SymbolId): TradeId | undefined;
  /**
   * Given when `lastTradeId` is merely the newest trade that is known: an earlier one may be missing, if a stream lost it
   * and its listener died before it noticed. Recovery then reads back a while, and leaves out what is known.
   */
  isKnownTrade?(symbol: SymbolId, tradeId: TradeId): boolean;
  /** The baseline's last trade id: nothing up to it is ever given out. */
  baselineTradeId?(symbol: SymbolId): TradeId | undefined;
  /** The client order id of an order that the caller knows; saves a request per trade of it. */
  clientOrderIdOf?(symbol: SymbolId, venueOrderId: VenueOrderId): string | undefined;
  /** Orders that have not ended as far as the caller knows, those in doubt included. */
  liveOrders(): readonly { readonly symbol: SymbolId; readonly clientOrderId: string }[];
  /** True while the venue has told, for a while now, of more executed than the caller has fills of. */
  isFillMissing?(): boolean;
  /** The venue says that it has no such order, which the caller believes to be open. An observation and no proof. */
  onDenied?(order: { readonly symbol: SymbolId; readonly clientOrderId: string }): void;
  /** Told of all orders that are open at the venue, ours and others', at each recovery and each sweep. */
  onOpenOrders?(orders: readonly VenueOrder[]): void;
}

/** What a recovery found that no stream had told. */
export interface RecoveryFinding {
  readonly fills: readonly VenueTrade[];
}

/** What reading an account needs. */
export interface AccountSource {
  readonly venue: Venue;
  readonly line: Line;
  readonly account: AccountReads;
}

/** The ledger for an account of this venue. */
export function newLedger({ line }: AccountSource, emit: (event: AccountEvent) => void): AccountLedger {
  return new AccountLedger(emit, line.dialect.profile.tradeIds === "unordered" ? idsOfMs(overlapMs) : 0n);
}

/** One pass of recovery; undefined when the venue did not answer. */
export async function readAccount(
  source: AccountSource,
  ledger: AccountLedger,
  known: AccountKnowledge,
): Promise<RecoveryFinding | undefined> {
  try {
    return await recoverAccount(source, ledger, known);
  } catch (error) {
    if (error instanceof VenueUnavailable) return undefined;
    throw error;
  }
}

/** Reads the account into the ledger: fills oldest first, then orders, then balances. */
async function recoverAccount(
  { venue, line, account }: AccountSource,
  ledger: AccountLedger,
  known: AccountKnowledge,
): Promise<RecoveryFinding> {
  const isTimed = line.dialect.profile.tradeIds === "unordered";
  const isKnown = ({ symbol, tradeId }: VenueTrade): boolean =>
    tradeNames(venue.exchange, tradeId).some((name) => known.isKnownTrade?.(symbol, name) === true);
  const backIds = isTimed ? idsOfMs(lookBackMs) : lookBackIds;
  const orderById = async (symbol: SymbolId, venueOrderId: string): Promise<VenueOrder | undefined> => {
    const order = await account.orderById(symbol, venueOrderId);
    if (order !== undefined) ledger.order(order, "recovery");
    return order;
  };
  const fills: VenueTrade[] = [];
  const symbols = [...venue.instruments.keys()];
  const [openOrders, balances] = await Promise.all([venue.openOrders(), venue.balances()]);
  // Ten thousand may be open, and a leader must not hold its breath while it compares them.
  const isOpen = new Set(openOrders.map((open) => keyOf(open.symbol, open.clientOrderId)));
  const openById = new Map(openOrders.map((open) => [keyOf(open.symbol, open.venueOrderId), open.clientOrderId]));
  for (const symbol of symbols) {
    let fromId = ledger.recoverFrom(symbol, vouchedFor(known, symbol, backIds));
    for (;;) {
      const trades = await venue.trades(symbol, { fromId: id<TradeId>(`${fromId}`), limit: page });
      for (const trade of trades) {
        if (isKnown(trade)) {
          ledger.pass(trade);
          continue;
        }
        const order =
          ledger.clientOrderIdOf(trade) ??
          known.clientOrderIdOf?.(symbol, trade.venueOrderId) ??
          openById.get(keyOf(symbol, trade.venueOrderId));
        const clientOrderId = order ?? (await orderById(symbol, trade.venueOrderId))?.clientOrderId;
        const named = clientOrderId === undefined ? trade : { ...trade, clientOrderId };
        if (ledger.trade(named, "recovery")) fills.push(named);
      }
      const last = trades.at(-1);
      if (last === undefined || trades.length < page) break;
      fromId = BigInt(last.tradeId) + 1n;
    }
  }
  for (const order of openOrders) ledger.order(order, "recovery");
  known.onOpenOrders?.(openOrders);
  for (const live of known.liveOrders()) {
    if (isOpen.has(keyOf(live.symbol, live.clientOrderId))) continue;
    const found = await venue.query(live.symbol, live.clientOrderId);
    if (found.kind === "unavailable") throw new VenueUnavailable(venue.id, "order", found.cause);
    // Not found is no news here: whether it proves anything is for the resolution of doubt to say.
    if (found.kind === "found") ledger.order(found.order, "recovery");
    else known.onDenied?.(live);
  }
  ledger.balances(balances, "recovery");
  return { fills };
}

/** The id up to which nothing needs to be read. */
function vouchedFor(known: AccountKnowledge, symbol: SymbolId, backIds: bigint): TradeId | undefined {
  const last = known.lastTradeId(symbol);
  if (last === undefined || known.isKnownTrade === undefined) return last;
  const earliest = BigInt(known.baselineTradeId?.(symbol) ?? 0);
  const back = BigInt(last) - backIds;
  return id<TradeId>(`${back > earliest ? back : earliest}`);
}

/** Of an order within the account. */
function keyOf(symbol: string, orderId: string): string {
  return `${symbol} ${orderId}`;
}
