/**
 * Binance spot: each difference spans update ids `U` to `u`; the snapshot is fetched over REST and ends at
 * `lastUpdateId`. Old when `u` is held already; next when `U` is at most one further; anything later is a gap. A
 * snapshot that ends before the kept differences begin is found out by the same rule, at the first of them.
 *
 * Binance documents no beginning anew of these ids. If it happened, every difference would be old: liveness, which
 * counts what was applied and not what came, is what notices.
 *
 * Source: https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md, "How to manage a local order
 * book correctly" (read as of 2026-07-21).
 */
import { spotSequence } from "../book-sync.ts";
import { fieldsOf, sidesOf, wholeOf } from "./frame-reading.ts";
import {
  apply,
  awaitsSnapshot,
  gap,
  ignore,
  reset,
  type BookFrame,
  type JudgedFrame,
  type ReadFrame,
  type VenueSequence,
} from "./venue-sequence.ts";

/** `U` and `u`; of a snapshot both are `lastUpdateId`. */
export interface BinanceSpotMark {
  readonly firstId: number;
  readonly lastId: number;
}

/** The last update that is held. */
export interface BinanceSpotHeld {
  readonly id: number;
}

/** The rule. */
export const binanceSpotSequence: VenueSequence<BinanceSpotMark, BinanceSpotHeld> = {
  name: "binance-spot",
  snapshots: "apart",
  window: undefined,
  judge: (held, frame): JudgedFrame<BinanceSpotHeld> => {
    const { firstId, lastId } = frame.mark;
    if (frame.kind === "snapshot") {
      return held !== undefined && lastId <= held.id
        ? { verdict: ignore, held }
        : { verdict: reset, held: { id: lastId } };
    }
    if (held === undefined) return { verdict: awaitsSnapshot, held };
    switch (spotSequence(held.id, { firstId, lastId, bids: frame.bids, asks: frame.asks })) {
      case "old":
        return { verdict: ignore, held };
      case "next":
        return { verdict: apply, held: { id: lastId } };
      case "gap":
        return { verdict: gap(`updates ${held.id + 1} to ${firstId - 1} are missing`), held: undefined };
    }
  },
  disprove: () => undefined,
};

/** A parsed `depthUpdate` message (unwrapped from a combined stream). */
export function readBinanceSpotDifference(message: unknown): ReadFrame<BinanceSpotMark> {
  const fields = fieldsOf(message);
  if (fields?.["e"] !== "depthUpdate") return "other";
  const [firstId, lastId] = [wholeOf(fields["U"]), wholeOf(fields["u"])];
  const [symbol, sides] = [fields["s"], sidesOf(fields["b"], fields["a"])];
  if (typeof symbol !== "string" || firstId === undefined || lastId === undefined || sides === undefined) return "bad";
  if (firstId > lastId) return "bad";
  return { symbol, frame: { kind: "difference", mark: { firstId, lastId }, ...sides, limit: Infinity } };
}

/** A parsed answer to `GET /api/v3/depth` that was asked for `limit` levels; it does not name its symbol. */
export function readBinanceSpotSnapshot(answer: unknown, limit: number): BookFrame<BinanceSpotMark> | "bad" {
  const fields = fieldsOf(answer);
  const lastId = wholeOf(fields?.["lastUpdateId"]);
  const sides = sidesOf(fields?.["bids"], fields?.["asks"]);
  if (lastId === undefined || sides === undefined) return "bad";
  return { kind: "snapshot", mark: { firstId: lastId, lastId }, ...sides, limit };
}
