import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { NodeId } from "../ids.ts";
import { divergenceText, emptyDigestBook, isDigestDue, noteOwnDigest, noteTheirDigest } from "./state-digest.ts";

const b = id<NodeId>("b");

test("a difference is found whichever digest comes first, and only of the same record", () => {
  const mine = noteOwnDigest(emptyDigestBook, { at: 10, digest: "x" });
  expect(mine.differs).toEqual([]);
  expect(noteTheirDigest(mine.book, b, { at: 9, digest: "y" }).differs).toEqual([]);
  expect(noteTheirDigest(mine.book, b, { at: 10, digest: "x" }).differs).toEqual([]);
  const later = noteTheirDigest(mine.book, b, { at: 10, digest: "y" });
  expect(later.differs).toEqual([{ node: b, at: 10, own: "x", theirs: "y" }]);
  const theirs = noteTheirDigest(emptyDigestBook, b, { at: 10, digest: "y" });
  expect(noteOwnDigest(theirs.book, { at: 10, digest: "x" }).differs).toEqual(later.differs);
  expect(later.differs.map(divergenceText)).toEqual(["after record 10 the state here is x, on b it is y"]);
});

test("what is remembered of a node has a bound", () => {
  let { book } = noteTheirDigest(emptyDigestBook, b, { at: 0, digest: "z" });
  for (let at = 1; at < 100; at += 1) ({ book } = noteTheirDigest(book, b, { at, digest: "z" }));
  expect(book.others.get(b)).toHaveLength(8);
});

test("a digest is due after so many frames, or after so long without any, never two at once under load", () => {
  const pace = { everyFrames: 100, everyMs: 1_000 };
  const idle = { frames: 0, ms: 0, isRunning: false, isReading: false };
  expect(isDigestDue(pace, { ...idle, frames: 99, ms: 999 })).toBe(false);
  expect(isDigestDue(pace, { ...idle, frames: 100 })).toBe(true);
  expect(isDigestDue(pace, { ...idle, frames: 100, isRunning: true })).toBe(false);
  expect(isDigestDue(pace, { ...idle, ms: 1_000, isRunning: true })).toBe(true);
});

test("none is due while one reads, however long: its rows stand still in the log, which grows until it is let go of", () => {
  const pace = { everyFrames: 100, everyMs: 1_000 };
  expect(isDigestDue(pace, { frames: 10_000, ms: 100_000, isRunning: true, isReading: true })).toBe(false);
});
