import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { etcdMissing, startEtcd } from "./etcd.ts";

test("a machine without etcd is told what to install", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = "/nonexistent";
  try {
    await expect(startEtcd()).rejects.toThrow(etcdMissing);
  } finally {
    process.env["PATH"] = path;
  }
});

test("no member outlives a caller that is killed, not even a frozen one", async () => {
  const program = `
    import { startEtcd } from ${JSON.stringify(new URL("./etcd.ts", import.meta.url).href)};
    const rig = await startEtcd();
    rig.members[0].freeze();
    console.log(rig.members.map((member) => member.pid).join(" "));
    setInterval(() => undefined, 1000);`;
  const caller = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: caller.stdout }), "line")) as [string];
  const pids = line.split(" ").map(Number);
  expect(pids.filter(isAlive)).toHaveLength(3);
  caller.kill("SIGKILL");
  const until = performance.now() + 5_000;
  while (pids.some(isAlive) && performance.now() < until) await delay(20);
  expect(pids.filter(isAlive)).toEqual([]);
});

/** Running, and not merely waiting to be reaped. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`) && process.kill(pid, 0);
}
