/**
 * What became of one request to a venue. Five classes and no sixth: accepted, rejected, not sent, duplicate, in doubt.
 * `rejected` needs a code on the venue's definite list, `not-sent` needs proof that no byte left; everything else is in
 * doubt, which is a state to be resolved by venue evidence (`resolution.ts`), never an error to be retried.
 */
import type { Decimal } from "../decimal.ts";
import type { VenueOrderId } from "../ids.ts";
import type { WallMs } from "../time.ts";

/** Why it is certain that nothing was sent. */
export type NotSentReason =
  | "permit-ended" // the last check at the socket found no permit
  | "validity-too-short" // less than minValidityMs was left at the socket
  | "expired" // past the intent's own sendWithinMs
  | "connect-failed" // refused, DNS or TLS failure before any request byte
  | "limiter" // no token within the intent's sendWithinMs
  | "breaker-open"
  | "killed" // a kill level came into force before sending
  | "risk" // a later attempt was refused by risk
  | "withdrawn" // its leader stopped sending for a switchover: this attempt never leaves, whoever leads next makes another
  | "cancelled"; // its owner took it back before it was sent

/** The order as the venue describes it. */
export interface VenueOrder {
  readonly venueOrderId: VenueOrderId;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly status: VenueOrderStatus;
  readonly quantity: Decimal;
  /** Absent for market orders. */
  readonly price?: Decimal;
  readonly executed: Decimal;
  /** Absent where the venue does not say. */
  readonly reduceOnly?: boolean;
}

export type VenueOrderStatus = "open" | "partially-filled" | "filled" | "cancelled" | "expired" | "rejected";

/** When and how long a request was valid: filled in by the interceptor at the socket, absent when nothing was sent. */
export interface SendStamp {
  readonly sentWallMs: WallMs;
  /** The signed window: the venue refuses the request later than `sentWallMs + validityMs`. */
  readonly validityMs: number;
}

export type PlaceOutcome =
  | { readonly kind: "accepted"; readonly order: VenueOrder; readonly stamp: SendStamp }
  | { readonly kind: "rejected"; readonly code: string; readonly message: string; readonly stamp: SendStamp }
  | { readonly kind: "not-sent"; readonly reason: NotSentReason; readonly message: string }
  | { readonly kind: "duplicate"; readonly message: string; readonly stamp: SendStamp }
  | { readonly kind: "in-doubt"; readonly cause: string; readonly stamp?: SendStamp };

export type CancelOutcome =
  | { readonly kind: "cancelled"; readonly order: VenueOrder | undefined }
  /** The venue knows no such open order now; proves nothing about one still under way. */
  | { readonly kind: "unknown-order"; readonly message: string }
  | { readonly kind: "not-sent"; readonly reason: NotSentReason; readonly message: string }
  | { readonly kind: "in-doubt"; readonly cause: string };

/** Answer of a query by client order id. */
export type QueryOutcome =
  | { readonly kind: "found"; readonly order: VenueOrder }
  | { readonly kind: "not-found" }
  | { readonly kind: "unavailable"; readonly cause: string };
