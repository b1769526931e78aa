/**
 * A feed: market data of some symbols from one venue, complete and fresh, or saying that it is not.
 *
 * This file composes: the line machines keep the connections, each symbol's books and trades are kept by core's rules,
 * repair asks REST, the watch notices what time changes, delivery tells the listeners. The way of a frame: parse, apply,
 * queue the news, return; nothing that a listener does can hold up the reader. A frame that is not understood goes to
 * quarantine and changes nothing.
 */
import type { DisconnectCause, LivenessRules, MonoMs, SymbolId, TradeEvent, WallMs } from "@baton/core";
import { assertNever, breakTrades, disconnectCauses, expireHole, lineState, missingTrades } from "@baton/core";
import { openDelivery } from "./delivery.ts";
import type { FeedOptions } from "./feed-options.ts";
import type { FeedRules } from "./feed-rules.ts";
import { feedRules } from "./feed-rules.ts";
import type { FrameNews, Instrument } from "./instrument.ts";
import { bestBook, forgetBook, newInstrument, refreshQuality, takeFrame, takePlace } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import { beginLives, doubtBook, endLives, hasStreamedSnapshots, newLaneBook, streamKinds } from "./lane-book.ts";
import type { Lane, LineOptions } from "./lines.ts";
import { openLines } from "./lines.ts";
import type { VenueFrame, VenueProtocol } from "./protocol.ts";
import { protocols } from "./protocols.ts";
import type { BookView, Feed, FeedChange, FeedStatus, Top } from "./market-view.ts";
import { openQuarantine } from "./quarantine.ts";
import { openRepair } from "./repair.ts";
import { bookView, symbolStatus, topView } from "./status.ts";
import { keyframeOf, tapHistory } from "./tape/tap.ts";
import { openWatch } from "./watch.ts";
import { machineClock, realWorld } from "./world.ts";

