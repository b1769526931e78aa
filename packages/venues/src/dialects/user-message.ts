/** What one message of an account stream says, in Baton's words; each dialect reads its venue's into these. */
import type { Decimal, SymbolId, VenueOrder, VenueOrderId } from "@baton/core";
import type { VenueTrade } from "../venue.ts";
import type { StatusOf } from "./rows.ts";

export type UserMessage = UserWord & {
  /** The number of the message among those of its lane, where the venue counts them: a hole is a message that is missing. */
  readonly counted?: { readonly lane: string; readonly number: number };
};

type UserWord =
  /** To what was asked last; `requestId` where the venue repeats it. Status 200: granted. */
  | {
      readonly kind: "answer";
      readonly requestId?: string;
      readonly status: number;
      readonly message: string;
      readonly code?: string;
    }
  /** In the order in which they are to be taken. */
  | { readonly kind: "facts"; readonly facts: readonly UserFact[] }
  /** The venue's own answer to a ping that is a message. */
  | { readonly kind: "pong" }
  /** The venue ends this subscription or connection. */
  | { readonly kind: "ending"; readonly cause: string }
  | { readonly kind: "other" }
  /** Not JSON, or a report without its documented fields: something may be missed, so recovery has to run. */
  | { readonly kind: "unreadable" };

export type UserFact =
  | { readonly kind: "order"; readonly order: VenueOrder }
  | { readonly kind: "change"; readonly change: OrderChange }
  | { readonly kind: "trade"; readonly trade: VenueTrade }
  | { readonly kind: "balances"; readonly balances: Readonly<Record<string, Decimal>> };

/** What changed of an order, from a venue that tells no more than that; absent is what stayed as it was. */
export interface OrderChange {
  readonly venueOrderId: VenueOrderId;
  readonly status: StatusOf;
  readonly executed?: Decimal;
  readonly clientOrderId?: string;
  readonly symbol?: SymbolId;
  readonly side?: "buy" | "sell";
  readonly quantity?: Decimal;
  readonly price?: Decimal;
}

/** All facts of a message, or that one of them cannot be read: a part must not pass for the whole. */
export function factsOf(facts: readonly (UserFact | undefined)[] | undefined): UserMessage {
  if (facts === undefined) return { kind: "unreadable" };
  const whole = facts.filter((fact) => fact !== undefined);
  return whole.length === facts.length ? { kind: "facts", facts: whole } : { kind: "unreadable" };
}
