/**
 * What a frame is about, and who is told: market data goes to its symbol, answers and announcements to the line's machine,
 * what is not understood to quarantine, where it changes nothing. Nothing here waits.
 */
import type { Clock, MonoMs, TradeEvent } from "@baton/core";
import { assertNever } from "@baton/core";
import type { Carried } from "./carried.ts";
import type { FrameNews, Instrument } from "./instrument.ts";
import { takeFrame, takePlace, takeTrade } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import type { Lane } from "./lines.ts";
import type { FrameParser, VenueFrame } from "./protocol.ts";
import type { Quarantine } from "./quarantine.ts";
import type { FeedTap } from "./tape/tap.ts";

/** Called with what a frame has changed in a book or a price. */
export type OnNews = (lane: Lane, instrument: Instrument, book: LaneBook, news: FrameNews, nowMono: MonoMs) => void;

/** Called with the trades that may be told now. */
export type OnTrades = (instrument: Instrument, events: readonly TradeEvent[], nowMono: MonoMs) => void;

export interface FrameReader {
  /** One frame as it came; the bytes are the socket's again when this returns. */
  read(lane: Lane, data: Buffer, nowMono: MonoMs, connection: number): void;
  /** Frames so far. */
  count(): number;
}

/** The reader of all lines of a feed. */
export function openFrameReader(options: {
  readonly carried: Carried;
  readonly parser: FrameParser;
  readonly quarantine: Quarantine;
  readonly tap: FeedTap | undefined;
  readonly clock: Clock;
  readonly onNews: OnNews;
  readonly onTrades: OnTrades;
}): FrameReader {
  const { carried, parser, quarantine, tap, clock, onNews, onTrades } = options;
  const wall = clock.wall.bind(clock);
  let count = 0;

  /** One of the line's books is spoken of. */
  const heard = (lane: Lane, book: LaneBook, connection: number): void => {
    book.connection = connection;
    if (lane.hasData) return;
    lane.hasData = true;
    lane.driver.input({ type: "data", connection });
  };

  const take = (lane: Lane, frame: VenueFrame, data: Buffer, nowMono: MonoMs, connection: number): void => {
    const { driver } = lane;
    switch (frame.type) {
      // A stream that was not asked for is no error: its unsubscription may be on the way.
      case "trade":
        for (const { instrument, book } of carried.hearers(lane, frame.stream)) {
          heard(lane, book, connection);
          onTrades(instrument, takeTrade(instrument, book, frame.trade, nowMono), nowMono);
        }
        break;
      case "difference":
      case "book":
      case "ticker":
        for (const { instrument, book } of carried.hearers(lane, frame.stream)) {
          heard(lane, book, connection);
          onNews(lane, instrument, book, takeFrame(instrument, book, frame, nowMono, wall), nowMono);
        }
        break;
      case "place":
        for (const [instrument, book] of carried.lanes.get(lane) ?? []) {
          onNews(lane, instrument, book, takePlace(book, frame.frame), nowMono);
        }
        break;
      case "several":
        for (const one of frame.frames) take(lane, one, data, nowMono, connection);
        break;
      case "acknowledged":
        driver.input({
          ...{ type: "acknowledged", connection, id: frame.id },
          ...{ streams: frame.streams, asksRest: frame.asksRest },
        });
        break;
      case "standing":
        driver.input({ type: "standing", connection, streams: frame.streams });
        break;
      case "refused":
        driver.input({ type: "refused", connection, id: frame.id, why: frame.why });
        break;
      case "listed":
        driver.input({ type: "listed", connection, id: frame.id, streams: frame.streams });
        break;
      case "beat":
        driver.input({ type: "beat", connection });
        break;
      case "shutdown":
        driver.input({ type: "shutdown", connection, sentence: frame.sentence });
        break;
      case "ignored":
        break;
      case "bad":
        quarantine.add({ reason: frame.reason, line: lane.name, atWall: clock.wall() }, data);
        break;
      default:
        assertNever(frame, "frame of a venue");
    }
  };

  return {
    read(lane, data, nowMono, connection) {
      count += 1;
      tap?.frame({ line: lane.name, connection, data, atMono: nowMono, atWall: clock.wall() });
      take(lane, parser.parse(data), data, nowMono, connection);
    },
    count: () => count,
  };
}
