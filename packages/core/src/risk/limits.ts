/**
 * The limits that one order has to keep, taken from the configuration for its symbol. A limit can be reached and not be
 * passed: at the limit an order is let through, one step above it is refused.
 */
import { riskOf } from "../config/config.ts";
import type { DoubtConfig, RateLimit, RiskConfig, SymbolRisk } from "../config/config.ts";
import type { Decimal } from "../decimal.ts";
import type { SymbolId } from "../ids.ts";

/** All limits for an order in one symbol. */
export interface RiskLimits extends SymbolRisk {
  /** New orders and next attempts of the whole engine; survives takeover, since it is counted in the journal. */
  readonly orderRate: RateLimit;
  /** Wishes to cancel above which no new order passes; absent: no limit. */
  readonly cancelRate?: RateLimit;
  /** How often the very same may be wanted; one more switches its author off. Absent: no limit. */
  readonly repeatedExecution?: RateLimit;
  /** Quote currency → the day's loss at most; a currency that is not named has no limit. */
  readonly dayLossMax?: Readonly<Record<string, Decimal>>;
  readonly clockErrorMaxMs: number;
  /** What an order in doubt stops besides itself. */
  readonly doubtBlock: DoubtConfig["block"];
}

/** The limits in force for one symbol. */
export function limitsOf(risk: RiskConfig, doubt: Pick<DoubtConfig, "block">, symbol: SymbolId): RiskLimits {
  return {
    ...riskOf(risk, symbol),
    orderRate: risk.orderRate,
    ...(risk.cancelRate !== undefined && { cancelRate: risk.cancelRate }),
    ...(risk.repeatedExecution !== undefined && { repeatedExecution: risk.repeatedExecution }),
    ...(risk.dayLossMax !== undefined && { dayLossMax: risk.dayLossMax }),
    clockErrorMaxMs: risk.clockErrorMaxMs,
    doubtBlock: doubt.block,
  };
}
