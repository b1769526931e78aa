/**
 * Whether lease timing outlives an etcd election: T − margin − keepalive must exceed the time for which etcd accepts no
 * write when it loses its leader, else every change of etcd's leader fences the engine. Checked before a node starts.
 */
import type { LeadershipProfile } from "@baton/core";
import { profileTimings } from "@baton/core";
import { TimingRefused } from "./errors.ts";

const marginFloorMs = 250;

export interface LeaseTiming {
  /** As granted by etcd, which may be more than was asked. */
  readonly ttlMs: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  readonly profile: LeadershipProfile;
}

/** Throws `TimingRefused`, which names the setting to change and the least or greatest value that fits. */
export function validateTiming(o: LeaseTiming): void {
  if (o.marginMs < marginFloorMs) {
    throw new TimingRefused(
      "leadership.marginMs",
      `leadership.marginMs is ${o.marginMs}; it must be at least ${marginFloorMs} (drift of two clocks and one event-loop stall)`,
    );
  }
  const outageMs = profileTimings[o.profile].electionOutageMs;
  const ridesOutMs = o.ttlMs - o.marginMs - o.keepaliveMs;
  if (ridesOutMs > outageMs) return;
  const keepaliveMostMs = o.ttlMs - o.marginMs - outageMs - 1;
  // Asking etcd more often than ten times per lease is no cure; then the lease is too short.
  if (keepaliveMostMs >= o.ttlMs / 10) {
    throw new TimingRefused(
      "leadership.keepaliveMs",
      `leadership.keepaliveMs is ${o.keepaliveMs}; with a lease of ${o.ttlMs} ms it must be at most ${keepaliveMostMs}, ` +
        `else an etcd election (${outageMs} ms, profile ${o.profile}) ends the lease`,
    );
  }
  const ttlSeconds = Math.ceil((o.marginMs + o.keepaliveMs + outageMs + 1) / 1_000);
  throw new TimingRefused(
    "leadership.leaseTtlSeconds",
    `leadership.leaseTtlSeconds is ${o.ttlMs / 1_000}; it must be at least ${ttlSeconds}, ` +
      `else an etcd election (${outageMs} ms, profile ${o.profile}) ends the lease`,
  );
}
