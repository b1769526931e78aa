/**
 * Amounts inside the exchange: whole numbers of 1e-8 as bigint, exact and fast, because a price–time book compares and
 * subtracts them millions of times. At the borders they are Binance's eight-place strings (`"0.00100000"`) or the
 * audit's canonical decimals (`"0.001"`).
 */
import { decimal, type Decimal } from "@baton/core";

/** One whole coin in units of 1e-8. */
export const ONE = 100_000_000n;

const form = /^(\d{1,15})(?:\.(\d{1,20}))?$/;

/** Why a text is no amount: not a plain non-negative decimal, or more than eight places. */
export type AmountFault = "malformed" | "too-precise";

/** Units of a plain decimal text, or why it is none. Trailing zeros beyond eight places are not held against it. */
export function parseAmount(text: string): bigint | AmountFault {
  const match = form.exec(text);
  if (match === null) return "malformed";
  const [, whole = "0", fraction = ""] = match;
  if (/[1-9]/.test(fraction.slice(8))) return "too-precise";
  return BigInt(whole) * ONE + BigInt(fraction.slice(0, 8).padEnd(8, "0"));
}

/** As `parseAmount` for a text that the program itself wrote. */
export function units(text: string): bigint {
  const parsed = parseAmount(text);
  if (typeof parsed !== "bigint") throw new RangeError(`"${text}" is no amount: ${parsed}`);
  return parsed;
}

/** Binance's form: always eight places. */
export function amountText(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(9, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** The audit's form: canonical decimal. */
export function amountDecimal(value: bigint): Decimal {
  return decimal(amountText(value));
}

/** price × quantity, cut after eight places. */
export function notional(price: bigint, quantity: bigint): bigint {
  return (price * quantity) / ONE;
}
