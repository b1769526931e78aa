/** When a cancel that nobody asked for may be the dead man's switch, and when it may not. */
import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { exchangeIds, venueProfiles } from "../venues/profiles/index.ts";
import { maySwitchHaveFired, switchEveryMs, switchRefusal, switchSet } from "./dead-mans-switch.ts";
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

test("a countdown that the venue does not take is refused by name: at its limits it is taken, one millisecond beyond not", () => {
  const okx = (ms: number): string | undefined => switchRefusal(venueProfiles.okx, { timeoutMs: ms, symbols: 3 });
  expect([okx(10_000), okx(120_000)]).toEqual([undefined, undefined]);
  expect(okx(9_999)).toMatch(/10000 to 120000 ms, not 9999/);
  expect(okx(120_001)).toMatch(/10000 to 120000 ms, not 120001/);
  const without = exchangeIds.filter((exchange) => venueProfiles[exchange].deadMansSwitch === undefined);
  expect(without).toEqual(["binance", "bybit", "coinbase"]);
  for (const exchange of without) {
    expect(switchRefusal(venueProfiles[exchange], { timeoutMs, symbols: 1 })).toMatch(/no dead man's switch/);
  }
});

test("settings take at most half of the venue's limit by weight: fifteen futures symbols at 30 s, and not a sixteenth", () => {
  const usdm = (symbols: number): string | undefined =>
    switchRefusal(venueProfiles.binanceusdm, { timeoutMs, symbols });
  // 15 symbols × 10 every 7.5 s is 1,200 of 2,400 a minute.
  expect(usdm(15)).toBeUndefined();
  expect(usdm(16)).toMatch(/over half of its limit \(weight\)/);
  // Kraken's counter sinks by 15 in 45 s: a setting every 6 s is half of that.
  const kraken = (ms: number): string | undefined => switchRefusal(venueProfiles.kraken, { timeoutMs: ms, symbols: 9 });
  expect(kraken(24_000)).toBeUndefined();
  expect(kraken(23_996)).toMatch(/over half/);
});
