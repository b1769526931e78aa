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

/** A symbol that a stream speaks of, and what the line knows of it. */
export interface Hearer {
  readonly instrument: Instrument;
  readonly book: LaneBook;
}

export interface Carried {
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  /** The books of each line, by symbol. */
  readonly lanes: ReadonlyMap<Lane, ReadonlyMap<Instrument, LaneBook>>;
  /**
   * Whose stream it is on this line: usually one symbol's, several where the venue tells them under one name, nobody's when
   * it is not carried any more.
   */
  hearers(lane: Lane, stream: string): readonly Hearer[];
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

const nobody: readonly Hearer[] = [];

/** Nothing is carried yet. `parser` is told the streams that it should know at sight. */
export function openCarried(protocol: VenueProtocol, parser: StreamNames, tradeRules: TradeRules): Carried {
  const instruments = new Map<SymbolId, Instrument>();
  const lanes = new Map<Lane, Map<Instrument, LaneBook>>();
  /** Who hears each stream, by line. Every frame asks, so it is found beforehand. */
  const hearersByStream = new Map<Lane, Map<string, Hearer[]>>();
  const gone = new Map<Instrument, AbortController>();
  const closing = new AbortController();

  const addBook = (lane: Lane, instrument: Instrument): void => {
    const book = newLaneBook(lane.name, protocol);
    instrument.books.add(book);
    lanes.get(lane)?.set(instrument, book);
  };
  const findHearers = (lane: Lane, books: ReadonlyMap<Instrument, LaneBook>): void => {
    const byStream = new Map<string, Hearer[]>();
    for (const [instrument, book] of books) {
      for (const stream of Object.values(instrument.streams)) {
        const others = byStream.get(stream);
        if (others === undefined) byStream.set(stream, [{ instrument, book }]);
        else others.push({ instrument, book });
      }
    }
    hearersByStream.set(lane, byStream);
  };
  /** Other symbols are carried than before. */
  const changed = (): void => {
    for (const [lane, books] of lanes) findHearers(lane, books);
    parser.set(new Set([...instruments.values()].flatMap(({ streams }) => Object.values(streams))));
  };
  const laneOf = (instrument: Instrument, book: LaneBook): Lane | undefined => {
    for (const [lane, books] of lanes) if (books.get(instrument) === book) return lane;
    return undefined;
  };
  const signalOf = (instrument: Instrument): AbortSignal => gone.get(instrument)?.signal ?? closing.signal;

  return {
    instruments,
    lanes,
    hearers: (lane, stream) => hearersByStream.get(lane)?.get(stream) ?? nobody,
    carry(symbols) {
      for (const symbol of symbols) {
        if (instruments.has(symbol)) continue;
        const instrument = newInstrument(symbol, protocol, tradeRules);
        instruments.set(symbol, instrument);
        gone.set(instrument, new AbortController());
        for (const lane of lanes.keys()) addBook(lane, instrument);
      }
      changed();
    },
    drop(symbols) {
      for (const symbol of symbols) {
        const instrument = instruments.get(symbol);
        if (instrument === undefined) continue;
        instruments.delete(symbol);
        gone.get(instrument)?.abort();
        gone.delete(instrument);
        for (const books of lanes.values()) books.delete(instrument);
      }
      changed();
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
      const books = new Map<Instrument, LaneBook>();
      lanes.set(lane, books);
      for (const instrument of instruments.values()) addBook(lane, instrument);
      findHearers(lane, books);
    },
    retire(lane) {
      for (const [instrument, book] of lanes.get(lane) ?? []) forgetBook(instrument, book);
      lanes.delete(lane);
      hearersByStream.delete(lane);
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
