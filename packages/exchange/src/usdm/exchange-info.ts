/** `GET /fapi/v1/exchangeInfo`: which contracts are traded, by which rules and limits. */
import { amountText, ONE } from "../amounts.ts";
import { statusOf } from "../calls/market.ts";
import type { Call, PublicScope } from "../gateway/call.ts";
import type { Instrument } from "../matching/instrument.ts";
import { placesOf, shortText } from "./numbers.ts";

/** The call. */
export const exchangeInfo: Call = { name: "exchangeInfo", kind: "public", weight: () => 1, run };

const FOR_EVER_MS = 4_133_404_800_000;
const ONBOARD_MS = 1_569_398_400_000;

function run(scope: PublicScope): unknown {
  const { desk, parameters } = scope;
  parameters.finish();
  const instruments = desk.floor.engine.instruments();
  const quotes = new Set(instruments.map((one) => one.quote));
  return {
    exchangeFilters: [],
    rateLimits: desk.limits.published(),
    serverTime: desk.now(),
    timezone: "UTC",
    futuresType: "U_MARGINED",
    assets: [...quotes].map((asset) => ({ asset, marginAvailable: true, autoAssetExchange: "0" })),
    // The venue has no word for a halt; a contract that does not trade yet is the nearest.
    symbols: instruments.map((one) =>
      described(one, statusOf(desk, one.symbol) === "TRADING" ? "TRADING" : "PENDING_TRADING"),
    ),
  };
}

function described(rules: Instrument, status: string): object {
  return {
    symbol: rules.symbol,
    pair: rules.symbol,
    contractType: "PERPETUAL",
    deliveryDate: FOR_EVER_MS,
    onboardDate: ONBOARD_MS,
    status,
    maintMarginPercent: "2.5000",
    requiredMarginPercent: "5.0000",
    baseAsset: rules.base,
    quoteAsset: rules.quote,
    marginAsset: rules.quote,
    pricePrecision: placesOf(rules.tickSize),
    quantityPrecision: placesOf(rules.stepSize),
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType: "COIN",
    underlyingSubType: ["PoW"],
    settlePlan: 0,
    triggerProtect: "0.0500",
    liquidationFee: "0.012500",
    marketTakeBound: "0.05",
    maxMoveOrderLimit: 10_000,
    filters: [
      {
        filterType: "PRICE_FILTER",
        minPrice: shortText(rules.minPrice),
        maxPrice: shortText(rules.maxPrice),
        tickSize: shortText(rules.tickSize),
      },
      {
        filterType: "LOT_SIZE",
        minQty: shortText(rules.minQuantity),
        maxQty: shortText(rules.maxQuantity),
        stepSize: shortText(rules.stepSize),
      },
      {
        filterType: "MARKET_LOT_SIZE",
        minQty: shortText(rules.minQuantity),
        maxQty: shortText(rules.maxMarketQuantity),
        stepSize: shortText(rules.stepSize),
      },
      { filterType: "MAX_NUM_ORDERS", limit: rules.maxOrders },
      { filterType: "MIN_NOTIONAL", notional: shortText(rules.minNotional) },
      {
        filterType: "PERCENT_PRICE",
        multiplierUp: fourPlaces(rules.bidMultiplierUp),
        multiplierDown: fourPlaces(rules.askMultiplierDown),
        multiplierDecimal: "4",
      },
    ],
    orderTypes: ["LIMIT", "MARKET"],
    timeInForce: ["GTC", "IOC", "FOK", "GTX"],
  };
}

function fourPlaces(value: bigint): string {
  return value >= ONE * 1_000n ? shortText(value) : amountText(value).slice(0, -4);
}
