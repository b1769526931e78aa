/**
 * One way for every request: budget, ticket, outer deadline, then the books (budget corrected by headers, breaker told,
 * telemetry). Decided here: how long a read may be retried (full jitter, within its deadline) and when it is given up.
 * Placing is never retried here or anywhere; see `place.ts`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { assertNever, type Clock, type MonoMs } from "@baton/core";
import { isIllness, isThrottled, type Verdict } from "./binance/codes.ts";
import { isRecord, parseJson } from "./binance/wire.ts";
import type { Answer, Call, Driver, Parameters } from "./driver.ts";
import { giveUp, type Ticket } from "./last-check.ts";
import type { Cost, Lane, RateBudget } from "./rate-budget.ts";
import type { VenueBreaker } from "./venue-breaker.ts";
import type { VenueClock } from "./venue-clock.ts";
import { VenueUnavailable, type RequestTelemetry } from "./venue.ts";

/** Weight of each call; `privateGetOpenOrders` is always asked with a symbol (6 instead of 80). */
export const weightOf: Readonly<Record<Call, number>> = {
  publicGetPing: 1,
  publicGetTime: 1,
  privatePostOrder: 1,
  privateDeleteOrder: 1,
  privateGetOrder: 4,
  privateGetOpenOrders: 6,
  privateGetMyTrades: 20,
  privateGetAccount: 20,
};

/** What all calls of one venue share. */
export interface Line {
  readonly venue: string;
  readonly clock: Clock;
  readonly driver: Driver;
  readonly budget: RateBudget;
  readonly breaker: VenueBreaker;
  readonly venueClock: VenueClock;
  readonly onTelemetry: (request: RequestTelemetry) => void;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
}

/** An answered read: status below 300 and the parsed body. */
export interface Reading {
  readonly verdict: Verdict;
  readonly json: unknown;
}

/** Status, code and message of an answer, and its body parsed once. */
export function verdictOf(answer: Extract<Answer, { kind: "response" }>): Reading {
  const json = parseJson(answer.body);
  const code = isRecord(json) && typeof json["code"] === "number" ? json["code"] : undefined;
  const message = isRecord(json) && typeof json["msg"] === "string" ? json["msg"] : answer.body.slice(0, 120);
  return { verdict: { status: answer.status, message, ...(code === undefined ? {} : { code }) }, json };
}

/** Keeps the books after an answer of any call: budget, breaker, and the clock when the venue doubts our signature's time. */
export function keepBooks(line: Line, answer: Answer): void {
  if (answer.kind === "refused") return;
  if (answer.kind !== "response") {
    line.breaker.note("ill");
    return;
  }
  const { verdict } = verdictOf(answer);
  line.budget.correct(answer.headers);
  if (isThrottled(verdict.status)) line.budget.freeze(retryAfterMs(answer.headers["retry-after"], verdict.status));
  if (verdict.code === -1015) line.budget.exhaustOrders();
  const isAnswered = verdict.status < 300;
  line.breaker.note(!isAnswered && isIllness(verdict) ? "ill" : "well");
}

/**
 * A read, retried with full jitter until `untilMonoMs`. Gives back the first answer that retrying would not change
 * (2xx or a 4xx with a code other than the clock's); throws `VenueUnavailable` at the end of its time.
 */
export async function read(
  line: Line,
  call: Call,
  parameters: () => Parameters,
  limits: { readonly untilMonoMs: MonoMs; readonly attemptMs: number; readonly lane?: Lane },
): Promise<Reading> {
  let why = "no time left";
  for (let attempt = 0; !line.closing.aborted && line.clock.mono() < limits.untilMonoMs; attempt += 1) {
    const decidedMonoMs = line.clock.mono();
    const cost: Cost = { weight: weightOf[call], orders: 0 };
    if (!(await line.budget.take(limits.lane ?? "reserved", cost, limits.untilMonoMs))) {
      throw new VenueUnavailable(line.venue, call, "no room in the rate budget in time");
    }
    const limiterMonoMs = line.clock.mono();
    const ticket: Ticket = { call, lane: "reads", phase: "waiting" };
    const attemptMs = Math.min(limits.attemptMs, limits.untilMonoMs - limiterMonoMs);
    const answer = await within(attemptMs, ticket, line.driver.send(call, parameters(), ticket));
    keepBooks(line, answer);
    const reading = answer.kind === "response" ? verdictOf(answer) : undefined;
    line.onTelemetry({
      call,
      decidedMonoMs,
      limiterMonoMs,
      ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
      answeredMonoMs: line.clock.mono(),
      result: reading === undefined ? answer.kind : `${reading.verdict.code ?? reading.verdict.status}`,
    });
    if (reading !== undefined && isFinal(reading)) return reading;
    why = reading === undefined ? causeOf(answer) : `HTTP ${reading.verdict.status}: ${reading.verdict.message}`;
    if (reading?.verdict.code === -1021) await sampleClock(line, limits.attemptMs);
    const pauseMs = Math.random() * Math.min(1_000, 25 * 2 ** attempt);
    if (line.clock.mono() + pauseMs >= limits.untilMonoMs) break;
    await pause(pauseMs, undefined, { signal: line.closing }).catch(() => undefined);
  }
  throw new VenueUnavailable(line.venue, call, why);
}

/** Timestamp and window of a signed read: no permit bounds it, the venue's own default does. */
export function readStamp(line: Line): { readonly timestamp: number; readonly recvWindow: number } {
  const now = line.venueClock.now();
  return { timestamp: Math.floor(now?.venueWallMs ?? line.clock.wall()), recvWindow: 5_000 };
}

/** One sample of the venue's time; false when there was no answer. Counts in the breaker only as any request does. */
export async function sampleClock(line: Line, withinMs: number): Promise<boolean> {
  const untilMonoMs = (line.clock.mono() + withinMs) as MonoMs;
  if (!(await line.budget.take("reserved", { weight: weightOf.publicGetTime, orders: 0 }, untilMonoMs))) return false;
  const ticket: Ticket = { call: "publicGetTime", lane: "reads", phase: "waiting" };
  const answer = await within(withinMs, ticket, line.driver.send("publicGetTime", {}, ticket));
  keepBooks(line, answer);
  if (answer.kind !== "response" || answer.status >= 300) return false;
  const { json } = verdictOf(answer);
  const serverTime = isRecord(json) ? json["serverTime"] : undefined;
  if (typeof serverTime !== "number") return false;
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

function isFinal({ verdict, json }: Reading): boolean {
  if (verdict.status < 300) return json !== undefined; // a truncated body parses to nothing: ask again
  return !isIllness(verdict) && verdict.code !== -1021;
}

/** `Retry-After` is in seconds; without it, the rest of a minute, or the shortest ban. */
function retryAfterMs(header: string | undefined, status: number): number {
  const seconds = Number(header ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1_000;
  return status === 418 ? 120_000 : 60_000;
}
