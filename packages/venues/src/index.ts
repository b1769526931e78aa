/** The one door of venues: a connection to an account at a venue, its stream, and its baseline. */
export { openVenue } from "./open.ts";
export { tradeNames } from "./dialects/trade-ids.ts";
export { takeBaseline, type Baseline } from "./baseline.ts";
export { VenueSetupError, VenueUnavailable } from "./venue.ts";
export type { ClockReading, OrderToPlace, RequestTelemetry, Venue, VenueOptions, VenueTrade } from "./venue.ts";
export type { AccountEvent, FactSource } from "./account-ledger.ts";
export type { AccountKnowledge } from "./account-recovery.ts";
export type { AccountStream, AccountStreamOptions, AccountStreamState } from "./account-stream.ts";
