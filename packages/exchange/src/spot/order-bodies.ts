/** Orders and trades in Binance's words. */
import { amountText } from "../amounts.ts";
import type { OrderState, Trade } from "../matching/order.ts";

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
    stopPrice: "0.00000000",
    icebergQty: "0.00000000",
    time: order.createdAtMs,
    updateTime: order.updatedAtMs,
    isWorking: true,
    workingTime: order.createdAtMs,
    origQuoteOrderQty: amountText(order.quoteQuantity),
    selfTradePreventionMode: order.selfTradePrevention,
    ...expiry(order),
  };
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
  const result = { ...ack, ...outcome(order), workingTime: order.createdAtMs, ...stp(order) };
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
  return { selfTradePreventionMode: order.selfTradePrevention, ...expiry(order) };
}

function expiry(order: OrderState): object {
  return order.expiryReason === undefined ? {} : { expiryReason: order.expiryReason };
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
