/**
 * What a feed carries: its symbols, what each line knows of each, and how long work for them may go on. Symbols come and go
 * while it runs, lines are replaced; a task belongs to a symbol, or to the connection of a line as well.
 */
import type { LineWants, SymbolId, TradeRules } from "@baton/core";
import type { Instrument } from "./instrument.ts";
import { forgetBook, newInstrument } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import { newLaneBook } from "./lane-book.ts";
import type { Lane } from "./lines.ts";
import type { Route, StreamNames, VenueProtocol } from "./protocol.ts";

export interface Carried {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  /** The books of each line, by symbol. */
  readonly lanes: ReadonlyMap<Lane, ReadonlyMap<Instrument, LaneBook>>;
  /** Whose stream it is; undefined for one that is not carried any more. Of several it is the first. */
  ofStream(stream: string): Instrument | undefined;
  /** Whose it is as well, where the venue tells several symbols under one name; undefined: nobody's. */
  alsoOfStream(stream: string): readonly Instrument[] | undefined;
  carry(symbols: readonly SymbolId[]): void;
  drop(symbols: readonly SymbolId[]): void;
  /** What a connection of this route is to carry now. */
  wantsOf(route: Route): LineWants;
  /** A line begins: it knows nothing of any symbol. */
  open(lane: Lane): void;
  /** A line is gone for good. */
  retire(lane: Lane): void;
  readonly laneOf: (instrument: Instrument, book: LaneBook) => Lane | undefined;
  /** Ends with the symbol. */
  readonly signalOf: (instrument: Instrument) => AbortSignal;
  /** Ends with the connection and with the symbol. */
  readonly signalFor: (lane: Lane, instrument: Instrument) => AbortSignal;
  /** Ends everything. */
  close(): void;
  readonly isClosed: () => boolean;
}

/** Nothing is carried yet. `parser` is told the streams that it should know at sight. */
export function openCarried(protocol: VenueProtocol, parser: StreamNames, tradeRules: TradeRules): Carried {
  const instruments = new Map<SymbolId, Instrument>();
  const byStream = new Map<string, Instrument>();
  const sharers = new Map<string, readonly Instrument[]>();
  const lanes = new Map<Lane, Map<Instrument, LaneBook>>();
  const gone = new Map<Instrument, AbortController>();
  const closing = new AbortController();

  const addBook = (lane: Lane, instrument: Instrument): void => {
    const book = newLaneBook(lane.name, protocol);
    instrument.books.add(book);
    lanes.get(lane)?.set(instrument, book);
  };
  const laneOf = (instrument: Instrument, book: LaneBook): Lane | undefined => {
    for (const [lane, books] of lanes) if (books.get(instrument) === book) return lane;
    return undefined;
  };
  const signalOf = (instrument: Instrument): AbortSignal => gone.get(instrument)?.signal ?? closing.signal;

  return {
    instruments,
    lanes,
    ofStream: (stream) => byStream.get(stream),
    // Every frame asks, and hardly any venue has one.
    alsoOfStream: (stream) => (sharers.size === 0 ? undefined : sharers.get(stream)),
    carry(symbols) {
      for (const symbol of symbols) {
        if (instruments.has(symbol)) continue;
        const instrument = newInstrument(symbol, protocol, tradeRules);
        instruments.set(symbol, instrument);
        gone.set(instrument, new AbortController());
        for (const stream of Object.values(instrument.streams)) {
          if (byStream.has(stream)) sharers.set(stream, [...(sharers.get(stream) ?? []), instrument]);
          else byStream.set(stream, instrument);
        }
        for (const lane of lanes.keys()) addBook(lane, instrument);
      }
      parser.set(byStream.keys());
    },
    drop(symbols) {
      for (const symbol of symbols) {
        const instrument = instruments.get(symbol);
        if (instrument === undefined) continue;
        instruments.delete(symbol);
        gone.get(instrument)?.abort();
        gone.delete(instrument);
        for (const stream of Object.values(instrument.streams)) {
          const [first, ...others] = [byStream.get(stream), ...(sharers.get(stream) ?? [])].filter(
            (one) => one !== instrument,
          );
          if (first === undefined) byStream.delete(stream);
          else byStream.set(stream, first);
          if (others.length === 0) sharers.delete(stream);
          else sharers.set(stream, others as Instrument[]);
        }
        for (const books of lanes.values()) books.delete(instrument);
      }
      parser.set(byStream.keys());
    },
    wantsOf({ kinds }) {
      const streams = new Set<string>();
      for (const instrument of instruments.values()) {
        for (const kind of kinds) if (instrument.streams[kind] !== undefined) streams.add(instrument.streams[kind]);
      }
      for (const stream of protocol.ownStreams ?? []) streams.add(stream);
      return { streams, books: new Set(kinds.includes("depth") ? instruments.keys() : []) };
    },
    open(lane) {
      lanes.set(lane, new Map());
      for (const instrument of instruments.values()) addBook(lane, instrument);
    },
    retire(lane) {
      for (const [instrument, book] of lanes.get(lane) ?? []) forgetBook(instrument, book);
      lanes.delete(lane);
    },
    laneOf,
    signalOf,
    signalFor: (lane, instrument) => AbortSignal.any([lane.connectionEnd.signal, signalOf(instrument)]),
    close() {
      closing.abort();
      for (const end of gone.values()) end.abort();
    },
    isClosed: () => closing.signal.aborted,
  };
}
