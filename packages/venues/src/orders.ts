/**
 * Place, cancel, query: where "accepted, rejected, not sent, duplicate or in doubt" is decided for one request. A
 * placement waits for the budget, is signed to be valid no longer than its permit, passes the last check at the socket,
 * is sent once, and is classified by `binance/codes.ts`. When the outer deadline passes first, its outcome is in doubt and
 * the answer, should it still come, is handed over late. Invariants: I2, I9 (never a second send), I10 (a new check for
 * each signature).
 */
import {
  assertNever,
  wallMs,
  type CancelOutcome,
  type MonoMs,
  type OrderTerms,
  type Permit,
  type PermitSource,
  type PlaceOutcome,
  type QueryOutcome,
  type SendStamp,
  type SymbolId,
  type VenueOrderId,
} from "@baton/core";
import { setTimeout as pause } from "node:timers/promises";
import { isUnknownOrder, placeOutcomeOf } from "./binance/codes.ts";
import { orderParameters, parseOrder, type SymbolOf } from "./binance/wire.ts";
import type { Answer } from "./driver.ts";
import { giveUp, type Refusal, type Ticket } from "./last-check.ts";
import {
  causeOf,
  keepBooks,
  orUndefinedAfter,
  read,
  sampleClock,
  verdictOf,
  within,
  weightOf,
  type Line,
} from "./requests.ts";
import { VenueUnavailable } from "./venue.ts";

/** What orders need beyond the line. */
export interface OrderDesk {
  readonly line: Line;
  readonly permits: PermitSource;
  readonly validityMs: number;
  readonly minValidityMs: number;
  readonly deadlineMs: number;
  readonly venueSymbolOf: (symbol: SymbolId) => string;
  readonly symbolOf: SymbolOf;
  readonly isKilled: (order: { readonly clientOrderId: string; readonly symbol: SymbolId }) => boolean;
  readonly onLateAnswer: (clientOrderId: string, outcome: PlaceOutcome) => void;
}

/** See `Venue.place`. */
export async function place(
  desk: OrderDesk,
  order: { readonly clientOrderId: string; readonly terms: OrderTerms; readonly expiresAtMonoMs: MonoMs },
  permit: Permit,
): Promise<PlaceOutcome> {
  const { line } = desk;
  const { clientOrderId, terms } = order;
  const decidedMonoMs = line.clock.mono();
  if (line.breaker.state() !== "closed") {
    return notSent({ reason: "breaker-open", message: `the way to ${line.venue} is ill; it is being probed` });
  }
  const cost = { weight: weightOf.privatePostOrder, orders: 1 };
  if (!(await line.budget.take("new", cost, order.expiresAtMonoMs))) {
    return notSent({ reason: "limiter", message: "no room in the rate budget before the intent expires" });
  }
  const limiterMonoMs = line.clock.mono();
  const window = signingWindow(desk, permit);
  if ("reason" in window) return notSent(window);
  const { stamp, expiresMonoMs } = window;
  const ticket: Ticket = {
    call: "order.place",
    lane: "orders",
    phase: "waiting",
    check: () => {
      if (desk.isKilled({ clientOrderId, symbol: terms.symbol })) {
        return { reason: "killed", message: "a kill level covers this order" };
      }
      const now = line.clock.mono();
      if (now >= order.expiresAtMonoMs) return { reason: "expired", message: "past the intent's own time to be sent" };
      return refusalAtSocket(desk, permit, expiresMonoMs, now);
    },
  };
  const signedMonoMs = line.clock.mono();
  const sending = line.driver.send(
    "privatePostOrder",
    {
      ...orderParameters(desk.venueSymbolOf(terms.symbol), clientOrderId, terms),
      timestamp: stamp.sentWallMs,
      recvWindow: stamp.validityMs,
    },
    ticket,
  );
  const answer = await orUndefinedAfter(desk.deadlineMs, sending);
  const outcome = answer === undefined ? overdue(desk, order, ticket, stamp) : classify(desk, answer, stamp);
  if (answer !== undefined) keepBooks(line, answer);
  else if (outcome.kind === "in-doubt") void consumeLate(desk, clientOrderId, sending, stamp);
  if (answer === undefined) line.breaker.note("ill");
  line.onTelemetry({
    call: ticket.call,
    clientOrderId,
    decidedMonoMs,
    limiterMonoMs,
    signedMonoMs,
    ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
    ...(answer === undefined ? {} : { answeredMonoMs: line.clock.mono() }),
    result: outcome.kind,
  });
  return outcome;
}

