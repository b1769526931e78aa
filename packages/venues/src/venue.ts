/**
 * The contract of a venue connection: what the engine may ask, what each answer means, and which duties stay with the
 * caller. Orders never throw for what the world does (they end in an outcome class of core); reads retry within a
 * deadline and then throw `VenueUnavailable`. Nothing is sent for an order without a permit that is still in force at
 * the socket (I2), and no placement is ever sent twice by this room (I9).
 */
import type {
  BreakerState,
  CancelOutcome,
  Clock,
  Decimal,
  ExchangeId,
  InstrumentRules,
  KeyRights,
  MonoMs,
  OrderTerms,
  Permit,
  PermitSource,
  PlaceOutcome,
  QueryOutcome,
  SymbolId,
  TradeId,
  Usage,
  VenueId,
  VenueOrder,
  VenueOrderId,
  WallMs,
} from "@baton/core";
import type { Agent } from "undici";
import type { AccountStream, AccountStreamOptions } from "./account-stream.ts";
import type { RateLimits } from "./dialects/dialect.ts";

export interface VenueOptions {
  readonly id: VenueId;
  /** Selects the profile and the dialect. */
  readonly exchange: ExchangeId;
  readonly account: string;
  /** `sandbox` is the venue's test network, `live` its production; `restUrl` and `wsUrl` replace either's addresses. */
  readonly mode: "paper" | "sandbox" | "live";
  readonly apiKey: string;
  readonly secret: string;
  /** Where the venue's keys have one. */
  readonly passphrase?: string;
  /** Origin of the REST interface, e.g. `http://127.0.0.1:9000`; every address of the driver is replaced by it. */
  readonly restUrl?: string;
  /** Origin of the WebSocket API, e.g. `ws://127.0.0.1:9000`. */
  readonly wsUrl?: string;
  readonly symbols: readonly SymbolId[];
  /** The widest signed window of an order; narrowed to what the permit leaves. */
  readonly validityMs: number;
  /** With less than this left at the socket, an order is not sent. */
  readonly minValidityMs: number;
  /** After this an unanswered request is in doubt (body included); reads give up after it too. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly permits: PermitSource;
  /** How sockets are opened: a private CA, a local address, a proxy. Default: undici's own. */
  readonly connect?: Agent.Options["connect"];
  /** Order sockets that `warm` keeps open; default 4. */
  readonly connections?: number;
  /** True where all nodes reach the venue from one address, so that they share its limits. */
  readonly isSharedAddress?: boolean;
  /** Replaces what the venue publishes, e.g. to share one address among several clusters. */
  readonly limits?: RateLimits;
  /** Asked at the socket for a new order: true when a kill level covers it. Cancels always pass. */
  readonly isKilled?: (order: { readonly clientOrderId: string; readonly symbol: SymbolId }) => boolean;
  /** The answer of a placement that had been reported in doubt for want of an answer; journal it as evidence. */
  readonly onLateAnswer?: (clientOrderId: string, outcome: PlaceOutcome) => void;
  readonly onTelemetry?: (request: RequestTelemetry) => void;
  readonly onBreaker?: (state: BreakerState) => void;
  /**
   * The venue's time is at least `ms` further than this machine's monotonic clock says: it may have stood still, so that no
   * deadline on it can be trusted. Called before any request is signed with the new time.
   */
  readonly onClockAhead?: (ms: number) => void;
}

/** When each part of one request was done; absent parts were not reached. */
export interface RequestTelemetry {
  readonly call: string;
  readonly clientOrderId?: string;
  readonly decidedMonoMs: MonoMs;
  readonly limiterMonoMs?: MonoMs;
  readonly signedMonoMs?: MonoMs;
  /** The instant of the last check, right before the bytes are handed to the socket. */
  readonly socketMonoMs?: MonoMs;
  readonly answeredMonoMs?: MonoMs;
  readonly result: string;
  /** What it says about the provider; absent when nothing left, so that it says nothing. */
  readonly health?: "well" | "ill";
}

/** One trade of the account. */
export interface VenueTrade {
  readonly tradeId: TradeId;
  readonly symbol: SymbolId;
  readonly venueOrderId: VenueOrderId;
  /** Absent where the venue's trade list does not name it and the order was not seen since start. */
  readonly clientOrderId?: string;
  readonly side: "buy" | "sell";
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly fee: Decimal;
  readonly feeCurrency: string;
  readonly isMaker: boolean;
  readonly tradedWallMs: WallMs;
}

/** What one reading of the venue's clock says: venue time = wall + `offsetMs` ± `errorMs`. */
export interface ClockReading {
  readonly offsetMs: number;
  /** Half the best round trip, plus the venue's resolution, plus drift since it was taken. */
  readonly errorMs: number;
}

