/**
 * Orders over HTTP: what is asked (`POST /v1/orders`), what is answered once it is durable, and how an order's life is
 * shown. Decimals are strings everywhere. `OrderView` and the exchange's audit are all that an outside checker needs.
 */
import { z } from "zod";
import { parseDecimal } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent, TwapParameters } from "../formats/events.ts";
import type { Branded, ClientOrderId, Epoch, IntentId, NodeId, ParentId, Sequence, SymbolId, VenueId } from "../ids.ts";
import type { OrderStanding } from "../orders/order-row.ts";
import type { OrderTerms, OrderType, Side, TimeInForce } from "../orders/terms.ts";
import { slicesMax } from "../orders/refusal.ts";
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
  /** Not sent within this time after it was recorded: ends as not sent, expired. */
  readonly sendWithinMs: number;
}

/** A TWAP parent order: `slices` children over `durationMs`. */
export interface TwapRequest {
  readonly algo: "twap";
  readonly venue?: VenueId;
  readonly symbol: SymbolId;
  readonly side: Side;
  readonly quantity: Decimal;
  readonly slices: number;
  readonly durationMs: number;
  readonly aggressionBps: number;
  readonly limitPrice?: Decimal;
}

export type PlaceOrderRequest = OrderRequest | TwapRequest;

/** Answer 202: the intent (or the parent) is durable; the same key again gives the same answer. */
export type PlaceOrderAnswer =
  | {
      readonly intentId: IntentId;
      readonly clientOrderId: ClientOrderId;
      readonly epoch: Epoch;
      readonly sequence: Sequence;
    }
  | { readonly parentId: ParentId; readonly epoch: Epoch; readonly sequence: Sequence };

const positive = (): z.ZodType<Decimal> =>
  z
    .string('must be a decimal as a string, such as "0.5"')
    .refine(isPositiveDecimal, 'must be a decimal above zero, such as "0.5"')
    .overwrite((value) => parseDecimal(value) ?? value) as unknown as z.ZodType<Decimal>;
const symbol = text<SymbolId>(
  /^[A-Z0-9]{1,20}\/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?$/,
  "must be a symbol such as BTC/USDT",
);
const venue = text<VenueId>(/^[a-z0-9-]{1,32}$/, "must be the id of a configured venue");
const side = z.enum(["buy", "sell"], "must be buy or sell");

const orderSchema: z.ZodType<OrderRequest> = z
  .strictObject({
    venue: z.exactOptional(venue),
    symbol,
    side,
    type: z.enum(["limit", "market"], "must be limit or market"),
    quantity: positive(),
    price: z.exactOptional(positive()),
    timeInForce: z.exactOptional(z.enum(["GTC", "IOC", "FOK", "GTX"], "must be GTC, IOC, FOK or GTX")),
    sendWithinMs: whole(1, 60_000).default(2_000),
  })
  .superRefine((order, context) => {
    const at = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (order.type === "limit" && order.price === undefined) at("price", "a limit order needs a price");
    if (order.type === "market" && order.price !== undefined) at("price", "a market order has no price");
    if (order.type === "market" && order.timeInForce !== undefined && order.timeInForce !== "IOC")
      at("timeInForce", "a market order is IOC");
  })
  .transform((order) => ({
    ...order,
    timeInForce: order.timeInForce ?? (order.type === "market" ? ("IOC" as const) : ("GTC" as const)),
  }));

const twapSchema: z.ZodType<TwapRequest> = z.strictObject({
  algo: z.literal("twap", "must be twap"),
  venue: z.exactOptional(venue),
  symbol,
  side,
  quantity: positive(),
  slices: whole(1, slicesMax),
  durationMs: whole(100, 86_400_000),
  aggressionBps: whole(0, 1_000).default(10),
  limitPrice: z.exactOptional(positive()),
});

/** Body of `POST /v1/orders`; use `checkOrderRequest`, which names the field of the kind that was meant. */
export const placeOrderRequestSchema: z.ZodType<PlaceOrderRequest> = z.union([orderSchema, twapSchema]);

