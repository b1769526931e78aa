import { expect, test } from "vitest";
import { raisesTo, whyFileRefused, whyFormatRefused, whyFormatsApart } from "./format.ts";

const b = (schema: number): { schema: number; node: string } => ({ schema, node: "b" });

test("the previous format follows the next, the reverse and a gap of two are refused in a sentence", () => {
  expect(whyFormatRefused({ schema: 3 }, b(3))).toBeUndefined();
  expect(whyFormatRefused({ schema: 3 }, b(2))).toBeUndefined();
  expect(whyFormatRefused({ schema: 2 }, b(3))).toContain("a newer journal never follows an older leader");
  expect(whyFormatRefused({ schema: 3 }, b(1))).toContain("only the previous format can follow");
});

test("neighbouring formats talk, whoever leads", () => {
  expect(whyFormatsApart({ schema: 2 }, b(3))).toBeUndefined();
  expect(whyFormatsApart({ schema: 3 }, b(2))).toBeUndefined();
  expect(whyFormatsApart({ schema: 1 }, b(3))).toBe("b speaks format 3, this node 1: more than one version apart");
});

test("a build opens its own and the previous format", () => {
  const file = "j.db";
  expect(whyFileRefused({ file, has: 2, build: 2 })).toBeUndefined();
  expect(whyFileRefused({ file, has: 1, build: 2 })).toBeUndefined();
  expect(whyFileRefused({ file, has: 3, build: 2 })).toContain("a newer build raised it");
  expect(whyFileRefused({ file, has: 1, build: 3 })).toContain("run the version between");
});

test("a file is raised to its leader's format where the build can write it, and never lowered", () => {
  expect(raisesTo({ has: 1, build: 2, leads: 2 })).toBe(2);
  expect(raisesTo({ has: 1, build: 1, leads: 2 })).toBeUndefined();
  expect(raisesTo({ has: 2, build: 2, leads: 1 })).toBeUndefined();
});
