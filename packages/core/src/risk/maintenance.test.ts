/** From when to when the dead man's switch is off for planned maintenance. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { wallMs } from "../time.ts";
import { instantMs, switchPlan, whyNoWindow } from "./maintenance.ts";

const window = { from: "2026-12-01T06:00:00Z", until: "2026-12-01T08:00:00Z" };
const at = (text: string): ReturnType<typeof wallMs> => wallMs(instantMs(text) ?? Number.NaN);

test("it is taken back a minute before maintenance begins, and set again when that is over", () => {
  const begins = at("2026-12-01T05:59:00Z");
  expect(switchPlan([window], wallMs(begins - 1))).toEqual({ isOff: false, changesAtWallMs: begins });
  expect(switchPlan([window], begins)).toEqual({ isOff: true, changesAtWallMs: at(window.until) });
  expect(switchPlan([window], wallMs(at(window.until) - 1)).isOff).toBe(true);
  expect(switchPlan([window], at(window.until))).toEqual({ isOff: false });
});

test("windows that overlap are one, and the next of several is the one that counts", () => {
  const longer = { from: "2026-12-01T07:00:00Z", until: "2026-12-01T09:00:00Z" };
  expect(switchPlan([longer, window], at("2026-12-01T07:30:00Z"))).toEqual({
    isOff: true,
    changesAtWallMs: at(longer.until),
  });
  expect(switchPlan([longer, window], at("2026-11-30T00:00:00Z")).changesAtWallMs).toBe(at("2026-12-01T05:59:00Z"));
  expect(switchPlan([], at(window.from))).toEqual({ isOff: false });
});

test("an instant is what the calendar has, to the second", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_799 }), (seconds) => {
      const text = new Date(seconds * 1_000).toISOString().replace(".000Z", "Z");
      expect(instantMs(text)).toBe(seconds * 1_000);
    }),
  );
  for (const none of ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-12-01T24:00:00Z", "2026-12-01", "soon"]) {
    expect(instantMs(none)).toBeUndefined();
  }
});

test("a window that is none is named in a sentence", () => {
  expect(whyNoWindow(window)).toBeUndefined();
  expect(whyNoWindow({ ...window, until: window.from })).toContain("ends before it begins");
  expect(whyNoWindow({ ...window, from: "2026-02-30T06:00:00Z" })).toBe("2026-02-30T06:00:00Z is no instant of UTC.");
});
