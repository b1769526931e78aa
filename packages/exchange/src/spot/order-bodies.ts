/** Orders and trades in Binance's words. */
import { amountText } from "../amounts.ts";
import type { OrderState, Trade } from "../matching/order.ts";
import type { PreventedMatch } from "../matching/prevention.ts";

/** An order as queries and open orders tell it. */
export function queriedOrder(order: OrderState): object {
  return {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: -1,
    clientOrderId: order.clientOrderId,
    price: amountText(order.price),
    origQty: amountText(order.quantity),
    executedQty: amountText(order.executed),
    cummulativeQuoteQty: amountText(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
    stopPrice: amountText(order.stopPrice ?? 0n),
    icebergQty: amountText(order.icebergQuantity ?? 0n),
    time: order.createdAtMs,
    updateTime: order.updatedAtMs,
    isWorking: workingTime(order) >= 0,
    workingTime: workingTime(order),
    origQuoteOrderQty: amountText(order.quoteQuantity),
    selfTradePreventionMode: order.selfTradePrevention,
    ...ending(order),
    ...labels(order),
  };
}

/** When an order began to work; −1 for a conditional one that has not. */
export function workingTime(order: OrderState): number {
  return order.stopPrice === undefined ? order.createdAtMs : (order.triggeredAtMs ?? -1);
}

/** The answer to a new order, as much of it as `newOrderRespType` asks for. */
export function placedOrder(order: OrderState, trades: readonly Trade[], detail: "ACK" | "RESULT" | "FULL"): object {
  const ack = {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: -1,
    clientOrderId: order.clientOrderId,
    transactTime: order.createdAtMs,
  };
  if (detail === "ACK") return ack;
  const result = { ...ack, ...outcome(order), workingTime: workingTime(order), ...stp(order) };
  return detail === "RESULT" ? result : { ...result, fills: trades.map((trade) => fill(order, trade)) };
}

/** The answer to a cancel. */
export function cancelledOrder(order: OrderState, cancelId: string): object {
  return {
    symbol: order.symbol,
    origClientOrderId: order.clientOrderId,
    orderId: order.orderId,
    orderListId: -1,
    clientOrderId: cancelId,
    transactTime: order.updatedAtMs,
    ...outcome(order),
    ...stp(order),
  };
}

/** A trade of an account, as `myTrades` tells it. */
export function ownTrade(trade: Trade, account: string): object {
  const isBuyer = trade.buyer.account === account;
  const share = isBuyer ? trade.buyer : trade.seller;
  return {
    symbol: trade.symbol,
    id: trade.tradeId,
    orderId: share.orderId,
    orderListId: -1,
    price: amountText(trade.price),
    qty: amountText(trade.quantity),
    quoteQty: amountText(trade.quote),
    commission: amountText(share.commission),
    commissionAsset: share.commissionAsset,
    time: trade.atMs,
    isBuyer,
    isMaker: isBuyer === trade.isBuyerMaker,
    isBestMatch: true,
  };
}

/** A prevented match, as `myPreventedMatches` tells it. */
export function preventedMatch(one: PreventedMatch): object {
  const { takerPrevented, makerPrevented } = one;
  return {
    symbol: one.symbol,
    preventedMatchId: one.preventedMatchId,
    takerOrderId: one.takerOrderId,
    makerSymbol: one.symbol,
    makerOrderId: one.makerOrderId,
    tradeGroupId: 1,
    selfTradePreventionMode: one.mode,
    price: amountText(one.price),
    ...(takerPrevented === undefined ? {} : { takerPreventedQuantity: amountText(takerPrevented) }),
    ...(makerPrevented === undefined ? {} : { makerPreventedQuantity: amountText(makerPrevented) }),
    transactTime: one.atMs,
  };
}

function outcome(order: OrderState): object {
  return {
    price: amountText(order.price),
    origQty: amountText(order.quantity),
    executedQty: amountText(order.executed),
    origQuoteOrderQty: amountText(order.quoteQuantity),
    cummulativeQuoteQty: amountText(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
  };
}

function stp(order: OrderState): object {
  const { stopPrice, icebergQuantity } = order;
  return {
    selfTradePreventionMode: order.selfTradePrevention,
    ...(stopPrice === undefined ? {} : { stopPrice: amountText(stopPrice) }),
    ...(icebergQuantity === undefined ? {} : { icebergQty: amountText(icebergQuantity) }),
    ...ending(order),
    ...labels(order),
  };
}

function ending(order: OrderState): object {
  const { expiryReason, prevented } = order;
  if (prevented === undefined) return expiryReason === undefined ? {} : { expiryReason };
  return {
    preventedMatchId: prevented.preventedMatchId,
    preventedQuantity: amountText(order.quantity - order.executed),
  };
}

function labels({ strategyId, strategyType }: OrderState): object {
  return {
    ...(strategyId === undefined ? {} : { strategyId }),
    ...(strategyType === undefined ? {} : { strategyType }),
  };
}

function fill(order: OrderState, trade: Trade): object {
  const share = order.side === "BUY" ? trade.buyer : trade.seller;
  return {
    price: amountText(trade.price),
    qty: amountText(trade.quantity),
    commission: amountText(share.commission),
    commissionAsset: share.commissionAsset,
    tradeId: trade.tradeId,
  };
}
