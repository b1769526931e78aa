/**
 * The verdict. Every rule is asked, every answer is kept; one finding is enough to fail. What is measured is told beside
 * the findings and never decides: a slow takeover that lost nothing is slow, not wrong.
 */
import type { Decimal } from "@baton/core";
import { lateArrivals, oldEpochSilent, oneLeader, ownAttempts, withinValidity } from "./epoch-rules.ts";
import type { Evidence, Finding } from "./evidence.ts";
import { journalsAgree, slicesOnce } from "./journal-rules.ts";
import type { SliceCount } from "./journal-rules.ts";
import { measure, measureDoubts, measureGaps } from "./measure.ts";
import type { DoubtTimes, Spread, TakeoverPhases } from "./measure.ts";
import {
  acceptedOnce,
  acknowledgedKept,
  cancelsKept,
  countOrders,
  endsAsVenue,
  knownOrders,
  lostIntents,
  positions,
  sentOnce,
  shownAsVenue,
} from "./order-rules.ts";
import { pricedFresh } from "./price-rules.ts";
import { provedInTime } from "./proof-rules.ts";
import { replacedInTurn } from "./replace-rules.ts";
import { tell } from "./story.ts";
import { auditComplete, exposure, rateLimits } from "./venue-rules.ts";

/** One epoch as the result tells it. */
export interface EpochLine {
  readonly epoch: number;
  readonly node: string;
  readonly reason: string;
}

export interface Verdict {
  readonly verdict: "pass" | "fail";
  readonly findings: readonly Finding[];
  readonly rtoMs: number | null;
  readonly blockedMs: number | null;
  readonly rpo: { readonly acknowledged: number; readonly lost: number };
  readonly orders: {
    readonly intents: number;
    readonly accepted: number;
    readonly duplicates: number;
    readonly unexplained: number;
  };
  readonly parent: SliceCount;
  readonly epochs: readonly EpochLine[];
  readonly phases: TakeoverPhases;
  readonly doubts: DoubtTimes;
  /** From the last accepted order of an epoch to the first of the next. */
  readonly gaps: Spread;
  /** Venue symbol → the largest position that was ever possible with all open orders filled. */
  readonly maxima: Readonly<Record<string, Decimal>>;
  /** Requests of an old epoch that reached the venue after the first accept of a newer one; none of them convicts alone. */
  readonly lateArrivals: number;
}

/** Judges one run. Evidence that is not there (a missing journal, a hole in the log) fails, it never passes. */
export function check(evidence: Evidence): Verdict {
  const story = tell(evidence);
  const slices = slicesOnce(story);
  const exposed = exposure(story);
  const findings = [
    ...auditComplete(story),
    ...oneLeader(story),
    ...acceptedOnce(story),
    ...knownOrders(story),
    ...sentOnce(story),
    ...ownAttempts(story),
    ...acknowledgedKept(story),
    ...cancelsKept(story),
    ...replacedInTurn(story),
    ...endsAsVenue(story),
    ...shownAsVenue(story),
    ...oldEpochSilent(story),
    ...withinValidity(story),
    ...provedInTime(story),
    ...pricedFresh(story),
    ...positions(story),
    ...exposed.findings,
    ...rateLimits(story),
    ...journalsAgree(story),
    ...slices.findings,
  ];
  return {
    verdict: findings.length === 0 ? "pass" : "fail",
    findings,
    ...measure(story),
    rpo: { acknowledged: evidence.acknowledged.length, lost: lostIntents(story).length },
    orders: { intents: story.intents.size, accepted: story.orders.length, ...countOrders(story) },
    parent: slices.count,
    epochs: story.epochs.map(({ history }) => ({ epoch: history.epoch, node: history.node, reason: history.reason })),
    doubts: measureDoubts(story),
    gaps: measureGaps(story),
    maxima: exposed.maxima,
    lateArrivals: lateArrivals(story).length,
  };
}
