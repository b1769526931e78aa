/** What one message of an account stream says, in Baton's words; each dialect reads its venue's into these. */
import type { Decimal, VenueOrder } from "@baton/core";
import type { VenueTrade } from "../venue.ts";

export type UserMessage =
  | {
      readonly kind: "answer";
      readonly requestId: string;
      readonly status: number;
      readonly message: string;
      readonly code?: string;
    }
  | { readonly kind: "report"; readonly order: VenueOrder; readonly trade?: VenueTrade }
  | { readonly kind: "balances"; readonly balances: Readonly<Record<string, Decimal>> }
  /** The venue ends this subscription or connection. */
  | { readonly kind: "ending"; readonly cause: string }
  | { readonly kind: "other" }
  /** Not JSON, or a report without its documented fields: something may be missed, so recovery has to run. */
  | { readonly kind: "unreadable" };
