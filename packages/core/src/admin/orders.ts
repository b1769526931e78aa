/**
 * Orders over HTTP: what is asked (`POST /v1/orders`), what is answered once it is durable, and how an order's life is
 * shown. Decimals are strings everywhere. `OrderView` and the exchange's audit are all that an outside checker needs.
 */
import { z } from "zod";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { ClientOrderId, Epoch, IntentId, NodeId, ParentId, Sequence, SymbolId, VenueId } from "../ids.ts";
import { usualSendWithinMs } from "../orders/backlog.ts";
import type { OperatorFinding } from "../orders/operator-resolution.ts";
import type { OrderStanding } from "../orders/order-row.ts";
import type { OrderTerms, OrderType, Side, TimeInForce } from "../orders/terms.ts";
import { checkParentRequest, parentRequestSchema, parentViewSchema } from "./algorithms.ts";
import type { ParentRequest, ParentView } from "./algorithms.ts";
import { decimalText, positive, reasonText, sideSchema, symbolSchema, venueSchema, whole } from "./fields.ts";
import { checkBody } from "./problem.ts";
import type { Checked } from "./problem.ts";

/** A plain order. */
export interface OrderRequest {
  /** May be left out where there is one venue. */
  readonly venue?: VenueId;
  readonly symbol: SymbolId;
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: Decimal;
  /** Exactly for `limit`. */
  readonly price?: Decimal;
  /** Default GTC for limit; market is always IOC. */
  readonly timeInForce: TimeInForce;
  /** It may only bring the position nearer to zero. For venues that have such orders; refused elsewhere. */
  readonly reduceOnly?: true;
  /** Not sent within this time after it was recorded: ends as not sent, expired. */
  readonly sendWithinMs: number;
  /** Why it is wanted; stands on record with it. */
  readonly reason?: string;
}

export type PlaceOrderRequest = OrderRequest | ParentRequest;

/** Answer 202: the intent (or the parent) is durable; the same key again gives the same answer. */
export type PlaceOrderAnswer =
  | {
      readonly intentId: IntentId;
      readonly clientOrderId: ClientOrderId;
      readonly epoch: Epoch;
      readonly sequence: Sequence;
    }
  | { readonly parentId: ParentId; readonly epoch: Epoch; readonly sequence: Sequence };

const orderSchema: z.ZodType<OrderRequest> = z
  .strictObject({
    venue: z.exactOptional(venueSchema),
    symbol: symbolSchema,
    side: sideSchema,
    type: z.enum(["limit", "market"], "must be limit or market"),
    quantity: positive(),
    price: z.exactOptional(positive()),
    timeInForce: z.exactOptional(z.enum(["GTC", "IOC", "FOK", "GTX"], "must be GTC, IOC, FOK or GTX")),
    reduceOnly: z.exactOptional(z.boolean("must be true or false")),
    sendWithinMs: whole(1, 60_000).default(usualSendWithinMs),
    reason: z.exactOptional(reasonText()),
  })
  .superRefine((order, context) => {
    const at = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (order.type === "limit" && order.price === undefined) at("price", "a limit order needs a price");
    if (order.type === "market" && order.price !== undefined) at("price", "a market order has no price");
    if (order.type === "market" && order.timeInForce !== undefined && order.timeInForce !== "IOC")
      at("timeInForce", "a market order is IOC");
  })
  .transform(({ reduceOnly, ...order }) => ({
    ...order,
    timeInForce: order.timeInForce ?? (order.type === "market" ? ("IOC" as const) : ("GTC" as const)),
    ...(reduceOnly === true && { reduceOnly }),
  }));

/** Body of `POST /v1/orders`; use `checkOrderRequest`, which names the field of the kind that was meant. */
export const placeOrderRequestSchema: z.ZodType<PlaceOrderRequest> = z.union([orderSchema, parentRequestSchema]);

/** Checks the body of `POST /v1/orders`. With `algo` it is a parent order. */
export function checkOrderRequest(body: unknown): Checked<PlaceOrderRequest> {
  const isParent = typeof body === "object" && body !== null && "algo" in body;
  return isParent ? checkParentRequest(body) : checkBody<PlaceOrderRequest>(orderSchema, body);
}

