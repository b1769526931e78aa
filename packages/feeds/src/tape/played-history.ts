/**
 * The venue's history in a player's world: what it answered on the tape, for whoever may ask the same of it.
 *
 * Decided here: which answer belongs to which question. One that waits gets the next answer on the tape about the same
 * symbol; one that comes a little later than the recorded feed's gets the answer that feed had got; trades by consecutive
 * ids are found in whatever answer brought them. What the tape does not have is refused at its end, never made up.
 */
import type { BookSnapshot, Levels, MarketTrade, SymbolId } from "@baton/core";
import type { BookMessage, VenueHistory, VenueProtocol } from "../protocol.ts";
import { RestRefused } from "../rest.ts";
import type { HistoryAnswer } from "./tap.ts";

type BestLevels = { readonly bids: Levels; readonly asks: Levels };

interface Question {
  readonly question: HistoryAnswer["question"];
  readonly symbol: SymbolId;
  answer(answer: HistoryAnswer["answer"]): void;
  refuse(): void;
}

/** Where the tape stands. */
export interface TapePlace {
  readonly atMs: number;
  /** Frames so far. */
  readonly atFrame: number;
}

export interface PlayedHistory {
  /** The history that stands in for the venue's. */
  of(protocol: Pick<VenueProtocol, "history" | "tradeIds">): VenueHistory;
  /** An answer on the tape. */
  answered(answer: HistoryAnswer): void;
  /** What was known before is no answer to what is asked after: a connection has ended. */
  forgetRecent(): void;
  /** The tape is over. */
  refuseAll(): void;
}

/** An answer that came so shortly before the question, in time or in frames, would have been the answer to it. */
const recentMs = 300;
const recentFrames = 50;
/** So many of them are kept. */
const recentMax = 1_000;
/** Trades per symbol that are kept for questions. */
const broughtMax = 50_000;

/** Nothing has been answered yet. */
export function openPlayedHistory(place: () => TapePlace): PlayedHistory {
  const questions = new Set<Question>();
  let recent: (TapePlace & { readonly answer: HistoryAnswer })[] = [];
  /** Trades that the venue's history brought, by symbol and id. */
  const brought = new Map<SymbolId, Map<number, MarketTrade>>();
  let isAscending = false;

  const ask = async (
    question: HistoryAnswer["question"],
    symbol: SymbolId,
    signal: AbortSignal,
  ): Promise<HistoryAnswer["answer"]> =>
    new Promise((resolve, reject) => {
      const { atMs, atFrame } = place();
      recent = recent.filter((one) => one.atMs >= atMs - recentMs || one.atFrame >= atFrame - recentFrames);
      const at = recent.findLastIndex((one) => one.answer.question === question && one.answer.symbol === symbol);
      const [past] = at === -1 ? [] : recent.splice(at, 1);
      if (past !== undefined) {
        resolve(past.answer.answer);
        return;
      }
      const asked: Question = {
        question,
        symbol,
        answer(answer) {
          questions.delete(asked);
          resolve(answer);
        },
        refuse() {
          questions.delete(asked);
          reject(new RestRefused("rest-refused", `the tape has no answer about ${question} of ${symbol}`));
        },
      };
      questions.add(asked);
      signal.addEventListener("abort", () => asked.refuse(), { once: true });
    });
  const remember = (symbol: SymbolId, trades: readonly MarketTrade[]): void => {
    const known = brought.get(symbol) ?? new Map<number, MarketTrade>();
    brought.set(symbol, known);
    for (const trade of trades) known.set(trade.id, trade);
    for (const id of known.keys()) {
      if (known.size <= broughtMax) break;
      known.delete(id);
    }
  };

  return {
    of({ history, tradeIds }) {
      isAscending = tradeIds === "ascending";
      return {
        ...(history.snapshot !== undefined && {
          snapshot: async (symbol, signal) => (await ask("snapshot", symbol, signal)) as BookSnapshot,
        }),
        ...(history.bookSnapshot !== undefined && {
          bookSnapshot: async (symbol, signal) => (await ask("bookSnapshot", symbol, signal)) as BookMessage,
        }),
        ...(history.lastUpdateId !== undefined && {
          lastUpdateId: async (symbol, signal) => (await ask("lastUpdateId", symbol, signal)) as number,
        }),
        ...(history.bestNow !== undefined && {
          bestNow: async (symbol, signal) => (await ask("bestNow", symbol, signal)) as BestLevels,
        }),
        lastTradeId: async (symbol, signal) => (await ask("lastTradeId", symbol, signal)) as number,
        async trades({ symbol, fromId, toId, signal }) {
          // What the newest trades were tells more than each of them: what lies between two is whole.
          if (isAscending) return (await ask("trades", symbol, signal)) as readonly MarketTrade[];
          // What was brought a little earlier than this feed asks for it is what it would have been told.
          if (brought.get(symbol)?.has(fromId) !== true) await ask("trades", symbol, signal);
          const known = brought.get(symbol);
          const found: MarketTrade[] = [];
          for (let id = fromId; id <= toId; id += 1) {
            const trade = known?.get(id);
            if (trade !== undefined) found.push(trade);
          }
          return found;
        },
      };
    },
    answered(answer) {
      if (answer.question === "trades") remember(answer.symbol, answer.answer);
      const asked = [...questions].filter(
        ({ question, symbol }) => question === answer.question && symbol === answer.symbol,
      );
      // Each that waits: a question that only this feed has asked must not take the answer from those after it.
      for (const one of asked) one.answer(answer.answer);
      // Trades by consecutive ids are found in `brought`, whichever answer had them.
      if (asked.length === 0 && (answer.question !== "trades" || isAscending)) recent.push({ ...place(), answer });
      while (recent.length > recentMax) recent.shift();
    },
    forgetRecent() {
      recent = [];
    },
    refuseAll() {
      for (const question of questions) question.refuse();
    },
  };
}
