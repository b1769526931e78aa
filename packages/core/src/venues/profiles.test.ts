import { describe, expect, test } from "vitest";
import { limitsOfVenue } from "./capabilities.ts";
import { isIllness, isNotFound, placementClassOf } from "./codes.ts";
import { exchangeIds, venueProfiles } from "./profiles/index.ts";
import type { CodeTable } from "./profile.ts";

describe.each(exchangeIds)("the profile of %s", (exchange) => {
  const profile = venueProfiles[exchange];

  test("has code lists that say no two things of one code", () => {
    const { definite, inDoubt, duplicate } = profile.codes;
    const exact = (entries: CodeTable["definite"]): string[] =>
      entries.flatMap((entry) => (typeof entry === "string" ? [entry] : []));
    expect(inDoubt.filter((code) => exact(definite).includes(code))).toEqual([]);
    expect(inDoubt.filter((code) => exact(duplicate).includes(code))).toEqual([]);
    for (const code of inDoubt)
      expect(placementClassOf(profile.codes, { status: 200, code, message: "" })).toBe("in-doubt");
  });

  test("calls every 5xx in doubt and ill, whatever code its body carries", () => {
    for (const code of profile.codes.inDoubt.concat(profile.codes.notFound)) {
      const verdict = { status: 503, code, message: "" };
      expect(placementClassOf(profile.codes, verdict)).toBe("in-doubt");
      expect(isIllness(profile.codes, verdict)).toBe(true);
      expect(isNotFound(profile.codes, verdict)).toBe(false);
    }
  });

  test("counts weight and orders, and knows how an order is found", () => {
    expect(new Set(profile.limits.map((rule) => rule.counts))).toEqual(new Set(["weight", "orders"]));
    expect(profile.queryPaths.length).toBeGreaterThan(0);
    // 32 hex characters, as Baton makes ids, fit every venue's field.
    expect(profile.clientOrderId.field).not.toBe("");
  });
});

test("what a venue cannot do is said: Coinbase finds no order by our id, and nothing shortens its signatures", () => {
  const said = limitsOfVenue(venueProfiles.coinbase).join("; ");
  expect(said).toMatch(/no query by client order id/);
  expect(said).toMatch(/120 s/);
  expect(limitsOfVenue(venueProfiles.binance).join()).not.toMatch(/no query/);
});
