/**
 * The futures venue's account events: an `ORDER_TRADE_UPDATE` for each event of an order, with a `TRADE_LITE` before it
 * when it traded, and after a step that traded one `ACCOUNT_UPDATE` with the wallet and the positions that changed. One
 * of its own, by its reason an `ADJUSTMENT`, tells that a trade was taken back.
 */
import type { Desk } from "../gateway/call.ts";
import type { OrderState, Trade } from "../matching/order.ts";
import type { AccountForms, OrderEvent, Touched } from "../streams/account-streams.ts";
import type { Margin } from "./margin.ts";
import { shortText, stepText } from "./numbers.ts";
import { averagePrice, rulesOf, wireTerms } from "./order-bodies.ts";
import { entryPrice, unrealised } from "./positions.ts";

/** All of them, on the margin of one exchange. */
export function usdmAccountForms(margin: Margin): AccountForms {
  return {
    reports: ({ event, order, step }, desk) => [
      ...(event.kind === "traded" ? [tradeLite(event.trade, event.maker === order, order, step.nowMs, desk)] : []),
      { e: "ORDER_TRADE_UPDATE", E: step.nowMs, T: order.updatedAtMs, o: orderReport(event, order, desk) },
    ],
    balances: (touched, nowMs, desk) => (touched.hasTraded ? accountUpdate(touched, nowMs, desk, margin) : undefined),
    transferred: ({ account, asset, amount, symbol }, nowMs, desk) => {
      const wallet = shortText(desk.floor.engine.ledger.balance(account, asset).free);
      const balance = { a: asset, wb: wallet, cw: wallet, bc: shortText(amount) };
      const reason = symbol !== undefined ? "ADJUSTMENT" : amount < 0n ? "WITHDRAW" : "DEPOSIT";
      const positions = symbol === undefined ? [] : [changedPosition(desk, margin, account, symbol)];
      return [{ e: "ACCOUNT_UPDATE", E: nowMs, T: nowMs, a: { m: reason, B: [balance], P: positions } }];
    },
    ended: (subscription, nowMs) => ({ e: "listenKeyExpired", E: nowMs, listenKey: subscription.listenKey }),
  };
}

function accountUpdate(touched: Touched, nowMs: number, desk: Desk, margin: Margin): object {
  const { account, symbols } = touched;
  const quotes = new Set([...symbols].map((symbol) => rulesOf(desk, symbol).quote));
  return {
    e: "ACCOUNT_UPDATE",
    E: nowMs,
    T: nowMs,
    a: {
      m: "ORDER",
      B: [...quotes].map((asset) => {
        const wallet = shortText(desk.floor.engine.ledger.balance(account, asset).free);
        return { a: asset, wb: wallet, cw: wallet, bc: "0" };
      }),
      P: [...symbols].map((symbol) => changedPosition(desk, margin, account, symbol)),
    },
  };
}

function changedPosition(desk: Desk, margin: Margin, account: string, symbol: string): object {
  const position = margin.position(account, symbol);
  const entry = shortText(entryPrice(position));
  return {
    s: symbol,
    pa: stepText(position.quantity, rulesOf(desk, symbol).stepSize),
    ep: entry,
    bep: entry,
    cr: shortText(position.realised),
    up: shortText(unrealised(position, margin.mark(symbol))),
    mt: margin.marginType(account, symbol) === "ISOLATED" ? "isolated" : "cross",
    iw: "0",
    ps: "BOTH",
  };
}

function orderReport(event: OrderEvent, order: OrderState, desk: Desk): object {
  const { tickSize, stepSize } = rulesOf(desk, order.symbol);
  const { type, timeInForce } = wireTerms(order);
  const trade = event.kind === "traded" ? event.trade : undefined;
  const isMaker = event.kind === "traded" && order === event.maker;
  return {
    s: order.symbol,
    c: order.clientOrderId,
    S: order.side,
    o: type,
    f: timeInForce,
    q: stepText(order.quantity, stepSize),
    p: stepText(order.price, tickSize),
    ap: shortText(averagePrice(order)),
    sp: "0",
    x: executionType(event),
    X: order.status,
    i: order.orderId,
    l: stepText(trade?.quantity ?? 0n, stepSize),
    z: stepText(order.executed, stepSize),
    L: stepText(trade?.price ?? 0n, tickSize),
    ...fee(order, trade),
    T: order.updatedAtMs,
    t: trade?.tradeId ?? 0,
    b: "0",
    a: "0",
    m: isMaker,
    R: order.reducesOnly === true,
    wt: "CONTRACT_PRICE",
    ot: type,
    ps: "BOTH",
    cp: false,
    pP: false,
    si: 0,
    ss: 0,
    V: order.selfTradePrevention,
    pm: "NONE",
    gtd: 0,
    er: "0",
  };
}

function fee(order: OrderState, trade: Trade | undefined): object {
  if (trade === undefined) return { rp: "0" };
  const share = order.side === "BUY" ? trade.buyer : trade.seller;
  return { N: share.commissionAsset, n: shortText(share.commission), rp: shortText(share.realised ?? 0n) };
}

function tradeLite(trade: Trade, isMaker: boolean, order: OrderState, nowMs: number, desk: Desk): object {
  const { tickSize, stepSize } = rulesOf(desk, order.symbol);
  return {
    e: "TRADE_LITE",
    E: nowMs,
    T: trade.atMs,
    s: order.symbol,
    q: stepText(order.quantity, stepSize),
    p: stepText(order.price, tickSize),
    m: isMaker,
    c: order.clientOrderId,
    S: order.side,
    L: stepText(trade.price, tickSize),
    l: stepText(trade.quantity, stepSize),
    t: trade.tradeId,
    i: order.orderId,
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
      return "EXPIRED";
  }
}
