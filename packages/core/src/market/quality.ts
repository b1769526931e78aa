/**
 * May a price be used? The quality of one symbol's data, as a pure function of its age and of what is known about its
 * source. `stale` forbids every decision that needs a fresh price (I18); `degraded` is fresh, but something that should
 * stand behind it is missing; the reason is a sentence for people.
 */
import type { MonoMs } from "../time.ts";
import type { FeedState } from "./feed-state.ts";

export type Quality = "live" | "degraded" | "stale";

export interface QualityFacts {
  readonly nowMono: MonoMs;
  readonly staleAfterMs: number;
  /** When the price was last known to be the venue's present one; undefined: never. */
  readonly currentMono: MonoMs | undefined;
  /** When the book was last known to be the venue's present one; undefined: never. */
  readonly bookCurrentMono: MonoMs | undefined;
  readonly line: FeedState;
  readonly book: "void" | "loaded" | "aligned";
  /** Ranges of trades that are known to be missing. */
  readonly holes: number;
  /** Lines that are live, of those that there should be; absent where one is enough. */
  readonly lines?: { readonly live: number; readonly wanted: number };
}

/** The quality, and why. */
export function judgeQuality(facts: QualityFacts): { readonly quality: Quality; readonly reason: string } {
  const { currentMono, staleAfterMs, line, book, holes } = facts;
  if (currentMono === undefined) return { quality: "stale", reason: "no price has come yet" };
  const ageMs = facts.nowMono - currentMono;
  if (ageMs > staleAfterMs) {
    return { quality: "stale", reason: `the price is older than ${staleAfterMs} ms, the line is ${line}` };
  }
  const lineIsUp = line === "live" || line === "stale" || line === "gap" || line === "syncing";
  if (!lineIsUp) return { quality: "degraded", reason: `the price is fresh, but the line is ${line}` };
  if (book === "void") return { quality: "degraded", reason: "the book is unknown until its snapshot has come" };
  if (book === "loaded")
    return { quality: "degraded", reason: "the book is a snapshot that the stream has not continued yet" };
  if (facts.nowMono - (facts.bookCurrentMono ?? -Infinity) > staleAfterMs) {
    return { quality: "degraded", reason: `the price is fresh, but the book is older than ${staleAfterMs} ms` };
  }
  if (holes > 0)
    return { quality: "degraded", reason: `${holes} ${holes === 1 ? "range" : "ranges"} of trades missing` };
  const { lines } = facts;
  if (lines !== undefined && lines.live < lines.wanted) {
    return {
      quality: "degraded",
      reason: `complete and fresh, but only ${lines.live} of ${lines.wanted} lines is live`,
    };
  }
  return { quality: "live", reason: "complete and fresh" };
}
