/**
 * Money and quantity: exact decimals as canonical strings ("0.001", "-12.5", never "1e-7", "1.0" or "+1"), so that equal
 * amounts are equal strings in every record and hash. Arithmetic is that of integers: an amount is so many units of
 * 10^-places, as a bigint. No result is rounded but where a doc comment says how. Every order passes here dozens of times;
 * big.js, which the tests hold these results to, takes three to twenty times as long.
 */
import { assert } from "./assert.ts";
import type { Branded } from "./ids.ts";

/** An exact decimal in canonical form. */
export type Decimal = Branded<"Decimal">;

const exactLength = 15;
const form = /^-?\d{1,30}(\.\d{1,30})?$/;

/** The canonical decimal of a plain decimal string; undefined for anything else (exponents, spaces, NaN). */
export function parseDecimal(text: string): Decimal | undefined {
  return form.test(text) ? canonical(unitsOf(text), placesOf(text)) : undefined;
}

/** As `parseDecimal` for text that is known to be one; asserts. Integers may be given as numbers. */
export function decimal(value: string | number): Decimal {
  const text = typeof value === "number" ? integerText(value) : value;
  const parsed = parseDecimal(text);
  assert(parsed !== undefined, `"${text}" is a decimal`);
  return parsed;
}

/** Zero. */
export const zero: Decimal = "0" as Decimal;

/** a + b */
export function add(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(placesOf(a), placesOf(b));
  return canonical(unitsOf(a, places) + unitsOf(b, places), places);
}
/** a − b */
export function subtract(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(placesOf(a), placesOf(b));
  return canonical(unitsOf(a, places) - unitsOf(b, places), places);
}
/** a × b */
export function multiply(a: Decimal, b: Decimal): Decimal {
  return canonical(unitsOf(a) * unitsOf(b), placesOf(a) + placesOf(b));
}
/** a ÷ b, cut (towards zero) after `places` decimal places. */
export function divide(a: Decimal, b: Decimal, places: number): Decimal {
  assert(!isZero(b), "the divisor is not zero");
  const common = Math.max(placesOf(a), placesOf(b));
  return canonical((unitsOf(a, common) * powerOfTen(places)) / unitsOf(b, common), places);
}
/** −1, 0 or 1 as a is less than, equal to or greater than b. */
export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  if (a === b) return 0;
  // Decimals of up to fifteen digits become doubles of their own, in their order; that is enough to compare them.
  if (a.length <= exactLength && b.length <= exactLength) {
    const [left, right] = [Number(a), Number(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const places = Math.max(placesOf(a), placesOf(b));
  const difference = unitsOf(a, places) - unitsOf(b, places);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
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
  const places = Math.max(placesOf(a), placesOf(step));
  const units = unitsOf(a, places);
  return canonical(units - (units % unitsOf(step, places)), places);
}
/** True when `a` is a whole multiple of `step`; `step` is not zero. */
export function isMultipleOf(a: Decimal, step: Decimal): boolean {
  assert(!isZero(step), "a step is not zero");
  const places = Math.max(placesOf(a), placesOf(step));
  return unitsOf(a, places) % unitsOf(step, places) === 0n;
}

/** A sum of many: no amount is written out before all are in it. */
export class DecimalSum {
  #units = 0n;
  #places = 0;

  /** Adds a. */
  add(a: Decimal): void {
    this.#put(unitsOf(a), placesOf(a));
  }
  /** Adds a × b. */
  addProduct(a: Decimal, b: Decimal): void {
    this.#put(unitsOf(a) * unitsOf(b), placesOf(a) + placesOf(b));
  }
  /** What was added, in all. */
  get value(): Decimal {
    return canonical(this.#units, this.#places);
  }

  #put(units: bigint, places: number): void {
    if (places > this.#places) {
      this.#units *= powerOfTen(places - this.#places);
      this.#places = places;
    }
    this.#units += places === this.#places ? units : units * powerOfTen(this.#places - places);
  }
}

/** Decimal places as written. */
function placesOf(text: string): number {
  const dot = text.indexOf(".");
  return dot === -1 ? 0 : text.length - dot - 1;
}

/** How many units of 10^-places it is; `places` is at least that of the text. */
function unitsOf(text: string, places: number = placesOf(text)): bigint {
  const dot = text.indexOf(".");
  const units = dot === -1 ? BigInt(text) : BigInt(text.slice(0, dot) + text.slice(dot + 1));
  const missing = places - (dot === -1 ? 0 : text.length - dot - 1);
  return missing === 0 ? units : units * powerOfTen(missing);
}

const powers: readonly bigint[] = Array.from({ length: 64 }, (_, exponent) => 10n ** BigInt(exponent));

function powerOfTen(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent);
}

function canonical(units: bigint, places: number): Decimal {
  const isNegative = units < 0n;
  const digits = (isNegative ? -units : units).toString().padStart(places + 1, "0");
  const point = digits.length - places;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === 0x30) end -= 1;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return (isNegative ? `-${text}` : text) as Decimal;
}

function integerText(value: number): string {
  assert(Number.isSafeInteger(value), `${value} is a whole number`);
  return `${value}`;
}
