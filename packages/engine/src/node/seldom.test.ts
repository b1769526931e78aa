import { expect, test } from "vitest";
import { Seldom } from "./seldom.ts";

test("a sentence that comes again and again is told once, and another one at once", () => {
  const told: string[] = [];
  const log = new Seldom((sentence) => told.push(sentence), { everyMs: 1_000 });
  for (const at of [0, 10, 999, 1_998]) log.say("b refused this node", at);
  log.say("c refused this node", 1_998);
  for (const at of [2_900, 3_800]) log.say("b refused this node", at);
  expect(told).toEqual(["b refused this node", "c refused this node"]);
});

test("a sentence that has not come for a while is told anew, and one that does not end is recalled", () => {
  const told: number[] = [];
  const log = new Seldom(() => told.push(at), { everyMs: 1_000, recallMs: 10_000 });
  let at = 0;
  log.say("b refused this node", at);
  at = 1_000;
  log.say("b refused this node", at);
  for (at = 1_500; at <= 12_000; at += 500) log.say("b refused this node", at);
  expect(told).toEqual([0, 1_000, 11_000]);
});

test("strangers who make sentences up fill neither the log nor the memory", () => {
  const told: string[] = [];
  const log = new Seldom((sentence) => told.push(sentence), { everyMs: 1_000 });
  for (let n = 0; n < 1_000; n += 1) log.say(`somebody ${n}`, 0);
  expect(told).toHaveLength(50);
  log.say("later", 1_000);
  expect(told.at(-1)).toBe("later");
});
