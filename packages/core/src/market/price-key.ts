/**
 * The order of prices without decimal arithmetic: a sort key from a venue's decimal text.
 *
 * The key is a double that is exact enough to *order*: for decimals of at most fifteen significant digits, equal decimals
 * have equal keys ("1.50" and "1.5") and different decimals have different ones, in their order. Text with more digits,
 * signs, exponents or anything else has no key; such a frame is refused, never rounded. The text itself is what is passed
 * on: no amount is ever computed from a key.
 */
import type { Decimal } from "../decimal.ts";

const zeroCode = 48;
const dotCode = 46;
/** Largest mantissa of fifteen digits. */
const mantissaMax = 999_999_999_999_999;
const powers: readonly number[] = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** The sort key of an unsigned plain decimal, NaN for what is none or cannot be told apart exactly. */
export function priceKey(text: string): number {
  const { length } = text;
  let mantissa = 0;
  let places = 0;
  let pendingZeros = 0;
  let dotAt = -1;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === dotCode) {
      if (dotAt !== -1 || at === 0 || at === length - 1) return NaN;
      dotAt = at;
      continue;
    }
    const digit = code - zeroCode;
    if (digit < 0 || digit > 9) return NaN;
    if (dotAt === -1) {
      mantissa = mantissa * 10 + digit;
      if (mantissa > mantissaMax) return NaN;
    } else if (digit === 0) {
      // Trailing zeros say nothing; they count only when a digit follows.
      pendingZeros += 1;
    } else {
      places += pendingZeros + 1;
      if (places > 22) return NaN;
      mantissa = mantissa * (powers[pendingZeros + 1] ?? NaN) + digit;
      pendingZeros = 0;
      if (!(mantissa <= mantissaMax)) return NaN;
    }
  }
  if (length === 0) return NaN;
  return places === 0 ? mantissa : mantissa / (powers[places] ?? NaN);
}

/** True for zero, of a text that has a key. */
export function isZeroText(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== zeroCode && code !== dotCode) return false;
  }
  return true;
}

/** The canonical decimal of a text that has a key: no leading and trailing zeros. */
export function canonicalDecimal(text: string): Decimal {
  let from = 0;
  let to = text.length;
  const dot = text.indexOf(".");
  if (dot !== -1) {
    while (text.charCodeAt(to - 1) === zeroCode) to -= 1;
    if (to - 1 === dot) to = dot;
  }
  const integerEnd = dot === -1 ? to : Math.min(dot, to);
  while (from < integerEnd - 1 && text.charCodeAt(from) === zeroCode) from += 1;
  return text.slice(from, to) as Decimal;
}

/** The canonical decimal of a key: the one decimal of at most fifteen digits that has it. */
export function decimalOfKey(key: number): Decimal {
  // The shortest text that reads as this double is that decimal: two of fifteen digits never share a double.
  const text = String(key);
  const exponentAt = text.indexOf("e-");
  if (exponentAt === -1) return text as Decimal;
  // Below a millionth the language writes "1.5e-7".
  const digits = text.slice(0, exponentAt).replace(".", "");
  return `0.${"0".repeat(Number(text.slice(exponentAt + 2)) - 1)}${digits}` as Decimal;
}
