/**
 * Trade ids for venues whose own have no order: the time of the trade in milliseconds, then eight digits of the venue's id.
 * They sort by time, so that "everything after the last one" can be asked for, and name a trade as surely as its own id.
 * Several trades may share a millisecond and appear in any order; so whoever reads on from one reads a while back and
 * leaves out what is known.
 */
import { createHash } from "node:crypto";
import { id, venueProfiles, type ExchangeId, type TradeId } from "@baton/core";

const digits = 8;
const perMs = 10n ** BigInt(digits);

/** The id of a trade. */
export function timedTradeId(tradedMs: number, venueTradeId: string): TradeId {
  const number = createHash("sha256").update(venueTradeId).digest().readUInt32BE(0) % Number(perMs);
  return id<TradeId>(`${Math.floor(tradedMs)}${`${number}`.padStart(digits, "0")}`);
}

/** A venue's own number of a trade as its id; undefined for what is no number, since others are counted from it. */
export function numberedTradeId(venueTradeId: string): TradeId | undefined {
  return /^\d{1,30}$/.test(venueTradeId) ? id<TradeId>(venueTradeId) : undefined;
}

/** The millisecond in which the trade of this id, or any later one, took place. */
export function timeOfTradeId(tradeId: TradeId): number {
  return Number(BigInt(tradeId) / perMs);
}

/** How many ids `ms` milliseconds hold. */
export function idsOfMs(ms: number): bigint {
  return BigInt(ms) * perMs;
}

/**
 * The ids under which one trade may be told: a venue's stream and its lists may write its time in unlike precision, so that
 * the millisecond differs by one, while the digits of the venue's own id stay. The trade's own id is the first.
 */
export function sameTradeIds(tradeId: TradeId): readonly TradeId[] {
  const number = BigInt(tradeId);
  return [tradeId, id<TradeId>(`${number - perMs}`), id<TradeId>(`${number + perMs}`)];
}

/** The ids that stand for this trade at the exchange, its own first. */
export function tradeNames(exchange: ExchangeId, tradeId: TradeId): readonly TradeId[] {
  return venueProfiles[exchange].tradeIds === "unordered" ? sameTradeIds(tradeId) : [tradeId];
}
