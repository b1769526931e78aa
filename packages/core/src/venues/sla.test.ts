import { describe, expect, test } from "vitest";
import { wallMs } from "../time.ts";
import { figuresOf, monthOf, noteRequest } from "./sla.ts";
import type { SlaMonth } from "./sla.ts";

const start = Date.UTC(2026, 10, 1);

/** `perMinute` requests in each of `minutes` minutes; `failing` says which fail. */
function month(
  minutes: number,
  perMinute: number,
  failing: (minute: number, request: number) => boolean,
): readonly SlaMonth[] {
  let months: readonly SlaMonth[] = [];
  for (let minute = 0; minute < minutes; minute += 1) {
    for (let request = 0; request < perMinute; request += 1) {
      const isError = failing(minute, request);
      const atWallMs = wallMs(start + minute * 60_000 + request);
      months = noteRequest(months, { atWallMs, isError, ...(isError ? {} : { latencyMs: 7 }) });
    }
  }
  return months;
}

test("the month of an instant is UTC's, over leap years and the turns of years and centuries", () => {
  const instants = [
    [1970, 0, 1],
    [2000, 1, 29],
    [2024, 1, 29],
    [2024, 2, 1],
    [2026, 11, 31],
    [2027, 0, 1],
    [2100, 1, 28],
    [2100, 2, 1],
  ] as const;
  for (const [year, monthIndex, day] of instants) {
    const name = `${year}-${`${monthIndex + 1}`.padStart(2, "0")}`;
    expect(monthOf(wallMs(Date.UTC(year, monthIndex, day)))).toBe(name);
    expect(monthOf(wallMs(Date.UTC(year, monthIndex, day, 23, 59, 59, 999)))).toBe(name);
  }
});

describe("a month", () => {
  test("is available in the minutes in which most requests were answered; the open minute is not judged yet", () => {
    // One minute of ten fails wholly, one by exactly half, one by a little; the eleventh is still open.
    const [only] = month(
      11,
      4,
      (minute, request) => minute === 2 || (minute === 5 && request < 2) || (minute === 7 && request === 0),
    );
    expect(figuresOf(only!)).toMatchObject({ month: "2026-11", requests: 44, availabilityPercent: 80 });
    expect(figuresOf(only!).errorPercent).toBeCloseTo((100 * 7) / 44);
  });

  test("keeps a promise at its limit and breaks it one step beyond", () => {
    const [only] = month(11, 10, (minute, request) => minute === 0 && request < 5);
    expect(figuresOf(only!, { availabilityPercentMin: 90, latencyP99MsMax: 10 }).broken).toEqual([]);
    const { broken } = figuresOf(only!, { availabilityPercentMin: 90.1, latencyP99MsMax: 9, errorPercentMax: 4.5 });
    expect(broken).toHaveLength(3);
    expect(broken[0]).toBe("available in 90.000 % of minutes, promised 90.1 %");
  });

  test("with an answer in a hundred above all bounds still has its 99 %, with two it has none", () => {
    const slow = (count: number): SlaMonth => {
      let months: readonly SlaMonth[] = [];
      for (let request = 0; request < 100; request += 1) {
        const latencyMs = request < count ? 60_000 : 3;
        months = noteRequest(months, { atWallMs: wallMs(start), isError: false, latencyMs });
      }
      return months[0]!;
    };
    expect(figuresOf(slow(1)).latencyP99Ms).toBe(5);
    expect(figuresOf(slow(2), { latencyP99MsMax: 10_000 }).broken).toEqual([
      "99 % of answers took more than 10 s, promised 10000 ms",
    ]);
  });

  test("follows on another, and a clock set back opens none", () => {
    let months = month(2, 1, () => false);
    months = noteRequest(months, { atWallMs: wallMs(Date.UTC(2026, 11, 1)), isError: false });
    months = noteRequest(months, { atWallMs: wallMs(Date.UTC(2026, 10, 30)), isError: true });
    expect(months.map((each) => [each.month, each.requests])).toEqual([
      ["2026-11", 2],
      ["2026-12", 2],
    ]);
  });

  test("with nothing asked says nothing, and breaks no promise", () => {
    const [only] = month(1, 1, () => true);
    expect(figuresOf(only!, { availabilityPercentMin: 100 })).toMatchObject({ availabilityPercent: null, broken: [] });
  });
});