/** Checks the body of `POST /v1/orders`. With `algo` it is a parent order. */
export function checkOrderRequest(body: unknown): Checked<PlaceOrderRequest> {
  const isParent = typeof body === "object" && body !== null && "algo" in body;
  return isParent ? checkBody<PlaceOrderRequest>(twapSchema, body) : checkBody<PlaceOrderRequest>(orderSchema, body);
}

/** Settled class of the last attempt; null while there is none. */
export type OrderOutcome = "accepted" | "rejected" | "not-sent" | "in-doubt";

/** One journaled fact of an order. */
export type OrderEvent = JournalEvent & { readonly sequence: Sequence };

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
  readonly status: OrderStanding;
  readonly outcome: OrderOutcome | null;
  readonly executed: Decimal;
  readonly events: readonly OrderEvent[];
}

/** `GET /v1/orders/p-1`. */
export interface ParentView {
  readonly id: ParentId;
  readonly algorithm: TwapParameters;
  readonly status: "running" | "done" | "cancelled" | "killed";
  readonly executed: Decimal;
  readonly slices: { readonly done: number; readonly skipped: number; readonly open: number };
  readonly children: readonly IntentId[];
}

/** `GET /v1/orders`: those that are not terminal; `?all=1`: every one. In order of intents; a page ends before `next`. */
export interface OrdersPage {
  readonly version: 1;
  readonly orders: readonly OrderView[];
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
  readonly total: Decimal;
}

const terms = z.looseObject({
  venue,
  symbol,
  side,
  type: z.enum(["limit", "market"]),
  quantity: decimalText(),
  price: z.exactOptional(decimalText()),
  timeInForce: z.enum(["GTC", "IOC", "FOK", "GTX"]),
});

export const orderViewSchema: z.ZodType<OrderView> = z.looseObject({
  id: z.string(),
  clientOrderIds: z.array(z.string()),
  parent: z.string().nullable(),
  slice: z.int().nullable(),
  epoch: z.int().nullable(),
  sentBy: z.string().nullable(),
  terms,
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
  events: z.array(z.looseObject({ sequence: z.int(), kind: z.string() })),
}) as unknown as z.ZodType<OrderView>;

export const ordersPageSchema: z.ZodType<OrdersPage> = z.looseObject({
  version: z.literal(1),
  orders: z.array(orderViewSchema),
  next: z.int().nullable(),
});

export const parentViewSchema: z.ZodType<ParentView> = z.looseObject({
  id: z.string(),
  algorithm: z.looseObject({ name: z.literal("twap") }),
  status: z.enum(["running", "done", "cancelled", "killed"]),
  executed: decimalText(),
  slices: z.looseObject({ done: z.int(), skipped: z.int(), open: z.int() }),
  children: z.array(z.string()),
}) as unknown as z.ZodType<ParentView>;

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
        venue,
        account: z.string(),
        symbol,
        quantity: decimalText(),
        openBuy: decimalText(),
        openSell: decimalText(),
      }),
    ),
  });

export const balancesSchema: z.ZodType<{ readonly version: 1; readonly balances: readonly BalanceView[] }> =
  z.looseObject({
    version: z.literal(1),
    balances: z.array(z.looseObject({ venue, account: z.string(), currency: z.string(), total: decimalText() })),
  });

function isPositiveDecimal(value: string): boolean {
  const parsed = parseDecimal(value);
  return parsed !== undefined && parsed !== "0" && !parsed.startsWith("-");
}

function decimalText(): z.ZodType<Decimal> {
  return z.string().refine((value) => parseDecimal(value) === value) as unknown as z.ZodType<Decimal>;
}

function text<T extends Branded<string>>(form: RegExp, message: string): z.ZodType<T> {
  return z.string(message).regex(form, message) as unknown as z.ZodType<T>;
}

function whole(minimum: number, maximum: number): z.ZodInt {
  const message = `must be a whole number from ${minimum} to ${maximum}`;
  return z.int(message).min(minimum, message).max(maximum, message);
}
