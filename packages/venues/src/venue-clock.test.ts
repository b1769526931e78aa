import { describe, expect, it } from "vitest";
import { monoMs, wallMs } from "@baton/core";
import { clockPauseMs, VenueClock } from "./venue-clock.ts";

/** A venue that is 5 s ahead of our wall clock, which is 1,000,000 ms ahead of our monotonic one. */
function setUp(): {
  readonly venue: VenueClock;
  /** What was told of the venue's being ahead, and where its time stood for us then. */
  readonly told: readonly { readonly ms: number; readonly venueWallMs: number | undefined }[];
  readonly at: (mono: number) => void;
  readonly sample: (sent: number, halfTrip: number, skew?: number) => void;
} {
  let mono = 0;
  let wallStep = 0;
  const told: { ms: number; venueWallMs: number | undefined }[] = [];
  const clock = { mono: () => monoMs(mono), wall: () => wallMs(mono + 1_000_000 + wallStep) };
  const venue: VenueClock = new VenueClock(clock, 1, (ms) => told.push({ ms, venueWallMs: venue.now()?.venueWallMs }));
  return {
    venue,
    told,
    at: (value) => (mono = value),
    sample: (sent, halfTrip, skew = 1_005_000) => {
      mono = sent + 2 * halfTrip;
      wallStep = 0;
      venue.observe(monoMs(sent), monoMs(mono), sent + halfTrip + skew - 0.5);
    },
  };
}

describe("the venue's clock", () => {
  it("is unknown before the first sample", () => {
    expect(setUp().venue.reading()).toBeUndefined();
  });

  it("reads as offset to our wall, with half the round trip, the resolution and the drift as error", () => {
    const { venue, sample, at } = setUp();
    sample(100, 20);
    expect(venue.reading()!.offsetMs).toBeCloseTo(5_000);
    expect(venue.reading()!.errorMs).toBeCloseTo(20.5);
    at(10_140);
    expect(venue.reading()!.errorMs).toBeCloseTo(25.5);
  });

  it("is within its error of the truth, though the machine was busy between the readings of our two clocks", () => {
    let mono = 0;
    // Before the wall is read, or after it, 4 ms pass.
    for (const stalls of ["before", "after"] as const) {
      const pass = (): void => void (mono += 4);
      const wall = (): ReturnType<typeof wallMs> => {
        if (stalls === "before") pass();
        const read = wallMs(mono + 1_000_000);
        if (stalls === "after") pass();
        return read;
      };
      const venue = new VenueClock({ mono: () => monoMs(mono), wall }, 0);
      venue.observe(monoMs(mono), monoMs(mono), mono + 1_005_000);
      const { offsetMs, errorMs } = venue.reading()!;
      expect(Math.abs(offsetMs - 5_000)).toBeLessThanOrEqual(errorMs);
      expect(errorMs).toBeLessThan(4);
    }
  });

  it("prefers the sample with the least error, until drift has spoilt it", () => {
    const { venue, sample, at } = setUp();
    sample(100, 2);
    sample(10_000, 30);
    expect(venue.reading()!.errorMs).toBeLessThan(10);
    at(80_000);
    expect(venue.reading()!.errorMs).toBeGreaterThan(40);
  });

  it("believes the newest sample when it contradicts the older ones: a clock was set", () => {
    const { venue, sample } = setUp();
    sample(100, 2);
    sample(10_000, 30, 1_003_000);
    expect(venue.reading()!.offsetMs).toBeCloseTo(3_000);
    expect(venue.reading()!.errorMs).toBeCloseTo(30.5);
  });

  it("tells that the venue is ahead before the new reading counts: our monotonic clock may have stood still", () => {
    const { told, sample } = setUp();
    sample(100, 2);
    sample(10_000, 30, 1_005_200);
    expect(told).toHaveLength(1);
    expect(told[0]?.ms).toBeGreaterThan(100);
    expect(told[0]?.ms).toBeLessThan(200);
    expect(told[0]?.venueWallMs).toBeLessThan(10_060 + 1_005_010);
    sample(20_000, 30, 1_005_200);
    expect(told).toHaveLength(1);
  });

  it("tells nothing of a venue that falls behind, nor of what the round trips leave open", () => {
    const { told, sample } = setUp();
    sample(100, 2);
    sample(10_000, 30, 1_003_000);
    sample(20_000, 400, 1_003_300);
    expect(told).toEqual([]);
  });
});

it("is asked again in a second while the reading is wide, and less and less where it stays wide: the venue is far away", () => {
  const pauses = [100, 101, 250, 250, 250, 250, 250, 99, 250].reduce<readonly number[]>(
    (told, errorMs) => [...told, clockPauseMs(errorMs, told.at(-1))],
    [],
  );
  expect(pauses).toEqual([10_000, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 10_000, 1_000]);
  expect(clockPauseMs(undefined, undefined)).toBe(1_000);
});
