import { describe, expect, test } from "vitest";
import { monoMs } from "../time.ts";
import { feedStates } from "./feed-state.ts";
import type { QualityFacts } from "./quality.ts";
import { judgeQuality } from "./quality.ts";

const good: QualityFacts = {
  nowMono: monoMs(10_000),
  staleAfterMs: 1_000,
  currentMono: monoMs(9_500),
  bookCurrentMono: monoMs(9_500),
  line: "live",
  book: "aligned",
  holes: 0,
};

describe("the quality of a price", () => {
  test("is live when it is fresh and everything behind it stands", () => {
    expect(judgeQuality(good).quality).toBe("live");
  });

  test("is stale past its age in every state of the line and the book", () => {
    for (const line of feedStates) {
      for (const book of ["void", "loaded", "aligned"] as const) {
        expect(judgeQuality({ ...good, line, book, currentMono: monoMs(8_999) }).quality).toBe("stale");
        expect(judgeQuality({ ...good, line, book, currentMono: monoMs(9_000) }).quality).not.toBe("stale");
        expect(judgeQuality({ ...good, line, book, currentMono: undefined }).quality).toBe("stale");
      }
    }
  });

  test.each<[Partial<QualityFacts>, string]>([
    [{ line: "backing-off" }, "the price is fresh, but the line is backing-off"],
    [{ line: "given-up" }, "the price is fresh, but the line is given-up"],
    [{ line: "gap", book: "void" }, "the book is unknown until its snapshot has come"],
    [{ book: "loaded" }, "the book is a snapshot that the stream has not continued yet"],
    [{ bookCurrentMono: monoMs(8_000) }, "the price is fresh, but the book is older than 1000 ms"],
    [{ lines: { live: 1, wanted: 2 } }, "complete and fresh, but only 1 of 2 lines is live"],
    [{ holes: 1 }, "1 range of trades missing"],
  ])("is degraded with %j, and says why", (facts, reason) => {
    expect(judgeQuality({ ...good, ...facts })).toEqual({ quality: "degraded", reason });
  });
});
