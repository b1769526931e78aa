/**
 * Parent orders in bad weather: one after another, of each algorithm that makes slices, small ones, so that every takeover
 * meets some of them in some state. The checker then asks of each slice whether it was executed once or is on record as
 * not executed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { PlaceOrderRequest, SymbolId } from "@baton/core";
import type { OrderFlow } from "../flow/order-flow.ts";

const everyMs = 2_500;
const durationMs = 8_000;

/** Places parents until `isOver`; gives their ids. One that nobody took in time is left out: it was never acknowledged. */
export async function placeParents(flow: OrderFlow, run: string, isOver: () => boolean): Promise<readonly string[]> {
  const parents: string[] = [];
  for (let at = 0; !isOver(); at++) {
    const request = requests[at % requests.length]?.(at % 2 === 0 ? "buy" : "sell", flow);
    if (request !== undefined) {
      const taken = await flow.tryParent(request, `${run}-parent-${at}`);
      if (taken !== undefined) parents.push(taken);
    }
    await delay(everyMs);
  }
  return parents;
}

type Side = "buy" | "sell";

const requests: readonly ((side: Side, flow: OrderFlow) => PlaceOrderRequest | undefined)[] = [
  (side) => ({
    ...{ algo: "twap", symbol: id<SymbolId>("BTC/USDT"), side, quantity: decimal("0.02") },
    ...{ slices: 16, durationMs, aggressionBps: 10 },
  }),
  (side) => ({
    ...{ algo: "vwap", symbol: id<SymbolId>("ETH/USDT"), side, quantity: decimal("0.4") },
    ...{ weights: ["1", "3", "2", "4", "2", "3", "1"].map((weight) => decimal(weight)), durationMs, aggressionBps: 10 },
  }),
  (side) => ({
    ...{ algo: "pov", symbol: id<SymbolId>("SOL/USDT"), side, quantity: decimal("8") },
    ...{ participation: decimal("0.2"), durationMs, intervalMs: 500, aggressionBps: 10 },
  }),
  (side, flow) => {
    const quote = flow.quoteOf(id<SymbolId>("ETH/USDT"));
    if (quote === undefined) return undefined;
    const limitPrice = side === "buy" ? quote.ask : quote.bid;
    return {
      ...{ algo: "iceberg", symbol: id<SymbolId>("ETH/USDT"), side, quantity: decimal("0.3") },
      ...{ display: decimal("0.05"), limitPrice, timeInForce: "GTC" },
    };
  },
];
