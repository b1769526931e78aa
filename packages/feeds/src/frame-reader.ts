/**
 * What a frame is about, and who is told: market data goes to its symbol, answers and announcements to the line's machine,
 * what is not understood to quarantine, where it changes nothing. Nothing here waits.
 */
import type { Clock, MonoMs } from "@baton/core";
import { assertNever } from "@baton/core";
import type { Carried } from "./carried.ts";
import type { FrameNews, Instrument } from "./instrument.ts";
import { takeFrame, takePlace } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import type { Lane } from "./lines.ts";
import type { FrameParser, VenueFrame } from "./protocol.ts";
import type { Quarantine } from "./quarantine.ts";
import type { FeedTap } from "./tape/tap.ts";

/** Called with what a frame has changed. */
export type OnNews = (lane: Lane, instrument: Instrument, book: LaneBook, news: FrameNews, nowMono: MonoMs) => void;

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
}): FrameReader {
  const { carried, parser, quarantine, tap, clock, onNews } = options;
  const wall = clock.wall.bind(clock);
  let count = 0;

  /** To a symbol that shares its stream with another one, which was told before. */
  const tell = (
    lane: Lane,
    instrument: Instrument,
    frame: Parameters<typeof takeFrame>[2],
    nowMono: MonoMs,
    connection: number,
  ): void => {
    const book = carried.lanes.get(lane)?.get(instrument);
    if (book === undefined) return;
    book.connection = connection;
    onNews(lane, instrument, book, takeFrame(instrument, book, frame, nowMono, wall), nowMono);
  };

  const take = (lane: Lane, frame: VenueFrame, data: Buffer, nowMono: MonoMs, connection: number): void => {
    const { driver } = lane;
    switch (frame.type) {
      case "trade":
      case "difference":
      case "book":
      case "ticker": {
        // A stream that was not asked for is no error: its unsubscription may be on the way.
        const instrument = carried.ofStream(frame.stream);
        const book = instrument === undefined ? undefined : carried.lanes.get(lane)?.get(instrument);
        if (instrument === undefined || book === undefined) break;
        book.connection = connection;
        if (!lane.hasData) {
          lane.hasData = true;
          driver.input({ type: "data", connection });
        }
        onNews(lane, instrument, book, takeFrame(instrument, book, frame, nowMono, wall), nowMono);
        const sharers = carried.alsoOfStream(frame.stream);
        if (sharers !== undefined) for (const one of sharers) tell(lane, one, frame, nowMono, connection);
        break;
      }
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
