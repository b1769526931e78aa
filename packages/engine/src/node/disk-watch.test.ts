import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("../testing/full-disk-main.ts", import.meta.url));

interface Told {
  readonly step: string;
  readonly level: string;
  readonly mayTakeRisk: boolean;
  /** Whether the reserve was there when the disk was full. */
  readonly hadReserve?: boolean;
  readonly recorded?: number;
  readonly failure?: string;
  readonly freeBytes?: number;
}

/** Runs the program on a file system of 64 MiB that only it sees, in a mount namespace; root's or, without root, its own. */
async function onSmallDisk(reserveBytes: number, records = 400, more = 0): Promise<readonly Told[]> {
  const folder = mkdtempSync(join(tmpdir(), "baton-full-"));
  const script = 'mount -t tmpfs -o size=64m baton-full "$0" && exec "$@"';
  const isRoot = process.getuid?.() === 0;
  const namespace = ["--mount", "--propagation", "private", ...(isRoot ? [] : ["--user", "--map-root-user"])];
  const command = [process.execPath, program, folder, ...[reserveBytes, records, more].map(String)];
  const [namespaces] = ["unshare"];
  const child = spawn(namespaces ?? "", [...namespace, "bash", "-c", script, folder, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const [out, complaints] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    expect(complaints).toBe("");
    return out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const at = (told: readonly Told[], step: string): Told | undefined => told.find((each) => each.step === step);

test("a filling disk: a page at 85 %, no new risk at 92 %, and on a full one the reserve still takes records", async () => {
  const told = await onSmallDisk(4 * 1024 * 1024);
  expect(at(told, "warm")).toMatchObject({ level: "ok", mayTakeRisk: true });
  expect(at(told, "filling")).toMatchObject({ level: "filling", mayTakeRisk: true });
  expect(at(told, "no-new-risk")).toMatchObject({ level: "no-new-risk", mayTakeRisk: false });
  const full = at(told, "full");
  expect(full).toMatchObject({ level: "reserve", mayTakeRisk: false, recorded: 300 });
  expect(full?.failure).toBeUndefined();
  expect(at(told, "room")).toMatchObject({ level: "ok", mayTakeRisk: true });
}, 120_000);

test("a disk that others fill at once finds the reserve as well, whatever had been free a moment before", async () => {
  let full: Told | undefined;
  for (let trial = 0; trial < 10 && full?.hadReserve !== true; trial += 1) {
    full = at(await onSmallDisk(4 * 1024 * 1024, 10, 1), "full");
  }
  expect(full).toMatchObject({ level: "reserve", hadReserve: true });
  // The WAL had no room of its own: all of this is in what the reserve gave back.
  expect(full?.recorded).toBeGreaterThan(100);
}, 120_000);

test("without a reserve the same disk ends the journal's part: the test above bites", async () => {
  const full = at(await onSmallDisk(0), "full");
  expect(full?.failure).toBe("journal-full");
  expect(full?.recorded).toBeLessThan(300);
}, 120_000);
