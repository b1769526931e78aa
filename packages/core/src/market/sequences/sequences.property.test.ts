/**
 * What every rule must promise, whatever happens to a true stream: loss, doubling, any order, snapshots old and new, lost
 * connections, ids that begin anew. While the book is believed it is the venue's own at the place that it says; what it
 * cannot prove it shows nothing of. And a careless rule is convicted by the same test.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../../assert.ts";
import { isCrossed, levelsOf, loadLevels, newBook, type Book, type RawLevel } from "../book.ts";
import { binanceFuturesSequence, type BinanceFuturesMark } from "./binance-futures.ts";
import { binanceSpotSequence, type BinanceSpotMark } from "./binance-spot.ts";
import { bybitSequence, type BybitMark } from "./bybit.ts";
import { coinbaseSequence, type CoinbaseMark } from "./coinbase.ts";
import { krakenChecksum, krakenSequence, type KrakenMark } from "./kraken.ts";
import { okxSequence, type OkxMark } from "./okx.ts";
import { feedBook, loseBook, newSequencedBook } from "./sequenced-book.ts";
import type { BookFrame, VenueSequence } from "./venue-sequence.ts";

/** Price in ticks → quantity. Bids lie below 100, asks above. */
type Truth = ReadonlyMap<number, number>;

interface Change {
  readonly price: number;
  readonly quantity: number;
}

/** One thing that the venue did: the levels that changed, and whether its ids begin anew with it. */
interface Deed {
  readonly changes: readonly Change[];
  /** Ids that the venue uses for something else before it. */
  readonly skipped: number;
  readonly isRestart: boolean;
}

/** The venue's book after each deed; `truths[0]` is that before the first. */
interface History {
  readonly deeds: readonly Deed[];
  readonly truths: readonly Truth[];
}

/** A venue's true stream, and its snapshots. */
interface Venue<Mark, Held> {
  readonly rule: VenueSequence<Mark, Held>;
  /** The message about deed `at`, counted from 1, and what comes with it. */
  readonly messages: (at: number) => readonly BookFrame<Mark>[];
  /** The book after deed `at` (0: before the first). */
  readonly snapshot: (at: number) => BookFrame<Mark>;
  /** The deeds after which what is held may stand; one, unless the venue has used an id twice. */
  readonly placesOf: (held: Held) => readonly number[];
}

const level = ({ price, quantity }: Change): RawLevel => [`${price}.5`, quantity === 0 ? "0.00" : `${quantity}.25`];

function sidesOf(changes: readonly Change[]): {
  readonly bids: readonly RawLevel[];
  readonly asks: readonly RawLevel[];
} {
  return {
    bids: changes.filter(({ price }) => price < 100).map(level),
    asks: changes.filter(({ price }) => price > 100).map(level),
  };
}

function wholeSides(truth: Truth): { readonly bids: readonly RawLevel[]; readonly asks: readonly RawLevel[] } {
  return sidesOf([...truth].map(([price, quantity]) => ({ price, quantity })));
}

function shown(truth: Truth): string {
  const text = (isBid: boolean): string =>
    [...truth]
      .filter(([price]) => price < 100 === isBid)
      .sort(([a], [b]) => (isBid ? b - a : a - b))
      .map(([price, quantity]) => `${price}.5:${quantity}.25`)
      .join(" ");
  return `${text(true)} | ${text(false)}`;
}

function held(book: Book): string {
  const text = (which: "bids" | "asks"): string =>
    levelsOf(book, which, Infinity)
      .map(({ price, quantity }) => `${price}:${quantity}`)
      .join(" ");
  return `${text("bids")} | ${text("asks")}`;
}

/** Few levels, so that the ten best are all and Kraken's checksum covers everything. */
const changes = fc.array(
  fc.record({
    price: fc.oneof(fc.integer({ min: 92, max: 98 }), fc.integer({ min: 102, max: 108 })),
    quantity: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 4 },
);
const histories: fc.Arbitrary<History> = fc
  .array(
    fc.record({
      changes,
      skipped: fc.integer({ min: 0, max: 2 }),
      isRestart: fc.constantFrom(false, false, false, false, false, false, true),
    }),
    { minLength: 6, maxLength: 30 },
  )
  .map((deeds) => {
    const truth = new Map([
      [99, 1],
      [101, 1],
    ]);
    const truths: Truth[] = [new Map(truth)];
    for (const deed of deeds) {
      for (const { price, quantity } of deed.changes) {
        if (quantity === 0) truth.delete(price);
        else truth.set(price, quantity);
      }
      truths.push(new Map(truth));
    }
    return { deeds, truths };
  });

/** What reaches us: the next message, an earlier or later one, a snapshot as it was a while ago, a lost connection. */
const deliveries = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        type: fc.constant("message" as const),
        by: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, -1, -2, -4),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant("snapshot" as const), by: fc.constantFrom(0, 0, 0, -1, -3) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("lost" as const), by: fc.constant(0) }) },
  ),
  { minLength: 10, maxLength: 70 },
);

