import { describe, expect, test } from "vitest";
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import type { LivenessRules } from "./liveness.ts";
import { askAfterMs, judgeLiveness, newStreamLife, noteAnswered, noteAsked, noteHeard } from "./liveness.ts";

const rules: LivenessRules = { askAfterMs: 1_000, answerWithinMs: 800, graceMs: 500, silenceMaxMs: 3_000 };
const at = (ms: number): MonoMs => monoMs(ms);

describe("a stream that falls silent", () => {
  test("is asked about, and is fresh again when the venue has nothing newer", () => {
    const life = newStreamLife(at(0));
    expect(judgeLiveness(life, rules, at(999))).toEqual({ verdict: "fresh", nextMono: 1_000 });
    expect(judgeLiveness(life, rules, at(1_000)).verdict).toBe("ask");
    noteAsked(life, at(1_000));
    expect(judgeLiveness(life, rules, at(1_100))).toEqual({ verdict: "fresh", nextMono: 1_800 });
    noteAnswered(life, { askedMono: at(1_000), nowMono: at(1_200), isBehind: false });
    // As of the question, not of the answer.
    expect(judgeLiveness(life, rules, at(1_999))).toEqual({ verdict: "fresh", nextMono: 2_000 });
  });

  test("is dead when the venue is ahead and nothing comes within the grace", () => {
    const life = newStreamLife(at(0));
    noteAsked(life, at(1_000));
    noteAnswered(life, { askedMono: at(1_000), nowMono: at(1_050), isBehind: true });
    expect(judgeLiveness(life, rules, at(1_549))).toEqual({ verdict: "fresh", nextMono: 1_550 });
    expect(judgeLiveness(life, rules, at(1_550))).toEqual({ verdict: "dead", silentMs: 1_550, isProven: true });
  });

  test("is alive when the data of which the venue spoke was only on its way", () => {
    const life = newStreamLife(at(0));
    noteAsked(life, at(1_000));
    noteAnswered(life, { askedMono: at(1_000), nowMono: at(1_050), isBehind: true });
    noteHeard(life, at(1_060));
    expect(judgeLiveness(life, rules, at(1_600)).verdict).toBe("fresh");
  });

  test("is not convicted by an answer that is older than its last word", () => {
    const life = newStreamLife(at(0));
    noteAsked(life, at(1_000));
    noteHeard(life, at(1_010));
    noteAnswered(life, { askedMono: at(1_000), nowMono: at(1_050), isBehind: true });
    expect(judgeLiveness(life, rules, at(1_600)).verdict).toBe("fresh");
  });

  test("is asked about again when no answer comes, and is dead when none comes at all", () => {
    const life = newStreamLife(at(0));
    noteAsked(life, at(1_000));
    expect(judgeLiveness(life, rules, at(1_800)).verdict).toBe("ask");
    expect(judgeLiveness(life, rules, at(3_000))).toEqual({ verdict: "dead", silentMs: 3_000, isProven: false });
  });

  test("may be silent for ever where only proof counts", () => {
    const life = newStreamLife(at(0));
    const patient = { ...rules, silenceMaxMs: Infinity };
    expect(judgeLiveness(life, patient, at(90_000)).verdict).toBe("ask");
  });

  test("is asked about the sooner the quicker its own rhythm is, within bounds", () => {
    const learned = { ...rules, askAfterMs: 5_000, askAfterLeastMs: 500 };
    const after = (everyMs: number, count: number): number => {
      const life = newStreamLife(at(0));
      for (let message = 1; message <= count; message += 1) noteHeard(life, at(message * everyMs));
      return askAfterMs(life, learned);
    };
    expect(after(10, 100)).toBe(5_000);
    expect(after(10, 1_000)).toBe(500);
    expect(after(900, 1_000)).toBeGreaterThan(1_800);
    expect(after(900, 1_000)).toBeLessThan(2_400);
    expect(after(60_000, 1_000)).toBe(5_000);
  });

  test("keeps the patience that its rare long gaps have taught, and forgets it when they stay away", () => {
    const learned = { ...rules, askAfterMs: 60_000, askAfterLeastMs: 500 };
    const life = newStreamLife(at(0));
    let nowMs = 0;
    const hear = (count: number, gapMs: number): void => {
      for (let message = 0; message < count; message += 1) noteHeard(life, at((nowMs += gapMs)));
    };
    for (let round = 0; round < 20; round += 1) {
      hear(190, 10);
      hear(1, 4_000);
    }
    expect(askAfterMs(life, learned)).toBeGreaterThan(8_000);
    hear(60_000, 10);
    expect(askAfterMs(life, learned)).toBe(500);
  });
});
