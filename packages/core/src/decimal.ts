/**
 * Money and quantity: exact decimals as canonical strings ("0.001", "-12.5", never "1e-7", "1.0" or "+1"). Arithmetic is
 * big.js's; this file only fixes the form, so that equal amounts are equal strings in every record and hash.
 */
import Big from "big.js";
import { assert } from "./assert.ts";
import type { Branded } from "./ids.ts";

/** An exact decimal in canonical form. */
export type Decimal = Branded<"Decimal">;

const form = /^-?\d{1,30}(\.\d{1,30})?$/;

/** The canonical decimal of a plain decimal string; undefined for anything else (exponents, spaces, NaN). */
export function parseDecimal(text: string): Decimal | undefined {
  return form.test(text) ? canonical(new Big(text)) : undefined;
}

/** As `parseDecimal` for text that is known to be one; asserts. Integers may be given as numbers. */
export function decimal(value: string | number): Decimal {
  const text = typeof value === "number" ? integerText(value) : value;
  const parsed = parseDecimal(text);
  assert(parsed !== undefined, `"${text}" is a decimal`);
  return parsed;
}

/** Zero. */
export const zero: Decimal = decimal("0");

/** a + b */
export function add(a: Decimal, b: Decimal): Decimal {
  return canonical(new Big(a).plus(b));
}
/** a − b */
export function subtract(a: Decimal, b: Decimal): Decimal {
  return canonical(new Big(a).minus(b));
}
/** a × b */
export function multiply(a: Decimal, b: Decimal): Decimal {
  return canonical(new Big(a).times(b));
}
/** a ÷ b, cut (towards zero) after `places` decimal places. */
export function divide(a: Decimal, b: Decimal, places: number): Decimal {
  assert(!isZero(b), "the divisor is not zero");
  return canonical(new Big(a).div(b).round(places, Big.roundDown));
}
/** −1, 0 or 1 as a is less than, equal to or greater than b. */
export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  return new Big(a).cmp(b);
}
/** |a| */
export function absolute(a: Decimal): Decimal {
  return a.startsWith("-") ? (a.slice(1) as Decimal) : a;
}
/** −a */
export function negate(a: Decimal): Decimal {
  if (a === "0") return a;
  return (a.startsWith("-") ? a.slice(1) : `-${a}`) as Decimal;
}
/** True for zero only; canonical form has one zero. */
export function isZero(a: Decimal): boolean {
  return a === "0";
}
/** True above zero. */
export function isPositive(a: Decimal): boolean {
  return a !== "0" && !a.startsWith("-");
}
/** The smaller of two. */
export function minimum(a: Decimal, b: Decimal): Decimal {
  return compare(a, b) <= 0 ? a : b;
}
/** The larger of two. */
export function maximum(a: Decimal, b: Decimal): Decimal {
  return compare(a, b) >= 0 ? a : b;
}
/** The largest multiple of `step` that is not above `a` (towards zero); `step` > 0. */
export function floorToStep(a: Decimal, step: Decimal): Decimal {
  assert(isPositive(step), "a step is positive");
  return canonical(new Big(a).div(step).round(0, Big.roundDown).times(step));
}
/** True when `a` is a whole multiple of `step`. */
export function isMultipleOf(a: Decimal, step: Decimal): boolean {
  return new Big(a).mod(step).eq(0);
}

// big.js divides with DP places before rounding; enough for any price and lot we know.
Big.DP = 40;

function canonical(value: Big): Decimal {
  const text = value.toFixed();
  return (text === "-0" ? "0" : text) as Decimal;
}

function integerText(value: number): string {
  assert(Number.isSafeInteger(value), `${value} is a whole number`);
  return `${value}`;
}
