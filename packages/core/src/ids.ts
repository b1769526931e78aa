/**
 * Identifiers. Each is a branded string, so that an intent id cannot stand where a client order id belongs. Nothing
 * here is drawn at random: random identities (boot, journal, cluster) are made by the shells and only carried here.
 */

declare const brand: unique symbol;

/** A string of one purpose. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The configured name of a node, e.g. `a`; unique in its cluster, `[a-z0-9-]{1,32}`. */
export type NodeId = Branded<"NodeId">;
/** One run of an engine process; a UUID made at start. (node id, boot id) is a node's identity. */
export type BootId = Branded<"BootId">;
/** One journal file, for life; a UUID made when the file is created. A replaced disk is a new journal id. */
export type JournalId = Branded<"JournalId">;
/** The UUID that `baton cluster init` wrote. */
export type ClusterId = Branded<"ClusterId">;
/** `i-<sequence>`: the intent's own counter, starting at 1, e.g. `i-42`. */
export type IntentId = Branded<"IntentId">;
/** `p-<sequence>`: a parent order. */
export type ParentId = Branded<"ParentId">;
/** 32 lowercase hex characters that the venue sees; see `orders/client-order-id.ts`. */
export type ClientOrderId = Branded<"ClientOrderId">;
/** The venue's own id of an order. */
export type VenueOrderId = Branded<"VenueOrderId">;
/** The venue's id of a trade, unique per (venue, symbol). */
export type TradeId = Branded<"TradeId">;
/** The configured name of a venue connection, e.g. `binance`. */
export type VenueId = Branded<"VenueId">;
/** Unified symbol as ccxt writes it, e.g. `BTC/USDT`. */
export type SymbolId = Branded<"SymbolId">;
/** An operator's operation, a UUID or any string of 1–64 of `[A-Za-z0-9._-]` that the operator chose. */
export type OperationId = Branded<"OperationId">;
/** An etcd lease id in decimal (64 bit, so never a number). */
export type LeaseId = Branded<"LeaseId">;

/** The fencing token: +1 with each change of leader. */
export type Epoch = number;
/** Position of an event in the journal; the first is 1, 0 means "nothing". */
export type Sequence = number;

/** Marks a checked string as an id of one kind. The caller has validated it. */
export function id<T extends Branded<string>>(text: string): T {
  return text as T;
}
