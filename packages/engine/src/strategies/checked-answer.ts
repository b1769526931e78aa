/**
 * What a strategy gave, held to its contract before anything is made of it. A strategy is somebody's module and nothing
 * checked its types: an intent with the side "BUY" would be bought at the venue and reckoned as a sale by risk, and a state
 * that does not survive JSON would end each leader in turn. Values (a size, a price) are risk's to judge; a wrong form
 * switches the strategy off, on record.
 */
import type { StrategyIntent } from "./strategy.ts";

const sendWithinMaxMs = 60_000;

/** The intents of an answer; a sentence where the answer breaks the contract. */
export function checkedIntents(answer: {
  readonly state: unknown;
  readonly intents: unknown;
}): readonly StrategyIntent[] | string {
  if (!survivesJson(answer.state)) return "its state does not survive JSON";
  if (!Array.isArray(answer.intents)) return "it gave no list of intents";
  const intents: readonly unknown[] = answer.intents;
  for (const [at, intent] of intents.entries()) {
    const wrong = whyWrong(intent);
    if (wrong !== undefined) return `its intent ${at + 1} ${wrong}`;
  }
  return intents as readonly StrategyIntent[];
}

function whyWrong(intent: unknown): string | undefined {
  if (typeof intent !== "object" || intent === null) return "is no object";
  const { symbol, side, type, quantity, price, timeInForce, reduceOnly, sendWithinMs } = intent as {
    readonly [key in keyof StrategyIntent]?: unknown;
  };
  if (typeof symbol !== "string") return "has no symbol";
  if (side !== "buy" && side !== "sell") return `has the side ${shown(side)}, not buy or sell`;
  if (type !== "limit" && type !== "market") return `has the type ${shown(type)}, not limit or market`;
  if (typeof quantity !== "string") return `has the quantity ${shown(quantity)}, not a decimal string`;
  if (price !== undefined && typeof price !== "string") return `has the price ${shown(price)}, not a decimal string`;
  if (timeInForce !== undefined && !["GTC", "IOC", "FOK", "GTX"].some((known) => known === timeInForce))
    return `has the timeInForce ${shown(timeInForce)}, not GTC, IOC, FOK or GTX`;
  if (reduceOnly !== undefined && typeof reduceOnly !== "boolean")
    return `has the reduceOnly ${shown(reduceOnly)}, not true or false`;
  const isTime =
    sendWithinMs === undefined ||
    (Number.isSafeInteger(sendWithinMs) && Number(sendWithinMs) >= 1 && Number(sendWithinMs) <= sendWithinMaxMs);
  return isTime
    ? undefined
    : `has the sendWithinMs ${shown(sendWithinMs)}, not a whole number up to ${sendWithinMaxMs}`;
}

function survivesJson(state: unknown): boolean {
  try {
    return typeof JSON.stringify(state) === "string";
  } catch {
    return false;
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
