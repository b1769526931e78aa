import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readSoonMs, Wakes } from "./wakes.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function reading(isLeading = false) {
  const read = vi.fn<() => void>();
  return { read, wakes: new Wakes({ read, isLeading: () => isLeading }) };
}

test.each([[], ["leader"], ["control/kill"], ["deaths/b-1"], ["members/a", "insync"], ["control/members/a"]])(
  "is read at once: %s",
  (...keys) => {
    const { read, wakes } = reading();
    wakes.woken({ keys });
    expect(read).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(10 * readSoonMs);
    expect(read).toHaveBeenCalledOnce();
  },
);

test("what members say of themselves and operations of others are read together a moment later, once", () => {
  const { read, wakes } = reading();
  wakes.woken({ keys: ["members/a", "boots/disk-a"] });
  vi.advanceTimersByTime(readSoonMs - 1);
  wakes.woken({ keys: ["operations/drill-7"] });
  expect(read).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(read).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10 * readSoonMs);
  expect(read).toHaveBeenCalledOnce();
  wakes.woken({ keys: ["members/b"] });
  vi.advanceTimersByTime(readSoonMs);
  expect(read).toHaveBeenCalledTimes(2);
});

test("a leader reads an operation at once, and what was to be read later with it", () => {
  const { read, wakes } = reading(true);
  wakes.woken({ keys: ["members/a"] });
  wakes.woken({ keys: ["operations/drill-7"] });
  expect(read).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10 * readSoonMs);
  expect(read).toHaveBeenCalledOnce();
});

test("nothing is read after the end", () => {
  const { read, wakes } = reading();
  wakes.woken({ keys: ["members/a"] });
  wakes.close();
  vi.advanceTimersByTime(10 * readSoonMs);
  expect(read).not.toHaveBeenCalled();
});
