/**
 * One cancel, repeated within its deadline until the venue has said what became of the order; harmless, since it names one
 * order. Each repetition is signed and checked anew (I10). A venue that knows no such open order may have carried out an
 * earlier repetition, so it is asked for the order before that is reported.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { CancelOutcome, MonoMs, Permit, SymbolId, VenueOrderId } from "@baton/core";
import { isUnknownOrder } from "./binance/codes.ts";
import { parseOrder } from "./binance/wire.ts";
import { refusalAtSocket, signingWindow, type OrderDesk } from "./desk.ts";
import { type Refusal, type Ticket } from "./last-check.ts";
import { query } from "./query.ts";
import { causeOf, keepBooks, sampleClock, verdictOf, within, weightOf } from "./requests.ts";

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
