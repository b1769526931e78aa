/**
 * A provider's service level, month by month of UTC, as this node met it: availability by minutes, latency by a histogram of
 * fixed bounds, errors by requests; and each beside the promise in the configuration. A minute in which anything was asked
 * is unavailable when at least half of its requests went without a sound answer; a minute in which nothing was asked says
 * nothing. An error is no answer, a broken one, or a venue's own fault; a definite refusal is a healthy venue's work.
 */
import type { WallMs } from "../time.ts";

/** What the provider has promised; what is left out is not judged. */
export interface SlaPromise {
  /** Share of minutes, in percent. */
  readonly availabilityPercentMin?: number;
  /** 99 % of answers come within this. */
  readonly latencyP99MsMax?: number;
  /** Share of requests, in percent. */
  readonly errorPercentMax?: number;
}

/** What happened in one month. Plain JSON: it is kept as it is. */
export interface SlaMonth {
  /** `2026-11`, in UTC. */
  readonly month: string;
  readonly requests: number;
  readonly errors: number;
  readonly minutes: number;
  readonly minutesDown: number;
  /** Answers by latency: one count per bound of `latencyBoundsMs`, and one for those above all. */
  readonly latency: readonly number[];
  /** The minute that is not over: it is judged when a later one begins. */
  readonly open: { readonly minute: number; readonly requests: number; readonly errors: number };
}

/** One request that left, and how it ended. */
export interface SlaRequest {
  readonly atWallMs: WallMs;
  /** From the socket to the whole answer; undefined without one. */
  readonly latencyMs?: number;
  readonly isError: boolean;
}

/** One month's figures and the verdict on each promise; null where there is nothing to judge yet, or no promise. */
export interface SlaFigures {
  readonly month: string;
  readonly requests: number;
  readonly availabilityPercent: number | null;
  /** The bound under which 99 % of the answers came; null without answers, or when it lies above all bounds. */
  readonly latencyP99Ms: number | null;
  readonly errorPercent: number | null;
  /** The promises that were broken, each as a sentence. */
  readonly broken: readonly string[];
}

/** Upper bounds of the latency histogram. */
export const latencyBoundsMs: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/** Months that are kept. */
const monthsKept = 13;
const minuteMs = 60_000;

/** The months after a request, newest last. */
export function noteRequest(months: readonly SlaMonth[], request: SlaRequest): readonly SlaMonth[] {
  const name = monthOf(request.atWallMs);
  const last = months.at(-1);
  // A clock that was set back counts in the newest month rather than opening one that is over.
  const isNew = last === undefined || last.month < name;
  const month = isNew ? emptyMonth(name) : last;
  const earlier = isNew ? months : months.slice(0, -1);
  return [...earlier, counted(month, request)].slice(-monthsKept);
}

/** Figures and verdicts of a month, the minute that is not over left out. */
export function figuresOf(month: SlaMonth, promise: SlaPromise = {}): SlaFigures {
  const { requests, errors, minutes, minutesDown } = month;
  const availabilityPercent = minutes === 0 ? null : (100 * (minutes - minutesDown)) / minutes;
  const errorPercent = requests === 0 ? null : (100 * errors) / requests;
  const answers = month.latency.reduce((sum, count) => sum + count, 0);
  const latencyP99Ms = answers === 0 ? null : p99Of(month.latency, answers);
  const broken: string[] = [];
  const { availabilityPercentMin, latencyP99MsMax, errorPercentMax } = promise;
  if (
    availabilityPercentMin !== undefined &&
    availabilityPercent !== null &&
    availabilityPercent < availabilityPercentMin
  ) {
    broken.push(`available in ${availabilityPercent.toFixed(3)} % of minutes, promised ${availabilityPercentMin} %`);
  }
  if (latencyP99MsMax !== undefined && answers > 0 && (latencyP99Ms === null || latencyP99Ms > latencyP99MsMax)) {
    const found = latencyP99Ms === null ? "more than 10 s" : `up to ${latencyP99Ms} ms`;
    broken.push(`99 % of answers took ${found}, promised ${latencyP99MsMax} ms`);
  }
  if (errorPercentMax !== undefined && errorPercent !== null && errorPercent > errorPercentMax) {
    broken.push(`${errorPercent.toFixed(3)} % of requests failed, promised ${errorPercentMax} %`);
  }
  return { month: month.month, requests, availabilityPercent, latencyP99Ms, errorPercent, broken };
}

/** The month of an instant, in UTC, by the civil calendar: core has no `Date`. */
export function monthOf(wallMs: WallMs): string {
  // Days are counted from 0000-03-01, so that the leap day is the last of its year (Howard Hinnant, days from civil).
  const days = Math.floor(wallMs / 86_400_000) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${`${month}`.padStart(2, "0")}`;
}

function emptyMonth(month: string): SlaMonth {
  return {
    month,
    requests: 0,
    errors: 0,
    minutes: 0,
    minutesDown: 0,
    latency: Array.from({ length: latencyBoundsMs.length + 1 }, () => 0),
    open: { minute: -1, requests: 0, errors: 0 },
  };
}

function counted(month: SlaMonth, { atWallMs, latencyMs, isError }: SlaRequest): SlaMonth {
  const minute = Math.floor(atWallMs / minuteMs);
  const closed = minute > month.open.minute ? withMinuteClosed(month, minute) : month;
  const bound = latencyMs === undefined ? -1 : latencyBoundsMs.findIndex((each) => latencyMs <= each);
  const slot = latencyMs === undefined ? -1 : bound < 0 ? latencyBoundsMs.length : bound;
  return {
    ...closed,
    requests: closed.requests + 1,
    errors: closed.errors + (isError ? 1 : 0),
    latency: closed.latency.map((count, index) => (index === slot ? count + 1 : count)),
    open: {
      ...closed.open,
      requests: closed.open.requests + 1,
      errors: closed.open.errors + (isError ? 1 : 0),
    },
  };
}

function withMinuteClosed(month: SlaMonth, minute: number): SlaMonth {
  const { requests, errors } = month.open;
  const wasAsked = requests > 0;
  return {
    ...month,
    minutes: month.minutes + (wasAsked ? 1 : 0),
    minutesDown: month.minutesDown + (wasAsked && errors * 2 >= requests ? 1 : 0),
    open: { minute, requests: 0, errors: 0 },
  };
}

function p99Of(latency: readonly number[], answers: number): number | null {
  let seen = 0;
  for (const [index, count] of latency.entries()) {
    seen += count;
    if (seen >= answers * 0.99) return latencyBoundsMs[index] ?? null;
  }
  return null;
}
