/**
 * In whose words a scripted venue speaks: what it says of a change, how it answers a request, what REST is told. Written
 * from the venue's public documents, each in a file of its own, and sharing no code with the feed.
 */
import type { Change, Levels, MadeTrade, Market } from "./scripted-market.ts";

/** One accepted connection. */
export interface Connection {
  /** From 1, in the order of acceptance. */
  readonly number: number;
  /** The address that was dialled. */
  readonly path: string;
  readonly streams: Set<string>;
  /** For venues that count a connection's messages: the number of the next one. */
  next(): number;
}

/** What a client asked for. */
export type Asked =
  | { readonly kind: "ping"; readonly reply: string }
  | { readonly kind: "list"; readonly reply: string }
  | {
      readonly kind: "streams";
      readonly id: unknown;
      readonly isSubscribing: boolean;
      readonly streams: readonly string[];
    };

/** What became of one stream of a request: done, there already (or gone already), of no market. */
export interface Outcome {
  readonly stream: string;
  readonly is: "done" | "already" | "unknown";
}

/** A message of a stream; it is made for each connection that carries the stream. */
export interface Told {
  readonly stream: string;
  readonly text: (connection: Connection) => string;
}

export interface Dialect {
  /** Where upgrades are taken. */
  readonly paths: readonly string[];
  /** Whether a connection can have the stream, where the addresses have not the same ones; otherwise it is taken, and never told. */
  carries?(stream: string, connection: Connection): boolean;
  /** A request of which one stream is not as it should be does nothing at all. */
  readonly isAllOrNothing?: boolean;
  /** Trade ids rise by more than one now and then. */
  readonly hasSparseTradeIds?: boolean;
  greeting?(connection: Connection): string;
  /** Said each second to those who may hear it; undefined: to nobody. */
  beat?(connection: Connection): string | undefined;
  moved(market: Market, change: Change): readonly Told[];
  traded(market: Market, trades: readonly MadeTrade[]): readonly Told[];
  read(text: string, connection: Connection): Asked;
  /** Which market a stream is about; undefined for one of none (which is right for it, or not). */
  marketOf(stream: string, codes: readonly string[]): string | undefined;
  /** A stream that needs no market. */
  isOwn?(stream: string): boolean;
  /** The answers to a request, after it has taken effect. */
  answers(
    asked: Extract<Asked, { kind: "streams" }>,
    outcomes: readonly Outcome[],
    connection: Connection,
  ): readonly string[];
  refusal(asked: Extract<Asked, { kind: "streams" }>, connection: Connection): string;
  /** What a subscription begins with, where it begins with a snapshot. */
  snapshot?(market: Market, stream: string, connection: Connection): string | undefined;
  /** An answer over REST; undefined: there is no such path. */
  rest(
    url: URL,
    markets: ReadonlyMap<string, Market>,
  ): { readonly status?: number; readonly body: unknown } | undefined;
  /** The answer to one who asks too often. */
  readonly busy: { readonly status: number; readonly body: unknown };
}

/** The best levels of a window. */
export function bestOf({ bids, asks }: Levels, depth: number): Levels {
  return { bids: bids.slice(0, depth), asks: asks.slice(0, depth) };
}
