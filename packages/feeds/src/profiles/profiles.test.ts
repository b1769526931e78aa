/** Profiles are data; what can be checked without a venue is that they are complete and do not contradict themselves. */
import { describe, expect, test } from "vitest";
import type { VenueProfile } from "./profile.ts";
import { venueProfiles } from "./profiles.ts";

describe.each<[string, VenueProfile]>(Object.entries(venueProfiles))("the profile of %s", (name, profile) => {
  test("names its documents and has addresses of both networks", () => {
    expect(profile.venue).toBe(name);
    expect(profile.sources.length).toBeGreaterThan(0);
    for (const source of profile.sources) expect(new URL(source).protocol).toBe("https:");
    for (const { wsUrls, restUrl } of Object.values(profile.networks)) {
      expect(new URL(restUrl).protocol).toBe("https:");
      expect(wsUrls.length).toBeGreaterThan(0);
      for (const url of wsUrls) expect(new URL(url).protocol).toBe("wss:");
    }
  });

  test("leaves before the venue cuts, and speaks before the venue calls it idle", () => {
    const { lineRules, cutAgeMs, idleCutMs, heartbeat } = profile;
    const [youngest, oldest] = lineRules.rotateBetweenMs;
    expect(youngest).toBeLessThan(oldest);
    expect(oldest).toBeLessThan(cutAgeMs ?? Infinity);
    const speaksEveryMs = Math.min(lineRules.heartbeat?.everyMs ?? Infinity, lineRules.pingEveryMs);
    expect(speaksEveryMs).toBeLessThan(idleCutMs ?? Infinity);
    // Who is to send a heartbeat must know its words.
    expect(lineRules.heartbeat === undefined).toBe(heartbeat === undefined);
  });

  test("spends no more of the venue's budget of attempts than its lines can need, and backs off", () => {
    const { attemptRules, lineRules } = profile;
    expect(attemptRules.attempts).toBeGreaterThan(0);
    expect(lineRules.backoff.capMs).toBeGreaterThan(lineRules.backoff.baseMs);
    expect(lineRules.probeEveryMs).toBeGreaterThanOrEqual(lineRules.backoff.capMs);
    expect(lineRules.batchMax).toBeLessThanOrEqual(profile.streamsMax);
  });
});
