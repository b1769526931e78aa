/** The futures venue's refusals: each filter has a code of its own, and some orders never come to be at all. */
import { shortText } from "./numbers.ts";
import type { FilterName } from "../matching/filters.ts";
import type { Instrument } from "../matching/instrument.ts";
import { refused, type Refusal, type Refusals } from "../matching/refusals.ts";

/** All of them. */
export const usdmRefusals: Refusals = {
  filter,
  duplicate: refused(-4116, "ClientOrderId is duplicated."),
  wouldTake: refused(
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be recorded in the order history",
  ),
  wouldTrigger: refused(-2021, "Order would immediately trigger."),
  notFillable: refused(
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be recorded in the order history",
  ),
};

/** The margin does not carry the order. */
export const marginInsufficient: Refusal = refused(-2019, "Margin is insufficient.");

/** The order would open or grow a position, and said that it would not. */
export const reduceOnlyRejected: Refusal = refused(-2022, "ReduceOnly Order is rejected.");

function filter(name: FilterName, rules: Instrument): Refusal {
  switch (name) {
    case "PRICE_FILTER":
      return refused(-4014, "Price not increased by tick size.");
    case "PERCENT_PRICE_BY_SIDE":
      return refused(-4016, "Limit price is beyond the price band around the mark price.");
    case "LOT_SIZE":
      return refused(-1111, "Precision is over the maximum defined for this asset.");
    case "MARKET_LOT_SIZE":
      return refused(-4005, "Quantity greater than max quantity.");
    case "NOTIONAL":
      return refused(
        -4164,
        `Order's notional must be no smaller than ${shortText(rules.minNotional)} (unless you choose reduce only).`,
      );
    // The venue takes conditional orders elsewhere, and has no icebergs.
    case "MAX_NUM_ALGO_ORDERS":
    case "MAX_NUM_ICEBERG_ORDERS":
    case "ICEBERG_PARTS":
    case "MAX_NUM_ORDERS":
      return refused(-2025, "Reach max open order limit.");
  }
}
