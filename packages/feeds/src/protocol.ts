/**
 * What the feed needs of a venue, and nothing else: stream names, the words to subscribe, the parsing of a frame, and the
 * few REST questions that repair and proof need. One folder per venue implements it; the feed never spells a venue's field.
 */
import type {
  AttemptRules,
  BookDifference,
  BookFrame,
  BookSnapshot,
  Levels,
  LineRules,
  MarketTrade,
  SequenceRule,
  SubscriptionRequest,
  SymbolId,
  TradeIds,
  VenueSequence,
  WallMs,
} from "@baton/core";

/** The three streams of a symbol. `ticker` is best bid and ask at once, `depth` the book by differences. */
export type StreamKind = "trade" | "depth" | "ticker";

/** All of them. */
export const streamKinds: readonly StreamKind[] = ["depth", "trade", "ticker"];

/** What one connection of a line carries, and where it is dialled. */
export interface Route {
  /** Undefined where one connection carries everything. */
  readonly name: string | undefined;
  readonly kinds: readonly StreamKind[];
  /** The URLs that can be dialled, the preferred one first; all give the same streams. */
  readonly endpoints: readonly string[];
}

/** One connection for everything. */
export function oneRoute(endpoints: readonly string[]): readonly [Route] {
  return [{ name: undefined, kinds: streamKinds, endpoints }];
}

/** Best prices and quantities as keys (`priceKey`). */
export interface VenueTicker {
  readonly updateId: number;
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
}

/** A trade of the stream. */
export type VenueTrade = Omit<MarketTrade, "symbol" | "source">;

/** Which streams a parser should know at sight: bytes are compared with these, others take the long way. */
export interface StreamNames {
  /** The streams that are wanted now. */
  set(names: Iterable<string>): void;
}

/** One frame, understood; it may be written again by the next `parse`, so whoever keeps it copies. `stream` is the name under which it was subscribed. `bad` frames change nothing. */
export type VenueFrame =
  | { readonly type: "trade"; readonly stream: string; readonly trade: VenueTrade }
  | {
      readonly type: "difference";
      readonly stream: string;
      readonly difference: BookDifference;
      readonly sentWallMs: WallMs;
    }
  /**
   * A message about a book that is kept by the venue's own rule (`VenueProtocol.bookRule`). `updateId` does not fall from
   * one to the next and is one on all connections: where the venue has no such number, its microsecond; undefined where
   * it has none. `sentWallMs` is when the venue made it; undefined where that is when the book last changed.
   */
  | ({ readonly type: "book"; readonly stream: string } & BookMessage)
  /** A message that tells its place to every book of its connection, where the venue counts the connection's messages. */
  | { readonly type: "place"; readonly frame: BookFrame<unknown> }
  /** One message of several parts, in their order. */
  | { readonly type: "several"; readonly frames: readonly VenueFrame[] }
  /** `ticker` is undefined while a side of the book is empty. */
  | { readonly type: "ticker"; readonly stream: string; readonly ticker: VenueTicker | undefined }
  /**
   * `streams` where the venue answers for each stream of a request by itself. `asksRest`: it has refused the request
   * because these stand already, and done nothing about the others.
   */
  | {
      readonly type: "acknowledged";
      readonly id: number;
      readonly streams?: readonly string[];
      readonly asksRest?: boolean;
    }
  /** All that stands: the answer to every request of a venue that names none. */
  | { readonly type: "standing"; readonly streams: readonly string[] }
  | { readonly type: "listed"; readonly id: number; readonly streams: readonly string[] }
  /** The answer to our heartbeat. */
  | { readonly type: "beat" }
  /** `id` is undefined where the venue does not say which request. */
  | { readonly type: "refused"; readonly id: number | undefined; readonly why: string }
  /** The venue will close this connection soon. */
  | { readonly type: "shutdown"; readonly sentence: string }
  /** Well formed, and nothing to us. */
  | { readonly type: "ignored" }
  | { readonly type: "bad"; readonly reason: string };

/** What a message tells about one book. */
export interface BookMessage {
  readonly frame: BookFrame<unknown>;
  readonly updateId: number | undefined;
  readonly sentWallMs: number | undefined;
}

/** The venue over REST. Each call throws `RestRefused` for an answer that is none, and ends at the signal. */
export interface VenueHistory {
  /** Undefined where the snapshot comes over the stream, or the venue's own rule keeps the book. */
  snapshot?(symbol: SymbolId, signal: AbortSignal): Promise<BookSnapshot>;
  /** A snapshot for the venue's own rule, where that joins one to the stream. */
  bookSnapshot?(symbol: SymbolId, signal: AbortSignal): Promise<BookMessage>;
  /**
   * The id of the book's last update now; undefined where books have none over REST. A stream that comes to it is not late;
   * one that does not is behind, unless there is `bestNow` to say so.
   */
  lastUpdateId?(symbol: SymbolId, signal: AbortSignal): Promise<number>;
  /** The best levels now, where there is no id that proves that a silent book is whole. */
  bestNow?(symbol: SymbolId, signal: AbortSignal): Promise<{ readonly bids: Levels; readonly asks: Levels }>;
  /** The id of the last trade now; 0 before the first. */
  lastTradeId(symbol: SymbolId, signal: AbortSignal): Promise<number>;
  /**
   * Trades from `fromId` on, ascending, at most what one request carries; fewer or none when history has no more. Where
   * ids are only ascending: the newest trades, all that one request gives.
   */
  trades(range: {
    readonly symbol: SymbolId;
    readonly fromId: number;
    readonly toId: number;
    /** When the last trade before them was made, where that is known: some venues find trades by time only. */
    readonly sinceWallMs?: WallMs | undefined;
    readonly signal: AbortSignal;
  }): Promise<readonly MarketTrade[]>;
}

/** A history whose books have update ids, so that a snapshot can be joined to the stream. */
export type NumberedHistory = VenueHistory & Required<Pick<VenueHistory, "snapshot" | "lastUpdateId">>;

export interface VenueProtocol {
  /** The connections of a line: one, or one for each address at which the venue has some of the streams. */
  readonly routes: readonly [Route, ...Route[]];
  readonly history: VenueHistory;
  readonly lineRules: LineRules;
  readonly attemptRules: AttemptRules;
  readonly sequenceRule: SequenceRule;
  /** Age at which the venue cuts a connection, and the silence after which it does; undefined where it does not. */
  readonly cutAgeMs: number | undefined;
  readonly idleCutMs: number | undefined;
  /** Silence of a book that is death without proof, where REST answers too seldom to prove life; absent: the feed's rule. */
  readonly unprovenSilenceMaxMs?: number;
  /** A book with a rule of its own; absent: `sequenceRule` and snapshots of REST. */
  bookRule?(): VenueSequence<unknown, unknown>;
  readonly tradeIds: TradeIds;
  /** The venue counts the messages of a connection: a book that misses one says that trades may be missing as well. */
  readonly countsMessages?: boolean;
  /** Streams of no symbol that every connection carries besides. */
  readonly ownStreams?: readonly string[];
  /** Undefined where the venue is not asked for such a stream. */
  streamName(symbol: SymbolId, kind: StreamKind): string | undefined;
  requestText(request: SubscriptionRequest): string;
  /** What the venue wants to hear besides the protocol's ping; undefined where it wants nothing. */
  heartbeatText(): string | undefined;
  /** A parser for the frames of one feed. `parse` never throws, whatever the bytes. */
  openParser(): FrameParser;
}

/** Turns bytes into frames. */
export interface FrameParser extends StreamNames {
  parse(data: Buffer): VenueFrame;
}
