/**
 * Frames that nobody documented: random bytes, frames with one byte or one field changed, huge numbers, wrong types, deep
 * nesting. Two promises are held: the short way through the bytes and the long way through JSON never disagree, and
 * whatever comes, the book is the one that the understood frames alone give.
 */
import type { BookSnapshot } from "@baton/core";
import { addDifference, addSnapshot, isCrossed, levelsOf, newBookSync, spotSequence } from "@baton/core";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { VenueFrame } from "../protocol.ts";
import { openFrameParser, parseFrame } from "./frames.ts";
import { openScanner } from "./scan.ts";

const streams = ["btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker"];
const amounts = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 99_999_999 }).map((ticks) => `${ticks / 100}`) },
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 9_999_999 }).map((units) => (units / 1_000).toFixed(8)) },
  fc.constantFrom("0", "0.00000000", "00.5", "123456789012345", "1234567890123456", "12345678.123456789", "1e5", "-1"),
  fc.constantFrom("", ".", "1.", ".5", "1.2.3", "٣", "NaN", " 1", "0.0000000000000000000000001", "999999999999.999"),
);
const ids = fc.oneof(
  { weight: 6, arbitrary: fc.nat() },
  fc.constantFrom(0, 9_007_199_254_740_991, 9_007_199_254_740_992, 1e21, -1, 1.5),
);
const levels = fc.array(fc.tuple(amounts, amounts), { maxLength: 8 });
const depthData = fc.record({
  e: fc.constant("depthUpdate"),
  E: ids,
  s: fc.constantFrom("BTCUSDT", "x", 'A"B', ""),
  U: ids,
  u: ids,
  b: levels,
  a: levels,
});
const tradeData = fc.record(
  {
    e: fc.constant("trade"),
    E: ids,
    s: fc.constant("BTCUSDT"),
    t: ids,
    p: amounts,
    q: amounts,
    T: ids,
    m: fc.oneof(fc.boolean(), fc.constant("true")),
    M: fc.boolean(),
  },
  { requiredKeys: ["e", "E", "s", "t", "p", "q", "T", "m"] },
);
const tickerData = fc.record({ u: ids, s: fc.constant("BTCUSDT"), b: amounts, B: amounts, a: amounts, A: amounts });
/** Frames of the documented shape, with values that may be anything. */
const shaped = fc
  .tuple(fc.constantFrom(...streams, "ethusdt@trade"), fc.oneof(depthData, tradeData, tickerData))
  .map(([stream, data]) => JSON.stringify({ stream, data }));
/** Frames that the venue could well send. */
const goodAmount = fc.integer({ min: 1, max: 9_999_999 }).map((units) => (units / 1_000).toFixed(8));
const goodLevels = fc.array(fc.tuple(goodAmount, fc.oneof(goodAmount, fc.constant("0.00000000"))), { maxLength: 40 });
const sound = fc
  .record({ id: fc.nat(), price: goodAmount, quantity: goodAmount, b: goodLevels, a: goodLevels, m: fc.boolean() })
  .chain(({ id, price, quantity, b, a, m }) =>
    fc.constantFrom(
      [streams[0], { e: "depthUpdate", E: id, s: "BTCUSDT", U: id, u: id + 7, b, a }],
      [streams[1], { e: "trade", E: id, s: "BTCUSDT", t: id, p: price, q: quantity, T: id, m, M: true }],
      [streams[2], { u: id, s: "BTCUSDT", b: price, B: quantity, a: `9${price}`, A: quantity }],
    ),
  )
  .map(([stream, data]) => Buffer.from(JSON.stringify({ stream, data })));
/** Shaped frames with some bytes replaced, dropped or put in. */
const damaged = fc
  .tuple(
    shaped,
    fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(3), fc.uint8Array({ maxLength: 3 })), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([text, cuts]) => {
    let bytes = Buffer.from(text);
    for (const [where, drop, put] of cuts) {
      const at = Math.floor(where * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
    }
    return bytes;
  });
