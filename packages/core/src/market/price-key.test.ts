import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compare, parseDecimal } from "../decimal.ts";
import { canonicalDecimal, decimalOfKey, priceKey } from "./price-key.ts";

/** Unsigned decimals as venues write them, up to fifteen significant digits, with zeros around. */
const amount = fc
  .record({
    integer: fc.integer({ min: 0, max: 9_999_999 }),
    fraction: fc.string({ unit: fc.constantFrom("0", "1", "2", "5", "9"), maxLength: 8 }),
    zeros: fc.constantFrom("", "0", "000"),
  })
  .map(({ integer, fraction, zeros }) =>
    fraction === "" ? `${zeros}${integer}` : `${zeros}${integer}.${fraction}${zeros}`,
  );

describe("a price key", () => {
  test("orders decimals as exact arithmetic does, and equals for equal ones only", () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const [x, y] = [parseDecimal(a), parseDecimal(b)];
        if (x === undefined || y === undefined) throw new Error("the generator makes decimals");
        expect(Math.sign(priceKey(a) - priceKey(b))).toBe(compare(x, y));
      }),
    );
  });

  test("comes with the canonical form that core's arithmetic uses", () => {
    const same = fc.property(amount, (a) => canonicalDecimal(a) === parseDecimal(a));
    expect(fc.check(same).failed).toBe(false);
  });

  test("gives the decimal back, digit for digit, whatever its size", () => {
    const digits = fc.bigInt({ min: 0n, max: 999_999_999_999_999n });
    const back = fc.property(digits, fc.integer({ min: 0, max: 22 }), (mantissa, places) => {
      const all = mantissa.toString().padStart(places + 1, "0");
      const text = places === 0 ? all : `${all.slice(0, -places)}.${all.slice(-places)}`;
      expect(decimalOfKey(priceKey(text))).toBe(canonicalDecimal(text));
    });
    fc.assert(back, { numRuns: 2_000 });
    expect(decimalOfKey(priceKey("0.00000001"))).toBe("0.00000001");
  });

  test.each(["", ".", "1.", ".5", "-1", "+1", "1e5", "0x10", " 1", "1 ", "NaN", "Infinity", "1.2.3", "1,5", "٣"])(
    "does not exist for %j",
    (text) => expect(priceKey(text)).toBeNaN(),
  );

  test("does not exist for decimals that a double cannot tell apart, trailing zeros apart", () => {
    expect(priceKey("1234567890.1234567")).toBeNaN();
    expect(priceKey("0.00000000000000000000001")).toBeNaN();
    expect(priceKey("9999999999999999")).toBeNaN();
    expect(priceKey("1234567.12345678000000000000")).toBe(1_234_567.123_456_78);
  });
});
