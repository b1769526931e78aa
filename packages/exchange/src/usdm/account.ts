/** What an account may ask about itself on the futures venue: orders, trades, wallet, positions, income. */
import { isPurged, lagged, listedOrders, namedOrder, openOrders, page, period, tradedSymbol } from "../calls/naming.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, Desk, SignedScope } from "../gateway/call.ts";
import { isOpen, type Trade } from "../matching/order.ts";
import type { Margin } from "./margin.ts";
import { shortText } from "./numbers.ts";
import { ownTrade, queriedOrder } from "./order-bodies.ts";
import { accountPosition, hasPosition, positionRisk } from "./position-bodies.ts";

const WEEK_MS = 7 * 86_400_000;

/** All of them, on the margin of one exchange. */
export function accountCalls(margin: Margin): readonly Call[] {
  const query = (name: string, weight: Call["weight"], run: (scope: SignedScope) => unknown): Call => ({
    name,
    kind: "query",
    weight,
    run,
  });
  const five = (): number => 5;
  return [
    query("order.status", () => 1, orderStatus),
    query("openOrder.status", () => 1, openOrder),
    query(
      "openOrders.status",
      (parameters) => (parameters.peek("symbol") === undefined ? 40 : 1),
      (scope) => openOrders(scope).map((order) => queriedOrder(scope.desk, order)),
    ),
    query("allOrders", five, (scope) =>
      listedOrders(scope, tradedSymbol(scope), WEEK_MS).map((order) => queriedOrder(scope.desk, order)),
    ),
    query("userTrades", five, userTrades),
    query("account.rateLimits.orders", () => 1, orderCounts),
    query("account.balance", five, (scope) => balances(scope, margin)),
    query("v2/account.balance", five, (scope) => balances(scope, margin)),
    query("account.status", five, (scope) => wholeAccount(scope, margin, false)),
    query("v2/account.status", five, (scope) => wholeAccount(scope, margin, true)),
    query("account.position", five, (scope) => positions(scope, margin, false)),
    query("v2/account.position", five, (scope) => positions(scope, margin, true)),
    query("income", () => 30, income),
  ];
}

function orderStatus(scope: SignedScope): unknown {
  const order = namedOrder(scope, tradedSymbol(scope));
  scope.parameters.finish();
  const asOf = order === undefined ? undefined : lagged(scope, order);
  const isThere = asOf !== undefined && !isPurged(scope, asOf);
  scope.found(isThere, isThere ? asOf.orderId : undefined);
  if (!isThere) throw badRequest(-2013, "Order does not exist.");
  return queriedOrder(scope.desk, asOf);
}

function openOrder(scope: SignedScope): unknown {
  const order = namedOrder(scope, tradedSymbol(scope));
  scope.parameters.finish();
  const asOf = order === undefined ? undefined : lagged(scope, order);
  const isThere = asOf !== undefined && isOpen(asOf);
  scope.found(isThere, asOf?.orderId);
  if (!isThere) throw badRequest(-2013, "Order does not exist.");
  return queriedOrder(scope.desk, asOf);
}

function userTrades(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const fromId = parameters.whole("fromId");
  const orderId = parameters.whole("orderId");
  const { startMs, endMs } = period(scope, WEEK_MS);
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  const isPage = orderId === undefined && startMs === 0 && endMs === Infinity;
  const trades = desk.floor.history
    .tradesAt(key.account, symbol, desk.mono() - scope.lagMs, { fromId, ...(isPage && { most: limit }) })
    .filter(
      (trade) =>
        (orderId === undefined || trade.buyer.orderId === orderId || trade.seller.orderId === orderId) &&
        trade.atMs >= startMs &&
        trade.atMs <= endMs,
    );
  return page(trades, limit, fromId !== undefined || startMs > 0).map((trade) => ownTrade(desk, trade, key.account));
}

function orderCounts(scope: SignedScope): unknown {
  const { desk, key } = scope;
  scope.parameters.finish();
  const orders = desk.limits.orderCounts(key.account, desk.now());
  return desk.limits.published({ weight: 0, orders }).slice(1);
}

function balances(scope: SignedScope, margin: Margin): unknown {
  const { desk, key } = scope;
  scope.parameters.finish();
  return assetsOf(desk, key.account).map((asset) => {
    const funds = margin.funds(key.account, asset);
    return {
      accountAlias: "baton",
      asset,
      balance: shortText(funds.wallet),
      crossWalletBalance: shortText(funds.wallet),
      crossUnPnl: shortText(funds.unrealised),
      availableBalance: shortText(funds.available),
      maxWithdrawAmount: shortText(funds.available),
      marginAvailable: true,
      updateTime: desk.now(),
    };
  });
}

