/** `GET /api/v3/exchangeInfo`: what is traded, by which rules and limits. */
import { amountText, ONE } from "../amounts.ts";
import { statusOf, symbolList } from "../calls/market.ts";
import { checkedSymbol } from "../calls/naming.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Call, PublicScope } from "../gateway/call.ts";
import { RARE_LIMITS } from "../matching/filters.ts";
import type { Instrument } from "../matching/instrument.ts";

/** The call. */
export const exchangeInfo: Call = { name: "exchangeInfo", kind: "public", weight: () => 20, run };

function run(scope: PublicScope): unknown {
  const { desk, parameters } = scope;
  const symbol = parameters.text("symbol");
  const symbols = parameters.text("symbols");
  const status = parameters.choice("symbolStatus", ["TRADING", "HALT", "BREAK"], -1122, "Invalid symbolStatus.");
  const showsPermissions = parameters.text("showPermissionSets") !== "false";
  const permissions = parameters.text("permissions");
  parameters.finish();
  const named = symbol ?? symbols;
  if (
    (symbol !== undefined && symbols !== undefined) ||
    (named !== undefined && (permissions ?? status) !== undefined)
  ) {
    throw badRequest(-1128, "Combination of optional parameters invalid.");
  }
  const asked = symbol === undefined ? (symbols === undefined ? undefined : symbolList(symbols)) : [symbol];
  const wanted = asked?.map((one) => checkedSymbol(desk, one));
  const isSpotAsked = permissions === undefined || /^(SPOT|\[.*"SPOT".*\])$/.test(permissions);
  const instruments = desk.floor.engine
    .instruments()
    .filter((one) => isSpotAsked && (wanted?.includes(one.symbol) ?? true))
    .filter((one) => status === undefined || statusOf(desk, one.symbol) === status);
  return {
    timezone: "UTC",
    serverTime: desk.now(),
    rateLimits: desk.limits.published(),
    exchangeFilters: [],
    symbols: instruments.map((one) => described(one, { status: statusOf(desk, one.symbol), showsPermissions })),
  };
}

function described(
  rules: Instrument,
  { status, showsPermissions }: { readonly status: string; readonly showsPermissions: boolean },
): object {
  return {
    symbol: rules.symbol,
    status,
    baseAsset: rules.base,
    baseAssetPrecision: 8,
    quoteAsset: rules.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
    icebergAllowed: true,
    ocoAllowed: false,
    otoAllowed: false,
    opoAllowed: false,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: false,
    cancelReplaceAllowed: true,
    amendAllowed: false,
    pegInstructionsAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      {
        filterType: "PRICE_FILTER",
        minPrice: amountText(rules.minPrice),
        maxPrice: amountText(rules.maxPrice),
        tickSize: amountText(rules.tickSize),
      },
      {
        filterType: "LOT_SIZE",
        minQty: amountText(rules.minQuantity),
        maxQty: amountText(rules.maxQuantity),
        stepSize: amountText(rules.stepSize),
      },
      {
        filterType: "MARKET_LOT_SIZE",
        minQty: "0.00000000",
        maxQty: amountText(rules.maxMarketQuantity),
        stepSize: "0.00000000",
      },
      {
        filterType: "PERCENT_PRICE_BY_SIDE",
        bidMultiplierUp: multiplier(rules.bidMultiplierUp),
        bidMultiplierDown: multiplier(rules.bidMultiplierDown),
        askMultiplierUp: multiplier(rules.askMultiplierUp),
        askMultiplierDown: multiplier(rules.askMultiplierDown),
        avgPriceMins: 0,
      },
      {
        filterType: "NOTIONAL",
        minNotional: amountText(rules.minNotional),
        applyMinToMarket: true,
        maxNotional: amountText(rules.maxNotional),
        applyMaxToMarket: false,
        avgPriceMins: 0,
      },
      { filterType: "ICEBERG_PARTS", limit: RARE_LIMITS.icebergParts },
      { filterType: "MAX_NUM_ORDERS", maxNumOrders: rules.maxOrders },
      { filterType: "MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: RARE_LIMITS.algoOrders },
      { filterType: "MAX_NUM_ICEBERG_ORDERS", maxNumIcebergOrders: RARE_LIMITS.icebergOrders },
    ],
    permissions: [],
    permissionSets: showsPermissions ? [["SPOT"]] : [],
    defaultSelfTradePreventionMode: "EXPIRE_TAKER",
    allowedSelfTradePreventionModes: ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
  };
}

function multiplier(value: bigint): string {
  return value % ONE === 0n ? `${value / ONE}` : amountText(value).replace(/0+$/, "");
}
