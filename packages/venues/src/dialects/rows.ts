/**
 * An order and a trade read from a venue's row by a table of that venue's field names: what is told of them is the same
 * everywhere, only the names differ, and a venue's REST interface and its stream may each have their own table. A row
 * without a documented field reads as undefined, never as a guess (an amount that is missing is not zero).
 */
import {
  id,
  isZero,
  wallMs,
  type Decimal,
  type SymbolId,
  type TradeId,
  type VenueOrder,
  type VenueOrderId,
  type VenueOrderStatus,
} from "@baton/core";
import type { VenueTrade } from "../venue.ts";
import type { SymbolOf } from "./dialect.ts";
import { amount, entryOf, idText, isRecord, milliseconds, sideOf, text, type Json } from "./json.ts";

/** A field by its name, or by what finds it in the row. */
export type Field = string | ((row: Json) => unknown);

/** Where an order's figures stand. */
export interface OrderFields {
  readonly venueOrderId: Field;
  readonly clientOrderId: Field;
  readonly symbol: Field;
  readonly side: Field;
  readonly quantity: Field;
  readonly executed: Field;
  /** Absent or zero in a row: an order without a limit. */
  readonly price: Field;
  /** Absent where the venue's rows do not say; read only where it is true or false. */
  readonly reduceOnly?: Field;
  readonly status: Field;
  /** The venue's words for where an order stands. */
  readonly statuses: Readonly<Record<string, StatusOf>>;
  /** False where orders that were placed by hand have no client id; then it reads as an empty one. */
  readonly isAlwaysNamed: boolean;
}

/** What a status word says: one standing, or one that the quantities decide. */
export type StatusOf = VenueOrderStatus | ((executed: Decimal, quantity: Decimal) => VenueOrderStatus);

/** Open, as far as the word goes; the quantity tells whether in part filled. */
export const working: StatusOf = (executed) => (isZero(executed) ? "open" : "partially-filled");

/** Where a trade's figures stand. */
export interface TradeFields {
  /** The trade id in Baton's form, by the venue's own and the time: a whole number. Undefined: what it has is none. */
  readonly tradeId: (venueTradeId: string, symbol: SymbolId, tradedMs: number) => TradeId | undefined;
  readonly venueTradeId: Field;
  readonly venueOrderId: Field;
  /** Absent where the venue's trades do not name it. */
  readonly clientOrderId?: Field;
  readonly symbol: Field;
  readonly side: Field;
  readonly price: Field;
  readonly quantity: Field;
  /** What the account lost by it, as an amount: negative for what it gained. */
  readonly fee: (row: Json) => Decimal | undefined;
  /** Absent: the quote currency. */
  readonly feeCurrency?: Field;
  readonly isMaker: (row: Json) => boolean;
  readonly tradedMs: Field;
}

/** Reads orders by the table. */
export function orderReader(fields: OrderFields): (row: unknown, symbolOf: SymbolOf) => VenueOrder | undefined {
  return (row, symbolOf) => {
    if (!isRecord(row)) return undefined;
    const venueOrderId = name(row, fields.venueOrderId);
    const clientOrderId = text(found(row, fields.clientOrderId)) ?? (fields.isAlwaysNamed ? undefined : "");
    const symbol = symbolOf(text(found(row, fields.symbol)) ?? "");
    const side = sideOf(found(row, fields.side));
    const quantity = amount(found(row, fields.quantity));
    const executed = amount(found(row, fields.executed));
    const price = amount(found(row, fields.price));
    const reduceOnly = fields.reduceOnly === undefined ? undefined : found(row, fields.reduceOnly);
    const word = entryOf(fields.statuses, found(row, fields.status));
    if (venueOrderId === undefined || clientOrderId === undefined || symbol === undefined) return undefined;
    if (side === undefined || quantity === undefined || executed === undefined || word === undefined) return undefined;
    return {
      venueOrderId: id<VenueOrderId>(venueOrderId),
      clientOrderId,
      symbol,
      side,
      status: typeof word === "function" ? word(executed, quantity) : word,
      quantity,
      executed,
      ...(price === undefined || isZero(price) ? {} : { price }),
      ...(typeof reduceOnly === "boolean" ? { reduceOnly } : {}),
    };
  };
}

/** The last instant that a date can have; beyond it digits have no plain form, and an id made of them is no number. */
const latestMs = 8.64e15;

/** Reads trades by the table. */
export function tradeReader(fields: TradeFields): (row: unknown, symbolOf: SymbolOf) => VenueTrade | undefined {
  return (row, symbolOf) => {
    if (!isRecord(row)) return undefined;
    const venueTradeId = name(row, fields.venueTradeId);
    const venueOrderId = name(row, fields.venueOrderId);
    const clientOrderId = fields.clientOrderId === undefined ? undefined : text(found(row, fields.clientOrderId));
    const symbol = symbolOf(text(found(row, fields.symbol)) ?? "");
    const side = sideOf(found(row, fields.side));
    const price = amount(found(row, fields.price));
    const quantity = amount(found(row, fields.quantity));
    const fee = fields.fee(row);
    const tradedMs = milliseconds(found(row, fields.tradedMs));
    if (venueTradeId === undefined || venueOrderId === undefined || symbol === undefined) return undefined;
    if (side === undefined || price === undefined || quantity === undefined) return undefined;
    if (fee === undefined || tradedMs === undefined || !(tradedMs >= 0 && tradedMs <= latestMs)) return undefined;
    const tradeId = fields.tradeId(venueTradeId, symbol, tradedMs);
    if (tradeId === undefined) return undefined;
    const quote = symbol.slice(symbol.indexOf("/") + 1);
    return {
      tradeId,
      symbol,
      venueOrderId: id<VenueOrderId>(venueOrderId),
      ...(clientOrderId === undefined ? {} : { clientOrderId }),
      side,
      price,
      quantity,
      fee,
      feeCurrency: fields.feeCurrency === undefined ? quote : (text(found(row, fields.feeCurrency)) ?? ""),
      isMaker: fields.isMaker(row),
      tradedWallMs: wallMs(tradedMs),
    };
  };
}

function found(row: Json, field: Field): unknown {
  return typeof field === "string" ? row[field] : field(row);
}

/** An id, whether it is written as a text or as a number. */
function name(row: Json, field: Field): string | undefined {
  const value = found(row, field);
  return text(value) ?? idText(value);
}