/** Ids as a venue counts them: far on at the start, and low again after a restart where there are any. */
function idsOf({ deeds }: History, restarts: boolean): readonly { readonly first: number; readonly last: number }[] {
  let last = 500_000;
  let epoch = 0;
  return [
    { first: last, last },
    ...deeds.map(({ changes: some, skipped, isRestart }) => {
      if (isRestart && restarts) {
        epoch += 1;
        last = epoch * 1_000;
      }
      const first = last + 1 + skipped;
      last = first + some.length - 1;
      return { first, last };
    }),
  ];
}

function placesWhere(list: readonly number[], value: number): readonly number[] {
  return list.flatMap((one, at) => (one === value ? [at] : []));
}

const venues = {
  "Binance spot": (history: History): Venue<BinanceSpotMark, { readonly id: number }> => {
    // Every id of a spot book is in one of its differences.
    const dense = { ...history, deeds: history.deeds.map((deed) => ({ ...deed, skipped: 0 })) };
    const ids = idsOf(dense, false).map(({ first, last }) => ({ firstId: first, lastId: last }));
    const lasts = ids.map(({ lastId }) => lastId);
    return {
      rule: binanceSpotSequence,
      messages: (at) => [differenceOf(history, at, ids[at] as BinanceSpotMark)],
      snapshot: (at) => snapshotOf(history, at, { firstId: lasts[at] as number, lastId: lasts[at] as number }),
      placesOf: ({ id }) => placesWhere(lasts, id),
    };
  },
  "Binance futures": (history: History): Venue<BinanceFuturesMark, { readonly id: number }> => {
    const ids = idsOf(history, false);
    const lasts = ids.map(({ last }) => last);
    const mark = (at: number): BinanceFuturesMark => ({
      firstId: ids[at]?.first as number,
      lastId: lasts[at] as number,
      previousId: lasts[at - 1] as number,
    });
    return {
      rule: binanceFuturesSequence,
      messages: (at) => [differenceOf(history, at, mark(at))],
      snapshot: (at) => {
        const id = lasts[at] as number;
        return snapshotOf(history, at, { firstId: id, lastId: id, previousId: id });
      },
      placesOf: ({ id }) => placesWhere(lasts, id),
    };
  },
  "OKX, snapshot over the stream": (history: History): Venue<OkxMark, { readonly seqId: number }> =>
    okxVenue(history, true),
  "OKX, snapshot fetched": (history: History): Venue<OkxMark, { readonly seqId: number }> => okxVenue(history, false),
  Bybit: (history: History): Venue<BybitMark, BybitMark> => {
    // `u` rises by one with each message and begins anew after a restart, which a snapshot with u 1 tells; `seq` never does.
    // One restart: where two follow each other so closely that the same low `u` is next again, no field tells them apart.
    const restartAt = history.deeds.findIndex((deed) => deed.isRestart);
    let u = 500_000;
    const marks = [{ u, seq: 7_000 }];
    for (const [at, { skipped }] of history.deeds.entries()) {
      u = at === restartAt ? 1 : u + 1;
      marks.push({ u, seq: (marks[at]?.seq as number) + 1 + skipped });
    }
    const snapshot = (at: number): BookFrame<BybitMark> => snapshotOf(history, at, marks[at] as BybitMark);
    return {
      rule: bybitSequence,
      messages: (at) => [at - 1 === restartAt ? snapshot(at) : differenceOf(history, at, marks[at] as BybitMark)],
      snapshot,
      placesOf: ({ seq }) =>
        placesWhere(
          marks.map((one) => one.seq),
          seq,
        ),
    };
  },
  Coinbase: (history: History): Venue<CoinbaseMark, { readonly sequence: number }> => ({
    rule: coinbaseSequence,
    // Between two of ours stands one about something else, or a snapshot in its place, if we have asked for it.
    messages: (at) => [
      { kind: "beat", mark: { sequence: at * 2 - 1 }, bids: [], asks: [], limit: Infinity },
      differenceOf(history, at, { sequence: at * 2 }),
    ],
    snapshot: (at) => snapshotOf(history, at, { sequence: at * 2 + 1 }),
    placesOf: ({ sequence }) => [Math.floor(sequence / 2)],
  }),
  Kraken: (history: History): Venue<KrakenMark, { readonly madeAt: string | undefined }> => {
    const decimals = { price: 1, quantity: 2 };
    const mark = (at: number): KrakenMark => {
      const book = newBook(100);
      loadLevels(book, { ...wholeSides(history.truths[at] as Truth), limit: Infinity });
      const seconds = `${at}`.padStart(6, "0");
      return { checksum: krakenChecksum(book, decimals), madeAt: `2026-08-02T09:30:00.${seconds}Z`, decimals };
    };
    return {
      rule: krakenSequence({ depth: 10, decimals }),
      messages: (at) => [differenceOf(history, at, mark(at))],
      snapshot: (at) => snapshotOf(history, at, mark(at)),
      placesOf: ({ madeAt }) => [Number(madeAt?.slice(20, -1))],
    };
  },
};