/** One attempt to place an order. */
export interface OrderToPlace {
  readonly clientOrderId: string;
  readonly terms: OrderTerms;
  /** From then on it is not sent. */
  readonly expiresAtMonoMs: MonoMs;
  /** It takes no risk: it has room in the limits and sockets that no other order uses, and passes all that wait. */
  readonly isAhead?: boolean;
  /** Called when its first byte leaves, in the same turn; never when none does. */
  readonly onLeft?: () => void;
}

/** A connection to one account at one venue. */
export interface Venue {
  readonly id: VenueId;
  readonly exchange: ExchangeId;
  readonly instruments: ReadonlyMap<SymbolId, InstrumentRules>;
  /**
   * Sends once or not at all. The caller has made the intent durable; in doubt goes to resolution, never to `place`. When
   * `withdrawal` is aborted before a byte has left, none will: not sent, `withdrawn`, at once.
   */
  place(order: OrderToPlace, permit: Permit, withdrawal?: AbortSignal): Promise<PlaceOutcome>;
  /** May be sent more than once within the deadline; harmless, since a cancel names one order. */
  cancel(
    order: { readonly clientOrderId: string; readonly symbol: SymbolId; readonly venueOrderId?: VenueOrderId },
    permit: Permit,
  ): Promise<CancelOutcome>;
  /**
   * Sets the venue's dead man's switch for everything this connection trades: without another setting all orders are
   * cancelled after `timeoutMs`; 0 takes it back. False: it was not set, as far as is known; set it again. Absent: the venue has none that Baton could set.
   */
  setSwitch?(timeoutMs: number, permit: Permit): Promise<boolean>;
  /** `not-found` is an observation, not a proof: only core's resolution may say when it counts (I10). */
  query(symbol: SymbolId, clientOrderId: string): Promise<QueryOutcome>;
  /** The order that the venue gave this id; undefined: it knows none, or not yet. Throws `VenueUnavailable`. */
  orderById(symbol: SymbolId, venueOrderId: VenueOrderId): Promise<VenueOrder | undefined>;
  /** Without a symbol: of all configured symbols. Throws `VenueUnavailable`. */
  openOrders(symbol?: SymbolId): Promise<readonly VenueOrder[]>;
  /**
   * The account's trades with ids of at least `fromId`, oldest first, at most `limit` (1,000); without it the latest.
   * `sinceMs`, on the venue's clock, tells a venue that orders trades by time how far back the latest must reach.
   */
  trades(
    symbol: SymbolId,
    range: { readonly fromId?: TradeId; readonly sinceMs?: number; readonly limit?: number },
  ): Promise<readonly VenueTrade[]>;
  /** The account's newest trade id, undefined when it never traded the symbol. Throws `VenueUnavailable`. */
  lastTradeId(symbol: SymbolId): Promise<TradeId | undefined>;
  /** Free plus locked, per currency, zeros left out. Throws `VenueUnavailable`. */
  balances(): Promise<Readonly<Record<string, Decimal>>>;
  /** Positions that the venue keeps, signed, zeros left out; empty on a spot venue. Throws `VenueUnavailable`. */
  positions(): Promise<ReadonlyMap<SymbolId, Decimal>>;
  /** What the key may do, as the venue tells it. Throws `VenueUnavailable`. Absent: it does not tell. */
  keyRights?(): Promise<KeyRights>;
  /** Undefined until the first sample, and then never again. */
  clock(): ClockReading | undefined;
  /** True when one signed read with this node's own key was answered within a short deadline. */
  reach(): Promise<boolean>;
  /** Opens the order sockets and keeps them open until `close`. */
  warm(): Promise<void>;
  /** Starts the account stream; see `account-stream.ts` for what it promises. */
  openAccountStream(options: AccountStreamOptions): AccountStream;
  /** The share of the tightest rate budget that is left, 0 to 1. */
  budget(): number;
  /** What was used of each limit, for the successor of this node. */
  usage(): Usage;
  /** What the predecessor had used counts here too: of the account's limits, and of a shared address's. */
  adoptUsage(usage: Usage): void;
  breaker(): BreakerState;
  /** Ends every socket and timer; requests under way end in their outcome class first or are aborted. */
  close(): Promise<void>;
}

/** A read that found no answer within its deadline, or that the venue refused. */
export class VenueUnavailable extends Error {
  override readonly name = "VenueUnavailable";
  readonly code = "venue-unavailable";
  readonly venue: string;
  readonly call: string;
  constructor(venue: string, call: string, why: string) {
    super(`venue ${venue} did not answer ${call}: ${why}`);
    this.venue = venue;
    this.call = call;
  }
}

/** The configuration does not fit the venue; an operator has to change it. */
export class VenueSetupError extends Error {
  override readonly name = "VenueSetupError";
  readonly code: "unknown-symbol" | "no-key" | "no-sandbox" | "not-paper";
  constructor(code: VenueSetupError["code"], sentence: string) {
    super(sentence);
    this.code = code;
  }
}
