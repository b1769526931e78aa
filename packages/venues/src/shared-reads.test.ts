import { expect, it } from "vitest";
import { SharedReads } from "./shared-reads.ts";

it("who asks while a reading is under way shares the next one, which starts after the question", async () => {
  const reads = new SharedReads();
  const started: ((value: number) => void)[] = [];
  const ask = (): Promise<number> => reads.read("list", () => new Promise((resolve) => started.push(resolve)));
  const first = ask();
  const later = [ask(), ask(), ask()];
  expect(started.length).toBe(1);
  started[0]?.(1);
  expect(await first).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(started.length).toBe(2);
  started[1]?.(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  const again = ask();
  expect(started.length).toBe(3);
  started[2]?.(3);
  expect(await again).toBe(3);
});

it("a reading that fails fails those who shared it, and nobody after them", async () => {
  const reads = new SharedReads();
  await expect(reads.read("list", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await reads.read("list", () => Promise.resolve(4))).toBe(4);
});
