/** What chrony and systemd print, read as facts. */
import { expect, test } from "vitest";
import { chronyOf, unitFacts } from "./machine.ts";

test("chrony's line says how far the clock is off, or that nothing keeps it", () => {
  const line =
    "A9FEA97B,169.254.169.123,4,1764412345.123,0.000012345,0.000010,0.000020,-3.2,0.001,0.03,0.0004,0.0002,16.2,Normal";
  expect(chronyOf(line)).toEqual({ kind: "synchronized", by: "chrony", offsetMs: 0.012345 });
  expect(chronyOf(line.replace(/Normal$/, "Not synchronised"))).toEqual({ kind: "unsynchronized", by: "chrony" });
});

test("a unit's properties are those that systemd has in force; one that it does not know is not loaded", () => {
  const told =
    "Restart=on-failure\nRestartUSec=200ms\nWatchdogUSec=1.500s\nLimitNOFILE=65536\nLimitRTPRIO=1\nRestrictRealtime=no\nLoadState=loaded";
  expect(unitFacts("baton@metro.service", told)).toEqual({
    ...{ kind: "loaded", unit: "baton@metro.service", restart: "on-failure", restartSec: "200ms" },
    ...{ watchdog: "1.500s", filesMax: "65536", realtimeMax: "1", restrictRealtime: "no" },
  });
  expect(unitFacts("baton@x.service", told.replace("=loaded", "=not-found"))).toMatchObject({ kind: "not-loaded" });
});
