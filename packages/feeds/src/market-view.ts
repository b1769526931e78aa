/**
 * What the feed lets others see: prices, books, states, and the status that `GET /v1/feeds`, the metrics and the console
 * show. All amounts are exact decimals; every age is on the monotonic clock.
 */
import type {
  BookLevel,
  BookMark,
  BreakerState,
  Decimal,
  DisconnectCause,
  FeedState,
  MarketTrade,
  MonoMs,
  Quality,
  SymbolId,
  TradeEvent,
  WallMs,
} from "@baton/core";
import type { DeliveryStatus } from "./delivery.ts";
import type { QuarantinedFrame } from "./quarantine.ts";

/** Best bid and ask of one symbol, as of the call that returned it. */
export interface Top {
  /** The feed's id. */
  readonly feed: string;
  readonly symbol: SymbolId;
  readonly bid: Decimal;
  readonly bidQuantity: Decimal;
  readonly ask: Decimal;
  readonly askQuantity: Decimal;
  /** The venue's update id of this price. */
  readonly updateId: number;
  /** Whether it may be used; `stale` forbids every decision that needs a fresh price. */
  readonly quality: Quality;
  /** When this was last known to be the venue's present price. */
  readonly currentMono: MonoMs;
  /** Age of that knowledge. */
  ageMs(nowMono: MonoMs): number;
}

/** The best levels of a book that equals the venue's at `updateId`; best first. */
export interface BookView {
  readonly feed: string;
  readonly symbol: SymbolId;
  readonly updateId: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly quality: Quality;
  readonly currentMono: MonoMs;
}

/** A change that people should be able to follow: of the line, or of one symbol's quality. */
export type FeedChange =
  | {
      readonly type: "line";
      readonly feed: string;
      /** The connection that it is about: the line's letter and how many it has had. */
      readonly line: string;
      readonly from: FeedState;
      readonly to: FeedState;
      readonly reason: string;
      readonly atMono: MonoMs;
    }
  | {
      readonly type: "quality";
      readonly feed: string;
      readonly symbol: SymbolId;
      readonly from: Quality;
      readonly to: Quality;
      readonly reason: string;
      readonly atMono: MonoMs;
    }
  /** A connection has ended; one more under its cause in `reconnects`. */
  | {
      readonly type: "lost";
      readonly feed: string;
      readonly line: string;
      readonly cause: DisconnectCause;
      readonly reason: string;
      readonly atMono: MonoMs;
    }
  /** Too many failures in a row: page somebody. The line goes on probing. */
  | {
      readonly type: "gave-up";
      readonly feed: string;
      readonly line: string;
      readonly failures: number;
      readonly reason: string;
      readonly atMono: MonoMs;
    }
  /** Of two providers another one is believed for the symbol now. */
  | {
      readonly type: "source";
      readonly feed: string;
      readonly symbol: SymbolId;
      /** The feed in use; undefined: neither. */
      readonly source: string | undefined;
      readonly reason: string;
      readonly atMono: MonoMs;
    };

/** One symbol in the status. */
export interface SymbolStatus {
  readonly symbol: SymbolId;
  readonly quality: Quality;
  readonly reason: string;
  /** Undefined before the first price. */
  readonly ageMs: number | undefined;
  readonly updateId: number | undefined;
  /** The line whose copy of the price was the first; undefined before the first. */
  readonly line: string | undefined;
  readonly book: "void" | "loaded" | "aligned";
  /** Holes in the sequence of the book, each repaired by a snapshot: `sequence_gaps_total`. */
  readonly gaps: number;
  /** Times the book was thrown away because it could not be true. */
  readonly distrusts: number;
  readonly snapshots: number;
  readonly lastTradeId: number | undefined;
  readonly tradeHoles: number;
  readonly tradesRepaired: number;
  readonly tradesFlagged: number;
  readonly tradeDuplicates: number;
  /** The venue's clock to our receipt of the last difference, by the wall clock; includes the error of both clocks. */
  readonly lagMs: number | undefined;
}

/** One line in the status. */
export interface LineStatus {
  /** The line's letter and how many lives it has had: `a1`, `b3`. */
  readonly line: string;
  readonly url: string;
  readonly localAddress: string | undefined;
  readonly state: FeedState;
  readonly reason: string;
  readonly sinceMono: MonoMs;
  readonly failuresInRow: number;
  /** Age of its present connection; undefined while it has none. */
  readonly ageMs: number | undefined;
  /** It is being put in the place of the line before it, which still delivers. */
  readonly isSuccessor: boolean;
}

/** The whole feed. Counters only rise. */
export interface FeedStatus {
  readonly id: string;
  readonly venue: string;
  /** The address of the best line. */
  readonly url: string;
  /** The state of the best line. */
  readonly state: FeedState;
  /** Why, in one sentence. */
  readonly reason: string;
  readonly sinceMono: MonoMs;
  /** Age of the oldest symbol's price; undefined while one has none. */
  readonly ageMs: number | undefined;
  readonly connections: number;
  readonly failuresInRow: number;
  /** Ended connections and failed attempts by cause: `feed_reconnects_total`. */
  readonly reconnects: Readonly<Record<DisconnectCause, number>>;
  readonly lastLoss: { readonly cause: DisconnectCause; readonly reason: string; readonly atWall: WallMs } | undefined;
  readonly frames: number;
  readonly badFrames: number;
  readonly lastBadFrame: { readonly reason: string; readonly sample: string } | undefined;
  readonly quarantine: {
    readonly reasons: Readonly<Record<string, number>>;
    readonly samples: readonly QuarantinedFrame[];
  };
  readonly lines: readonly LineStatus[];
  /** Lines replaced before the venue cut them, or because it announced its end. */
  readonly rotations: number;
  /** The longest that this process did not read, lately. */
  readonly heldUpMs: number;
  readonly restErrors: number;
  readonly lastRestError: string | undefined;
  /** While it is not closed the venue's REST interface is asked one question at a time. */
  readonly restBreaker: BreakerState;
  readonly delivery: DeliveryStatus;
  readonly symbols: readonly SymbolStatus[];
}

/** A running feed. Every method but `close` returns at once; of a symbol that it does not carry it knows nothing. */
export interface Feed {
  readonly id: string;
  readonly venue: string;
  /** Carries these symbols as well, from now on; known ones change nothing. */
  add(symbols: readonly SymbolId[]): void;
  /** Lets go of these symbols; of them the feed knows nothing any more. */
  remove(symbols: readonly SymbolId[]): void;
  /** The venue is known to answer again: what waits to be dialled is dialled now, within the host's budget. */
  hurry(): void;
  /** Best bid and ask; undefined before the first price and while a side is empty. Check `quality` before use. */
  top(symbol: SymbolId): Top | undefined;
  /** The best `depth` levels; undefined while the book is unknown. */
  book(symbol: SymbolId, depth: number): BookView | undefined;
  /** Digests of the book at its last updates, one for each of the venue's seconds: to compare with another node's. */
  marks(symbol: SymbolId): readonly BookMark[];
  lastTrade(symbol: SymbolId): MarketTrade | undefined;
  /** Trades in order of their ids, and every missing id as a hole. Returns the way to stop listening. */
  onTrade(listener: (event: TradeEvent) => void): () => void;
  /** Changed prices; several changes between two turns come as one. */
  onTop(listener: (top: Top) => void): () => void;
  onState(listener: (change: FeedChange) => void): () => void;
  status(): FeedStatus;
  /** Lets go of the connection and every timer; settles when the socket is gone. Idempotent. */
  close(): Promise<void>;
}