/** The account as `/fapi/v2/account` or `/fapi/v3/account` tell it: the newer one has no settings and no empty positions. */
function wholeAccount(scope: SignedScope, margin: Margin, isNewer: boolean): unknown {
  const { desk, key } = scope;
  scope.parameters.finish();
  const assets = assetsOf(desk, key.account).map((asset) => ({ asset, funds: margin.funds(key.account, asset) }));
  const sum = (of: (funds: (typeof assets)[number]["funds"]) => bigint): string =>
    shortText(assets.reduce((total, one) => total + of(one.funds), 0n));
  const symbols = desk.floor.engine.instruments().map((one) => one.symbol);
  const told = isNewer ? symbols.filter((symbol) => hasPosition(desk, margin, key.account, symbol)) : symbols;
  return {
    ...(isNewer
      ? {}
      : {
          feeTier: 0,
          canTrade: true,
          canDeposit: true,
          canWithdraw: true,
          feeBurn: false,
          multiAssetsMargin: false,
          tradeGroupId: -1,
          updateTime: 0,
        }),
    totalInitialMargin: sum((funds) => funds.positionMargin + funds.orderMargin),
    totalMaintMargin: "0",
    totalWalletBalance: sum((funds) => funds.wallet),
    totalUnrealizedProfit: sum((funds) => funds.unrealised),
    totalMarginBalance: sum((funds) => funds.wallet + funds.unrealised),
    totalPositionInitialMargin: sum((funds) => funds.positionMargin),
    totalOpenOrderInitialMargin: sum((funds) => funds.orderMargin),
    totalCrossWalletBalance: sum((funds) => funds.wallet),
    totalCrossUnPnl: sum((funds) => funds.unrealised),
    availableBalance: sum((funds) => funds.available),
    maxWithdrawAmount: sum((funds) => funds.available),
    assets: assets.map(({ asset, funds }) => ({
      asset,
      walletBalance: shortText(funds.wallet),
      unrealizedProfit: shortText(funds.unrealised),
      marginBalance: shortText(funds.wallet + funds.unrealised),
      maintMargin: "0",
      initialMargin: shortText(funds.positionMargin + funds.orderMargin),
      positionInitialMargin: shortText(funds.positionMargin),
      openOrderInitialMargin: shortText(funds.orderMargin),
      crossWalletBalance: shortText(funds.wallet),
      crossUnPnl: shortText(funds.unrealised),
      availableBalance: shortText(funds.available),
      maxWithdrawAmount: shortText(funds.available),
      marginAvailable: true,
      updateTime: desk.now(),
    })),
    positions: told.map((symbol) => accountPosition(desk, margin, key.account, symbol)),
  };
}

function positions(scope: SignedScope, margin: Margin, isNewer: boolean): unknown {
  const { desk, key, parameters } = scope;
  const named = parameters.text("symbol");
  parameters.finish();
  const all = desk.floor.engine.instruments().map((one) => one.symbol);
  if (named !== undefined && !all.includes(named)) throw badRequest(-1121, "Invalid symbol.");
  return all
    .filter((symbol) => named === undefined || symbol === named)
    .filter((symbol) => !isNewer || hasPosition(desk, margin, key.account, symbol))
    .map((symbol) => positionRisk(desk, margin, key.account, symbol));
}

/** What was won, lost and paid in fees, trade by trade. */
function income(scope: SignedScope): unknown {
  const { desk, key, parameters } = scope;
  const named = parameters.text("symbol");
  const wanted = parameters.text("incomeType");
  const { startMs, endMs } = period(scope, WEEK_MS);
  const limit = parameters.limit(100, 1_000);
  parameters.ignore("page");
  parameters.finish();
  const rows = desk.floor.engine
    .instruments()
    .filter((one) => named === undefined || one.symbol === named)
    .flatMap((one) => desk.floor.history.tradesAt(key.account, one.symbol, desk.mono()))
    .filter((trade) => trade.atMs >= startMs && trade.atMs <= endMs)
    .flatMap((trade) => incomeOf(trade, key.account))
    .filter((row) => wanted === undefined || row.incomeType === wanted)
    .sort((a, b) => a.time - b.time);
  return page(rows, limit, startMs > 0);
}

interface Income extends Readonly<Record<string, string | number>> {
  readonly incomeType: string;
  readonly time: number;
}

function incomeOf(trade: Trade, account: string): readonly Income[] {
  const share = trade.buyer.account === account ? trade.buyer : trade.seller;
  const row = (incomeType: string, amount: bigint): Income => ({
    symbol: trade.symbol,
    incomeType,
    income: shortText(amount),
    asset: share.commissionAsset,
    info: incomeType,
    time: trade.atMs,
    tranId: trade.tradeId,
    tradeId: `${trade.tradeId}`,
  });
  const won = share.realised ?? 0n;
  return [...(won === 0n ? [] : [row("REALIZED_PNL", won)]), row("COMMISSION", -share.commission)];
}

function assetsOf(desk: Desk, account: string): readonly string[] {
  return [...desk.floor.engine.ledger.balances(account).keys()];
}
