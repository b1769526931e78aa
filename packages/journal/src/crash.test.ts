import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { decodeEvent } from "@baton/core";
import { expect, test } from "vitest";
import { openJournal } from "./open.ts";
import { verifyJournal } from "./store/chain.ts";
import { durable, journalOptions, notes, scratch } from "./testing/rig.ts";

const program = join(import.meta.dirname, "testing", "writer-main.ts");

interface Told {
  readonly durable?: number;
  readonly failed?: string;
  readonly message?: string;
  readonly refused?: string;
}

/** Runs the writer, in a shell with limits if asked, until `enough` says so or it ends by itself. */
async function runWriter(dir: string, enough: (told: Told[]) => boolean, limits = "true"): Promise<Told[]> {
  const child = spawn("bash", ["-c", `${limits}; exec "$0" "$@"`, process.execPath, program, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told: Told[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    told.push(JSON.parse(line) as Told);
    if (enough(told)) child.kill("SIGKILL");
  });
  await once(child, "close");
  return told;
}

test("a writer killed at any point loses nothing that it had reported durable", async () => {
  using folder = scratch();
  let before = 0;
  for (const lines of [1, 7, 40]) {
    const told = await runWriter(folder.dir, (facts) => facts.length >= lines);
    const reported = Math.max(...told.map((fact) => fact.durable ?? 0));
    expect(reported).toBeGreaterThan(before);
    expect(verifyJournal(`${folder.dir}/a.db`).fault).toBeUndefined();
    await using journal = await openJournal(journalOptions(folder.dir, "a"));
    expect(journal.opened.last.sequence).toBeGreaterThanOrEqual(reported);
    expect(journal.opened.state.applied).toBe(journal.opened.committed);
    const frames = await journal.frames(0, Number.MAX_SAFE_INTEGER);
    const all = frames.flatMap((frame) => frame.body.split("\n").map(decodeEvent));
    expect(all).toEqual(notes(journal.opened.last.sequence));
    before = journal.opened.last.sequence;
  }
}, 120_000);

test("a disk that takes no more is reported once, with its name, and nothing is durable after it", async () => {
  using folder = scratch();
  // 2 MiB for each file of the process.
  const told = await runWriter(folder.dir, () => false, "ulimit -f 2048");
  const failures = told.filter((fact) => fact.failed !== undefined);
  expect(failures).toHaveLength(1);
  expect(failures[0]?.failed).toMatch(/^journal-(io|full)$/u);
  expect(failures[0]?.message).toContain(`${folder.dir}/a.db`);
  const failedAt = told.findIndex((fact) => fact.failed !== undefined);
  expect(told.slice(failedAt + 1).filter((fact) => fact.durable !== undefined)).toEqual([]);
  const reported = Math.max(...told.map((fact) => fact.durable ?? 0));
  expect(reported).toBeGreaterThan(0);
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  expect(journal.opened.last.sequence).toBeGreaterThanOrEqual(reported);
  await durable(journal, journal.append(1, notes(1, journal.last.sequence + 1)));
});

/** Mounts a small file system, if this process may; the answer unmounts it. */
function mountSmall(dir: string): (() => void) | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "baton-test", dir], { stdio: "ignore" });
    return () => execFileSync("umount", ["-l", dir]);
  } catch {
    return undefined;
  }
}

test("a full file system is told apart from a failing one", async () => {
  using folder = scratch();
  const dir = join(folder.dir, "small");
  mkdirSync(dir);
  const unmount = mountSmall(dir);
  try {
    // Without the right to mount, the limit on a file's size stands in; the kernel calls that an error of the device.
    const told = await runWriter(dir, () => false, unmount === undefined ? "ulimit -f 1024" : "true");
    const failures = told.flatMap((fact) => fact.failed ?? []);
    expect(failures).toEqual([unmount === undefined ? "journal-io" : "journal-full"]);
  } finally {
    unmount?.();
  }
});
