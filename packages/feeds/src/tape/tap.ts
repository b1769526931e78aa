/**
 * What can be overheard of a feed: every frame as it came, every answer of the venue, every end of a connection, each with
 * the instant at which it came. That is all that a feed ever learns from outside, so it is all that a tape must hold.
 */
import type { BookSnapshot, Clock, DisconnectCause, Levels, MarketTrade, MonoMs, SymbolId, WallMs } from "@baton/core";
import { lendSnapshot } from "@baton/core";
import type { Instrument } from "../instrument.ts";
import { bestBook } from "../instrument.ts";
import type { BookMessage, VenueHistory } from "../protocol.ts";

interface Instant {
  readonly atMono: MonoMs;
  readonly atWall: WallMs;
}

/** A frame; its bytes are the socket's again when the call returns. */
export interface TappedFrame extends Instant {
  readonly line: string;
  readonly connection: number;
  readonly data: Buffer;
}

export interface TappedLoss extends Instant {
  readonly line: string;
  readonly cause: DisconnectCause;
  readonly reason: string;
}

/** An answer of the venue over REST, already understood. */
export type HistoryAnswer =
  | { readonly question: "snapshot"; readonly symbol: SymbolId; readonly answer: BookSnapshot }
  | { readonly question: "bookSnapshot"; readonly symbol: SymbolId; readonly answer: BookMessage }
  | {
      readonly question: "bestNow";
      readonly symbol: SymbolId;
      readonly answer: { readonly bids: Levels; readonly asks: Levels };
    }
  | { readonly question: "lastUpdateId" | "lastTradeId"; readonly symbol: SymbolId; readonly answer: number }
  | { readonly question: "trades"; readonly symbol: SymbolId; readonly answer: readonly MarketTrade[] };

export type TappedAnswer = Instant & HistoryAnswer;

/** What a tape needs at its beginning, to be understood without the one before it. */
export type TapKeyframe = () => readonly HistoryAnswer[];

/** Who overhears. No method may throw or wait. */
export interface FeedTap {
  /** Told once, before anything else. */
  begin(feed: { readonly id: string; readonly venue: string; readonly keyframe: TapKeyframe }): void;
  frame(frame: TappedFrame): void;
  answer(answer: TappedAnswer): void;
  lost(loss: TappedLoss): void;
}

/** The history, overheard. */
export function tapHistory(history: VenueHistory, tap: FeedTap, clock: Clock): VenueHistory {
  const told = (answer: HistoryAnswer): void => tap.answer({ ...answer, atMono: clock.mono(), atWall: clock.wall() });
  const snapshot = history.snapshot?.bind(history);
  const bookSnapshot = history.bookSnapshot?.bind(history);
  const lastUpdateId = history.lastUpdateId?.bind(history);
  const bestNow = history.bestNow?.bind(history);
  return {
    ...(snapshot !== undefined && {
      async snapshot(symbol, signal) {
        const answer = await snapshot(symbol, signal);
        told({ question: "snapshot", symbol, answer });
        return answer;
      },
    }),
    ...(bookSnapshot !== undefined && {
      async bookSnapshot(symbol, signal) {
        const answer = await bookSnapshot(symbol, signal);
        told({ question: "bookSnapshot", symbol, answer });
        return answer;
      },
    }),
    ...(lastUpdateId !== undefined && {
      async lastUpdateId(symbol, signal) {
        const answer = await lastUpdateId(symbol, signal);
        told({ question: "lastUpdateId", symbol, answer });
        return answer;
      },
    }),
    ...(bestNow !== undefined && {
      async bestNow(symbol, signal) {
        const answer = await bestNow(symbol, signal);
        told({ question: "bestNow", symbol, answer });
        return answer;
      },
    }),
    async lastTradeId(symbol, signal) {
      const answer = await history.lastTradeId(symbol, signal);
      told({ question: "lastTradeId", symbol, answer });
      return answer;
    },
    async trades(range) {
      const answer = await history.trades(range);
      told({ question: "trades", symbol: range.symbol, answer });
      return answer;
    },
  };
}

/** What is held now, as answers to the questions that a feed asks first. */
export function keyframeOf(instruments: Iterable<Instrument>): readonly HistoryAnswer[] {
  return [...instruments].flatMap((instrument): HistoryAnswer[] => {
    const { symbol, trades } = instrument;
    const shown = bestBook(instrument);
    const snapshot = shown === undefined ? undefined : lendSnapshot(shown.sync);
    return [
      ...(trades.lastId === undefined ? [] : [{ question: "lastTradeId" as const, symbol, answer: trades.lastId }]),
      ...(snapshot === undefined ? [] : [{ question: "snapshot" as const, symbol, answer: snapshot }]),
    ];
  });
}
