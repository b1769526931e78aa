/**
 * The best prices in the audit, where a checker is to see what an engine should have known: each that is another one than
 * before, with the book's update id at which it came to be, before anybody is told of it. Off by default, since a lively
 * market writes more of these than of everything else.
 */
import { bestPrices } from "../calls/market.ts";
import type { Desk } from "../gateway/call.ts";
import { amountDecimal } from "../amounts.ts";
import type { Step } from "../market/trading-floor.ts";
import type { AuditLog } from "./audit-log.ts";

/** What a step has changed of the best prices is on record when this returns; call it for each step before it is told. */
export function priceLog(desk: Desk, audit: AuditLog): (step: Step) => void {
  const told = new Map<string, string>();
  return ({ market }) => {
    const symbols = new Set(market.flatMap((event) => (event.kind === "level" ? [event.symbol] : [])));
    for (const symbol of symbols) {
      const { bid, ask, updateId } = bestPrices(desk, symbol);
      const text = `${bid?.price ?? ""} ${ask?.price ?? ""}`;
      if (told.get(symbol) === text) continue;
      told.set(symbol, text);
      audit.append({
        ...{ type: "price", symbol, updateId },
        ...(bid === undefined ? {} : { bid: amountDecimal(bid.price) }),
        ...(ask === undefined ? {} : { ask: amountDecimal(ask.price) }),
      });
    }
  };
}
