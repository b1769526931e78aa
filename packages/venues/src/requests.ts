/**
 * One way for every request: budget, ticket, outer deadline, then the books (budget corrected by headers, breaker told,
 * telemetry). Decided here: how long a read may be retried (full jitter, within its deadline) and when it is given up.
 * Placing is never retried here or anywhere; see `place.ts`.
 */
import { setTimeout as pause } from "node:timers/promises";
import {
  assertNever,
  isAnswered,
  isClockRefusal,
  isIllness,
  isOrdersExhausted,
  isThrottled,
  type Clock,
  type Lane,
  type MonoMs,
  type Verdict,
} from "@baton/core";
import type { Dialect, Request, Stamp } from "./dialects/dialect.ts";
import { parseJson } from "./dialects/json.ts";
import type { Answer, Driver, SignedRequest } from "./driver.ts";
import { giveUp, type Ticket } from "./last-check.ts";
import type { MoneyWitness } from "./money-witness.ts";
import type { RateBudget } from "./rate-budget.ts";
import type { VenueBreaker } from "./venue-breaker.ts";
import type { VenueClock } from "./venue-clock.ts";
import { VenueUnavailable, type RequestTelemetry } from "./venue.ts";

/** What all calls of one venue share. */
export interface Line {
  readonly venue: string;
  readonly clock: Clock;
  readonly dialect: Dialect;
  readonly driver: Driver;
  readonly budget: RateBudget;
  readonly breaker: VenueBreaker;
  readonly venueClock: VenueClock;
  /** In mode paper. */
  readonly money?: MoneyWitness;
  readonly onTelemetry: (request: RequestTelemetry) => void;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
}

/** An answered read: status below 300 and the parsed body. */
export interface Reading {
  readonly verdict: Verdict;
  readonly json: unknown;
}

/** Several ask what an answer says; it may be ten thousand open orders, so that it is parsed for the first of them. */
const readings = new WeakMap<Answer, Reading>();

/** Status, code and message of an answer to this line, and its body parsed once. */
export function readingOf(line: Line, answer: Extract<Answer, { kind: "response" }>): Reading {
  const known = readings.get(answer);
  if (known !== undefined) return known;
  const json = parseJson(answer.body);
  const reading = { verdict: line.dialect.verdictOf(answer.status, json, answer.body), json };
  readings.set(answer, reading);
  return reading;
}

/** A request with its time on it, the way its venue wants it. */
export function signed(line: Line, kind: "place" | "cancel" | "read", request: Request, stamp: Stamp): SignedRequest {
  return { ...request, stamp, stamped: line.dialect.stamp(kind, stamp) };
}

/** What an answer says about the provider; nothing when no byte left because we said so. */
export function healthOf(line: Line, answer: Answer | undefined): { readonly health?: "well" | "ill" } {
  if (answer === undefined) return { health: "ill" };
  if (answer.kind === "refused") return {};
  if (answer.kind !== "response") return { health: "ill" };
  return { health: isIllness(line.dialect.profile.codes, readingOf(line, answer).verdict) ? "ill" : "well" };
}

/** Keeps the books after an answer of any call: budget, breaker, and the clock when the venue doubts our signature's time. */
export function keepBooks(line: Line, answer: Answer): void {
  if (answer.kind === "refused") return;
  if (answer.kind !== "response") {
    line.breaker.note("ill");
    return;
  }
  line.money?.see(answer);
  const { codes, limits } = line.dialect.profile;
  const { verdict } = readingOf(line, answer);
  line.budget.correct(answer.headers);
  if (isOrdersExhausted(codes, verdict)) line.budget.exhaustOrders();
  else if (isThrottled(codes, verdict)) {
    const longestMs = Math.max(...limits.map((rule) => rule.perMs));
    line.budget.freeze(retryAfterMs(answer.headers["retry-after"], verdict.status, longestMs));
  }
  line.breaker.note(isIllness(codes, verdict) ? "ill" : "well");
}

/**
 * A read, retried with full jitter until `untilMonoMs`. Gives back the first answer that retrying would not change
 * (2xx or a 4xx with a code other than the clock's); throws `VenueUnavailable` at the end of its time.
 */
