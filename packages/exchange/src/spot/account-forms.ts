/** The spot venue's account events: one `executionReport` for each event of an order, and the balances after each step. */
import { amountText, notional } from "../amounts.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import { isOpen, isWaiting, type OrderState, type Trade } from "../matching/order.ts";
import type { AccountForms, OrderEvent } from "../streams/account-streams.ts";
import { workingTime } from "./order-bodies.ts";

/** All of them. */
export const spotAccountForms: AccountForms = {
  reports: ({ event, order, step, reportId }) => [executionReport(event, order, step, reportId)],
  balances: (touched, nowMs, desk) => {
    const { engine } = desk.floor;
    const rules = [...touched.symbols].map((symbol) => engine.instrument(symbol)).filter((one) => one !== undefined);
    const assets = new Set(rules.flatMap(({ base, quote }) => [base, quote]));
    return accountPosition(touched.account, assets, nowMs, desk);
  },
  transferred: ({ account, asset, amount }, nowMs, desk) => [
    { e: "balanceUpdate", E: nowMs, a: asset, d: amountText(amount), T: nowMs },
    accountPosition(account, new Set([asset]), nowMs, desk),
  ],
  ended: (subscription, nowMs) =>
    subscription.listenKey === undefined
      ? { e: "eventStreamTerminated", E: nowMs }
      : { e: "listenKeyExpired", E: nowMs, listenKey: subscription.listenKey },
};

function accountPosition(account: string, assets: ReadonlySet<string>, nowMs: number, desk: Desk): object {
  return {
    e: "outboundAccountPosition",
    E: nowMs,
    u: nowMs,
    B: [...assets].map((asset) => {
      const { free, locked } = desk.floor.engine.ledger.balance(account, asset);
      return { a: asset, f: amountText(free), l: amountText(locked) };
    }),
  };
}

function executionReport(event: OrderEvent, order: OrderState, step: Step, reportId: number): object {
  const trade = event.kind === "traded" ? event.trade : undefined;
  const isMaker = event.kind === "traded" && order === event.maker;
  const isCancel = event.kind === "cancelled";
  return {
    e: "executionReport",
    E: step.nowMs,
    s: order.symbol,
    c: isCancel ? (step.cancelId ?? order.clientOrderId) : order.clientOrderId,
    S: order.side,
    o: order.type,
    f: order.timeInForce,
    q: amountText(order.quantity),
    p: amountText(order.price),
    P: amountText(order.stopPrice ?? 0n),
    F: amountText(order.icebergQuantity ?? 0n),
    g: -1,
    C: isCancel ? order.clientOrderId : "",
    x: executionType(event),
    X: order.status,
    r: "NONE",
    i: order.orderId,
    z: amountText(order.executed),
    ...lastExecution(order, trade),
    T: order.updatedAtMs,
    I: reportId,
    w: isOpen(order) && !isWaiting(order),
    m: isMaker,
    M: false,
    O: order.createdAtMs,
    Z: amountText(order.executedQuote),
    Q: amountText(order.quoteQuantity),
    ...(workingTime(order) < 0 ? {} : { W: workingTime(order) }),
    V: order.selfTradePrevention,
    ...(order.strategyId === undefined ? {} : { j: order.strategyId }),
    ...(order.strategyType === undefined ? {} : { J: order.strategyType }),
    ...ending(order),
  };
}

function ending(order: OrderState): object {
  const { prevented, expiryReason } = order;
  if (prevented === undefined) return expiryReason === undefined ? {} : { eR: expiryReason };
  const left = amountText(order.quantity - order.executed);
  const isTaker = prevented.takerOrderId === order.orderId;
  return {
    v: prevented.preventedMatchId,
    A: left,
    B: left,
    u: 1,
    U: isTaker ? prevented.makerOrderId : prevented.takerOrderId,
    Cs: order.symbol,
    pl: amountText(prevented.quantity),
    pL: amountText(prevented.price),
    pY: amountText(notional(prevented.price, prevented.quantity)),
  };
}

function executionType(event: OrderEvent): string {
  switch (event.kind) {
    case "accepted":
    case "triggered":
      return "NEW";
    case "traded":
      return "TRADE";
    case "cancelled":
      return "CANCELED";
    case "expired":
      return event.reason === "STP" ? "TRADE_PREVENTION" : "EXPIRED";
  }
}

function lastExecution(order: OrderState, trade: Trade | undefined): object {
  if (trade === undefined) {
    return { l: "0.00000000", L: "0.00000000", Y: "0.00000000", n: "0", N: null, t: -1 };
  }
  const share = order.side === "BUY" ? trade.buyer : trade.seller;
  return {
    l: amountText(trade.quantity),
    L: amountText(trade.price),
    Y: amountText(trade.quote),
    n: amountText(share.commission),
    N: share.commissionAsset,
    t: trade.tradeId,
  };
}
