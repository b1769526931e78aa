/** When a cancel that nobody asked for may be the dead man's switch, and when it may not. */
import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { maySwitchHaveFired, switchEveryMs, switchSet } from "./dead-mans-switch.ts";
import type { SwitchWatch } from "./dead-mans-switch.ts";

const timeoutMs = 30_000;
const set = (watch: SwitchWatch, at: number): SwitchWatch => switchSet(watch, monoMs(at - 5), monoMs(at), timeoutMs);
const fired = (watch: SwitchWatch, at: number): boolean => maySwitchHaveFired(watch, monoMs(at), timeoutMs);

test("a new leader does not know what its predecessor's countdown did, and for a while after its own first setting", () => {
  expect(fired({}, 1_000)).toBe(true);
  const watch = set({}, 1_000);
  expect(fired(watch, 10_999)).toBe(true);
  expect(fired(watch, 11_000)).toBe(false);
});

test("a countdown that is set again in time has cancelled nothing", () => {
  let watch = set({}, 0);
  for (let at = 7_500; at <= 60_000; at += switchEveryMs(timeoutMs)) watch = set(watch, at);
  expect(fired(watch, 60_001)).toBe(false);
  expect(fired(watch, 59_995 + timeoutMs - 1)).toBe(false);
});

test("one that may have ended has, from the setting that was answered last, to the millisecond", () => {
  const watch = set(set({}, 0), 20_000);
  expect(fired(watch, 19_995 + timeoutMs - 1)).toBe(false);
  expect(fired(watch, 19_995 + timeoutMs)).toBe(true);
  const again = set(watch, 80_000);
  expect(fired(again, 80_001)).toBe(true);
  expect(fired(again, 90_000)).toBe(false);
});
