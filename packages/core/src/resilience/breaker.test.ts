import { expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { askLeave, closedBreaker, noteAnswer } from "./breaker.ts";
import type { Breaker } from "./breaker.ts";

const rule = { failuresInRow: 3, openForMs: 500 };
const at = monoMs;
const failed = (breaker: Breaker, times: number, now = 0): Breaker =>
  Array.from({ length: times }).reduce<Breaker>((before) => noteAnswer(before, false, at(now), rule), breaker);

test("a breaker opens at so many failures in a row, and one sound answer begins the count anew", () => {
  expect(failed(closedBreaker, 2).state).toBe("closed");
  expect(failed(closedBreaker, 3)).toEqual({ state: "open", untilMono: 500 });
  expect(failed(noteAnswer(failed(closedBreaker, 2), true, at(0), rule), 2).state).toBe("closed");
});

test("while it is open nobody asks; then one does, and the others wait for that one", () => {
  const open = failed(closedBreaker, 3);
  expect(askLeave(open, at(499), rule)).toEqual({ breaker: open, waitMs: 1 });
  const probe = askLeave(open, at(500), rule);
  expect(probe).toEqual({ breaker: { state: "probing", untilMono: 1_000 }, waitMs: 0 });
  expect(askLeave(probe.breaker, at(600), rule)).toEqual({ breaker: probe.breaker, waitMs: 400 });
});

test("a probe that fails opens it again, one that is answered closes it, and one that is lost does not keep it shut", () => {
  const { breaker: probing } = askLeave(failed(closedBreaker, 3), at(500), rule);
  expect(noteAnswer(probing, false, at(700), rule)).toEqual({ state: "open", untilMono: 1_200 });
  expect(noteAnswer(probing, true, at(700), rule)).toEqual(closedBreaker);
  expect(askLeave(probing, at(1_000), rule).waitMs).toBe(0);
});

test("a late failure of a question from before does not keep it open for longer", () => {
  const open = failed(closedBreaker, 3);
  expect(noteAnswer(open, false, at(400), rule)).toBe(open);
});
