import { expect, test } from "vitest";
import { Newest } from "./newest.ts";

test("the newest keys are remembered, however many came before, and never more than twice as many", () => {
  const newest = new Newest<number, string>(100);
  for (let key = 0; key < 10_000; key += 1) {
    newest.set(key, `${key}`);
    for (let back = 0; back < Math.min(100, key + 1); back += 33) expect(newest.get(key - back)).toBe(`${key - back}`);
    expect(newest.size).toBeLessThanOrEqual(200);
  }
  expect(newest.has(0)).toBe(false);
  expect(newest.get(0)).toBeUndefined();
});

test("a key that is written again has its new value, and counts as new", () => {
  const newest = new Newest<string, number>(2);
  newest.set("a", 1);
  newest.set("b", 1);
  newest.set("c", 1);
  newest.set("a", 2);
  newest.set("d", 1);
  expect(newest.get("a")).toBe(2);
  expect(newest.get("d")).toBe(1);
  expect(newest.has("b")).toBe(false);
});

test("the newest values come oldest first, each key once", () => {
  const newest = new Newest<string, string>(3);
  for (const key of ["a", "b", "c", "d"]) newest.set(key, key);
  expect(newest.newest(10)).toEqual(["a", "b", "c", "d"]);
  expect(newest.newest(2)).toEqual(["c", "d"]);
  expect(newest.newest(1)).toEqual(["d"]);
  newest.set("b", "B");
  expect(newest.newest(10)).toEqual(["a", "c", "d", "B"]);
});
