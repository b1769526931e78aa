import Big from "big.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DecimalSum,
  absolute,
  add,
  compare,
  decimal,
  divide,
  floorToStep,
  isMultipleOf,
  isPositive,
  isZero,
  maximum,
  minimum,
  multiply,
  negate,
  parseDecimal,
  subtract,
  zero,
} from "./decimal.ts";
import type { Decimal } from "./decimal.ts";

/** Amounts as venues and people write them, and far longer ones; close neighbours, zeros at both ends. */
const digits = (longest: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."00123456789999".split("")), minLength: 1, maxLength: longest });
const text = fc
  .tuple(
    fc.boolean(),
    fc.oneof(digits(6), digits(30)),
    fc.option(fc.oneof(digits(4), digits(8), digits(30)), { nil: undefined }),
  )
  .map(([isNegative, whole, part]) => `${isNegative ? "-" : ""}${whole}${part === undefined ? "" : `.${part}`}`);
const amount = text.map((each) => decimal(each));
const divisor = amount.filter((each) => !isZero(each));
const step = divisor.map((each) => absolute(each));

/** big.js with all the places that an exact answer here can have. */
function oracle(value: Big): string {
  const told = value.toFixed();
  return told === "-0" ? "0" : told;
}
const runs = { numRuns: 2_000 };

describe("what is written", () => {
  test("any plain decimal text has one canonical form, which is its own", () => {
    fc.assert(
      fc.property(text, (each) => {
        const parsed = parseDecimal(each);
        expect(parsed).toBe(oracle(new Big(each)));
        expect(parseDecimal(parsed ?? "")).toBe(parsed);
      }),
      runs,
    );
  });

  test.each([
    ["1.50", "1.5"],
    ["007", "7"],
    ["-0.0", "0"],
    ["0.000", "0"],
    ["100", "100"],
    ["-012.340", "-12.34"],
    ["0.00000001", "0.00000001"],
  ])("%s is written %s", (written, form) => {
    expect(parseDecimal(written)).toBe(form);
  });

  test.each([
    "",
    " 1",
    "+1",
    "1e3",
    "1e-7",
    ".5",
    "5.",
    "1.2.3",
    "0x10",
    "NaN",
    "Infinity",
    "1_000",
    `1${"0".repeat(30)}`,
  ])("%j is not a decimal", (written) => {
    expect(parseDecimal(written)).toBeUndefined();
  });

  test("a number is taken only when it is whole, so that no double becomes money", () => {
    expect(decimal(-12)).toBe("-12");
    expect(() => decimal(0.1)).toThrow("0.1 is a whole number");
    expect(() => decimal(2 ** 53)).toThrow("is a whole number");
  });
});

describe("arithmetic is exact: it says what big.js says", () => {
  test("sum, difference, product and order of any two", () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        expect(add(a, b)).toBe(oracle(new Big(a).plus(b)));
        expect(subtract(a, b)).toBe(oracle(new Big(a).minus(b)));
        expect(multiply(a, b)).toBe(oracle(new Big(a).times(b)));
        expect(compare(a, b)).toBe(new Big(a).cmp(b));
        expect(minimum(a, b)).toBe(new Big(a).lt(b) ? a : b);
        expect(maximum(a, b)).toBe(new Big(a).gt(b) ? a : b);
      }),
      runs,
    );
  });

  test("a sum of many amounts and products, whatever their places", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(amount, amount), { maxLength: 8 }), (pairs) => {
        const sum = new DecimalSum();
        let expected = new Big(0);
        for (const [a, b] of pairs) {
          sum.add(a);
          sum.addProduct(a, b);
          expected = expected.plus(a).plus(new Big(a).times(b));
        }
        expect(sum.value).toBe(oracle(expected));
      }),
      runs,
    );
  });

  test("amounts that differ in their last digit only are told apart, at every length", () => {
    const tail = fc.integer({ min: 0, max: 8 });
    fc.assert(
      fc.property(digits(30), fc.nat({ max: 29 }), tail, (whole, dot, last) => {
        const at = Math.min(dot, whole.length - 1);
        const write = (end: number): Decimal => decimal(`${whole.slice(0, at)}0.${whole.slice(at, 29)}${end}`);
        expect(compare(write(last), write(last + 1))).toBe(-1);
        expect(compare(write(last + 1), write(last))).toBe(1);
        expect(compare(negate(write(last + 1)), negate(write(last)))).toBe(-1);
      }),
      runs,
    );
  });

  test("a whole multiple of any step is one, and the floor of anything between two is the lower", () => {
    fc.assert(
      fc.property(amount, step, (a, by) => {
        const floor = floorToStep(a, by);
        expect(isMultipleOf(floor, by)).toBe(true);
        expect(isMultipleOf(a, by)).toBe(compare(floor, a) === 0);
        expect(compare(absolute(subtract(a, floor)), by)).toBe(-1);
        expect(compare(absolute(floor), absolute(a))).not.toBe(1);
        expect(isMultipleOf(a, by)).toBe(new Big(a).mod(by).eq(0));
      }),
      runs,
    );
  });

  test("a quotient is the largest of its places that does not overshoot", () => {
    fc.assert(
      fc.property(amount, divisor, fc.nat({ max: 20 }), (a, b, places) => {
        const quotient = divide(a, b, places);
        const short = new Big(a).abs().minus(new Big(quotient).abs().times(new Big(b).abs()));
        expect(short.gte(0)).toBe(true);
        expect(short.lt(new Big(10).pow(-places).times(new Big(b).abs()))).toBe(true);
        expect((quotient.split(".")[1] ?? "").length).toBeLessThanOrEqual(places);
        expect(isZero(quotient) || isPositive(quotient) === (isPositive(a) === isPositive(b))).toBe(true);
      }),
      runs,
    );
  });
});

test("dividing by zero and steps of zero are our own mistakes", () => {
  expect(() => divide(decimal("1"), zero, 2)).toThrow("the divisor is not zero");
  expect(() => floorToStep(decimal("1"), zero)).toThrow("a step is positive");
  expect(() => isMultipleOf(decimal("1"), zero)).toThrow("a step is not zero");
});

test("zero has no sign", () => {
  expect(negate(zero)).toBe("0");
  expect(subtract(decimal("-1.50"), decimal("-1.5"))).toBe("0");
  expect(multiply(decimal("-1"), zero)).toBe("0");
  expect(divide(decimal("-1"), decimal("3"), 0)).toBe("0");
});
