import type { Config } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { expect, onTestFinished, test, vi } from "vitest";
import { Housekeeping, isTogether } from "./housekeeping.ts";

const endpoints = ["http://10.0.0.1:2379", "http://10.0.0.2:2379", "http://10.0.0.3:2379"];

test("etcd's leader on the host of Baton's leader is told, elsewhere not, unknown is unknown", () => {
  const at = (leader: string | undefined) => isTogether({ endpoints, leader, address: "10.0.0.2:7070" });
  expect(at(endpoints[1])).toBe(true);
  expect(at(endpoints[0])).toBe(false);
  expect(at(undefined)).toBeUndefined();
});

test("on one machine for everything there is nowhere to move to", () => {
  const here = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  expect(isTogether({ endpoints: here, leader: here[0], address: "127.0.0.1:7070" })).toBe(false);
});

/** A node in its first two hours: etcd's revision is the minute, and it may begin to lead at any of them. */
function keepHouse(leadsFromMinute: number, refuses?: (minute: number) => boolean) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const compacted: { readonly atMinute: number; readonly revision: string }[] = [];
  const warned: string[] = [];
  let minute = 0;
  const house = new Housekeeping({
    config: { cluster: { nodes: [] } } as unknown as Config,
    etcd: {
      status: () => Promise.resolve({ endpoints: [], leaderEndpoint: undefined }),
      prune: () => Promise.resolve(),
      compact: (revision: string) => {
        if (refuses?.(minute) === true) return Promise.reject(new Error("permission denied"));
        compacted.push({ atMinute: minute, revision });
        return Promise.resolve();
      },
    } as unknown as Etcd,
    isLeading: () => minute >= leadsFromMinute,
    revision: () => `${minute}`,
    say: () => undefined,
    warn: (_event, sentence) => warned.push(sentence),
  });
  onTestFinished(() => house.close());
  const run = async (): Promise<void> => {
    for (minute = 1; minute <= 120; minute += 1) await vi.advanceTimersByTimeAsync(60_000);
  };
  return { run, compacted, warned };
}

test("a leader has etcd forget the revisions of an hour ago, a minute's worth each minute, and never a younger one", async () => {
  const house = keepHouse(0);
  await house.run();
  expect(house.compacted).toHaveLength(60);
  expect(house.compacted[0]).toEqual({ atMinute: 61, revision: "1" });
  expect(house.compacted.every(({ atMinute, revision }) => atMinute - Number(revision) === 60)).toBe(true);
});

test("a standby has etcd forget nothing; one that takes over goes on from the hour that it has seen", async () => {
  const house = keepHouse(100);
  await house.run();
  expect(house.compacted[0]).toEqual({ atMinute: 100, revision: "40" });
});

test("that etcd refuses to forget is told once, and tried again each minute", async () => {
  const house = keepHouse(0, (minute) => minute < 80);
  await house.run();
  expect(house.warned).toEqual(["etcd grows until somebody compacts it: permission denied"]);
  expect(house.compacted[0]).toEqual({ atMinute: 80, revision: "20" });
});
