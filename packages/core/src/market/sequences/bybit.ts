/**
 * Bybit v5: the stream begins with a snapshot, then sends deltas whose `u` rises by one. A snapshot replaces everything,
 * whenever it comes: after a new subscription, after a fault on Bybit's side, at level 1 after three quiet seconds (with the
 * same `u`), and with `u` 1 after a restart of its service.
 *
 * After a restart all `u` are low: if the snapshot that said so was missed, the deltas that follow look old. `seq`, the cross
 * sequence, tells them apart: "for the smaller seq, it means the data is generated earlier", and it does not begin anew. So
 * old is only what is lower in both. What no field shows: a restart whose snapshot is missed, after which the first delta
 * that comes has exactly the `u` that would have been next; after hours of counting up from 1 that is no likely number. A
 * delta with `u` 1 (the full-depth topic sends no snapshots) asks for a snapshot too.
 *
 * Source: https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook, and …/full-ob for deltas with `u` 1.
 */
import { fieldsOf, sidesOf, wholeOf } from "./frame-reading.ts";
import {
  apply,
  awaitsSnapshot,
  gap,
  ignore,
  reset,
  type JudgedFrame,
  type ReadFrame,
  type VenueSequence,
} from "./venue-sequence.ts";

export interface BybitMark {
  readonly u: number;
  readonly seq: number;
}

/** The last message that is held. */
export type BybitHeld = BybitMark;

/** The rule. */
export const bybitSequence: VenueSequence<BybitMark, BybitHeld> = {
  name: "bybit",
  snapshots: "stream",
  window: undefined,
  judge: (held, { kind, mark }): JudgedFrame<BybitHeld> => {
    if (kind === "snapshot") {
      // Equal is the repetition of a quiet market: it says that the book is current.
      return held !== undefined && mark.seq < held.seq ? { verdict: ignore, held } : { verdict: reset, held: mark };
    }
    if (held === undefined) return { verdict: awaitsSnapshot, held };
    if (mark.u <= held.u && mark.seq <= held.seq) return { verdict: ignore, held };
    if (mark.u === 1) return { verdict: gap("the venue's update ids begin anew"), held: undefined };
    if (mark.u === held.u + 1 && mark.seq >= held.seq) return { verdict: apply, held: mark };
    const sentence =
      mark.u > held.u + 1
        ? `updates ${held.u + 1} to ${mark.u - 1} are missing`
        : `update ${mark.u} is made later than ${held.u}, which is held: the venue's update ids have begun anew`;
    return { verdict: gap(sentence), held: undefined };
  },
  disprove: () => undefined,
};

/** A parsed message of an `orderbook.{depth}.{symbol}` topic. */
export function readBybitBook(message: unknown): ReadFrame<BybitMark> {
  const fields = fieldsOf(message);
  const topic = fields?.["topic"];
  if (typeof topic !== "string" || !topic.startsWith("orderbook.")) return "other";
  const [type, data] = [fields?.["type"], fieldsOf(fields?.["data"])];
  const [u, seq] = [wholeOf(data?.["u"]), wholeOf(data?.["seq"])];
  const [symbol, sides] = [data?.["s"], sidesOf(data?.["b"], data?.["a"])];
  if (typeof symbol !== "string" || u === undefined || seq === undefined || sides === undefined) return "bad";
  if (type !== "snapshot" && type !== "delta") return "bad";
  const kind = type === "snapshot" ? "snapshot" : "difference";
  return { symbol, frame: { kind, mark: { u, seq }, ...sides, limit: Infinity } };
}
