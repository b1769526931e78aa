/**
 * Asks for one order by its client id, on each path that the venue has, in the profile's order. "Not found" is what the
 * venue said at that moment, never a proof: an order can still be under way to its engine, and its reads may lag behind its
 * engine. When it counts is core's to say (I10).
 */
import { isAnswered, isNotFound, type MonoMs, type QueryOutcome, type SymbolId } from "@baton/core";
import type { OrderDesk } from "./desk.ts";
import type { OrderName, OrderQuery } from "./dialects/dialect.ts";
import { read } from "./requests.ts";
import { VenueUnavailable } from "./venue.ts";

/** A list that is longer has not been looked through: then nothing is said about the order. */
const pagesMax = 20;

/** See `Venue.query`. */
export async function query(desk: OrderDesk, symbol: SymbolId, clientOrderId: string): Promise<QueryOutcome> {
  const untilMonoMs = (desk.line.clock.mono() + desk.deadlineMs) as MonoMs;
  const order = desk.nameOf({ symbol, clientOrderId });
  try {
    for (const path of desk.line.dialect.queries) {
      const answer = await onPath(desk, path, order, untilMonoMs);
      if (answer.kind !== "not-found") return answer;
    }
    return { kind: "not-found" };
  } catch (error) {
    if (error instanceof VenueUnavailable) return { kind: "unavailable", cause: error.message };
    throw error;
  }
}

async function onPath(desk: OrderDesk, path: OrderQuery, order: OrderName, untilMonoMs: MonoMs): Promise<QueryOutcome> {
  const { line } = desk;
  const limits = { untilMonoMs, attemptMs: Math.max(100, desk.deadlineMs / 2) };
  let page: string | undefined;
  for (let turn = 0; turn < pagesMax; turn += 1) {
    const { verdict, json } = await read(line, path.request(order, page), limits);
    if (isNotFound(line.dialect.profile.codes, verdict)) return { kind: "not-found" };
    if (!isAnswered(verdict)) {
      return { kind: "unavailable", cause: `${verdict.code ?? verdict.status}: ${verdict.message}` };
    }
    const found = path.read(json, order, desk.symbolOf);
    if (found === undefined) return { kind: "unavailable", cause: "the answer does not describe an order" };
    if (found === "absent") return { kind: "not-found" };
    if ("status" in found) return { kind: "found", order: found };
    page = found.next;
  }
  return { kind: "unavailable", cause: `it is not on the first ${pagesMax} pages` };
}