/** Opens a feed; it connects by itself and keeps at it until `close`. */
export function openFeed(options: FeedOptions): Feed {
  const { id, venue, tap } = options;
  const staleAfterMs = options.staleAfterMs ?? 2_000;
  const world = options.world ?? realWorld(options.clock ?? machineClock, options.random ?? Math.random);
  const { clock } = world;
  const wall = (): WallMs => clock.wall();
  const asked: FeedRules = { ...feedRules(staleAfterMs), ...options.rules };
  const rules = world.rulesHere?.(asked) ?? asked;
  const protocolOf = ({ wsUrls }: LineOptions): VenueProtocol =>
    protocols[options.exchange ?? "binance"]({
      mode: options.mode ?? "sandbox",
      wsUrls: wsUrls ?? (options.wsUrl === undefined ? undefined : [options.wsUrl]),
      restUrl: options.restUrl,
      clock,
      restWithinMs: rules.restWithinMs,
      restPaceMs: rules.restPaceMs,
    });
  const protocol = protocolOf({});
  const parser = protocol.openParser();
  const instruments = new Map<SymbolId, Instrument>();
  const byStream = new Map<string, Instrument>();
  /** The books of each line, by symbol. */
  const lanes = new Map<Lane, Map<Instrument, LaneBook>>();
  const reconnects = Object.fromEntries(disconnectCauses.map((cause) => [cause, 0])) as Record<DisconnectCause, number>;
  const quarantine = openQuarantine();
  const closing = new AbortController();
  const gone = new Map<Instrument, AbortController>();
  let lastLoss: FeedStatus["lastLoss"];
  let frames = 0;
  let restErrors = 0;
  let lastRestError: string | undefined;
  let closed: Promise<void> | undefined;

  const topOf = (symbol: SymbolId): Top | undefined => {
    const instrument = instruments.get(symbol);
    if (instrument === undefined) return undefined;
    judge(instrument);
    return topView(id, instrument);
  };
  const bookOf = (symbol: SymbolId, depth: number): BookView | undefined => {
    const instrument = instruments.get(symbol);
    if (instrument === undefined) return undefined;
    judge(instrument);
    return bookView(id, instrument, { depth, oldMono: clock.mono() - staleAfterMs });
  };

  const onFrame = (lane: Lane, data: Buffer, nowMono: MonoMs, connection: number): void => {
    frames += 1;
    tap?.frame({ line: lane.name, connection, data, atMono: nowMono, atWall: clock.wall() });
    onParsed(lane, parser.parse(data), data, nowMono, connection);
  };
  const onParsed = (lane: Lane, frame: VenueFrame, data: Buffer, nowMono: MonoMs, connection: number): void => {
    const { driver } = lane;
    switch (frame.type) {
      case "place":
        for (const [instrument, book] of lanes.get(lane) ?? []) {
          onNews(lane, instrument, book, takePlace(book, frame.frame), nowMono);
        }
        break;
      case "trade":
      case "difference":
      case "book":
      case "ticker": {
        // A stream that was not asked for is no error: its unsubscription may be on the way.
        const instrument = byStream.get(frame.stream);
        const book = instrument === undefined ? undefined : lanes.get(lane)?.get(instrument);
        if (instrument === undefined || book === undefined) break;
        book.connection = connection;
        if (!lane.hasData) {
          lane.hasData = true;
          driver.input({ type: "data", connection });
        }
        onNews(lane, instrument, book, takeFrame(instrument, book, frame, nowMono, wall), nowMono);
        break;
      }
      case "several":
        for (const one of frame.frames) onParsed(lane, one, data, nowMono, connection);
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

  const onNews = (lane: Lane, instrument: Instrument, book: LaneBook, news: FrameNews, nowMono: MonoMs): void => {
    // Trades alone change no price; what they mean for the quality is seen where a hole opens or closes.
    if (instrument.quality !== "live" && news.trades === undefined) judge(instrument);
    if (lane.silence !== undefined) judgeLane(lane);
    if (news.trades !== undefined) onTrades(instrument, news.trades, nowMono);
    if (news.isPriceNew) delivery.top(instrument.symbol);
    const { symbol } = instrument;
    const { connection } = book;
    if (news.disagreesWith !== undefined) onDisagreement(instrument, [book, news.disagreesWith], nowMono);
    if (news.book?.type === "aligned") {
      lane.driver.input({ type: "aligned", connection, book: symbol });
      judge(instrument);
    }
    if (news.book?.type === "broken") {
      lane.driver.input({ type: "unaligned", connection, book: symbol, sentence: `${symbol}: ${news.book.sentence}` });
      judge(instrument);
      repair.book(instrument, book, signalFor(lane, instrument));
      if (protocol.countsMessages === true && !isHeardElsewhere(instrument, book)) {
        breakTrades(instrument.trades);
        repair.missedTrades(instrument, signalOf(instrument));
      }
    }
  };
  /** While another line listened no trade was missed. */
  const isHeardElsewhere = (instrument: Instrument, book: LaneBook): boolean =>
    [...instrument.books].some((one) => one !== book && one.lives.trade !== undefined);

  /** Two lines tell different books: neither is believed before a snapshot has shown which. */
  const onDisagreement = (instrument: Instrument, books: readonly LaneBook[], nowMono: MonoMs): void => {
    const sentence = "two lines held different books at the same update";
    for (const book of books) doubtBook(book);
    for (const book of books) {
      const lane = laneOf(instrument, book);
      if (lane !== undefined)
        onNews(lane, instrument, book, { book: { type: "broken", sentence }, isPriceNew: false }, nowMono);
    }
  };

  const onTrades = (instrument: Instrument, events: readonly TradeEvent[], nowMono: MonoMs): void => {
    for (const event of events) delivery.trade(event, nowMono);
    if (missingTrades(instrument.trades) === undefined) {
      // More than one at once: a hole has closed.
      if (events.length > 1) judge(instrument);
      return;
    }
    repair.trades(instrument, signalOf(instrument));
    watch.within(rules.trades.holdMs);
    judge(instrument);
  };

  /** Brings the quality of one symbol up to now, and tells when it has changed. */
  const judge = (instrument: Instrument): void => {
    const nowMono = clock.mono();
    const line = lineState(lines.best().driver.line());
    const from = refreshQuality(instrument, { nowMono, staleAfterMs, line, linesWanted: lines.wanted });
    const { symbol, quality, reason } = instrument;
    if (from === quality) return;
    delivery.state({ type: "quality", feed: id, symbol, from, to: quality, reason, atMono: nowMono });
  };

  /** Tells the line's machine which of its own data is too old now. */
  const judgeLane = (lane: Lane): void => {
    const oldMono = clock.mono() - staleAfterMs;
    const silent: string[] = [];
    for (const [{ symbol }, book] of lanes.get(lane) ?? []) {
      if (book.lives.depth !== undefined && (book.currentMono ?? -Infinity) < oldMono) silent.push(symbol);
    }
    const sentence = silent.length === 0 ? undefined : `no fresh data for ${silent.join(", ")}`;
    if (sentence === lane.silence) return;
    lane.silence = sentence;
    lane.driver.input({ type: "silence", connection: lane.driver.line().connections, sentence });
  };

  const signalOf = (instrument: Instrument): AbortSignal => gone.get(instrument)?.signal ?? closing.signal;
  /** Ends with the connection and with the symbol. */
  const signalFor = (lane: Lane, instrument: Instrument): AbortSignal =>
    AbortSignal.any([lane.connectionEnd.signal, signalOf(instrument)]);

  const onSubscribed = (lane: Lane, connection: number): void => {
    for (const [instrument, book] of lanes.get(lane) ?? []) {
      const hadLife = book.lives.depth !== undefined;
      const kinds = streamKinds.filter((kind) => instrument.streams[kind] !== undefined);
      beginLives(book, kinds, { connection, nowMono: clock.mono() });
      if (hadLife) continue;
      // Where the snapshot comes with the subscription it is on its way.
      if (book.sync.phase === "void" && !hasStreamedSnapshots(book))
        repair.book(instrument, book, signalFor(lane, instrument));
      if (!isHeardElsewhere(instrument, book)) repair.missedTrades(instrument, signalOf(instrument));
    }
    watch.within(0);
  };

  const addBook = (lane: Lane, instrument: Instrument): void => {
    const book = newLaneBook(lane.name, protocol);
    instrument.books.add(book);
    lanes.get(lane)?.set(instrument, book);
  };

  const delivery = openDelivery<Top, FeedChange>({
    tradesMax: rules.undeliveredMax,
    nowMs: () => clock.mono(),
    soon: (act) => world.soon(act),
    readTop: topOf,
    async again(symbol, range) {
      const instrument = instruments.get(symbol);
      if (instrument === undefined) return [];
      return repair.again(instrument, range, signalOf(instrument));
    },
  });
  const history = options.history ?? protocol.history;
  const repair = openRepair({
    history: tap === undefined ? history : tapHistory(history, tap, clock),
    world,
    onBook(instrument, book, news) {
      for (const [lane, books] of lanes)
        if (books.get(instrument) === book) onNews(lane, instrument, book, news, clock.mono());
    },
    onTrades: (instrument, events) => onTrades(instrument, events, clock.mono()),
    onRenew(instrument, book) {
      const stream = instrument.streams.depth;
      const lane = laneOf(instrument, book);
      if (stream === undefined || lane === undefined) return;
      lane.driver.input({ type: "renew", connection: book.connection, stream });
    },
    onError: (error) => {
      restErrors += 1;
      lastRestError = error instanceof Error ? error.message : String(error);
    },
  });
  /** Where the venue can be asked only now and then, no answer is no sign of death. */
  const unprovenLater = (depth: LivenessRules): LivenessRules => ({
    ...depth,
    silenceMaxMs: Math.max(depth.silenceMaxMs, protocol.unprovenSilenceMaxMs ?? 0),
  });
  const watch = openWatch({
    instruments: { [Symbol.iterator]: () => instruments.values() },
    rules: { ...rules, liveness: { ...rules.liveness, depth: unprovenLater(rules.liveness.depth) } },
    staleAfterMs,
    world,
    onTime: (instrument) => {
      const nowMono = clock.mono();
      onTrades(instrument, expireHole(instrument.trades, nowMono), nowMono);
      for (const book of instrument.books) {
        const lane = hasStreamedSnapshots(book) ? laneOf(instrument, book) : undefined;
        if (lane !== undefined) repair.snapshotDue(instrument, book, signalFor(lane, instrument));
      }
      judge(instrument);
    },
    onSilent: (instrument, book, kind) => {
      const lane = laneOf(instrument, book);
      if (lane !== undefined) repair.prove(instrument, book, kind, signalFor(lane, instrument));
    },
    onLate: (instrument) => repair.proveLate(instrument, signalOf(instrument)),
    onDead: (instrument, book, sentence) => {
      laneOf(instrument, book)?.driver.input({ type: "stalled", connection: book.connection, sentence });
    },
    onLooked: () => {
      for (const lane of lanes.keys()) judgeLane(lane);
    },
  });
  const laneOf = (instrument: Instrument, book: LaneBook): Lane | undefined => {
    for (const [lane, books] of lanes) if (books.get(instrument) === book) return lane;
    return undefined;
  };

  const carry = (symbols: readonly SymbolId[]): void => {
    for (const symbol of symbols) {
      if (instruments.has(symbol)) continue;
      const instrument = newInstrument(symbol, protocol, rules.trades);
      instruments.set(symbol, instrument);
      gone.set(instrument, new AbortController());
      for (const stream of Object.values(instrument.streams)) byStream.set(stream, instrument);
      for (const lane of lanes.keys()) addBook(lane, instrument);
    }
    parser.set(byStream.keys());
  };
  const drop = (symbols: readonly SymbolId[]): void => {
    for (const symbol of symbols) {
      const instrument = instruments.get(symbol);
      if (instrument === undefined) continue;
      instruments.delete(symbol);
      gone.get(instrument)?.abort();
      gone.delete(instrument);
      for (const stream of Object.values(instrument.streams)) byStream.delete(stream);
      for (const books of lanes.values()) books.delete(instrument);
    }
    parser.set(byStream.keys());
  };
  const wants = (): { streams: Set<string>; books: Set<string> } => ({
    streams: new Set([...byStream.keys(), ...(protocol.ownStreams ?? [])]),
    books: new Set(instruments.keys()),
  });

  carry(options.symbols);
  tap?.begin({ id, venue, keyframe: () => keyframeOf(instruments.values()) });
  const lines = openLines({
    lines: options.lines ?? [{}],
    protocolOf,
    rules: rules.line,
    wants: wants(),
    world,
    heldUpMs: () => watch.heldUpMs(),
    events: {
      frame: onFrame,
      subscribed: onSubscribed,
      opened(lane) {
        lanes.set(lane, new Map());
        for (const instrument of instruments.values()) addBook(lane, instrument);
      },
      moved(lane, from, to, reason) {
        delivery.state({ type: "line", feed: id, line: lane.name, from, to, reason, atMono: clock.mono() });
        for (const instrument of instruments.values()) judge(instrument);
      },
      gaveUp(lane, failures, reason) {
        delivery.state({ type: "gave-up", feed: id, line: lane.name, failures, reason, atMono: clock.mono() });
      },
      lost(lane, { cause, sentence: reason }) {
        for (const [instrument, book] of lanes.get(lane) ?? []) {
          endLives(book);
          if (!isHeardElsewhere(instrument, book)) breakTrades(instrument.trades);
        }
        reconnects[cause] += 1;
        // The end of the feed is no end of the market: a tape has nothing to tell of it.
        if (closing.signal.aborted) return;
        tap?.lost({ line: lane.name, cause, reason, atMono: clock.mono(), atWall: clock.wall() });
        lastLoss = { cause, reason, atWall: clock.wall() };
        delivery.state({ type: "lost", feed: id, line: lane.name, cause, reason, atMono: clock.mono() });
      },
      retired(lane) {
        for (const [instrument, book] of lanes.get(lane) ?? []) forgetBook(instrument, book);
        lanes.delete(lane);
      },
    },
  });
  for (const lane of lines.all()) lane.driver.input({ type: "start" });

  return {
    id,
    venue,
    add(symbols) {
      carry(symbols);
      lines.want(wants());
    },
    remove(symbols) {
      drop(symbols);
      lines.want(wants());
    },
    top: topOf,
    book: bookOf,
    marks(symbol) {
      const instrument = instruments.get(symbol);
      return (instrument === undefined ? undefined : bestBook(instrument))?.marks.marks.slice() ?? [];
    },
    lastTrade: (symbol) => instruments.get(symbol)?.trades.lastTrade,
    onTrade: (listener) => listen(delivery.trades, listener),
    onTop: (listener) => listen(delivery.tops, listener),
    onState: (listener) => listen(delivery.states, listener),
    status() {
      const nowMono = clock.mono();
      const best = lines.best();
      const each = [...instruments.values()].map((instrument) => {
        judge(instrument);
        return symbolStatus(instrument, nowMono);
      });
      const ages = each.map((one) => one.ageMs);
      const samples = quarantine.samples();
      const last = samples.at(-1);
      const lineStatuses = lines.status(nowMono);
      return {
        id,
        venue,
        url: best.driver.url(),
        state: lineState(best.driver.line()),
        reason: best.driver.line().sentence,
        sinceMono: best.sinceMono,
        ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map((age) => age ?? 0)),
        connections: lines.connections(),
        failuresInRow: Math.max(...lineStatuses.map((line) => line.failuresInRow)),
        reconnects: { ...reconnects },
        lastLoss,
        frames,
        badFrames: quarantine.count,
        lastBadFrame: last === undefined ? undefined : { reason: last.reason, sample: last.sample },
        quarantine: { reasons: quarantine.reasons(), samples },
        lines: lineStatuses,
        rotations: lines.rotations(),
        heldUpMs: watch.heldUpMs(),
        restErrors,
        lastRestError,
        delivery: delivery.status(),
        symbols: each,
      };
    },
    close() {
      closed ??= (async () => {
        closing.abort();
        for (const end of gone.values()) end.abort();
        watch.close();
        await lines.close();
        delivery.close();
      })();
      return closed;
    },
  };
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
