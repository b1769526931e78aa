/** A stream that speaks late is found late, whatever the venue's clock says. */
import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { newLateness, noteProbe, noteSentAt, settleProbe } from "./lateness.ts";

describe("lateness", () => {
  test("is what a message takes beyond the shortest way seen, and nobody's clock has to be right", () => {
    for (const venueAheadMs of [0, -86_400_000, 5_000]) {
      const l = newLateness();
      const late = (sentMs: number, atMs: number): number => noteSentAt(l, sentMs + venueAheadMs, monoMs(atMs));
      expect(late(1_000, 1_040)).toBe(0);
      expect(late(1_100, 1_125)).toBe(0);
      expect(late(1_200, 1_250)).toBeCloseTo(25, 0);
      expect(late(1_300, 3_325)).toBeCloseTo(2_000, 0);
      expect(late(3_400, 3_425)).toBeCloseTo(0, 0);
    }
  });

  test("follows clocks that part slowly", () => {
    const l = newLateness();
    // Fifty millionths, for a day: more than four seconds in all.
    for (let ms = 0; ms < 86_400_000; ms += 60_000) {
      expect(noteSentAt(l, ms - ms * 0.000_05, monoMs(ms + 20))).toBeLessThan(10);
    }
  });

  test("that is only the venue's clock set back is disproved by the next book that is asked for", () => {
    const l = newLateness();
    noteSentAt(l, 1_000, monoMs(1_020));
    const seems = noteSentAt(l, 1_100 - 3_000, monoMs(1_120));
    expect(seems).toBeCloseTo(3_000, 0);
    noteProbe(l, 500, monoMs(1_130));
    expect(settleProbe(l, 499, seems, monoMs(1_180))).toBe(seems);
    expect(settleProbe(l, 501, seems, monoMs(1_220))).toBe(90);
    expect(noteSentAt(l, 1_300 - 3_000, monoMs(1_320))).toBeLessThanOrEqual(91);
  });

  test("that is true stays: the stream comes to where the book was no sooner than it is late", () => {
    const l = newLateness();
    noteSentAt(l, 1_000, monoMs(1_020));
    const late = noteSentAt(l, 1_100, monoMs(3_120));
    noteProbe(l, 500, monoMs(3_130));
    expect(settleProbe(l, 500, late, monoMs(5_140))).toBe(late);
    expect(Math.round(noteSentAt(l, 3_300, monoMs(5_320)) / 10)).toBe(200);
  });
});
