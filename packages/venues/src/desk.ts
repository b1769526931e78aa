/**
 * What every signed request of an order stands on: the window it is signed for, never longer than the permit behind it
 * less what the clocks may be off, and the question that is asked again in the synchronous function that writes (I2).
 */
import {
  wallMs,
  type MonoMs,
  type Permit,
  type PermitSource,
  type PlaceOutcome,
  type SendStamp,
  type SymbolId,
  type VenueOrderId,
} from "@baton/core";
import type { OrderName, SymbolOf } from "./dialects/dialect.ts";
import type { Refusal } from "./last-check.ts";
import type { Line } from "./requests.ts";

/** What orders need beyond the line. */
export interface OrderDesk {
  readonly line: Line;
  readonly permits: PermitSource;
  readonly validityMs: number;
  readonly minValidityMs: number;
  readonly deadlineMs: number;
  readonly venueSymbolOf: (symbol: SymbolId) => string;
  readonly symbolOf: SymbolOf;
  /** The order by its venue's names. */
  readonly nameOf: (order: {
    readonly symbol: SymbolId;
    readonly clientOrderId: string;
    readonly venueOrderId?: VenueOrderId;
  }) => OrderName;
  readonly isKilled: (order: { readonly clientOrderId: string; readonly symbol: SymbolId }) => boolean;
  readonly onLateAnswer: (clientOrderId: string, outcome: PlaceOutcome) => void;
}

/** The signature's time and window: never longer than the permit that stands behind it, less what the clocks may be off. */
export function signingWindow(
  desk: OrderDesk,
  permit: Permit,
): Refusal | { readonly stamp: SendStamp; readonly expiresMonoMs: number } {
  const now = desk.line.clock.mono();
  const current = desk.permits.current(now);
  if (current === undefined || current.epoch !== permit.epoch) return permitEnded(permit);
  const venueNow = desk.line.venueClock.now();
  if (venueNow === undefined) return { reason: "validity-too-short", message: "the venue's time is not known yet" };
  const { validity } = desk.line.dialect.profile;
  const permitMs = current.deadlineMonoMs - now - venueNow.errorMs;
  const leftMs = Math.floor(Math.min(desk.validityMs, permitMs));
  const leastMs = Math.max(desk.minValidityMs, validity.kind === "fixed" ? 0 : validity.minMs);
  if (leftMs < leastMs) return tooShort(leftMs, leastMs);
  const sentWallMs = wallMs(Math.floor(venueNow.venueWallMs));
  // Where nothing shortens the signature, the stamp says how long it truly counts: doubt waits for that.
  const validityMs = validity.kind === "fixed" ? validity.maxMs : leftMs;
  return { stamp: { sentWallMs, validityMs }, expiresMonoMs: now + leftMs };
}

/** The check itself, run in the synchronous function that writes: the same epoch, before its deadline, and still worth sending. */
export function refusalAtSocket(
  desk: OrderDesk,
  permit: Permit,
  expiresMonoMs: number,
  now: MonoMs,
): Refusal | undefined {
  const current = desk.permits.current(now);
  if (current === undefined || current.epoch !== permit.epoch || now >= current.deadlineMonoMs)
    return permitEnded(permit);
  const leftMs = expiresMonoMs - now;
  return leftMs < desk.minValidityMs ? tooShort(leftMs, desk.minValidityMs) : undefined;
}

function permitEnded(permit: Permit): Refusal {
  return { reason: "permit-ended", message: `the permit of epoch ${permit.epoch} has ended` };
}

function tooShort(leftMs: number, leastMs: number): Refusal {
  return {
    reason: "validity-too-short",
    message: `${Math.max(0, Math.floor(leftMs))} ms of validity are left, ${leastMs} are needed`,
  };
}
