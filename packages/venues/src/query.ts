/**
 * Asks for one order by its client id. "Not found" is what the venue said at that moment, never a proof: an order can
 * still be under way to its engine, and its reads may lag behind its engine. When it counts is core's to say (I10).
 */
import type { MonoMs, QueryOutcome, SymbolId } from "@baton/core";
import { parseOrder } from "./binance/wire.ts";
import type { OrderDesk } from "./desk.ts";
import { read, readStamp } from "./requests.ts";
import { VenueUnavailable } from "./venue.ts";

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
