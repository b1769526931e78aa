/**
 * What the nodes of a world are configured with: the times of the `lan` profile, and bounds of the venue short enough that
 * a doubt ends within a run. The venue of the world keeps within these bounds; beyond them nothing is promised.
 */
import { decimal, id } from "@baton/core";
import type {
  DoubtPolicy,
  InstrumentRules,
  PromotabilityRules,
  RiskLimits,
  SuccessionTiming,
  SymbolId,
} from "@baton/core";

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
  /** With etcd away, go on by the peers' promises. */
  readonly failsafe: boolean;
  readonly staleAfterMs: number;
  readonly flap: PromotabilityRules["flap"];
  readonly loop: PromotabilityRules["loop"];
  readonly doubt: DoubtPolicy;
  readonly limits: RiskLimits;
}

const clockErrorMaxMs = 250;

/** The settings of a world; what differs between worlds is drawn from its seed. */
export function settingsOf(o: {
  readonly preempt: boolean;
  readonly durability: Settings["durability"];
  readonly positionMax: number;
  /** Orders in two seconds. */
  readonly ordersMax?: number;
  readonly failsafe: boolean;
}): Settings {
  const validityMs = 1_500;
  return {
    timing: { ttlMs: 2_000, keepaliveMs: 250, marginMs: 300, heartbeatMs: 100 },
    succession: {
      silenceMs: 1_000,
      silenceMaxMs: 1_500,
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
    failsafe: o.failsafe,
    staleAfterMs: 1_000,
    flap: { deathsMax: 4, withinMs: 15_000 },
    loop: { takeoversMax: 3, withinMs: 15_000 },
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
      orderRate: { count: o.ordersMax ?? 60, perMs: 2_000 },
      clockErrorMaxMs,
      doubtBlock: "intent",
    },
  };
}

/** The venue's rules as nodes know them, from its published filters. */
export function rulesOf(o: {
  readonly base: string;
  readonly tick: string;
  readonly step: string;
}): readonly [SymbolId, InstrumentRules] {
  const symbol = id<SymbolId>(`${o.base}/USDT`);
  return [
    symbol,
    {
      symbol,
      base: o.base,
      quote: "USDT",
      tickSize: decimal(o.tick),
      lotSize: decimal(o.step),
      quantityMin: decimal(o.step),
      quantityMax: decimal(9_000),
      notionalMin: decimal(5),
    },
  ];
}
