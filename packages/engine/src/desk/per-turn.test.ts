import { expect, test } from "vitest";
import { PerTurn } from "./per-turn.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("so many begin in a turn of the loop, and the others in the next ones, in order", async () => {
  const turns = new PerTurn(2);
  const begun: number[] = [];
  for (const one of [1, 2, 3, 4, 5]) void turns.take().then(() => begun.push(one));
  await Promise.resolve();
  expect(begun).toEqual([1, 2]);
  const seen: number[] = [];
  while (begun.length < 5) {
    await turn();
    seen.push(begun.length);
  }
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(seen)).toEqual(new Set([4, 5]));
});

test("whoever comes while others wait comes after them, and after a turn without anybody nobody waits", async () => {
  const turns = new PerTurn(1);
  const begun: string[] = [];
  void turns.take().then(() => begun.push("first"));
  void turns.take().then(() => begun.push("second"));
  await Promise.resolve();
  void turns.take().then(() => begun.push("third"));
  for (let count = 0; count < 5; count += 1) await turn();
  expect(begun).toEqual(["first", "second", "third"]);
  void turns.take().then(() => begun.push("fourth"));
  await Promise.resolve();
  expect(begun).toHaveLength(4);
});
