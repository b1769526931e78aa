/**
 * The venue's dead man's switch: a countdown that cancels our orders unless it is set again in time. Only the leader of the
 * current epoch sets it (it takes a permit); a new leader does so before anything else; nobody takes it back on the way
 * down. Decided here: when cancels that nobody asked for may be the switch's own, so that they are understood and not taken
 * for somebody else's hand. The countdown runs at the venue: it may have ended when the last setting that was answered is
 * older than it, and in a new term before its own first setting was answered.
 */
import { monoMs } from "../time.ts";
import type { MonoMs } from "../time.ts";
import type { VenueProfile } from "../venues/profile.ts";

/** `none`: not used; `arm-on-lead`: set while this cluster has a leader, taken back when the last one stops in order;
 *  `arm-always`: never taken back, so that a cluster that stops leaves no order behind. */
export type SwitchPolicy = "none" | "arm-on-lead" | "arm-always";

/** What a term knows of one venue's switch. */
export interface SwitchWatch {
  /** When the newest setting that the venue answered was sent. */
  readonly setMonoMs?: MonoMs;
  /** What a countdown that ended cancelled is told of until then. */
  readonly suspectUntilMonoMs?: MonoMs;
}

/** How long after a countdown ended its cancels may still be told: by a stream that was away, or by a recovery. */
const toldWithinMs = 10_000;

/** How often it is set again: three settings may be lost before it ends. */
export function switchEveryMs(timeoutMs: number): number {
  return Math.floor(timeoutMs / 4);
}

/** What settings may take of the venue's limit by weight; the rest is for orders, cancels and doubts. */
const shareMax = 0.5;

/**
 * Why the venue cannot be kept to this countdown, as a sentence for an operator; undefined when it can. `symbols`: how many
 * are traded there, since some venues count each alone.
 */
export function switchRefusal(
  profile: Pick<VenueProfile, "title" | "deadMansSwitch" | "limits">,
  wanted: { readonly timeoutMs: number; readonly symbols: number },
): string | undefined {
  const { title, deadMansSwitch, limits } = profile;
  const { timeoutMs, symbols } = wanted;
  if (deadMansSwitch === undefined) return `${title} has no dead man's switch that Baton could set`;
  const { minMs, maxMs, scope, weight } = deadMansSwitch;
  if (timeoutMs < minMs || timeoutMs > maxMs) {
    return `the dead man's switch of ${title} takes ${minMs} to ${maxMs} ms, not ${timeoutMs}`;
  }
  const oneSetting = scope === "symbol" ? weight * symbols : weight;
  const tooMuch = limits.find(
    (rule) => rule.counts === "weight" && (oneSetting * rule.perMs) / switchEveryMs(timeoutMs) > rule.limit * shareMax,
  );
  if (tooMuch === undefined) return undefined;
  return `setting the dead man's switch of ${title} four times in ${timeoutMs} ms would take over half of its limit (${tooMuch.name}): choose a longer timeoutMs`;
}

/** A setting that was sent at `sentMonoMs` was answered at `now`. */
export function switchSet(watch: SwitchWatch, sentMonoMs: MonoMs, now: MonoMs, timeoutMs: number): SwitchWatch {
  const mayHaveEnded = watch.setMonoMs === undefined || now - watch.setMonoMs >= timeoutMs;
  return {
    setMonoMs: sentMonoMs,
    ...(mayHaveEnded
      ? { suspectUntilMonoMs: monoMs(now + toldWithinMs) }
      : watch.suspectUntilMonoMs !== undefined && { suspectUntilMonoMs: watch.suspectUntilMonoMs }),
  };
}

/** True when a cancel that is told now may be the switch's. */
export function maySwitchHaveFired(watch: SwitchWatch, now: MonoMs, timeoutMs: number): boolean {
  if (watch.setMonoMs === undefined || now - watch.setMonoMs >= timeoutMs) return true;
  return watch.suspectUntilMonoMs !== undefined && now < watch.suspectUntilMonoMs;
}
