import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("so many have a turn at a time; who is in a hurry goes first, and within a line it is first come, first served", async () => {
  const turns = new Turns(2);
  const had: string[] = [];
  const come = (name: string, isHurried: boolean): void => void turns.take(isHurried).then(() => had.push(name));
  for (const name of ["a", "b", "c", "d"]) come(name, false);
  for (const name of ["first", "second"]) come(name, true);
  await Promise.resolve();
  expect(had).toEqual(["a", "b"]);
  for (let turn = 0; turn < 6; turn += 1) {
    turns.give();
    await Promise.resolve();
  }
  expect(had).toEqual(["a", "b", "first", "second", "c", "d"]);
  come("e", false);
  come("f", false);
  come("g", false);
  await Promise.resolve();
  expect(had.slice(6)).toEqual(["e", "f"]);
});
