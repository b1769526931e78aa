import { expect, test } from "vitest";
import { Seldom } from "./seldom.ts";

test("a sentence that comes again and again is told once in a while, and another one at once", () => {
  const told: string[] = [];
  const log = new Seldom((sentence) => told.push(sentence), 1_000);
  for (const at of [0, 10, 999]) log.say("b refused this node", at);
  log.say("c refused this node", 999);
  log.say("b refused this node", 1_000);
  expect(told).toEqual(["b refused this node", "c refused this node", "b refused this node"]);
});

test("strangers who make sentences up fill neither the log nor the memory", () => {
  const told: string[] = [];
  const log = new Seldom((sentence) => told.push(sentence), 1_000);
  for (let n = 0; n < 1_000; n += 1) log.say(`somebody ${n}`, 0);
  expect(told).toHaveLength(50);
  log.say("later", 1_000);
  expect(told.at(-1)).toBe("later");
});