/** See `Venue.cancel`. Repeated within the deadline until the venue has said what became of the order. */
export async function cancel(
  desk: OrderDesk,
  order: { readonly clientOrderId: string; readonly symbol: SymbolId; readonly venueOrderId?: VenueOrderId },
  permit: Permit,
): Promise<CancelOutcome> {
  const { line } = desk;
  const decidedMonoMs = line.clock.mono();
  const untilMonoMs = (decidedMonoMs + desk.deadlineMs) as MonoMs;
  const attemptMs = Math.max(100, desk.deadlineMs / 3);
  let mayHaveArrived = false;
  let last: Refusal | { readonly reason?: undefined; readonly message: string } = { message: "no time left" };
  for (let attempt = 0; !line.closing.aborted && line.clock.mono() < untilMonoMs; attempt += 1) {
    const cost = { weight: weightOf.privateDeleteOrder, orders: 0 };
    if (!(await line.budget.take("reserved", cost, untilMonoMs))) {
      last = { reason: "limiter", message: "no room in the rate budget in time" };
      break;
    }
    const limiterMonoMs = line.clock.mono();
    const window = signingWindow(desk, permit);
    if ("reason" in window) {
      last = window;
      break; // a permit that ended does not come back for this caller
    }
    const { stamp, expiresMonoMs } = window;
    const check = (): Refusal | undefined => refusalAtSocket(desk, permit, expiresMonoMs, line.clock.mono());
    const ticket: Ticket = { call: "order.cancel", lane: "orders", phase: "waiting", check };
    const parameters = {
      symbol: desk.venueSymbolOf(order.symbol),
      origClientOrderId: order.clientOrderId,
      ...(order.venueOrderId === undefined ? {} : { orderId: order.venueOrderId }),
      timestamp: stamp.sentWallMs,
      recvWindow: stamp.validityMs,
    };
    const leftMs = Math.min(attemptMs, untilMonoMs - line.clock.mono());
    const answer = await within(leftMs, ticket, line.driver.send("privateDeleteOrder", parameters, ticket));
    keepBooks(line, answer);
    const reading = answer.kind === "response" ? verdictOf(answer) : undefined;
    line.onTelemetry({
      call: ticket.call,
      clientOrderId: order.clientOrderId,
      decidedMonoMs,
      limiterMonoMs,
      signedMonoMs: limiterMonoMs,
      ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
      answeredMonoMs: line.clock.mono(),
      result: reading === undefined ? answer.kind : `${reading.verdict.code ?? reading.verdict.status}`,
    });
    if (reading !== undefined && reading.verdict.status < 300) {
      const cancelled = parseOrder(reading.json, desk.symbolOf);
      if (cancelled !== undefined) return { kind: "cancelled", order: cancelled };
    }
    if (reading !== undefined && isUnknownOrder(reading.verdict))
      return await settleUnknown(desk, order, reading.verdict.message);
    if (answer.kind === "refused") {
      last = answer.refusal;
      break;
    }
    if (answer.kind === "not-connected") last = { reason: "connect-failed", message: answer.cause };
    else {
      mayHaveArrived = true;
      last = {
        message: reading === undefined ? causeOf(answer) : `HTTP ${reading.verdict.status}: ${reading.verdict.message}`,
      };
    }
    if (reading?.verdict.code === -1021) await sampleClock(line, attemptMs);
    const pauseMs = Math.random() * Math.min(500, 20 * 2 ** attempt);
    if (line.clock.mono() + pauseMs >= untilMonoMs) break;
    await pause(pauseMs, undefined, { signal: line.closing }).catch(() => undefined);
  }
  if (mayHaveArrived || last.reason === undefined) return { kind: "in-doubt", cause: last.message };
  return { kind: "not-sent", reason: last.reason, message: last.message };
}

/** See `Venue.query`. */
export async function query(desk: OrderDesk, symbol: SymbolId, clientOrderId: string): Promise<QueryOutcome> {
  const untilMonoMs = (desk.line.clock.mono() + desk.deadlineMs) as MonoMs;
  const parameters = { symbol: desk.venueSymbolOf(symbol), origClientOrderId: clientOrderId };
  try {
    const { verdict, json } = await read(
      desk.line,
      "privateGetOrder",
      () => ({ ...parameters, ...readStamp(desk.line) }),
      { untilMonoMs, attemptMs: Math.max(100, desk.deadlineMs / 2) },
    );
    if (verdict.code === -2013) return { kind: "not-found" };
    if (verdict.status >= 300)
      return { kind: "unavailable", cause: `${verdict.code ?? verdict.status}: ${verdict.message}` };
    const order = parseOrder(json, desk.symbolOf);
    return order === undefined
      ? { kind: "unavailable", cause: "the answer does not describe an order" }
      : { kind: "found", order };
  } catch (error) {
    if (error instanceof VenueUnavailable) return { kind: "unavailable", cause: error.message };
    throw error;
  }
}

