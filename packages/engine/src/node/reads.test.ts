import { monoMs } from "@baton/core";
import { expect, test } from "vitest";
import { Reads } from "./reads.ts";

/** A leader whose standbys have answered every question up to `answered`. */
function leader() {
  const world = { asked: 0, answered: 0, at: 0 };
  const reads = new Reads({ ask: () => (world.asked += 1), isReadable: (round) => round <= world.answered }, () =>
    monoMs(world.at),
  );
  const told: Record<string, boolean> = {};
  const read = (name: string): void => void reads.whenReadable().then((isReadable) => (told[name] = isReadable));
  /** The standbys answer the newest question. */
  const answer = async (): Promise<void> => {
    world.answered = world.asked;
    reads.look();
    await turn();
  };
  reads.begin();
  return { world, reads, told, read, answer };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("reads that come while a question is under way share the next one: its answer says nothing of them", async () => {
  const { world, told, read, answer } = leader();
  read("first");
  read("second");
  read("third");
  expect(world.asked).toBe(1);
  await answer();
  expect([told, world.asked]).toEqual([{ first: true }, 2]);
  await answer();
  expect([told, world.asked]).toEqual([{ first: true, second: true, third: true }, 2]);
});

test("a leader alone in its set answers at once, each time anew", async () => {
  const { world, told, read } = leader();
  world.answered = Infinity;
  read("first");
  read("second");
  await turn();
  expect([told, world.asked]).toEqual([{ first: true, second: true }, 2]);
});

test("a read that stays unanswered is given up after two seconds; a later one may still be answered", async () => {
  const { world, reads, told, read, answer } = leader();
  read("first");
  world.at = 1_000;
  read("second");
  world.at = 2_000;
  reads.look();
  await turn();
  expect(told).toEqual({ first: false });
  await answer();
  await answer();
  expect(told).toEqual({ first: false, second: true });
});

test("whoever waits when a term ends is told no, and whoever comes after it, until the next one", async () => {
  const { world, reads, told, read, answer } = leader();
  read("asked for");
  read("not yet asked for");
  reads.end();
  read("after it");
  await answer();
  expect(told).toEqual({ "asked for": false, "not yet asked for": false, "after it": false });
  expect(world.asked).toBe(1);
  reads.begin();
  read("in the next term");
  await answer();
  expect(told["in the next term"]).toBe(true);
});
