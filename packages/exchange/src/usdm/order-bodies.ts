/** Orders and trades in the futures venue's words. */
import { ONE } from "../amounts.ts";
import type { Desk } from "../gateway/call.ts";
import type { Instrument } from "../matching/instrument.ts";
import type { OrderState, Trade } from "../matching/order.ts";
import { shortText, stepText } from "./numbers.ts";

/** An order as queries and open orders tell it. */
export function queriedOrder(desk: Desk, order: OrderState): object {
  return { ...common(order, rulesOf(desk, order.symbol)), time: order.createdAtMs, updateTime: order.updatedAtMs };
}

/** The answer to a new order or a cancel. */
export function changedOrder(desk: Desk, order: OrderState): object {
  const rules = rulesOf(desk, order.symbol);
  return { ...common(order, rules), cumQty: stepText(order.executed, rules.stepSize), updateTime: order.updatedAtMs };
}

/** The answer to a new order of which only the acceptance was asked: as it was before it traded. */
export function acknowledgedOrder(desk: Desk, order: OrderState): object {
  const { expiryReason: _reason, ...rest } = order;
  return changedOrder(desk, {
    ...rest,
    status: "NEW",
    executed: 0n,
    executedQuote: 0n,
    updatedAtMs: order.createdAtMs,
  });
}

/** A trade of an account, as `userTrades` tells it. */
export function ownTrade(desk: Desk, trade: Trade, account: string): object {
  const rules = rulesOf(desk, trade.symbol);
  const isBuyer = trade.buyer.account === account;
  const share = isBuyer ? trade.buyer : trade.seller;
  return {
    symbol: trade.symbol,
    id: trade.tradeId,
    orderId: share.orderId,
    side: isBuyer ? "BUY" : "SELL",
    price: stepText(trade.price, rules.tickSize),
    qty: stepText(trade.quantity, rules.stepSize),
    realizedPnl: shortText(share.realised ?? 0n),
    quoteQty: shortText(trade.quote),
    commission: shortText(share.commission),
    commissionAsset: share.commissionAsset,
    time: trade.atMs,
    positionSide: "BOTH",
    buyer: isBuyer,
    maker: isBuyer === trade.isBuyerMaker,
  };
}

/** The type and the time in force as the client named them: a post-only order is LIMIT and GTX. */
export function wireTerms(order: Pick<OrderState, "type" | "timeInForce">): {
  readonly type: string;
  readonly timeInForce: string;
} {
  return order.type === "LIMIT_MAKER"
    ? { type: "LIMIT", timeInForce: "GTX" }
    : { type: order.type, timeInForce: order.timeInForce };
}

/** The average price of what an order has traded. */
export function averagePrice(order: OrderState): bigint {
  return order.executed === 0n ? 0n : (order.executedQuote * ONE) / order.executed;
}

/** The rules of a traded symbol. */
export function rulesOf(desk: Desk, symbol: string): Instrument {
  return desk.floor.engine.instrument(symbol) as Instrument;
}

function common(order: OrderState, rules: Instrument): object {
  const { type, timeInForce } = wireTerms(order);
  return {
    orderId: order.orderId,
    symbol: order.symbol,
    status: order.status,
    clientOrderId: order.clientOrderId,
    price: stepText(order.price, rules.tickSize),
    avgPrice: shortText(averagePrice(order)),
    origQty: stepText(order.quantity, rules.stepSize),
    executedQty: stepText(order.executed, rules.stepSize),
    cumQuote: shortText(order.executedQuote),
    timeInForce,
    type,
    reduceOnly: order.reducesOnly === true,
    closePosition: false,
    side: order.side,
    positionSide: "BOTH",
    stopPrice: "0",
    workingType: "CONTRACT_PRICE",
    priceProtect: false,
    origType: type,
    priceMatch: "NONE",
    selfTradePreventionMode: order.selfTradePrevention,
    goodTillDate: 0,
  };
}
