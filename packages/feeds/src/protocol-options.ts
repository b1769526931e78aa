/** Where and how a venue is reached: its own addresses or those that were given, and its pace over REST. */
import type { BreakerState, Clock } from "@baton/core";
import type { VenueProfile } from "./profiles/profile.ts";
import { paceQuestions } from "./rest-pace.ts";
import type { RestGet } from "./rest.ts";
import { openRest } from "./rest.ts";

/** What the feed tells a protocol. */
export interface ProtocolOptions {
  readonly mode: "live" | "sandbox";
  /** Origins of the streams instead of the venue's own. */
  readonly wsUrls?: readonly string[] | undefined;
  readonly restUrl?: string | undefined;
  readonly clock: Clock;
  readonly restWithinMs: number;
  /** Least distance of two REST questions; undefined: the venue's own. */
  readonly restPaceMs?: number | undefined;
  /** Told of each change of the breaker before the REST interface. */
  readonly onRestBreaker?: ((state: BreakerState) => void) | undefined;
}

/** The URLs to dial: each origin with the venue's path, whether or not it was given with it. */
export function urlsOf(profile: VenueProfile, { mode, wsUrls }: ProtocolOptions, path: string): readonly string[] {
  return (wsUrls ?? profile.networks[mode].wsUrls).map((url) => {
    const origin = url.replace(/\/+$/, "");
    return path === "" || origin.endsWith(path) ? origin : `${origin}${path}`;
  });
}

/** Origin of the REST interface. */
export function originOf(profile: VenueProfile, { mode, restUrl }: ProtocolOptions): string {
  return (restUrl ?? profile.networks[mode].restUrl).replace(/\/+$/, "");
}

/** The REST interface at its pace. */
export function restOf(
  profile: VenueProfile,
  { clock, restWithinMs, restPaceMs, onRestBreaker }: ProtocolOptions,
  at: { readonly origin: string; readonly headers?: Readonly<Record<string, string>> },
): RestGet {
  const get = openRest({ ...at, clock, deadlineMs: restWithinMs, onBreaker: onRestBreaker });
  return paceQuestions(get, clock, restPaceMs ?? profile.restPaceMs);
}