export async function read(
  line: Line,
  request: Request,
  limits: { readonly untilMonoMs: MonoMs; readonly attemptMs: number; readonly lane?: Lane },
): Promise<Reading> {
  let why = "no time left";
  for (let attempt = 0; !line.closing.aborted && line.clock.mono() < limits.untilMonoMs; attempt += 1) {
    const decidedMonoMs = line.clock.mono();
    const { call, weight } = request;
    if (!(await line.budget.take(limits.lane ?? "reserved", { weight, orders: 0 }, limits.untilMonoMs))) {
      throw new VenueUnavailable(line.venue, call, "no room in the rate budget in time");
    }
    const limiterMonoMs = line.clock.mono();
    const ticket: Ticket = { call, lane: "reads", phase: "waiting" };
    const attemptMs = Math.min(limits.attemptMs, limits.untilMonoMs - limiterMonoMs);
    const answer = await within(attemptMs, ticket, line.driver.send(signedRead(line, request), ticket));
    keepBooks(line, answer);
    const reading = answer.kind === "response" ? readingOf(line, answer) : undefined;
    line.onTelemetry({
      call,
      decidedMonoMs,
      limiterMonoMs,
      ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
      answeredMonoMs: line.clock.mono(),
      result: reading === undefined ? answer.kind : `${reading.verdict.code ?? reading.verdict.status}`,
      ...healthOf(line, answer),
    });
    if (reading !== undefined && isFinal(line, reading)) return reading;
    why = reading === undefined ? causeOf(answer) : `HTTP ${reading.verdict.status}: ${reading.verdict.message}`;
    if (reading !== undefined && isClockRefusal(line.dialect.profile.codes, reading.verdict)) {
      await sampleClock(line, limits.attemptMs);
    }
    const pauseMs = Math.random() * Math.min(1_000, 25 * 2 ** attempt);
    if (line.clock.mono() + pauseMs >= limits.untilMonoMs) break;
    await pause(pauseMs, undefined, { signal: line.closing }).catch(() => undefined);
  }
  throw new VenueUnavailable(line.venue, request.call, why);
}

/** A read with the time of now: no permit bounds it, a window that venues take by default does. */
export function signedRead(line: Line, request: Request): SignedRequest {
  return signed(line, "read", request, readStamp(line));
}

/** The time and window of a signed read. */
export function readStamp(line: Line): Stamp {
  return { atMs: line.venueClock.now()?.venueWallMs ?? line.clock.wall(), validityMs: 5_000 };
}

/** One sample of the venue's time; false when there was no answer. Counts in the breaker only as any request does. */
export async function sampleClock(line: Line, withinMs: number): Promise<boolean> {
  const untilMonoMs = (line.clock.mono() + withinMs) as MonoMs;
  const { time } = line.dialect;
  if (!(await line.budget.take("reserved", { weight: time.weight, orders: 0 }, untilMonoMs))) return false;
  const ticket: Ticket = { call: time.call, lane: "reads", phase: "waiting" };
  const answer = await within(withinMs, ticket, line.driver.send(signedRead(line, time), ticket));
  keepBooks(line, answer);
  if (answer.kind !== "response") return false;
  const { verdict, json } = readingOf(line, answer);
  const serverTime = isAnswered(verdict) ? line.dialect.readTime(json) : undefined;
  if (serverTime === undefined) return false;
  if (ticket.socketMonoMs === undefined || ticket.headersMonoMs === undefined) return false;
  line.venueClock.observe(ticket.socketMonoMs, ticket.headersMonoMs, serverTime);
  return true;
}

/** The answer, or what is known of the request when `ms` have passed; the exchange on the wire is ended then. */
export async function within(ms: number, ticket: Ticket, answer: Promise<Answer>): Promise<Answer> {
  const outcome = await orUndefinedAfter(ms, answer);
  if (outcome !== undefined) return outcome;
  const cause = `no answer within ${Math.round(ms)} ms`;
  const isUnsent = giveUp(ticket);
  ticket.abort?.(new Error(cause));
  if (ticket.refusal !== undefined) return { kind: "refused", refusal: ticket.refusal };
  return isUnsent ? { kind: "not-connected", cause } : { kind: "broken", cause };
}

/** The value, or undefined when it did not come within `ms`; the promise stays its owner's. */
export async function orUndefinedAfter<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a request without an answer says of itself. */
export function causeOf(answer: Answer): string {
  switch (answer.kind) {
    case "refused":
      return answer.refusal.message;
    case "not-connected":
    case "broken":
      return answer.cause;
    case "response":
      return `HTTP ${answer.status}`;
    default:
      return assertNever(answer, "answer");
  }
}

function isFinal(line: Line, { verdict, json }: Reading): boolean {
  const { codes } = line.dialect.profile;
  if (isAnswered(verdict)) return json !== undefined; // a truncated body parses to nothing: ask again
  if (verdict.code !== undefined && codes.inDoubt.includes(verdict.code)) return false;
  return !isIllness(codes, verdict) && !isClockRefusal(codes, verdict);
}

/** `Retry-After` is in seconds; without it, the longest interval that the venue counts in, or the shortest ban. */
function retryAfterMs(header: string | undefined, status: number, longestMs: number): number {
  const seconds = Number(header ?? Number.NaN);
  if (header !== undefined && Number.isFinite(seconds) && seconds >= 0) return seconds * 1_000;
  return status === 418 ? 120_000 : longestMs;
}
