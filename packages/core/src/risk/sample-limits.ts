/** The limits, the book and the short words that the tests of risk share. */
import { decimal } from "../decimal.ts";
import { basis, rules, terms } from "../orders/sample-events.ts";
import type { Story } from "../orders/sample-events.ts";
import type { OrderTerms } from "../orders/terms.ts";
import { wallMs } from "../time.ts";
import { checkRisk } from "./check.ts";
import type { RiskContext } from "./check.ts";
import type { RiskLimits } from "./limits.ts";

/** Few of each, so that a test reaches them. */
export const limits: RiskLimits = {
  orderQuantityMax: decimal("5"),
  orderNotionalMax: decimal("400"),
  collarBps: 100,
  positionMax: decimal("6"),
  orderRate: { count: 3, perMs: 1_000 },
  clockErrorMaxMs: 250,
  doubtBlock: "intent",
};

/** Around a book of 99.5 / 100; the middle is 99.75, a collar of 100 bps reaches from 98.7525 to 100.7475. */
export const context: RiskContext = {
  rules,
  limits,
  market: { kind: "fresh", basis },
  clockErrorMs: 5,
  nowWallMs: wallMs(20_000),
};

/** The code by which this order is refused; undefined when it passes. */
export function code(s: Story, over: Partial<OrderTerms>, more: Partial<RiskContext> = {}): string | undefined {
  return checkRisk(s.state, terms(over), { ...context, ...more })?.code;
}

/** An order of this quantity. */
export const q = (quantity: string): Partial<OrderTerms> => ({ quantity: decimal(quantity) });
/** An order at this price. */
export const p = (price: string): Partial<OrderTerms> => ({ price: decimal(price) });
/** The same with other limits. */
export const within = (over: Partial<RiskLimits>): Partial<RiskContext> => ({ limits: { ...limits, ...over } });
