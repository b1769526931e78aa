/** `GET /api/v3/exchangeInfo`: what is traded, by which rules and limits. */
import { amountText, ONE } from "../amounts.ts";
import { statusOf, symbolList } from "../calls/market.ts";
import { checkedSymbol } from "../calls/naming.ts";
import type { Call, PublicScope } from "../gateway/call.ts";
import type { Instrument } from "../matching/instrument.ts";

/** The call. */
export const exchangeInfo: Call = { name: "exchangeInfo", kind: "public", weight: () => 20, run };

function run(scope: PublicScope): unknown {
  const { desk, parameters } = scope;
  const symbol = parameters.text("symbol");
  const symbols = parameters.text("symbols");
  parameters.ignore("permissions", "showPermissionSets", "symbolStatus");
  parameters.finish();
  const asked = symbol === undefined ? (symbols === undefined ? undefined : symbolList(symbols)) : [symbol];
  const wanted = asked?.map((one) => checkedSymbol(desk, one));
  const instruments = desk.floor.engine.instruments().filter((one) => wanted?.includes(one.symbol) ?? true);
  return {
    timezone: "UTC",
    serverTime: desk.now(),
    rateLimits: desk.limits.published(),
    exchangeFilters: [],
    symbols: instruments.map((one) => described(one, statusOf(desk, one.symbol))),
  };
}

function described(rules: Instrument, status: string): object {
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
    orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET"],
    icebergAllowed: false,
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
      { filterType: "MAX_NUM_ORDERS", maxNumOrders: rules.maxOrders },
    ],
    permissions: [],
    permissionSets: [["SPOT"]],
    defaultSelfTradePreventionMode: "EXPIRE_TAKER",
    allowedSelfTradePreventionModes: ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
  };
}

function multiplier(value: bigint): string {
  return value % ONE === 0n ? `${value / ONE}` : amountText(value).replace(/0+$/, "");
}
