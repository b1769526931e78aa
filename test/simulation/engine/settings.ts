/**
 * What the nodes of a world are configured with: the times of the `lan` profile, and bounds of the venue short enough that
 * a doubt ends within a run. The venue of the world keeps within these bounds; beyond them nothing is promised.
 */
import { decimal } from "@baton/core";
import type { DoubtPolicy, RiskLimits, SuccessionTiming } from "@baton/core";

export interface Timing {
  readonly ttlMs: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  readonly heartbeatMs: number;
}

export interface Settings {
  readonly timing: Timing;
  readonly succession: SuccessionTiming;
  readonly durability: "strict" | "available";
  readonly validityMs: number;
  readonly minValidityMs: number;
  /** How long a request waits for the venue's answer. */
  readonly deadlineMs: number;
  readonly yieldMs: number;
  readonly staleAfterMs: number;
  readonly doubt: DoubtPolicy;
  readonly limits: RiskLimits;
}

const clockErrorMaxMs = 250;

/** The settings of a world; what differs between worlds is drawn from its seed. */
export function settingsOf(o: {
  readonly preempt: boolean;
  readonly durability: Settings["durability"];
  readonly positionMax: number;
}): Settings {
  const validityMs = 1_500;
  return {
    timing: { ttlMs: 2_000, keepaliveMs: 250, marginMs: 300, heartbeatMs: 100 },
    succession: {
      silenceMs: 1_000,
      shrinkMs: 300,
      disconnectedShrinkMs: 100,
      preempt: o.preempt,
      switchoverMs: 2_000,
    },
    durability: o.durability,
    validityMs,
    minValidityMs: 100,
    deadlineMs: 1_200,
    yieldMs: 2_000,
    staleAfterMs: 1_000,
    doubt: {
      processingBoundMs: 1_500,
      queryLagMs: 800,
      clockErrorMs: 2 * clockErrorMaxMs,
      validityMaxMs: validityMs,
    },
    limits: {
      orderQuantityMax: decimal("0.5"),
      orderNotionalMax: decimal(100_000),
      collarBps: 100,
      positionMax: decimal(`${o.positionMax}`),
      orderRate: { count: 60, perMs: 2_000 },
      clockErrorMaxMs,
      doubtBlock: "intent",
    },
  };
}
