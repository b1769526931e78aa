/** How the futures venue writes amounts: to the places of the instrument's steps, or as short as they are. */
import { amountText } from "../amounts.ts";

/** Without trailing zeros. */
export function shortText(value: bigint): string {
  const text = amountText(value);
  return text.replace(/\.?0+$/, "");
}

/** With as many places as `step` has: a price by its tick, a quantity by its step. */
export function stepText(value: bigint, step: bigint): string {
  const text = amountText(value);
  const places = placesOf(step);
  return places === 0 ? text.slice(0, -9) : text.slice(0, text.length - (8 - places));
}

/** How many decimal places a step has. */
export function placesOf(step: bigint): number {
  const short = shortText(step);
  const point = short.indexOf(".");
  return point < 0 ? 0 : short.length - point - 1;
}
