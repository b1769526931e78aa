/**
 * One placement: where "accepted, rejected, not sent, duplicate or in doubt" is decided. It waits for the budget, is
 * signed to be valid no longer than its permit, passes the last check at the socket, is sent once, and is classified by
 * the venue's code table (`core/src/venues/codes.ts`). When the outer deadline passes first, its outcome is in doubt and the answer, should it still come,
 * is handed over late. Invariants: I2, I9 (never a second send), I10 (a new check for each signature).
 */
import {
  assertNever,
  isClockRefusal,
  placementClassOf,
  type MonoMs,
  type OrderTerms,
  type Permit,
  type PlaceOutcome,
  type SendStamp,
} from "@baton/core";
import { refusalAtSocket, signingWindow, type OrderDesk } from "./desk.ts";
import type { Answer } from "./driver.ts";
import { giveUp, type Refusal, type Ticket } from "./last-check.ts";
import { realMoneySentence } from "./money-witness.ts";
import type { OrderToPlace } from "./venue.ts";
import { healthOf, keepBooks, orUndefinedAfter, readingOf, sampleClock, signed } from "./requests.ts";

/** See `Venue.place`. */
export async function place(
  desk: OrderDesk,
  order: OrderToPlace,
  permit: Permit,
  withdrawal?: AbortSignal,
): Promise<PlaceOutcome> {
  const { line } = desk;
  const { clientOrderId, terms } = order;
  const decidedMonoMs = line.clock.mono();
  if (line.breaker.state() !== "closed") {
    return notSent({ reason: "breaker-open", message: `the way to ${line.venue} is ill; it is being probed` });
  }
  const { title, hasReduceOnly } = line.dialect.profile;
  if (terms.reduceOnly === true && !hasReduceOnly) {
    return notSent({ reason: "risk", message: `${title} has no reduce-only orders` });
  }
  const request = line.dialect.place(desk.venueSymbolOf(terms.symbol), clientOrderId, terms);
  if (request === undefined) {
    return notSent({ reason: "risk", message: `${title} has no ${terms.type} order that is ${terms.timeInForce}` });
  }
  const cost = { weight: request.weight, orders: 1 };
  const isAhead = order.isAhead === true;
  const room = line.budget.take(isAhead ? "ahead" : "new", cost, order.expiresAtMonoMs, withdrawal);
  const hasRoom = await unlessWithdrawn(withdrawal, room);
  if (hasRoom === "withdrawn") return notSent(withdrawn);
  if (!hasRoom) return notSent({ reason: "limiter", message: "no room in the rate budget before the intent expires" });
  const limiterMonoMs = line.clock.mono();
  const window = signingWindow(desk, permit);
  if ("reason" in window) return notSent(window);
  const { stamp, expiresMonoMs } = window;
  const ticket: Ticket = {
    call: "order.place",
    lane: isAhead ? "ahead" : "orders",
    phase: "waiting",
    onStarted: order.onLeft,
    check: () => {
      if (line.money?.isReal === true) return { reason: "killed", message: realMoneySentence };
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
    signed(line, "place", request, { atMs: stamp.sentWallMs, validityMs: stamp.validityMs }),
    ticket,
  );
  const answering = orUndefinedAfter(desk.deadlineMs, sending);
  // Given up before a byte has left, it is not waited for; once one has, the venue's answer is.
  const first = await unlessWithdrawn(withdrawal, answering);
  if (first === "withdrawn" && giveUp(ticket)) return notSent(withdrawn);
  const answer = first === "withdrawn" ? await answering : first;
  const outcome = answer === undefined ? overdue(desk, order, ticket, stamp) : classify(desk, order, answer, stamp);
  if (answer !== undefined) keepBooks(line, answer);
  else if (outcome.kind === "in-doubt") void consumeLate(desk, order, sending, stamp);
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
    ...(answer === undefined && outcome.kind === "not-sent" ? {} : healthOf(line, answer)),
  });
  return outcome;
}

const withdrawn: Refusal = {
  reason: "withdrawn",
  message: "taken back before it was sent: a switchover ends the sending",
};

/** What comes of a wait, unless the order is to be taken back before. */
async function unlessWithdrawn<T>(withdrawal: AbortSignal | undefined, wait: Promise<T>): Promise<T | "withdrawn"> {
  if (withdrawal === undefined) return await wait;
  if (withdrawal.aborted) return "withdrawn";
  const { promise, resolve } = Promise.withResolvers<"withdrawn">();
  const take = (): void => resolve("withdrawn");
  withdrawal.addEventListener("abort", take, { once: true });
  try {
    return await Promise.race([wait, promise]);
  } finally {
    withdrawal.removeEventListener("abort", take);
  }
}

function notSent(refusal: Refusal): PlaceOutcome {
  return { kind: "not-sent", reason: refusal.reason, message: refusal.message };
}

function classify(
  desk: OrderDesk,
  order: { readonly clientOrderId: string; readonly terms: OrderTerms },
  answer: Answer,
  stamp: SendStamp,
): PlaceOutcome {
  switch (answer.kind) {
    case "refused":
      return notSent(answer.refusal);
    case "not-connected":
      return notSent({ reason: "connect-failed", message: answer.cause });
    case "broken":
      return { kind: "in-doubt", cause: answer.cause, stamp };
    case "response":
      return outcomeOf(desk, order, answer, stamp);
    default:
      return assertNever(answer, "answer");
  }
}

/** What the venue's answer proves. */
function outcomeOf(
  desk: OrderDesk,
  order: { readonly clientOrderId: string; readonly terms: OrderTerms },
  answer: Extract<Answer, { kind: "response" }>,
  stamp: SendStamp,
): PlaceOutcome {
  const { dialect } = desk.line;
  const { verdict, json } = readingOf(desk.line, answer);
  const { status, code, message } = verdict;
  if (isClockRefusal(dialect.profile.codes, verdict)) void sampleClock(desk.line, desk.deadlineMs);
  const provedClass = placementClassOf(dialect.profile.codes, verdict);
  switch (provedClass) {
    case "answered": {
      const name = desk.nameOf({ symbol: order.terms.symbol, clientOrderId: order.clientOrderId });
      const placed = dialect.readPlaced(json, name, order.terms, desk.symbolOf);
      if (placed !== undefined) return { kind: "accepted", order: placed, stamp };
      return { kind: "in-doubt", cause: `HTTP ${status} without an order in it`, stamp };
    }
    case "duplicate":
      return { kind: "duplicate", message, stamp };
    case "rejected":
      return { kind: "rejected", code: code ?? `${status}`, message, stamp };
    case "in-doubt": {
      const cause = `HTTP ${status}${code === undefined ? "" : ` code ${code}`}: ${message}`;
      return { kind: "in-doubt", cause, stamp };
    }
    default:
      return assertNever(provedClass, "class of a placement");
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
  order: { readonly clientOrderId: string; readonly terms: OrderTerms },
  sending: Promise<Answer>,
  stamp: SendStamp,
): Promise<void> {
  const answer = await sending;
  if (answer.kind !== "response") return;
  keepBooks(desk.line, answer);
  const outcome = classify(desk, order, answer, stamp);
  if (outcome.kind !== "in-doubt") desk.onLateAnswer(order.clientOrderId, outcome);
}
