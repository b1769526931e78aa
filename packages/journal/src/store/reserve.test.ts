/** The reserve while it is being made: the moment in which it is neither there nor not there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratch } from "../testing/rig.ts";
import { DiskReserve } from "./reserve.ts";

const mebibyte = 1024 * 1024;

/** A reserve of 16 MiB on a disk that has as much room as the test says. */
function reserveIn(dir: string): { disk: { freeBytes: number }; file: string; reserve: DiskReserve } {
  const disk = { totalBytes: 1024 * mebibyte, freeBytes: 512 * mebibyte };
  const journal = join(dir, "a.db");
  return { disk, file: `${journal}.reserve`, reserve: new DiskReserve(journal, 16 * mebibyte, () => disk) };
}

test("a reserve whose room is needed while it is made is not taken for one that is held", async () => {
  using folder = scratch();
  const { disk, file, reserve } = reserveIn(folder.dir);
  const making = reserve.tend();
  disk.freeBytes = 0;
  expect(reserve.makeRoom(1)).toBe(true);
  disk.freeBytes = 512 * mebibyte;
  expect(await making).toBe(false);
  expect(existsSync(file)).toBe(false);
  // It is made once there is plenty, and is there when it is needed.
  expect(await reserve.tend()).toBe(true);
  expect(existsSync(file)).toBe(true);
  disk.freeBytes = 0;
  expect(reserve.makeRoom(1)).toBe(true);
  expect(existsSync(file)).toBe(false);
});

test("one that is made again gives its room back as well when others fill the disk meanwhile", async () => {
  using folder = scratch();
  const { disk, file, reserve } = reserveIn(folder.dir);
  expect(await reserve.tend()).toBe(true);
  disk.freeBytes = 0;
  expect(reserve.makeRoom(1)).toBe(true);
  disk.freeBytes = 512 * mebibyte;
  const making = reserve.tend();
  disk.freeBytes = 0;
  expect(reserve.makeRoom(1)).toBe(true);
  expect(await making).toBe(false);
  expect(existsSync(file)).toBe(false);
});