function okxVenue(history: History, isStreamed: boolean): Venue<OkxMark, { readonly seqId: number }> {
  const ids = idsOf(history, true).map(({ last }) => last);
  const madeAtMs = (at: number): number => 1_785_500_000_000 + Math.floor(at / 2) * 10;
  return {
    rule: okxSequence,
    messages: (at) => [
      differenceOf(history, at, {
        seqId: ids[at] as number,
        prevSeqId: ids[at - 1] as number,
        madeAtMs: madeAtMs(at),
        isFetched: false,
      }),
    ],
    snapshot: (at) =>
      snapshotOf(history, at, {
        seqId: ids[at] as number,
        prevSeqId: -1,
        madeAtMs: madeAtMs(at),
        isFetched: !isStreamed,
      }),
    placesOf: ({ seqId }) => placesWhere(ids, seqId),
  };
}

function differenceOf<Mark>(history: History, at: number, mark: Mark): BookFrame<Mark> {
  return { kind: "difference", mark, ...sidesOf(history.deeds[at - 1]?.changes ?? []), limit: Infinity };
}

function snapshotOf<Mark>(history: History, at: number, mark: Mark): BookFrame<Mark> {
  return { kind: "snapshot", mark, ...wholeSides(history.truths[at] as Truth), limit: Infinity };
}

interface Tally {
  believed: number;
  gaps: number;
}

/** Feeds deliveries and checks the promise after each. */
function live<Mark, Held>(
  venue: Venue<Mark, Held>,
  { truths, deeds }: History,
  inputs: readonly { readonly type: "message" | "snapshot" | "lost"; readonly by: number }[],
  tally: Tally,
): void {
  const s = newSequencedBook(venue.rule, { levelsMax: 1_000, bufferMax: 5 });
  let at = 0;
  for (const input of inputs) {
    if (input.type === "lost") {
      loseBook(s);
    } else if (input.type === "snapshot") {
      feedBook(s, venue.snapshot(Math.min(deeds.length, Math.max(0, at + input.by))));
    } else {
      const next = at + 1 + input.by;
      if (next < 1 || next > deeds.length) continue;
      at = next;
      for (const frame of venue.messages(at)) feedBook(s, frame);
    }
    if (s.phase === "void") {
      assert(held(s.book) === " | ", "what is not known is not shown");
      continue;
    }
    tally.believed += 1;
    assert(!isCrossed(s.book), "a believed book is not crossed");
    assert(s.held !== undefined, "a believed book stands somewhere");
    const places = venue.placesOf(s.held).filter((place) => shown(truths[place] as Truth) === held(s.book));
    assert(places.length > 0, "a believed book is the venue's at its place");
    // What came and is later than that place was either applied or is a reason to believe nothing.
    assert(
      input.type !== "message" || places.some((place) => place >= at),
      "a believed book does not fall behind unsaid",
    );
  }
  tally.gaps += s.gaps;
}

describe.each(Object.entries(venues))("%s", (_name, venueOf) => {
  test("a true stream is followed to its end without a gap", () => {
    fc.assert(
      fc.property(histories, fc.nat(3), (history, from) => {
        const venue = venueOf(history) as Venue<unknown, unknown>;
        const s = newSequencedBook(venue.rule, { levelsMax: 1_000, bufferMax: 5 });
        feedBook(s, venue.snapshot(from));
        for (let at = from + 1; at <= history.deeds.length; at += 1) {
          for (const frame of venue.messages(at)) feedBook(s, frame);
        }
        assert(s.phase === "aligned" && s.gaps === 0, "nothing was missing, and nothing was said to be");
        assert(held(s.book) === shown(history.truths.at(-1) as Truth), "the book is the venue's last one");
      }),
      { numRuns: 200 },
    );
  });

  test("any loss, doubling, order and snapshot: a believed book is the venue's, or nothing is shown", () => {
    const tally = { believed: 0, gaps: 0 };
    fc.assert(
      fc.property(histories, deliveries, (history, inputs) => {
        live(venueOf(history) as Venue<unknown, unknown>, history, inputs, tally);
      }),
      { numRuns: 500 },
    );
    expect(tally.believed).toBeGreaterThan(1_000);
    expect(tally.gaps).toBeGreaterThan(250);
  });

  test("a rule that applies whatever comes is convicted", () => {
    const careless = (history: History): Venue<unknown, unknown> => {
      const venue = venueOf(history) as Venue<unknown, unknown>;
      const rule: VenueSequence<unknown, unknown> = {
        ...venue.rule,
        disprove: () => undefined,
        judge: (now, frame) => {
          if (frame.kind === "snapshot")
            return { verdict: { type: "reset" }, held: venue.rule.judge(undefined, frame).held };
          if (now === undefined) return { verdict: { type: "gap", sentence: "none" }, held: undefined };
          const judged = venue.rule.judge(now, frame);
          return { verdict: { type: "apply" }, held: judged.held ?? now };
        },
      };
      return { ...venue, rule };
    };
    const run = fc.check(
      fc.property(histories, deliveries, (history, inputs) => {
        live(careless(history), history, inputs, { believed: 0, gaps: 0 });
      }),
      { numRuns: 500 },
    );
    expect(run.failed).toBe(true);
    expect(String(run.errorInstance)).toContain("a believed book");
  });
});
