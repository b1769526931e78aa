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
  const until = performance.now() + 40_000;
  while (pids.some(isAlive) && performance.now() < until) await delay(20);
  expect(pids.filter(isAlive)).toEqual([]);
});

/** Running, and not merely waiting to be reaped: what has ended has no program any more. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

test("a partitioned leader of etcd is deposed by the others, and joins again when the partition heals", async () => {
  await using rig = await startEtcd({ peerLinks: true });
  const { leader, followers } = await rig.roles();
  await rig.partition(leader);
  await eventually("another member leads", async () => {
    const leads = await Promise.all(followers.map((member) => member.isEtcdLeader()));
    return leads.includes(true);
  });
  await eventually("the old one knows that it leads no more", async () => !(await leader.isEtcdLeader()));
  expect(await isHealthy(leader)).toBe(false);
  rig.heal();
  await eventually("it takes writes again", () => isHealthy(leader));
}, 180_000);

/** A member is healthy when it reads with a quorum. */
async function isHealthy(member: { readonly endpoint: string }): Promise<boolean> {
  const answer = await fetch(`${member.endpoint}/health`, { signal: AbortSignal.timeout(30_000) });
  return ((await answer.json()) as { health?: string }).health === "true";
}

async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}