/** Checks the parameter `reason` of `DELETE /v1/orders/:id`. */
export const cancelReasonSchema: z.ZodType<string | undefined> = reasonText().optional();

/** Body of `PATCH /v1/orders/:id`: the figures that a resting order is to have; at least one of them. */
export interface ReplaceRequest {
  /** The whole of it: what the order has executed counts towards this. */
  readonly quantity?: Decimal;
  readonly price?: Decimal;
  /** Longer than this after it was recorded nothing is placed in the order's place; longer than for a new order, since that must be gone first. */
  readonly sendWithinMs: number;
  readonly reason?: string;
}

/** Checks it. */
export const replaceRequestSchema: z.ZodType<ReplaceRequest> = z
  .strictObject({
    quantity: z.exactOptional(positive()),
    price: z.exactOptional(positive()),
    sendWithinMs: whole(1, 60_000).default(10_000),
    reason: z.exactOptional(reasonText()),
  })
  .superRefine(({ quantity, price }, context) => {
    if (quantity !== undefined || price !== undefined) return;
    context.addIssue({ code: "custom", path: ["price"], message: "a price, a quantity or both are to change" });
  });

/**
 * Body of `POST /v1/orders/:id/resolve`: an operator's word on a doubt, or (`ended`) on an order that its venue took and denies
 * now. `cluster`: its name, typed.
 */
export type ResolveRequest = (OperatorFinding | { readonly as: "ended" }) & {
  readonly reason: string;
  readonly cluster: string;
};

const resolveCommon = {
  reason: reasonText(),
  cluster: z.string("must be the cluster's name"),
};

/** Checks it. */
export const resolveRequestSchema: z.ZodType<ResolveRequest> = z.discriminatedUnion(
  "as",
  [
    z.strictObject({ as: z.literal("not-accepted"), ...resolveCommon }),
    z.strictObject({ as: z.literal("ended"), ...resolveCommon }),
    z.strictObject({
      as: z.literal("accepted"),
      venueOrderId: z.string("must be the venue's id of the order").regex(/^[\x21-\x7e]{1,64}$/, "must be one word"),
      status: z.enum(["open", "filled", "cancelled", "expired"], "must be open, filled, cancelled or expired"),
      executed: decimalText(),
      ...resolveCommon,
    }),
  ],
  "must be accepted, not-accepted or ended",
) as unknown as z.ZodType<ResolveRequest>;

/** Settled class of the last attempt; null while there is none. */
export type OrderOutcome = "accepted" | "rejected" | "not-sent" | "in-doubt";

/** One journaled fact of an order. */
export type OrderEvent = JournalEvent & { readonly sequence: Sequence };

/** The wish to replace an order: the figures that were asked for, and what came of it. */
export interface ReplaceView {
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly by: string;
  /** `pending`: the order is not known to have ended yet, or what comes in its place is not on record. */
  readonly status: "pending" | "replaced" | "given-up";
  /** The order that came in its place. */
  readonly successor: IntentId | null;
  /** Why none did, as a sentence. */
  readonly detail: string | null;
}

export interface OrderView {
  readonly id: IntentId;
  /** One of each attempt, in order. */
  readonly clientOrderIds: readonly ClientOrderId[];
  readonly parent: ParentId | null;
  readonly slice: number | null;
  /** That sent the last attempt; null: none was sent. */
  readonly epoch: Epoch | null;
  readonly sentBy: NodeId | null;
  readonly terms: OrderTerms;
  /** The venue it was asked for, where that was ill and the order was recorded for its alternate (`terms.venue`). */
  readonly routedFrom?: VenueId;
  readonly status: OrderStanding;
  readonly outcome: OrderOutcome | null;
  readonly executed: Decimal;
  /** The order in whose place it came. */
  readonly replaces?: IntentId;
  /** Since it is to be replaced. */
  readonly replace?: ReplaceView;
  readonly events: readonly OrderEvent[];
}

/** `GET /v1/orders`: those that are not terminal; `?all=1`: every one. In order of intents; a page ends before `next`. */
export interface OrdersPage {
  readonly version: 1;
  readonly orders: readonly OrderView[];
  /** Parent orders that have not ended; on the first page only. */
  readonly parents?: readonly ParentView[];
  /** Give it as `after` for the next page; null at the end. */
  readonly next: number | null;
}

