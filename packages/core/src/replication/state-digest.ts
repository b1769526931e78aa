/**
 * Do leader and standby make the same of the same journal? Each takes a digest of its applied rows after the same record,
 * and the two are compared on both sides. The leader names the record: one that no standby has yet, so that each meets it
 * on its way, at the same frame end. A difference is kept until the standby gets a new copy: it blocks its promotion and
 * pages. Rows are digested as they are stored, so a row that changed on a disk is noticed like one that was computed
 * differently. Invariant I19.
 */
import type { NodeId, Sequence } from "../ids.ts";

/** Digest of all rows after every event up to `at`. */
export interface StateDigest {
  readonly at: Sequence;
  /** SHA-256, lowercase hex. */
  readonly digest: string;
}

/** A difference that was found. */
export interface StateDivergence {
  /** The other node. */
  readonly node: NodeId;
  readonly at: Sequence;
  readonly own: string;
  readonly theirs: string;
}

/** How often. */
export interface DigestPace {
  /** A digest after so many frames. */
  readonly everyFrames: number;
  /** Also without a frame, after so long. */
  readonly everyMs: number;
}

/**
 * A digest reads every row of the state, on every node: with 35,000 open orders that takes a core for 180 ms. At a few hundred
 * frames a second that is done about three times a minute.
 */
export const usualDigestPace: DigestPace = { everyFrames: 10_000, everyMs: 30_000 };

/** So many digests of each node are remembered for the other's to arrive. */
const remembered = 8;

/**
 * Is the next digest due? Not while one runs, unless that one waits for a frame that does not come; and never while one
 * reads: the log behind the rows that it holds still cannot be emptied, and of two that overlap one always holds some.
 * `since`: the last one began or ended.
 */
export function isDigestDue(
  pace: DigestPace,
  since: { readonly frames: number; readonly ms: number; readonly isRunning: boolean; readonly isReading: boolean },
): boolean {
  if (since.isReading) return false;
  return since.ms >= pace.everyMs || (!since.isRunning && since.frames >= pace.everyFrames);
}

/** What is remembered, of this node and of others. */
export interface DigestBook {
  readonly own: readonly StateDigest[];
  readonly others: ReadonlyMap<NodeId, readonly StateDigest[]>;
}

export const emptyDigestBook: DigestBook = { own: [], others: new Map() };

/** Notes this node's digest; answers the nodes whose digest of the same record differs. */
export function noteOwnDigest(
  book: DigestBook,
  digest: StateDigest,
): { readonly book: DigestBook; readonly differs: readonly StateDivergence[] } {
  const differs = [...book.others].flatMap(([node, theirs]) => {
    const same = theirs.find((one) => one.at === digest.at);
    return same === undefined ? [] : difference(digest, same, node);
  });
  return { book: { ...book, own: kept(book.own, digest) }, differs };
}

/** Notes another node's digest; answers the difference when this node has one of the same record that is not the same. */
export function noteTheirDigest(
  book: DigestBook,
  node: NodeId,
  digest: StateDigest,
): { readonly book: DigestBook; readonly differs: readonly StateDivergence[] } {
  const others = new Map(book.others).set(node, kept(book.others.get(node) ?? [], digest));
  const own = book.own.find((one) => one.at === digest.at);
  return { book: { ...book, others }, differs: own === undefined ? [] : difference(own, digest, node) };
}

/** The sentence of a difference. */
export function divergenceText(divergence: StateDivergence): string {
  const { at, own, node, theirs } = divergence;
  return `after record ${at} the state here is ${own.slice(0, 12)}, on ${node} it is ${theirs.slice(0, 12)}`;
}

function difference(own: StateDigest, theirs: StateDigest, node: NodeId): readonly StateDivergence[] {
  return theirs.digest === own.digest ? [] : [{ node, at: own.at, own: own.digest, theirs: theirs.digest }];
}

function kept(list: readonly StateDigest[], digest: StateDigest): readonly StateDigest[] {
  return [...list.filter((one) => one.at !== digest.at), digest].slice(-remembered);
}
