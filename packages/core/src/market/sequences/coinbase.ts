/**
 * Coinbase Advanced Trade: `sequence_num` counts all messages of one connection, whatever their channel and product. So one
 * product's rule sees every message of its connection: those about other things as beats, which only tell the place. A
 * number that is left out means that something was lost, nobody knows of which product: every book of the connection is
 * unknown until its next snapshot, which only a new subscription brings.
 *
 * A message that comes too late is old, its snapshot too: what was lost with it is not repaired by it.
 *
 * Sources: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/level2 (the messages) and
 * https://docs.cdp.coinbase.com/advanced-trade/docs/ws-overview ("Sequence Numbers").
 */
import { areLevels, type RawLevel } from "../book.ts";
import { fieldsOf, wholeOf } from "./frame-reading.ts";
import {
  apply,
  awaitsSnapshot,
  gap,
  ignore,
  reset,
  type BookFrame,
  type JudgedFrame,
  type VenueSequence,
} from "./venue-sequence.ts";

export interface CoinbaseMark {
  readonly sequence: number;
}

export interface CoinbaseHeld {
  /** Of the connection's last message. */
  readonly sequence: number;
  /** Whether a snapshot of this product has come and nothing was lost since. */
  readonly hasBook: boolean;
}

/** The rule for one product of one connection. A new connection counts anew: begin with nothing held. */
export const coinbaseSequence: VenueSequence<CoinbaseMark, CoinbaseHeld> = {
  name: "coinbase",
  snapshots: "stream",
  window: undefined,
  judge: (held, { kind, mark: { sequence } }): JudgedFrame<CoinbaseHeld> => {
    if (held !== undefined && sequence <= held.sequence) return { verdict: ignore, held };
    if (kind === "snapshot") return { verdict: reset, held: { sequence, hasBook: true } };
    const without = { sequence, hasBook: false };
    if (held !== undefined && sequence > held.sequence + 1) {
      const sentence = `messages ${held.sequence + 1} to ${sequence - 1} of the connection are missing`;
      return { verdict: gap(sentence), held: without };
    }
    if (held?.hasBook === true) return { verdict: apply, held: { sequence, hasBook: true } };
    return { verdict: kind === "beat" ? ignore : awaitsSnapshot, held: without };
  },
  disprove: () => undefined,
};

/** A parsed message of a connection as one product sees it; "bad" for one without a number or with broken levels. */
export function readCoinbaseMessage(message: unknown, product: string): BookFrame<CoinbaseMark> | "bad" {
  const fields = fieldsOf(message);
  const sequence = wholeOf(fields?.["sequence_num"]);
  if (fields === undefined || sequence === undefined) return "bad";
  const beat: BookFrame<CoinbaseMark> = { kind: "beat", mark: { sequence }, bids: [], asks: [], limit: Infinity };
  if (fields["channel"] !== "l2_data") return beat;
  const { events } = fields as { readonly events?: unknown };
  if (!Array.isArray(events)) return "bad";
  const bids: RawLevel[] = [];
  const asks: RawLevel[] = [];
  let kind: BookFrame<CoinbaseMark>["kind"] = "beat";
  for (const event of (events as readonly unknown[]).map(fieldsOf)) {
    if (event?.["product_id"] !== product) continue;
    const { type, updates } = event as { readonly type?: unknown; readonly updates?: unknown };
    if ((type !== "snapshot" && type !== "update") || !Array.isArray(updates)) return "bad";
    if (type === "snapshot") {
      bids.length = 0;
      asks.length = 0;
      kind = "snapshot";
    } else if (kind === "beat") kind = "difference";
    for (const update of (updates as readonly unknown[]).map(fieldsOf)) {
      const side = update?.["side"];
      if (side !== "bid" && side !== "offer") return "bad";
      (side === "bid" ? bids : asks).push([update?.["price_level"], update?.["new_quantity"]] as unknown as RawLevel);
    }
  }
  return areLevels(bids) && areLevels(asks) ? { ...beat, kind, bids, asks } : "bad";
}
