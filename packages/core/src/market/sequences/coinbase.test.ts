/** The card of Coinbase Advanced Trade. Frames are made by us in the documented form. */
import { describe, expect, test } from "vitest";
import { levelsOf } from "../book.ts";
import { coinbaseSequence, readCoinbaseMessage, type CoinbaseHeld, type CoinbaseMark } from "./coinbase.ts";
import { feedBook, loseBook, newSequencedBook, type SequencedBook } from "./sequenced-book.ts";
import type { BookFrame, FrameVerdict } from "./venue-sequence.ts";

type Row = readonly [side: "bid" | "offer", price: string, quantity: string];

const timestamp = "2026-08-02T09:30:00.123456789Z";

function read(message: object): BookFrame<CoinbaseMark> {
  const frame = readCoinbaseMessage(JSON.parse(JSON.stringify(message)), "BTC-USD");
  if (frame === "bad") throw new TypeError(JSON.stringify(message));
  return frame;
}

const about = (product_id: string, type: "snapshot" | "update", rows: readonly Row[]): object => ({
  type,
  product_id,
  updates: rows.map(([side, price_level, new_quantity]) => ({
    side,
    event_time: timestamp,
    price_level,
    new_quantity,
  })),
});
const books = (sequence_num: number, ...events: object[]): BookFrame<CoinbaseMark> =>
  read({ channel: "l2_data", client_id: "", timestamp, sequence_num, events });
const snapshot = (sequence: number, product = "BTC-USD"): BookFrame<CoinbaseMark> =>
  books(
    sequence,
    about(product, "snapshot", [
      ["bid", "64999.90", "1.50000000"],
      ["offer", "65000.10", "0.70000000"],
    ]),
  );
const update = (sequence: number, rows: readonly Row[] = [], product = "BTC-USD"): BookFrame<CoinbaseMark> =>
  books(sequence, about(product, "update", rows));
const heartbeat = (sequence_num: number): BookFrame<CoinbaseMark> =>
  read({
    channel: "heartbeats",
    client_id: "",
    timestamp,
    sequence_num,
    events: [{ current_time: "2026-08-02 09:30:00.123 +0000 UTC", heartbeat_counter: 7 }],
  });

const fresh = (): SequencedBook<CoinbaseMark, CoinbaseHeld> =>
  newSequencedBook(coinbaseSequence, { levelsMax: 1_000, bufferMax: 8 });
const gapOf = (verdict: FrameVerdict): string => (verdict.type === "gap" ? verdict.sentence : verdict.type);

describe("Coinbase Advanced Trade", () => {
  test("1: messages before the snapshot tell the place and nothing else", () => {
    const book = fresh();
    expect(feedBook(book, heartbeat(0)).type).toBe("ignore");
    expect(gapOf(feedBook(book, update(1)))).toBe("no snapshot is held");
    expect(feedBook(book, snapshot(2)).type).toBe("reset");
  });

  test("2: each message of the connection is one further, whatever it is about", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    expect(feedBook(book, heartbeat(1)).type).toBe("apply");
    expect(feedBook(book, update(2, [["bid", "3000.00", "5"]], "ETH-USD")).type).toBe("apply");
    expect(feedBook(book, update(3, [["bid", "64999.80", "2.00000000"]])).type).toBe("apply");
    expect(levelsOf(book.book, "bids", 9)).toEqual([
      { price: "64999.9", quantity: "1.5" },
      { price: "64999.8", quantity: "2" },
    ]);
  });

  test("3: a number that is left out is a gap, also where the lost message may have been about something else", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    expect(gapOf(feedBook(book, heartbeat(3)))).toBe("messages 1 to 2 of the connection are missing");
    expect([book.phase, book.held]).toEqual(["void", { sequence: 3, hasBook: false }]);
  });

  test("4: after a gap updates are worth nothing until a new subscription brings a snapshot", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    feedBook(book, heartbeat(3));
    expect(gapOf(feedBook(book, update(4)))).toBe("no snapshot is held");
    expect(feedBook(book, snapshot(5)).type).toBe("reset");
    expect(feedBook(book, update(6)).type).toBe("apply");
  });

  test("5: a doubled or late message is old", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    feedBook(book, update(1, [["bid", "64999.90", "3.00000000"]]));
    expect(feedBook(book, update(1)).type).toBe("ignore");
    expect(feedBook(book, snapshot(0)).type).toBe("ignore");
    expect(levelsOf(book.book, "bids", 1)).toEqual([{ price: "64999.9", quantity: "3" }]);
  });

  test("6: a snapshot behind a hole is believed: what was lost before it is in it", () => {
    const book = fresh();
    feedBook(book, heartbeat(0));
    expect(feedBook(book, snapshot(4)).type).toBe("reset");
  });

  test("7: another product's snapshot is only a place", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    expect(feedBook(book, snapshot(1, "ETH-USD")).type).toBe("apply");
    expect(levelsOf(book.book, "bids", 9)).toHaveLength(1);
  });

  test("8: several events of one message are one step, in their order", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    const verdict = feedBook(
      book,
      books(
        1,
        about("BTC-USD", "update", [["bid", "64999.80", "2"]]),
        about("ETH-USD", "update", [["bid", "3000.00", "5"]]),
        about("BTC-USD", "update", [["bid", "64999.80", "0"]]),
      ),
    );
    expect(verdict.type).toBe("apply");
    expect(levelsOf(book.book, "bids", 9)).toEqual([{ price: "64999.9", quantity: "1.5" }]);
  });

  test("9: a new connection counts anew", () => {
    const book = fresh();
    feedBook(book, snapshot(0));
    feedBook(book, update(1));
    loseBook(book);
    expect([book.phase, levelsOf(book.book, "bids", 1)]).toEqual(["void", []]);
    expect(feedBook(book, snapshot(0)).type).toBe("reset");
  });

  test("10: a message without a number or with broken levels is bad", () => {
    const good = { channel: "l2_data", timestamp, sequence_num: 1 };
    const broken = (updates: unknown, type = "update"): unknown =>
      readCoinbaseMessage({ ...good, events: [{ type, product_id: "BTC-USD", updates }] }, "BTC-USD");
    expect(readCoinbaseMessage({ channel: "heartbeats", events: [] }, "BTC-USD")).toBe("bad");
    expect(readCoinbaseMessage({ ...good, sequence_num: "1", events: [] }, "BTC-USD")).toBe("bad");
    expect(readCoinbaseMessage(good, "BTC-USD")).toBe("bad");
    expect(readCoinbaseMessage([], "BTC-USD")).toBe("bad");
    expect(broken(undefined)).toBe("bad");
    expect(broken([], "news")).toBe("bad");
    expect(broken([null])).toBe("bad");
    expect(broken([{ side: "ask", price_level: "1", new_quantity: "1" }])).toBe("bad");
    expect(broken([{ side: "bid", price_level: 1, new_quantity: "1" }])).toBe("bad");
    expect(broken([{ side: "bid", price_level: "1", new_quantity: "-1" }])).toBe("bad");
  });
});
