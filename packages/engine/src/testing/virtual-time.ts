/**
 * Virtual time for tests of the engine: every test of a file begins at one instant, and time passes only when it says so.
 * `performance` stays real, so that a test's own deadline is not virtual too.
 */
import { afterEach, beforeEach, vi } from "vitest";

/** Puts each test of the calling file on virtual time, from 2026-06-01 on. */
export function onVirtualTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: [
        "setTimeout",
        "clearTimeout",
        "setInterval",
        "clearInterval",
        "setImmediate",
        "clearImmediate",
        "Date",
        "hrtime",
      ],
      now: new Date("2026-06-01T00:00:00Z"),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** Lets so much virtual time pass, with all that becomes due in it. */
export function pass(ms: number): Promise<unknown> {
  return vi.advanceTimersByTimeAsync(ms);
}
