/**
 * What is measured, on the machine's monotonic clock at the exchange: the gap in trading that a user saw, how long an
 * intent that was in flight at the fault stayed undecided, and where the time of a takeover went.
 */
import type { EpochStory, PlaceRecv, Story } from "./story.ts";

/** The four parts of a takeover in ms; null where nothing tells it. */
export interface TakeoverPhases {
  readonly detect: number | null;
  readonly elect: number | null;
  readonly promote: number | null;
  readonly firstOrder: number | null;
}

export interface Measured {
  /**
   * A fault that takes the leader: from its instant to the first request to place of a later epoch. A switchover: from the
   * last request of the old epoch to the first of the new. A lost standby: the largest gap between two requests around and
   * after it. Null without a fault, or when no order followed it.
   */
  readonly rtoMs: number | null;
  /** The longest that an inherited intent stayed undecided after the fault. */
  readonly blockedMs: number | null;
  readonly phases: TakeoverPhases;
}

const nothing: TakeoverPhases = { detect: null, elect: null, promote: null, firstOrder: null };

/** How long after a standby's fault a gap still counts as its doing. */
const standbyWindowMs = 5_000;

export function measure(story: Story): Measured {
  const { fault } = story.evidence;
  if (fault === undefined || fault.kind === "none") return { rtoMs: null, blockedMs: null, phases: nothing };
  if (fault.kind === "standby-kill") {
    return { rtoMs: rounded(largestGap(story.places, fault.atMonoMs)), blockedMs: 0, phases: nothing };
  }
  const before = story.epochs.findLast(({ history }) => history.atWallMs <= fault.atWallMs);
  const after = story.epochs.find(({ history }) => history.epoch > (before?.history.epoch ?? 0));
  const first = story.places.find(
    ({ recv, epoch }) => recv.monoMs >= fault.atMonoMs && epoch !== undefined && epoch > (before?.history.epoch ?? 0),
  );
  if (after === undefined || first === undefined) return { rtoMs: null, blockedMs: null, phases: nothing };
  const last = story.places.findLast(({ recv, epoch }) => recv.n < first.recv.n && epoch === before?.history.epoch);
  const startMonoMs = fault.kind === "switchover" ? (last?.recv.monoMs ?? fault.atMonoMs) : fault.atMonoMs;
  return {
    rtoMs: rounded(first.recv.monoMs - startMonoMs),
    blockedMs: rounded(longestBlocked(story, after, fault.atWallMs)),
    phases: phasesOf(after, fault.atWallMs, first.recv.wallMs),
  };
}

/** A distribution, in ms; null without samples. */
export interface Spread {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** How long doubts lasted: those of orders that the venue had, and those of orders that it never took. */
export interface DoubtTimes {
  readonly found: Spread;
  readonly absent: Spread;
}

/** From the record that put an attempt in doubt (an answer, or the epoch that inherited it) to the one that ended it. */
export function measureDoubts(story: Story): DoubtTimes {
  const found: number[] = [];
  const absent: number[] = [];
  const inherited = new Map<string, number>();
  for (const { opened } of story.epochs) {
    for (const intent of opened?.inDoubt ?? [])
      if (!inherited.has(intent)) inherited.set(intent, opened?.atWallMs ?? 0);
  }
  for (const [intent, { events }] of story.intents) {
    let since = inherited.get(intent);
    for (const event of events) {
      if (event.kind === "attempt.recorded") since = undefined;
      if (event.kind === "attempt.answered") {
        const { kind } = event.outcome;
        if (kind === "in-doubt" || kind === "duplicate") since = event.atWallMs;
      }
      if (event.kind !== "doubt.resolved" || since === undefined) continue;
      (event.resolution.kind === "accepted" ? found : absent).push(Math.max(0, event.atWallMs - since));
      since = undefined;
    }
  }
  return { found: spread(found), absent: spread(absent) };
}

/** One sample per epoch that followed another and had an order accepted. */
export function measureGaps(story: Story): Spread {
  const gaps: number[] = [];
  for (const { history, firstAccept } of story.epochs) {
    if (firstAccept === undefined) continue;
    const before = story.orders.findLast(
      ({ accept, epoch }) => accept.n < firstAccept.n && epoch !== undefined && epoch < history.epoch,
    );
    if (before !== undefined) gaps.push(firstAccept.monoMs - before.accept.monoMs);
  }
  return spread(gaps);
}

function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number | null =>
    rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  return { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: rounded(sorted.at(-1)) };
}

function largestGap(places: readonly PlaceRecv[], faultMonoMs: number): number | undefined {
  let gap: number | undefined;
  for (const [at, { recv }] of places.entries()) {
    const previous = places[at - 1]?.recv;
    if (previous === undefined || recv.monoMs < faultMonoMs) continue;
    if (previous.monoMs > faultMonoMs + standbyWindowMs) break;
    gap = Math.max(gap ?? 0, recv.monoMs - previous.monoMs);
  }
  return gap;
}

/** From the fault to the record that settled the inherited intent. */
function longestBlocked(story: Story, after: EpochStory, faultWallMs: number): number {
  let longest = 0;
  for (const intent of after.opened?.inDoubt ?? []) {
    const settled = story.intents
      .get(intent)
      ?.events.find(
        (event) =>
          (event.kind === "doubt.resolved" || event.kind === "intent.ended" || event.kind === "attempt.answered") &&
          event.atWallMs >= after.history.atWallMs,
      );
    if (settled !== undefined && "atWallMs" in settled) longest = Math.max(longest, settled.atWallMs - faultWallMs);
  }
  return longest;
}

/**
 * `elect` and `promote` are the leader's own measure, kept in etcd's history; its record is stamped when it asks, so what
 * came before is `detect` and what came after the epoch was open is `firstOrder`.
 */
function phasesOf(after: EpochStory, faultWallMs: number, firstWallMs: number): TakeoverPhases {
  const { elect, promote } = after.history.phases ?? {};
  const askedWallMs = after.history.atWallMs;
  const isTold = elect !== undefined && promote !== undefined;
  const openWallMs = isTold ? askedWallMs + elect + promote : after.opened?.atWallMs;
  return {
    detect: rounded(askedWallMs - faultWallMs),
    elect: rounded(elect),
    promote: rounded(promote),
    firstOrder: rounded(openWallMs === undefined ? undefined : firstWallMs - openWallMs),
  };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
