import { expect, test } from "vitest";
import fc from "fast-check";
import { OldestFirst } from "./oldest-first.ts";

const steps = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant("add" as const), member: fc.nat(40) }),
    fc.record({ what: fc.constant("delete" as const), member: fc.nat(40) }),
    fc.record({ what: fc.constant("delete-oldest" as const), member: fc.constant(0) }),
  ),
  { maxLength: 400 },
);

test("it is a set of the language in all but what asking for the oldest costs", () => {
  fc.assert(
    fc.property(steps, fc.nat(700), (all, before) => {
      const set = new Set<number>();
      const oldestFirst = new OldestFirst<number>();
      const add = (member: number): void => {
        set.add(member);
        oldestFirst.add(member);
      };
      const remove = (member: number): void => {
        set.delete(member);
        oldestFirst.delete(member);
      };
      // A long life behind it: the queue has been shortened.
      for (let member = 1_000; member < 1_000 + before; member += 1) add(member);
      for (let member = 1_000; member < 1_000 + before; member += 1) remove(member);
      for (const { what, member } of all) {
        if (what === "add") add(member);
        else remove(what === "delete" ? member : (set.values().next().value ?? -1));
        expect(oldestFirst.oldest).toBe(set.values().next().value);
        expect(oldestFirst.size).toBe(set.size);
      }
      expect([...oldestFirst]).toEqual([...set]);
      expect([...new OldestFirst(oldestFirst)]).toEqual([...set]);
    }),
    { numRuns: 200 },
  );
});

test("an oldest member that stays for ever does not keep who came and went behind it", () => {
  const members = new OldestFirst(["stays"]);
  for (let at = 0; at < 20_000; at += 1) {
    members.add(`m${at}`);
    members.add(`n${at}`);
    members.delete(`m${at}`);
    members.delete(`n${at - 1}`);
  }
  expect([...members]).toEqual(["stays", "n19999"]);
  expect(members.places).toBeLessThan(1_000);
  members.delete("stays");
  expect(members.oldest).toBe("n19999");
});
