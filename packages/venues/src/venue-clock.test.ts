import { describe, expect, it } from "vitest";
import { monoMs, wallMs } from "@baton/core";
import { VenueClock } from "./venue-clock.ts";

/** A venue that is 5 s ahead of our wall clock, which is 1,000,000 ms ahead of our monotonic one. */
function setUp(): {
  readonly venue: VenueClock;
  readonly at: (mono: number) => void;
  readonly sample: (sent: number, halfTrip: number, skew?: number) => void;
} {
  let mono = 0;
  let wallStep = 0;
  const venue = new VenueClock({ mono: () => monoMs(mono), wall: () => wallMs(mono + 1_000_000 + wallStep) }, 1);
  return {
    venue,
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
});
