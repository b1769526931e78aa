import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FramePace } from "./pace.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A queue that a test fills, and a writer that takes as long as the test says. */
function paced(): {
  readonly sealed: number[];
  readonly put: (events: number) => void;
  readonly durable: () => void;
} {
  const queue = { length: 0, isFull: false };
  const inFlight = { count: 0 };
  const sealed: number[] = [];
  const pace = new FramePace({
    limits: { framesInFlightMax: 4, gatherMs: 2 },
    queue,
    inFlight,
    seal: () => {
      sealed.push(queue.length);
      queue.length = 0;
      queue.isFull = false;
      inFlight.count += 1;
    },
  });
  return {
    sealed,
    put(events) {
      queue.length += events;
      queue.isFull = queue.length >= 64;
      pace.queued();
      vi.advanceTimersByTime(0);
    },
    durable() {
      inFlight.count = 0;
      pace.go();
    },
  };
}

test("one intent at a time never waits for company", () => {
  const { sealed, put, durable } = paced();
  for (let count = 0; count < 3; count += 1) {
    put(1);
    durable();
  }
  expect(sealed).toEqual([1, 1, 1]);
});

test("after a frame with company, a small one waits until it has more, or a moment has passed", () => {
  const { sealed, put, durable } = paced();
  put(2);
  durable();
  put(2);
  expect(sealed).toEqual([2]);
  put(6);
  expect(sealed).toEqual([2, 8]);
  durable();
  put(3);
  vi.advanceTimersByTime(1);
  expect(sealed).toEqual([2, 8]);
  vi.advanceTimersByTime(1);
  expect(sealed).toEqual([2, 8, 3]);
});

test("what comes while a frame is at the writer goes when that is durable, a full frame at once", () => {
  const { sealed, put, durable } = paced();
  put(1);
  put(1);
  expect(sealed).toEqual([1]);
  durable();
  expect(sealed).toEqual([1, 1]);
  put(64);
  expect(sealed).toEqual([1, 1, 64]);
});
