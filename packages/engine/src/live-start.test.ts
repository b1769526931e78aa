import { id } from "@baton/core";
import type { Config } from "@baton/core";
import { expect, test } from "vitest";
import { liveEnvironment, whyNotLive } from "./live-start.ts";
import { rigConfig } from "./testing/desk-rig.ts";

const trial = rigConfig();
const live: Config = { ...trial, venues: trial.venues.map((venue) => ({ ...venue, mode: "live" })) };

test("an engine that its supervisor starts again trades the real money that the start was confirmed for, and no other", () => {
  const confirmed = liveEnvironment(live);
  expect(whyNotLive(live, confirmed)).toBeUndefined();
  expect(whyNotLive({ ...live, log: { ...live.log, level: "debug" } }, confirmed)).toBeUndefined();
  const [venue] = live.venues;
  const another = {
    ...live,
    venues: venue === undefined ? [] : [venue, { ...venue, id: id("two"), account: "t2" }],
  } as Config;
  expect(whyNotLive(another, confirmed)).toMatch(
    /names real money \(sim\/t, two\/t2\) that its start was not confirmed for/,
  );
  expect(whyNotLive(live, liveEnvironment(trial))).toMatch(/start baton node again, which asks/);
  expect(whyNotLive(trial, confirmed)).toBeUndefined();
});

test("an engine that no supervisor has started has just been let through by its own start", () => {
  expect(whyNotLive(live, {})).toBeUndefined();
});
