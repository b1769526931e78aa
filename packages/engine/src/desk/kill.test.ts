import { wallMs } from "@baton/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig } from "../testing/desk-rig.ts";

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

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

test("a successor takes back what its predecessor had not, when a kill was on record and it died", async () => {
  const first = new DeskRig().lead(1);
  await pass(50);
  const intent = first.order();
  await pass(50);
  expect(first.row(intent).status).toBe("new");
  first.desk.note({ kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(wallNow()) });
  await pass(50);
  first.desk.end();
  const next = new DeskRig({ journal: first.journal, venue: first.venue, node: "b" }).lead(2);
  await pass(1_000);
  expect(next.row(intent)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
});
