/**
 * The protocol under chance: small clusters of the production machine around a fake etcd, with crashes that lose the tail,
 * transactions that are late, lost or unknown, cut links, ended leases, replaced disks, pauses and switchovers. The checks
 * stand outside (`walk/checks.ts`: I1, I4–I8, I10, I14, I16, I19), and when all harm stops a healthy cluster must come out.
 * A failure prints its seed and the end of its schedule; `walk(seed, true)` plays it again.
 */
import { describe, expect, test } from "vitest";
import { walk } from "./walk/world.ts";

const groups = 8;
const seedsPerGroup = 250;

/** The sentence of a failure: what broke, under which seed, after which steps. */
function story(seed: number): string {
  const { broken, schedule } = walk(seed, true);
  return `seed ${seed}: ${broken ?? "held when played again"}\n${schedule.slice(-80).join("\n")}`;
}

describe("whatever happens, no committed record is lost, no two nodes lead an epoch, and nothing stays stuck", () => {
  const counts = new Map<string, number>();
  for (let group = 0; group < groups; group++) {
    const first = group * seedsPerGroup + 1;
    test(`seeds ${first} to ${first + seedsPerGroup - 1}`, () => {
      for (let seed = first; seed < first + seedsPerGroup; seed++) {
        const report = walk(seed);
        expect(report.broken, report.broken && story(seed)).toBeUndefined();
        for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
      }
    });
  }

  test("and every transition of the protocol took part", () => {
    for (const what of [
      "takeover: expired",
      "takeover: pre-emption",
      "takeover: crash-release",
      "takeover refused",
      "takeover unknown",
      "handoff: switchover",
      "handoff refused",
      "handoff unknown",
      "deadline extended",
      "etcd restored",
      "re-anchored",
      "failover won",
      "failover refused",
      "hold handed off",
      "hold resumed",
      "shrink",
      "grow",
      "bump",
      "set-insync refused",
      "set-insync unknown",
      "fenced",
      "sent",
      "healed",
    ]) {
      expect.soft(counts.get(what) ?? 0, what).toBeGreaterThan(0);
    }
    const walks = groups * seedsPerGroup;
    expect(counts.get("healed") ?? 0).toBeGreaterThan(walks * 0.95);
  });

  test("the same seed gives the same walk", () => {
    expect(walk(7, true)).toEqual(walk(7, true));
  });
});
