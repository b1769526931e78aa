/**
 * OKX: each message names its own `seqId` and, as `prevSeqId`, that of the message before it, which must be what is held.
 * Three things are legal and look odd:
 *
 * - *nothing changed* (about once a minute in a quiet market): no levels, and both ids are the held one;
 * - *a reset* after maintenance: `prevSeqId` is the held one and `seqId` is lower; what follows continues from there;
 * - *a snapshot*: over the stream with `prevSeqId` −1, or fetched over REST without one. OKX has announced that the stream's
 *   initial snapshot goes away (demo from May, production from August 2026); then the first difference to join a fetched
 *   one is that with `prevSeqId ≤ seqId of the snapshot < seqId`. Both ways are kept here.
 *
 * Because ids may fall, a lower `seqId` alone is no proof of age: a difference after a reset that was missed has one too.
 * Old is what the venue made earlier (`ts`), or, within the same millisecond, one of those that were taken in it.
 *
 * The `checksum` of OKX is not looked at: since 2026-06-23 it is always 0 and "must no longer be used".
 *
 * Sources: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel, the change log
 * https://www.okx.com/docs-v5/log_en/ ("Delist initial snapshot and checksum field in order book channels") and OKX's note of
 * 2026-05-21, "OKX Order Book Channels Checksum Field Deprecation".
 */
import { fieldsOf, firstOf, sidesOf, wholeOf, wholeTextOf } from "./frame-reading.ts";
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

export interface OkxMark {
  readonly seqId: number;
  /** −1 marks a snapshot. */
  readonly prevSeqId: number;
  /** `ts`: when the venue made the book, in ms of its clock. */
  readonly madeAtMs: number;
  /** A snapshot of REST, and not of the stream: the stream has yet to show that it continues it. */
  readonly isFetched: boolean;
}

export interface OkxHeld {
  readonly seqId: number;
  readonly madeAtMs: number;
  /** The ids that were made in the millisecond of the last. */
  readonly sameMs: readonly number[];
  /** False after a fetched snapshot, until the stream has continued it. */
  readonly isContinued: boolean;
}

/** The rule. */
export const okxSequence: VenueSequence<OkxMark, OkxHeld> = {
  name: "okx",
  snapshots: "apart",
  window: undefined,
  judge: (held, frame): JudgedFrame<OkxHeld> => {
    const { seqId, prevSeqId, madeAtMs, isFetched } = frame.mark;
    if (frame.kind === "snapshot") {
      if (held !== undefined && isNoNewer(held, frame.mark)) return { verdict: ignore, held };
      return { verdict: reset, held: { seqId, madeAtMs, sameMs: [seqId], isContinued: !isFetched } };
    }
    if (held === undefined) return { verdict: awaitsSnapshot, held };
    const isSameMs = madeAtMs === held.madeAtMs;
    const next = { seqId, madeAtMs, sameMs: isSameMs ? [...held.sameMs, seqId] : [seqId], isContinued: true };
    // The first after a fetched snapshot is known by its ids alone: whose clock stamped the two is not documented.
    const isFirst = !held.isContinued && prevSeqId <= held.seqId && held.seqId < seqId;
    if (isFirst) return { verdict: apply, held: next };
    // The message that the snapshot ends with.
    if (!held.isContinued && seqId === held.seqId && seqId !== prevSeqId) return { verdict: ignore, held };
    if (madeAtMs < held.madeAtMs) return { verdict: ignore, held };
    if (prevSeqId === held.seqId) return { verdict: apply, held: next };
    if (isSameMs && held.sameMs.includes(seqId)) return { verdict: ignore, held };
    return { verdict: gap(`${prevSeqId} came before ${seqId} and is not held: ${held.seqId} is`), held: undefined };
  },
  disprove: () => undefined,
};

/** A snapshot is no news when it was made before what is held, or has just been taken. */
function isNoNewer(held: OkxHeld, mark: OkxMark): boolean {
  return mark.madeAtMs < held.madeAtMs || (mark.madeAtMs === held.madeAtMs && held.sameMs.includes(mark.seqId));
}

/** A parsed message of a `books` channel (also `books-l2-tbt`, `books50-l2-tbt`). */
export function readOkxBook(message: unknown): ReadFrame<OkxMark> {
  const fields = fieldsOf(message);
  const arg = fieldsOf(fields?.["arg"]);
  const channel = arg?.["channel"];
  if (typeof channel !== "string" || !channel.startsWith("books") || fields?.["action"] === undefined) return "other";
  const { action } = fields as { readonly action: unknown };
  const data = firstOf(fields["data"]);
  const [seqId, prevSeqId] = [wholeOf(data?.["seqId"]), wholeOf(data?.["prevSeqId"], -1)];
  const madeAtMs = wholeTextOf(data?.["ts"]);
  const [symbol, sides] = [arg?.["instId"], sidesOf(data?.["bids"], data?.["asks"])];
  if (typeof symbol !== "string" || sides === undefined) return "bad";
  if (seqId === undefined || prevSeqId === undefined || madeAtMs === undefined) return "bad";
  // Where both are said they must agree: a snapshot that is no snapshot would replace a book by a few levels.
  if ((action === "snapshot") !== (prevSeqId === -1)) return "bad";
  if (action !== "snapshot" && action !== "update") return "bad";
  const kind = action === "snapshot" ? "snapshot" : seqId === prevSeqId ? "beat" : "difference";
  return { symbol, frame: { kind, mark: { seqId, prevSeqId, madeAtMs, isFetched: false }, ...sides, limit: Infinity } };
}

/** A parsed answer to `GET /api/v5/market/books` that was asked for `limit` levels. */
export function readOkxSnapshot(answer: unknown, limit: number): BookFrame<OkxMark> | "bad" {
  const data = firstOf(fieldsOf(answer)?.["data"]);
  const [seqId, madeAtMs] = [wholeOf(data?.["seqId"]), wholeTextOf(data?.["ts"])];
  const sides = sidesOf(data?.["bids"], data?.["asks"]);
  if (seqId === undefined || madeAtMs === undefined || sides === undefined) return "bad";
  return { kind: "snapshot", mark: { seqId, prevSeqId: -1, madeAtMs, isFetched: true }, ...sides, limit };
}