/** Timestamp and window of a signed read: no permit bounds it, the venue's own default does. */
export function readStamp(line: Line): { readonly timestamp: number; readonly recvWindow: number } {
  const now = line.venueClock.now();
  return { timestamp: Math.floor(now?.venueWallMs ?? line.clock.wall()), recvWindow: 5_000 };
}

/** The signature's time and window: never longer than the permit that stands behind it, less what the clocks may be off. */
function signingWindow(
  desk: OrderDesk,
  permit: Permit,
): Refusal | { readonly stamp: SendStamp; readonly expiresMonoMs: number } {
  const now = desk.line.clock.mono();
  const current = desk.permits.current(now);
  if (current === undefined || current.epoch !== permit.epoch) return permitEnded(permit);
  const venueNow = desk.line.venueClock.now();
  if (venueNow === undefined) return { reason: "validity-too-short", message: "the venue's time is not known yet" };
  const validityMs = Math.floor(Math.min(desk.validityMs, current.deadlineMonoMs - now - venueNow.errorMs));
  if (validityMs < desk.minValidityMs) return tooShort(validityMs, desk);
  const sentWallMs = wallMs(Math.floor(venueNow.venueWallMs));
  return { stamp: { sentWallMs, validityMs }, expiresMonoMs: now + validityMs };
}

/** The check itself, run in the synchronous function that writes: the same epoch, before its deadline, and still worth sending. */
function refusalAtSocket(desk: OrderDesk, permit: Permit, expiresMonoMs: number, now: MonoMs): Refusal | undefined {
  const current = desk.permits.current(now);
  if (current === undefined || current.epoch !== permit.epoch || now >= current.deadlineMonoMs)
    return permitEnded(permit);
  const leftMs = expiresMonoMs - now;
  return leftMs < desk.minValidityMs ? tooShort(leftMs, desk) : undefined;
}

function permitEnded(permit: Permit): Refusal {
  return { reason: "permit-ended", message: `the permit of epoch ${permit.epoch} has ended` };
}

function tooShort(leftMs: number, desk: OrderDesk): Refusal {
  return {
    reason: "validity-too-short",
    message: `${Math.max(0, Math.floor(leftMs))} ms of validity are left, ${desk.minValidityMs} are needed`,
  };
}

function notSent(refusal: Refusal): PlaceOutcome {
  return { kind: "not-sent", reason: refusal.reason, message: refusal.message };
}

function classify(desk: OrderDesk, answer: Answer, stamp: SendStamp): PlaceOutcome {
  switch (answer.kind) {
    case "refused":
      return notSent(answer.refusal);
    case "not-connected":
      return notSent({ reason: "connect-failed", message: answer.cause });
    case "broken":
      return { kind: "in-doubt", cause: answer.cause, stamp };
    case "response": {
      const { verdict, json } = verdictOf(answer);
      if (verdict.code === -1021) void sampleClock(desk.line, desk.deadlineMs);
      return placeOutcomeOf(verdict, parseOrder(json, desk.symbolOf), stamp);
    }
    default:
      return assertNever(answer, "answer");
  }
}

/** The outer deadline passed: not sent if the request had not started (and now never will), else in doubt. */
function overdue(
  desk: OrderDesk,
  order: { readonly expiresAtMonoMs: MonoMs },
  ticket: Ticket,
  stamp: SendStamp,
): PlaceOutcome {
  if (!giveUp(ticket)) return { kind: "in-doubt", cause: `no answer within ${desk.deadlineMs} ms`, stamp };
  const isExpired = desk.line.clock.mono() >= order.expiresAtMonoMs;
  return notSent(
    isExpired
      ? { reason: "expired", message: "past the intent's own time to be sent, with no socket open yet" }
      : { reason: "connect-failed", message: `no socket to the venue within ${desk.deadlineMs} ms` },
  );
}

/** The answer after the outer deadline: evidence for the journal, unless it is no answer either. */
async function consumeLate(
  desk: OrderDesk,
  clientOrderId: string,
  sending: Promise<Answer>,
  stamp: SendStamp,
): Promise<void> {
  const answer = await sending;
  if (answer.kind !== "response") return;
  keepBooks(desk.line, answer);
  const outcome = classify(desk, answer, stamp);
  if (outcome.kind !== "in-doubt") desk.onLateAnswer(clientOrderId, outcome);
}

/** "Unknown order" to a cancel: an earlier attempt may have cancelled it already, which a query shows. */
async function settleUnknown(
  desk: OrderDesk,
  order: { readonly clientOrderId: string; readonly symbol: SymbolId },
  message: string,
): Promise<CancelOutcome> {
  const found = await query(desk, order.symbol, order.clientOrderId);
  if (found.kind === "found" && found.order.status === "cancelled") return { kind: "cancelled", order: found.order };
  return { kind: "unknown-order", message };
}
