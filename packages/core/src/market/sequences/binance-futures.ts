/**
 * Binance futures: as spot each difference spans `U` to `u`, but ids are left out between messages, so that `U` says
 * nothing about the one before. Instead `pu` names the `u` of the message before it: that is what must be held. The first
 * difference after a snapshot is the one that contains its `lastUpdateId`, or that names it as its `pu`.
 *
 * Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly
 * (coin-margined futures and options say the same). That page says to drop `u < lastUpdateId`, so a first difference with
 * `u` equal to it is applied, which changes nothing.
 */
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

/** `U`, `u` and `pu`; of a snapshot all three are `lastUpdateId`. */
export interface BinanceFuturesMark {
  readonly firstId: number;
  readonly lastId: number;
  readonly previousId: number;
}

export interface BinanceFuturesHeld {
  /** `u` of the last difference, or the snapshot's `lastUpdateId`. */
  readonly id: number;
  /** False right after a snapshot: the first difference is joined to it by another rule than the rest. */
  readonly isContinued: boolean;
}

/** The rule. */
export const binanceFuturesSequence: VenueSequence<BinanceFuturesMark, BinanceFuturesHeld> = {
  name: "binance-futures",
  snapshots: "apart",
  window: undefined,
  judge: (held, frame): JudgedFrame<BinanceFuturesHeld> => {
    const { firstId, lastId, previousId } = frame.mark;
    if (frame.kind === "snapshot") {
      return held !== undefined && lastId <= held.id
        ? { verdict: ignore, held }
        : { verdict: reset, held: { id: lastId, isContinued: false } };
    }
    if (held === undefined) return { verdict: awaitsSnapshot, held };
    const isFirst = !held.isContinued && firstId <= held.id && lastId >= held.id;
    if (isFirst || previousId === held.id) return { verdict: apply, held: { id: lastId, isContinued: true } };
    if (lastId <= held.id) return { verdict: ignore, held };
    return {
      verdict: gap(`update ${previousId} came before this one and is not held: ${held.id} is`),
      held: undefined,
    };
  },
  disprove: () => undefined,
};

/** A parsed `depthUpdate` message of a futures stream. */
export function readBinanceFuturesDifference(message: unknown): ReadFrame<BinanceFuturesMark> {
  const fields = fieldsOf(message);
  if (fields?.["e"] !== "depthUpdate") return "other";
  const [firstId, lastId, previousId] = [wholeOf(fields["U"]), wholeOf(fields["u"]), wholeOf(fields["pu"])];
  const [symbol, sides] = [fields["s"], sidesOf(fields["b"], fields["a"])];
  if (typeof symbol !== "string" || sides === undefined) return "bad";
  if (firstId === undefined || lastId === undefined || previousId === undefined) return "bad";
  if (firstId > lastId || previousId >= lastId) return "bad";
  return { symbol, frame: { kind: "difference", mark: { firstId, lastId, previousId }, ...sides, limit: Infinity } };
}

/** A parsed answer to `GET /fapi/v1/depth` that was asked for `limit` levels. */
export function readBinanceFuturesSnapshot(answer: unknown, limit: number): BookFrame<BinanceFuturesMark> | "bad" {
  const fields = fieldsOf(answer);
  const lastId = wholeOf(fields?.["lastUpdateId"]);
  const sides = sidesOf(fields?.["bids"], fields?.["asks"]);
  if (lastId === undefined || sides === undefined) return "bad";
  return { kind: "snapshot", mark: { firstId: lastId, lastId, previousId: lastId }, ...sides, limit };
}
