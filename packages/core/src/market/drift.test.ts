/** Two nodes' books are compared at the same update, or not at all. */
import { describe, expect, test } from "vitest";
import type { RawLevel } from "./book.ts";
import { applyLevels, loadLevels, newBook } from "./book.ts";
import type { BookMark } from "./drift.ts";
import { compareMarks, markBook, newBookMarks } from "./drift.ts";

/** The marks of a node that heard these differences: update id, the venue's time, the bid that is set. */
function marksOf(differences: readonly (readonly [number, number, RawLevel])[]): readonly BookMark[] {
  const book = newBook(100);
  loadLevels(book, { bids: [["100", "1"]], asks: [["101", "1"]], limit: 5_000 });
  const all = newBookMarks();
  for (const [updateId, sentWallMs, bid] of differences) {
    applyLevels(book, "bids", [bid]);
    markBook(all, book, updateId, sentWallMs);
  }
  return all.marks;
}

describe("the books of two nodes", () => {
  const heard = [
    [10, 1_000, ["99", "1"]],
    [11, 1_500, ["98", "1"]],
    [12, 2_100, ["97", "1"]],
    [13, 3_000, ["99", "2"]],
  ] as const;

  test("are one where both heard the same, whatever each heard first", () => {
    expect(marksOf(heard).map(({ updateId }) => updateId)).toEqual([10, 12, 13]);
    expect(compareMarks(marksOf(heard), marksOf(heard))).toEqual({ updateId: 13, isEqual: true });
    // The other is a second behind, and that is no difference.
    expect(compareMarks(marksOf(heard), marksOf(heard.slice(0, 3)))).toEqual({ updateId: 12, isEqual: true });
  });

  test("differ where one holds another amount, and say so at the newest update that both have", () => {
    const wrong = marksOf([...heard.slice(0, 3), [13, 3_000, ["99", "3"]]]);
    expect(compareMarks(marksOf(heard), wrong)).toEqual({ updateId: 13, isEqual: false });
  });

  test("are not compared where they have no update in common", () => {
    expect(compareMarks(marksOf(heard), marksOf([[14, 4_000, ["99", "2"]]]))).toBeUndefined();
    expect(compareMarks(marksOf(heard), [])).toBeUndefined();
  });

  test("are marked once in each of the venue's seconds, and the newest thirty are kept", () => {
    const many = marksOf(Array.from({ length: 100 }, (_, at) => [at, 500 * at, ["99", `${at + 1}`]] as const));
    expect(many).toHaveLength(30);
    expect(many.at(-1)?.updateId).toBe(98);
  });

  test("are not marked where the best levels reach beyond what a snapshot has shown", () => {
    const book = newBook(1_000);
    const levels = (from: number, step: number): RawLevel[] =>
      Array.from({ length: 30 }, (_, at): RawLevel => [`${from + at * step}`, "1"]);
    loadLevels(book, { bids: levels(100, -1), asks: levels(101, 1), limit: 30 });
    const all = newBookMarks();
    expect(markBook(all, book, 1, 1_000)).toBe(true);
    // Fifteen bids are gone: of the best twenty, five would lie where nothing is known.
    applyLevels(
      book,
      "bids",
      levels(100, -1)
        .slice(0, 15)
        .map(([price]): RawLevel => [price, "0"]),
    );
    expect(markBook(all, book, 2, 2_000)).toBe(false);
  });

  test("are marked anew after the venue has set its clock back", () => {
    const marks = marksOf([...heard, [14, 2_000_000, ["96", "1"]], [15, 500_000, ["96", "2"]]]);
    expect(marks.map(({ updateId }) => updateId)).toEqual([10, 12, 13, 14, 15]);
  });
});
