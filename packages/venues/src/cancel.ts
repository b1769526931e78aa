/**
 * One cancel, repeated within its deadline until the venue has said what became of the order; harmless, since it names one
 * order. Each repetition is signed and checked anew (I10). A venue that knows no such open order may have carried out an
 * earlier repetition, and one that gives only a receipt has not said that the order is gone: both are asked for the order
 * before anything is reported.
 */
import { setTimeout as pause } from "node:timers/promises";
import {
  isAnswered,
  isClockRefusal,
  isNotFound,
  type CancelOutcome,
  type MonoMs,
  type Permit,
  type SymbolId,
  type VenueOrder,
  type VenueOrderId,
} from "@baton/core";
import { refusalAtSocket, signingWindow, type OrderDesk } from "./desk.ts";
import type { OrderName } from "./dialects/dialect.ts";
import { type Refusal, type Ticket } from "./last-check.ts";
import { query } from "./query.ts";
import { causeOf, healthOf, keepBooks, readingOf, sampleClock, signed, within } from "./requests.ts";

/** The order that is to go. */
interface Named {
  readonly clientOrderId: string;
  readonly symbol: SymbolId;
  readonly venueOrderId?: VenueOrderId;
}

/** See `Venue.cancel`. Repeated within the deadline until the venue has said what became of the order. */
export async function cancel(desk: OrderDesk, order: Named, permit: Permit): Promise<CancelOutcome> {
  const { line } = desk;
  const { dialect } = line;
  const decidedMonoMs = line.clock.mono();
  const untilMonoMs = (decidedMonoMs + desk.deadlineMs) as MonoMs;
  const attemptMs = Math.max(100, desk.deadlineMs / 3);
  const name = await cancellable(desk, order);
  if ("kind" in name) return name;
  let mayHaveArrived = false;
  let last: Refusal | { readonly reason?: undefined; readonly message: string } = { message: "no time left" };
  for (let attempt = 0; !line.closing.aborted && line.clock.mono() < untilMonoMs; attempt += 1) {
    const request = dialect.cancel(name);
    if (request === undefined) break;
    if (!(await line.budget.take("reserved", { weight: request.weight, orders: 0 }, untilMonoMs))) {
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
    const ticket: Ticket = { call: "order.cancel", lane: "cancels", phase: "waiting", check };
    const leftMs = Math.min(attemptMs, untilMonoMs - line.clock.mono());
    const cancelling = signed(line, "cancel", request, { atMs: stamp.sentWallMs, validityMs: stamp.validityMs });
    const answer = await within(leftMs, ticket, line.driver.send(cancelling, ticket));
    keepBooks(line, answer);
    const reading = answer.kind === "response" ? readingOf(line, answer) : undefined;
    line.onTelemetry({
      call: ticket.call,
      clientOrderId: order.clientOrderId,
      decidedMonoMs,
      limiterMonoMs,
      signedMonoMs: limiterMonoMs,
      ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
      answeredMonoMs: line.clock.mono(),
      result: reading === undefined ? answer.kind : `${reading.verdict.code ?? reading.verdict.status}`,
      ...healthOf(line, answer),
    });
    if (reading !== undefined && isAnswered(reading.verdict)) {
      const cancelled = dialect.readCancelled(reading.json, desk.symbolOf);
      if (cancelled === "receipt") return await settleReceipt(desk, order, untilMonoMs);
      if (cancelled !== undefined) return { kind: "cancelled", order: cancelled };
    }
    if (reading !== undefined && isNotFound(dialect.profile.codes, reading.verdict))
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
    if (reading !== undefined && isClockRefusal(dialect.profile.codes, reading.verdict)) {
      await sampleClock(line, attemptMs);
    }
    const pauseMs = Math.random() * Math.min(500, 20 * 2 ** attempt);
    if (line.clock.mono() + pauseMs >= untilMonoMs) break;
    await pause(pauseMs, undefined, { signal: line.closing }).catch(() => undefined);
  }
  if (mayHaveArrived || last.reason === undefined) return { kind: "in-doubt", cause: last.message };
  return { kind: "not-sent", reason: last.reason, message: last.message };
}

/** The names under which the venue takes a cancel; where it needs its own id, the order is asked for it first. */
async function cancellable(desk: OrderDesk, order: Named): Promise<OrderName | CancelOutcome> {
  const name = desk.nameOf(order);
  if (desk.line.dialect.cancel(name) !== undefined) return name;
  const found = await query(desk, order.symbol, order.clientOrderId);
  if (found.kind === "found") return { ...name, venueOrderId: found.order.venueOrderId };
  return found.kind === "not-found"
    ? { kind: "unknown-order", message: "no order of this client id is listed" }
    : { kind: "in-doubt", cause: found.cause };
}

/** "Unknown order" to a cancel: an earlier attempt may have cancelled it already, which a query shows. */
async function settleUnknown(desk: OrderDesk, order: Named, message: string): Promise<CancelOutcome> {
  const found = await query(desk, order.symbol, order.clientOrderId);
  if (found.kind === "found" && found.order.status === "cancelled") return { kind: "cancelled", order: found.order };
  return { kind: "unknown-order", message };
}

/** The venue took the request; the order says when it is gone, and how much of it was filled before. */
async function settleReceipt(desk: OrderDesk, order: Named, untilMonoMs: MonoMs): Promise<CancelOutcome> {
  for (let attempt = 0; desk.line.clock.mono() < untilMonoMs; attempt += 1) {
    const found = await query(desk, order.symbol, order.clientOrderId);
    if (found.kind === "found" && isGone(found.order)) return { kind: "cancelled", order: found.order };
    await pause(Math.min(200, 20 * 2 ** attempt), undefined, { signal: desk.line.closing }).catch(() => undefined);
    if (desk.line.closing.aborted) break;
  }
  return { kind: "in-doubt", cause: "the venue took the cancel, and the order is not gone yet" };
}

function isGone(order: VenueOrder): boolean {
  return order.status !== "open" && order.status !== "partially-filled";
}
