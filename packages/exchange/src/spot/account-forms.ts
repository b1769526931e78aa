/** The spot venue's account events: one `executionReport` for each event of an order, and the balances after each step. */
import { amountText } from "../amounts.ts";
import type { Desk } from "../gateway/call.ts";
import type { Step } from "../market/trading-floor.ts";
import { isOpen, type OrderState, type Trade } from "../matching/order.ts";
import type { AccountForms, OrderEvent, Touched } from "../streams/account-streams.ts";

/** All of them. */
export const spotAccountForms: AccountForms = {
  reports: ({ event, order, step, reportId }) => [executionReport(event, order, step, reportId)],
  balances: accountPosition,
  ended: (subscription, nowMs) =>
    subscription.listenKey === undefined
      ? { e: "eventStreamTerminated", E: nowMs }
      : { e: "listenKeyExpired", E: nowMs, listenKey: subscription.listenKey },
};

function accountPosition(touched: Touched, nowMs: number, desk: Desk): object {
  const { engine } = desk.floor;
  const assets = new Set<string>();
  for (const symbol of touched.symbols) {
    const rules = engine.instrument(symbol);
    if (rules !== undefined) assets.add(rules.base).add(rules.quote);
  }
  return {
    e: "outboundAccountPosition",
    E: nowMs,
    u: nowMs,
    B: [...assets].map((asset) => {
      const { free, locked } = engine.ledger.balance(touched.account, asset);
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
    P: "0.00000000",
    F: "0.00000000",
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
    w: isOpen(order),
    m: isMaker,
    M: false,
    O: order.createdAtMs,
    Z: amountText(order.executedQuote),
    Q: amountText(order.quoteQuantity),
    W: order.createdAtMs,
    V: order.selfTradePrevention,
    ...(order.expiryReason === undefined ? {} : { eR: order.expiryReason }),
  };
}

function executionType(event: OrderEvent): string {
  switch (event.kind) {
    case "accepted":
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