/** `GET /v1/positions`. Quantities in the base currency since the account's baseline. */
export interface PositionView {
  readonly venue: VenueId;
  readonly account: string;
  readonly symbol: SymbolId;
  readonly quantity: Decimal;
  /** Open and doubted quantity at worst case. */
  readonly openBuy: Decimal;
  readonly openSell: Decimal;
}

export interface BalanceView {
  readonly venue: VenueId;
  readonly account: string;
  readonly currency: string;
  /** By the venue, free and locked together. */
  readonly total: Decimal;
  /** By the baseline and the fills since; null where trades do not add up to it (a wallet of futures). */
  readonly journal?: Decimal | null;
  /** What is on record to be there beside that, such as a deposit. */
  readonly drift?: Decimal;
}

const terms = z.looseObject({
  venue: venueSchema,
  symbol: symbolSchema,
  side: sideSchema,
  type: z.enum(["limit", "market"]),
  quantity: decimalText(),
  price: z.exactOptional(decimalText()),
  timeInForce: z.enum(["GTC", "IOC", "FOK", "GTX"]),
  reduceOnly: z.exactOptional(z.literal(true)),
});

export const orderViewSchema: z.ZodType<OrderView> = z.looseObject({
  id: z.string(),
  clientOrderIds: z.array(z.string()),
  parent: z.string().nullable(),
  slice: z.int().nullable(),
  epoch: z.int().nullable(),
  sentBy: z.string().nullable(),
  terms,
  routedFrom: z.exactOptional(venueSchema),
  status: z.enum([
    "pending-new",
    "in-doubt",
    "new",
    "partially-filled",
    "filled",
    "cancelled",
    "expired",
    "rejected",
    "not-sent",
  ]),
  outcome: z.enum(["accepted", "rejected", "not-sent", "in-doubt"]).nullable(),
  executed: decimalText(),
  replaces: z.exactOptional(z.string()),
  replace: z.exactOptional(
    z.looseObject({
      ...{ quantity: decimalText(), price: decimalText(), by: z.string() },
      status: z.enum(["pending", "replaced", "given-up"]),
      ...{ successor: z.string().nullable(), detail: z.string().nullable() },
    }),
  ),
  events: z.array(z.looseObject({ sequence: z.int(), kind: z.string() })),
}) as unknown as z.ZodType<OrderView>;

export const ordersPageSchema: z.ZodType<OrdersPage> = z.looseObject({
  version: z.literal(1),
  orders: z.array(orderViewSchema),
  parents: z.exactOptional(z.array(parentViewSchema)),
  next: z.int().nullable(),
});

/** `GET /v1/orders/:id`. */
export const orderOrParentSchema: z.ZodType<OrderView | ParentView> = z.union([orderViewSchema, parentViewSchema]);

export const placeOrderAnswerSchema: z.ZodType<PlaceOrderAnswer> = z.union([
  z.looseObject({ intentId: z.string(), clientOrderId: z.string(), epoch: z.int(), sequence: z.int() }),
  z.looseObject({ parentId: z.string(), epoch: z.int(), sequence: z.int() }),
]) as unknown as z.ZodType<PlaceOrderAnswer>;

export const positionsSchema: z.ZodType<{ readonly version: 1; readonly positions: readonly PositionView[] }> =
  z.looseObject({
    version: z.literal(1),
    positions: z.array(
      z.looseObject({
        venue: venueSchema,
        account: z.string(),
        symbol: symbolSchema,
        quantity: decimalText(),
        openBuy: decimalText(),
        openSell: decimalText(),
      }),
    ),
  });

export const balancesSchema: z.ZodType<{ readonly version: 1; readonly balances: readonly BalanceView[] }> =
  z.looseObject({
    version: z.literal(1),
    balances: z.array(
      z.looseObject({
        ...{ venue: venueSchema, account: z.string(), currency: z.string() },
        ...{ total: decimalText(), journal: z.exactOptional(decimalText().nullable()) },
        drift: z.exactOptional(decimalText()),
      }),
    ),
  });