const deep = fc.nat(5_000).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`);
const anything = fc.oneof(
  damaged,
  shaped.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  deep.map((text) => Buffer.from(text)),
  deep.map((text) => Buffer.from(`{"stream":"btcusdt@trade","data":${text}}`)),
  fc.json({ maxDepth: 8 }).map((text) => Buffer.from(text)),
);

/** A frame in a form that compares: packed levels as pairs of keys, texts as keys. */
function plain(frame: VenueFrame): unknown {
  if (frame.type !== "difference") return structuredClone(frame);
  const { bids, asks, ...rest } = frame.difference;
  const pairs = (side: typeof bids): unknown =>
    "count" in side
      ? [...side.values.subarray(0, side.count * 2)]
      : side.flatMap(([price, quantity]) => [Number(price), Number(quantity)]);
  return { ...frame, difference: { ...rest, bids: pairs(bids), asks: pairs(asks) } };
}

describe("the short way through the bytes", () => {
  test("reads a frame as the long way reads it, or leaves it to the long way (any values, any damage)", () => {
    const scanner = openScanner();
    scanner.set(streams);
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(anything, sound), (bytes) => {
        const short = scanner.scan(bytes);
        if (short === undefined) return;
        read += 1;
        expect(plain(short)).toEqual(plain(parseFrame(bytes.toString("utf8"))));
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(5_000);
  });

  test("is taken by every frame that the venue documents", () => {
    const scanner = openScanner();
    scanner.set(streams);
    const documented = corpus("documented");
    expect(documented.map((text) => scanner.scan(Buffer.from(text))?.type)).toEqual([
      "difference",
      "difference",
      "trade",
      "trade",
      "ticker",
    ]);
  });
});

describe("the parser", () => {
  test("answers whatever bytes come, and understands nothing that has not a documented shape", () => {
    const parser = openFrameParser();
    parser.set(streams);
    const known = ["trade", "difference", "ticker", "acknowledged", "listed", "refused", "shutdown", "ignored", "bad"];
    const isAnswered = fc.property(anything, (bytes) => known.includes(parser.parse(bytes).type));
    expect(fc.check(isAnswered, { numRuns: 5_000 }).failed).toBe(false);
  });

  test("quarantines every frame of the corpus of bad ones", () => {
    const parser = openFrameParser();
    parser.set(streams);
    const understood = corpus("bad").filter((text) => parser.parse(Buffer.from(text)).type !== "bad");
    expect(understood).toEqual([]);
  });

  test("keeps the book to what the understood frames alone give, sorted, uncrossed and positive", () => {
    const snapshot: BookSnapshot = { lastId: 100, bids: [["100", "1"]], asks: [["200", "1"]], limit: 1_000 };
    const good = fc
      .tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 0, max: 5 }), fc.boolean())
      .map(([tick, quantity, isBid]) => ({ tick: isBid ? tick : tick + 160, quantity, isBid }));
    const run = fc.array(fc.oneof({ weight: 2, arbitrary: good }, { weight: 1, arbitrary: anything }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(run, (inputs) => {
        const parser = openFrameParser();
        parser.set(streams);
        const [fuzzed, clean] = [newBookSync(spotSequence, 1_000, 10), newBookSync(spotSequence, 1_000, 10)];
        addSnapshot(fuzzed, snapshot);
        addSnapshot(clean, snapshot);
        let id = 100;
        for (const input of inputs) {
          const isGood = "tick" in input;
          if (isGood) id += 1;
          const bytes = isGood ? differenceOf(input, id) : input;
          const frame = parser.parse(bytes);
          if (frame.type !== "difference") continue;
          addDifference(fuzzed, frame.difference);
          // The clean book reads the same frame by the long way.
          const long = parseFrame(bytes.toString("utf8"));
          if (long.type === "difference") addDifference(clean, long.difference);
        }
        expect(fuzzed.phase).toBe(clean.phase);
        expect(fuzzed.updateId).toBe(clean.updateId);
        expect(isCrossed(fuzzed.book)).toBe(false);
        for (const which of ["bids", "asks"] as const) {
          const held = levelsOf(fuzzed.book, which, 1_000);
          expect(held).toEqual(levelsOf(clean.book, which, 1_000));
          expect(held.every(({ price, quantity }) => Number(price) > 0 && Number(quantity) > 0)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function differenceOf(change: { tick: number; quantity: number; isBid: boolean }, id: number): Buffer {
  const level = [[`${change.tick}.50`, `${change.quantity}.00000000`]];
  const [b, a] = change.isBid ? [level, []] : [[], level];
  return Buffer.from(
    JSON.stringify({ stream: streams[0], data: { e: "depthUpdate", E: 1, s: "BTCUSDT", U: id, u: id, b, a } }),
  );
}

/** One frame a line. */
function corpus(name: "documented" | "bad"): readonly string[] {
  const text = readFileSync(new URL(`corpus/${name}.jsonl`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line !== "");
}
