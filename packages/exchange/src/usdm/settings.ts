/**
 * An account's settings on the futures venue, which clients read and set when they start: leverage and margin type for a
 * symbol, the position mode (one-way is the only one here), multi-assets mode (off), brackets and fees.
 */
import { perSymbol } from "../calls/market.ts";
import { tradedSymbol } from "../calls/naming.ts";
import { badRequest, missing } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import type { Margin } from "./margin.ts";
import { shortText } from "./numbers.ts";

const LEVERAGE_MAX = 125;
const done = { code: 200, msg: "success" };

/** All of them, on the margin of one exchange. */
export function settingCalls(margin: Margin): readonly Call[] {
  const signed = (name: string, weight: number, run: (scope: SignedScope) => unknown): Call => ({
    name,
    kind: "query",
    weight: () => weight,
    run,
  });
  const told = (name: string, weight: number, answer: object): Call =>
    signed(name, weight, (scope) => {
      scope.parameters.finish();
      return answer;
    });
  return [
    signed("leverage.set", 1, (scope) => setLeverage(scope, margin)),
    signed("marginType.set", 1, (scope) => setMarginType(scope, margin)),
    signed("positionMode.set", 1, setPositionMode),
    told("positionMode", 30, { dualSidePosition: false }),
    signed("multiAssets.set", 1, setMultiAssets),
    told("multiAssets", 30, { multiAssetsMargin: false }),
    told("feeBurn", 30, { feeBurn: false }),
    signed("accountConfig", 5, accountConfig),
    // Nobody is liquidated, and no position is ever taken away.
    signed("forceOrders", 50, (scope) => {
      scope.parameters.ignore("symbol", "autoCloseType", "startTime", "endTime", "limit");
      scope.parameters.finish();
      return [];
    }),
    signed("adlQuantile", 5, (scope) =>
      perSymbol(scope, { answer: (_desk, symbol) => ({ symbol, adlQuantile: { BOTH: 0, LONG: 0, SHORT: 0 } }) }),
    ),
    signed("leverageBracket", 1, (scope) => perSymbol(scope, { answer: (_desk, symbol) => brackets(symbol) })),
    signed("commissionRate", 20, commissionRate),
    signed("symbolConfig", 5, (scope) => symbolConfig(scope, margin)),
  ];
}

function setLeverage(scope: SignedScope, margin: Margin): unknown {
  const symbol = tradedSymbol(scope);
  const leverage = scope.parameters.whole("leverage");
  if (leverage === undefined) throw missing("leverage");
  scope.parameters.finish();
  if (leverage < 1 || leverage > LEVERAGE_MAX) throw badRequest(-4028, `Leverage ${leverage} is not valid`);
  margin.setLeverage(scope.key.account, symbol, leverage);
  return { symbol, leverage, maxNotionalValue: "1000000000" };
}

function setMarginType(scope: SignedScope, margin: Margin): unknown {
  const { desk, key, parameters } = scope;
  const symbol = tradedSymbol(scope);
  const type = parameters.choice("marginType", ["ISOLATED", "CROSSED"], -4048, "Invalid margin type.");
  if (type === undefined) throw missing("marginType");
  parameters.finish();
  if (margin.marginType(key.account, symbol) === type) throw badRequest(-4046, "No need to change margin type.");
  if (desk.floor.engine.orders.openCount(key.account, symbol) > 0) {
    throw badRequest(-4047, "Margin type cannot be changed if there exists open orders.");
  }
  if (margin.position(key.account, symbol).quantity !== 0n) {
    throw badRequest(-4048, "Margin type cannot be changed if there exists position.");
  }
  margin.setMarginType(key.account, symbol, type);
  return done;
}

function setPositionMode(scope: SignedScope): unknown {
  const wanted = scope.parameters.required("dualSidePosition");
  scope.parameters.finish();
  if (wanted !== "true") throw badRequest(-4059, "No need to change position side.");
  throw badRequest(-4084, "Method is not allowed currently. Coming soon.");
}

function setMultiAssets(scope: SignedScope): unknown {
  const wanted = scope.parameters.required("multiAssetsMargin");
  scope.parameters.finish();
  if (wanted !== "true") throw badRequest(-4171, "No need to change multi asset mode.");
  throw badRequest(-4084, "Method is not allowed currently. Coming soon.");
}

function accountConfig(scope: SignedScope): unknown {
  scope.parameters.finish();
  return {
    feeTier: 0,
    canTrade: true,
    canDeposit: true,
    canWithdraw: true,
    dualSidePosition: false,
    updateTime: 0,
    multiAssetsMargin: false,
    tradeGroupId: -1,
  };
}

function brackets(symbol: string): object {
  const bracket = {
    bracket: 1,
    initialLeverage: LEVERAGE_MAX,
    notionalCap: 1_000_000_000,
    notionalFloor: 0,
    maintMarginRatio: 0.004,
    cum: 0,
  };
  return { symbol, brackets: [bracket] };
}

function commissionRate(scope: SignedScope): unknown {
  const symbol = tradedSymbol(scope);
  scope.parameters.finish();
  const { maker, taker } = scope.desk.fees;
  return { symbol, makerCommissionRate: shortText(maker), takerCommissionRate: shortText(taker) };
}

function symbolConfig(scope: SignedScope, margin: Margin): unknown {
  const { account } = scope.key;
  const config = (symbol: string): object => ({
    symbol,
    marginType: margin.marginType(account, symbol),
    isAutoAddMargin: false,
    leverage: margin.leverage(account, symbol),
    maxNotionalValue: "1000000000",
  });
  const answer = perSymbol(scope, { answer: (_desk, symbol) => config(symbol) });
  return Array.isArray(answer) ? answer : [answer];
}
