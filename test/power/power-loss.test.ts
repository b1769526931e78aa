import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { freeze, makeDisk } from "./disk.ts";
import type { Disk } from "./disk.ts";

const writer = fileURLToPath(new URL("./writer-main.ts", import.meta.url));
const reader = fileURLToPath(new URL("./reader-main.ts", import.meta.url));
const normalSync = new URL("../../packages/journal/src/testing/normal-sync-main.ts", import.meta.url).href;
/** Enough for the page cache to hold plenty that no fsync asked for. */
const acknowledgements = 150;

interface Found {
  readonly sound: boolean;
  readonly last: number;
  readonly intents: number;
  readonly error?: string;
}

/** Cuts the power under a writer; gives what it had acknowledged, and what the next start finds. */
async function losePower(disk: Disk, flags: readonly string[]): Promise<{ acknowledged: number; found: Found }> {
  const child = disk.run([process.execPath, ...flags, writer, disk.folder]);
  const told: number[] = [];
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const complaints = text(child.stderr ?? process.stdin);
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      told.push(Number(line));
      if (told.length >= acknowledgements) resolve();
    });
    child.once("close", () => void complaints.then((why) => reject(new Error(`the writer ended: ${why}`))));
  });
  // Replaced the shell and `unshare` by its name: the child is the writer itself.
  const pid = child.pid ?? 0;
  await freeze(pid);
  const after = disk.afterPowerLoss();
  child.kill("SIGKILL");
  // What it had said before it froze is read to the end.
  await once(child, "close");
  return { acknowledged: told.at(-1) ?? 0, found: await find(after.run([process.execPath, reader, after.folder])) };
}

async function find(child: ChildProcess): Promise<Found> {
  const [out, complaints] = await Promise.all([
    text(child.stdout ?? process.stdin),
    text(child.stderr ?? process.stdin),
    once(child, "close"),
  ]);
  if (out === "") throw new Error(`the reader said nothing: ${complaints}`);
  return JSON.parse(out) as Found;
}

test("a power loss takes no acknowledged intent", async () => {
  using disk = makeDisk();
  const { acknowledged, found } = await losePower(disk, []);
  expect(acknowledged).toBeGreaterThanOrEqual(acknowledgements);
  expect(found).toMatchObject({ sound: true });
  expect(found.last).toBeGreaterThanOrEqual(acknowledged);
  expect(found.intents).toBe(found.last);
}, 300_000);

test("with synchronous=NORMAL the same power loss takes acknowledged intents: the test above bites", async () => {
  using disk = makeDisk();
  const { acknowledged, found } = await losePower(disk, ["--import", normalSync]);
  expect(acknowledged).toBeGreaterThanOrEqual(acknowledgements);
  expect(found.last).toBeLessThan(acknowledged);
}, 300_000);
