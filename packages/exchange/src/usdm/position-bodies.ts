/** Positions in the futures venue's words. */
import { notional } from "../amounts.ts";
import type { Desk } from "../gateway/call.ts";
import type { Margin } from "./margin.ts";
import { shortText, stepText } from "./numbers.ts";
import { rulesOf } from "./order-bodies.ts";
import { entryPrice, unrealised } from "./positions.ts";

/** True when there is a position or an open order: the newer calls tell only of those. */
export function hasPosition(desk: Desk, margin: Margin, account: string, symbol: string): boolean {
  return margin.position(account, symbol).quantity !== 0n || desk.floor.engine.orders.openCount(account, symbol) > 0;
}

/** A position as `positionRisk` tells it. */
export function positionRisk(desk: Desk, margin: Margin, account: string, symbol: string): object {
  const rules = rulesOf(desk, symbol);
  const position = margin.position(account, symbol);
  const mark = margin.mark(symbol);
  const isIsolated = margin.marginType(account, symbol) === "ISOLATED";
  const entry = shortText(entryPrice(position));
  const needed = shortText(margin.positionMargin(account, symbol));
  return {
    symbol,
    positionSide: "BOTH",
    positionAmt: stepText(position.quantity, rules.stepSize),
    entryPrice: entry,
    breakEvenPrice: entry,
    markPrice: shortText(mark),
    unRealizedProfit: shortText(unrealised(position, mark)),
    liquidationPrice: "0",
    leverage: `${margin.leverage(account, symbol)}`,
    maxNotionalValue: "1000000000",
    marginType: isIsolated ? "isolated" : "cross",
    isolated: isIsolated,
    isolatedMargin: "0",
    isAutoAddMargin: "false",
    isolatedWallet: "0",
    notional: shortText(notional(mark, position.quantity)),
    marginAsset: rules.quote,
    initialMargin: needed,
    maintMargin: "0",
    positionInitialMargin: needed,
    openOrderInitialMargin: "0",
    adl: 0,
    bidNotional: "0",
    askNotional: "0",
    updateTime: position.updatedAtMs,
  };
}

/** A position as the account tells it. */
export function accountPosition(desk: Desk, margin: Margin, account: string, symbol: string): object {
  const rules = rulesOf(desk, symbol);
  const position = margin.position(account, symbol);
  const mark = margin.mark(symbol);
  return {
    symbol,
    positionSide: "BOTH",
    positionAmt: stepText(position.quantity, rules.stepSize),
    entryPrice: shortText(entryPrice(position)),
    breakEvenPrice: shortText(entryPrice(position)),
    unrealizedProfit: shortText(unrealised(position, mark)),
    isolated: margin.marginType(account, symbol) === "ISOLATED",
    isolatedMargin: "0",
    isolatedWallet: "0",
    leverage: `${margin.leverage(account, symbol)}`,
    notional: shortText(notional(mark, position.quantity)),
    initialMargin: shortText(margin.positionMargin(account, symbol)),
    positionInitialMargin: shortText(margin.positionMargin(account, symbol)),
    openOrderInitialMargin: "0",
    maintMargin: "0",
    maxNotional: "1000000000",
    bidNotional: "0",
    askNotional: "0",
    updateTime: position.updatedAtMs,
  };
}
