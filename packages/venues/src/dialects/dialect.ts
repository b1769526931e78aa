/**
 * How one venue is spoken to: which native call carries what, and how its answers read. A dialect holds no socket, no clock
 * and no state; what the venue's codes mean and what it limits stands in its profile (`core/src/venues`). Everything else
 * of this room is the same for every venue. Amounts stay the venue's decimal strings; an answer without its documented
 * shape reads as undefined, never as a guess.
 */
import type {
  Decimal,
  InstrumentRules,
  KeyRights,
  OrderTerms,
  SymbolId,
  TradeId,
  Verdict,
  VenueOrder,
  VenueOrderId,
  VenueProfile,
} from "@baton/core";
import type { VenueTrade } from "../venue.ts";
import type { UserMessage } from "./user-message.ts";

/** What a request says, as ccxt's native call takes it. */
export type Parameters = Readonly<Record<string, unknown>>;

/** One request. */
export interface Request {
  /** ccxt's name of the native call. */
  readonly call: string;
  readonly parameters: Parameters;
  readonly weight: number;
}

/** Turns the venue's symbol into ours; undefined for one that is not configured. */
export type SymbolOf = (venueSymbol: string) => SymbolId | undefined;

/** One traded symbol. `aliases`: other names of it in the venue's answers. */
export interface Instrument {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly rules: InstrumentRules;
}

/** A part of a list; `next` asks for the part after it. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next?: string;
}

/** When a request is signed, on the venue's clock, and for how long it counts. */
export interface Stamp {
  readonly atMs: number;
  readonly validityMs: number;
}

/** An order by the names that are known of it; `symbol` is the venue's. */
export interface OrderName {
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly venueOrderId?: VenueOrderId;
}

/** Which trades: from an id on (ascending ids), or from an instant on, or the latest. `nowMs` is the venue's time. */
export interface TradeRange {
  readonly symbol: string;
  readonly fromId?: TradeId;
  readonly sinceMs?: number;
  readonly nowMs: number;
  readonly limit: number;
  readonly page?: string;
}

/** One way to look for an order. */
export interface OrderQuery {
  request(order: OrderName, page: string | undefined): Request;
  /** The order, `absent` when the answer shows that it is not on this path, or the next page to look at. */
  read(
    json: unknown,
    order: OrderName,
    symbolOf: SymbolOf,
  ): VenueOrder | "absent" | { readonly next: string } | undefined;
}

/** The account's events over a WebSocket. */
export interface StreamDialect {
  /** A key that the stream is opened with; kept alive where it has to be. */
  readonly key?: {
    readonly open: Request;
    read(json: unknown): string | undefined;
    readonly keepAlive?: Request & { readonly everyMs: number };
  };
  /** What connecting costs of the weight. */
  readonly weight: number;
  address(
    from: { readonly mode: "paper" | "sandbox" | "live"; readonly wsUrl?: string },
    key: string | undefined,
  ): string;
  /** What is asked, each when the one before was granted; none where connecting is enough. */
  readonly greetings: readonly Greeting[];
  /** What is sent to be answered with a `pong`; absent where the protocol's own ping is answered. */
  readonly ping?: string;
  parse(text: string, symbolOf: SymbolOf): UserMessage;
}

/** One request of the opening conversation. */
export interface Greeting {
  request(from: GreetingParts): string;
  /** How many answers grant it. */
  readonly answers: number;
}

export interface GreetingParts {
  readonly requestId: string;
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase: string;
  /** Where the stream has one. */
  readonly key: string;
  /** The traded symbols by the venue's names. */
  readonly symbols: readonly string[];
  readonly stamp: Stamp;
}

export interface Dialect {
  readonly profile: VenueProfile;
  /** Sets up ccxt's instance: what must be off, and the test network. Nothing here may make it send. */
  configure(exchange: CcxtSettings, mode: "sandbox" | "live"): void;
  readonly ping: Request;
  readonly time: Request;
  /** The venue's time in milliseconds, of which it is sure to `timeResolutionMs`. */
  readTime(json: unknown): number | undefined;
  readonly timeResolutionMs: number;
  instruments(symbols: readonly SymbolId[]): Request;
  readInstruments(json: unknown): ReadonlyMap<SymbolId, Instrument> | undefined;
  /** Limits that the same answer publishes, each in its rule's own interval. */
  readLimits?(json: unknown): RateLimits;
  /** Status, code and message of an answer. */
  verdictOf(status: number, json: unknown, body: string): Verdict;
  /** Undefined where the venue has no such order. */
  place(symbol: string, clientOrderId: string, terms: OrderTerms): Request | undefined;
  readPlaced(json: unknown, order: OrderName, terms: OrderTerms, symbolOf: SymbolOf): VenueOrder | undefined;
  /** Undefined where the venue needs its own id of the order and that is not known. */
  cancel(order: OrderName): Request | undefined;
  readCancelled(json: unknown, symbolOf: SymbolOf): VenueOrder | "receipt" | undefined;
  readonly queries: readonly OrderQuery[];
  orderById(symbol: string, venueOrderId: string): Request;
  readOrder(json: unknown, symbolOf: SymbolOf): VenueOrder | undefined;
  openOrders(symbol: string, page: string | undefined): Request;
  readOpenOrders(json: unknown, symbolOf: SymbolOf): Page<VenueOrder> | undefined;
  trades(range: TradeRange): Request;
  readTrades(json: unknown, range: TradeRange, symbolOf: SymbolOf): Page<VenueTrade> | undefined;
  balances(page: string | undefined): Request;
  readBalances(json: unknown): Page<readonly [currency: string, total: Decimal]> | undefined;
  /** Positions where the venue has any. */
  readonly positions?: {
    readonly request: Request;
    read(json: unknown, symbolOf: SymbolOf): readonly (readonly [SymbolId, Decimal])[] | undefined;
  };
  /** Where the profile has a dead man's switch. */
  readonly deadMansSwitch?: SwitchDialect;
  /** What the key may do, where the venue tells. `inSandbox`: its test network tells too. */
  readonly keyRights?: {
    readonly request: Request;
    readonly inSandbox: boolean;
    read(json: unknown): KeyRights | undefined;
  };
  /** The cheapest read that shows that the venue answers this key. */
  reach(symbol: string): Request;
  /** What signs the time: parameters and headers beside the request's own. `ccxt` is what ccxt itself asks for. */
  stamp(kind: "place" | "cancel" | "read", stamp: Stamp): Stamped;
  readonly stream: StreamDialect;
}

/** Setting the venue's dead man's switch. */
export interface SwitchDialect {
  /** One request for each countdown of the venue; 0 takes it back. Never shorter than asked, rounded up where need be. */
  requests(symbols: readonly string[], timeoutMs: number): readonly Request[];
  /** True when the answer shows that the countdown now is what was asked. */
  isSet(json: unknown, timeoutMs: number): boolean;
}

export interface Stamped {
  readonly parameters?: Parameters;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Limits in the interval of the profile's rule: requests by weight, new orders. */
export interface RateLimits {
  readonly weight?: number;
  readonly orders?: number;
}

/** What a dialect may set on ccxt's instance. */
export interface CcxtSettings {
  readonly options: Record<string, unknown>;
  readonly has: Record<string, unknown>;
  setSandboxMode(on: boolean): void;
  enableDemoTrading(on: boolean): void;
}
