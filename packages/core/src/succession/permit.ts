/**
 * The right to send. A `Permit` (epoch and deadline) can only be made here, from the state of a node that leads and
 * holds an open epoch; code that has none does not compile. It is checked again at the last metre, in the synchronous
 * function that hands the request to the socket. Invariants: I2 (no write at or after the deadline), I3.
 */
import type { Epoch } from "../ids.ts";
import type { MonoMs } from "../time.ts";

declare const permit: unique symbol;

/** Until `deadlineMonoMs` the holder may act for `epoch`. A value of now: ask again for a later one. */
export interface Permit {
  readonly epoch: Epoch;
  readonly deadlineMonoMs: MonoMs;
  readonly [permit]: true;
}

/** What must be true of a node for a permit to exist. */
export interface PermitGround {
  readonly role: "leader";
  readonly epoch: Epoch;
  readonly isEpochOpen: boolean;
  readonly isHeld: boolean;
}

/** The permit of a leading node at `now`, or undefined when its epoch is not open, it is held, or the deadline passed. */
export function issuePermit(ground: PermitGround, deadlineMonoMs: MonoMs, now: MonoMs): Permit | undefined {
  if (!ground.isEpochOpen || ground.isHeld || now >= deadlineMonoMs) return undefined;
  return { epoch: ground.epoch, deadlineMonoMs } as Permit;
}

/**
 * The right of a person who kills directly, with a key of his own and no part in any cluster: to take orders back until
 * `deadlineMonoMs`. Epoch 0 is nobody's. It is for a program whose venue connections call every order killed, so that
 * nothing can be placed with it.
 */
export function takeBackPermit(deadlineMonoMs: MonoMs): Permit {
  return { epoch: 0, deadlineMonoMs } as Permit;
}

/** Asked at the socket: the permit in force at this instant, if any. */
export interface PermitSource {
  current(now: MonoMs): Permit | undefined;
}

/** How far the deadline may move by one answered keepalive: its send time + the granted TTL − the margin. */
export function deadlineOf(keepalive: {
  readonly sentMonoMs: MonoMs;
  readonly confirmedSentMonoMs: MonoMs;
  readonly grantedTtlMs: number;
  readonly marginMs: number;
}): MonoMs {
  const earlier = Math.min(keepalive.sentMonoMs, keepalive.confirmedSentMonoMs);
  return (earlier + keepalive.grantedTtlMs - keepalive.marginMs) as MonoMs;
}
