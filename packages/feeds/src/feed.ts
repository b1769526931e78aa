/**
 * A feed: market data of some symbols from one venue, complete and fresh, or saying that it is not.
 *
 * This file composes, and decides what news means: the line machines keep the connections (`lines.ts`), the reader hands
 * each frame to whom it is about (`frame-reader.ts`), each symbol's books and trades are kept by core's rules, repair asks
 * REST, the watch notices what time changes, delivery tells the listeners. The way of a frame: parse, apply, queue the
 * news, return; nothing that a listener does can hold up the reader.
 */
import type { BreakerState, LivenessRules, MonoMs, SymbolId, TradeEvent } from "@baton/core";
import { breakTrades, expireHole, lineState, missingTrades } from "@baton/core";
import { openCarried } from "./carried.ts";
import { openDelivery } from "./delivery.ts";
import type { FeedOptions } from "./feed-options.ts";
import type { FeedRules } from "./feed-rules.ts";
import { feedRules } from "./feed-rules.ts";
import { openFrameReader } from "./frame-reader.ts";
import type { FrameNews, Instrument } from "./instrument.ts";
import { bestBook, refreshQuality } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import { beginLives, doubtBook, endLives, hasStreamedSnapshots } from "./lane-book.ts";
import type { Lane, LineOptions } from "./lines.ts";
import { openLines } from "./lines.ts";
import type { BookView, Feed, FeedChange, Top } from "./market-view.ts";
import type { VenueProtocol } from "./protocol.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import { protocols } from "./protocols.ts";
import { openQuarantine } from "./quarantine.ts";
import { openRepair } from "./repair.ts";
import { bookView, feedStatus, newLossCounts, topView } from "./status.ts";
import { keyframeOf, tapHistory } from "./tape/tap.ts";
import { openWatch } from "./watch.ts";
import { machineClock, realWorld } from "./world.ts";

/** Opens a feed; it connects by itself and keeps at it until `close`. */
export function openFeed(options: FeedOptions): Feed {
  const { id, venue, tap } = options;
  const staleAfterMs = options.staleAfterMs ?? 2_000;
  const world = options.world ?? realWorld(options.clock ?? machineClock, options.random ?? Math.random);
  const { clock } = world;
  const asked: FeedRules = { ...feedRules(staleAfterMs), ...options.rules };
  const rules = world.rulesHere?.(asked) ?? asked;
  let restBreaker: BreakerState = "closed";
  const protocolOf = (line: LineOptions): VenueProtocol => {
    const protocol = protocolFor(options, rules, line, { clock, onRestBreaker: (state) => (restBreaker = state) });
    return world.protocolHere?.(protocol) ?? protocol;
  };
  const protocol = protocolOf({});
  const parser = protocol.openParser();
  const carried = openCarried(protocol, parser, rules.trades);
  const { instruments, lanes, laneOf, signalOf, signalFor } = carried;
  const quarantine = openQuarantine();
  const losses = newLossCounts();
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

  const onNews = (lane: Lane, instrument: Instrument, book: LaneBook, news: FrameNews, nowMono: MonoMs): void => {
    if (instrument.quality !== "live") judge(instrument);
    if (lane.silence !== undefined) judgeLane(lane);
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

  /** Trades alone change no price; what they mean for the quality is seen where a hole opens or closes. */
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

  const isSubscribedNow = ({ driver }: Lane): boolean => {
    const { phase } = driver.line();
    return phase.kind === "connected" && phase.isSubscribed;
  };
  const onSubscribed = (lane: Lane, connection: number): void => {
    for (const [instrument, book] of lanes.get(lane) ?? []) {
      const kinds = lane.route.kinds.filter((kind) => instrument.streams[kind] !== undefined);
      const isNew = kinds.every((kind) => book.lives[kind] === undefined);
      beginLives(book, kinds, { connection, nowMono: clock.mono() });
      if (!isNew) continue;
      // Where the snapshot comes with the subscription it is on its way.
      if (kinds.includes("depth") && book.sync.phase === "void" && !hasStreamedSnapshots(book))
        repair.book(instrument, book, signalFor(lane, instrument));
      if (kinds.includes("trade") && !isHeardElsewhere(instrument, book))
        repair.missedTrades(instrument, signalOf(instrument));
    }
    watch.within(0);
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
      const lane = laneOf(instrument, book);
      if (lane !== undefined) onNews(lane, instrument, book, news, clock.mono());
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
  const reader = openFrameReader({ carried, parser, quarantine, tap, clock, onNews, onTrades });

  carried.carry(options.symbols);
  tap?.begin({ id, venue, keyframe: () => keyframeOf(instruments.values()) });
  const lines = openLines({
    lines: options.lines ?? [{}],
    protocolOf,
    rules: rules.line,
    wantsOf: (route) => carried.wantsOf(route),
    world,
    heldUpMs: () => watch.heldUpMs(),
    events: {
      frame: (lane, data, nowMono, connection) => reader.read(lane, data, nowMono, connection),
      subscribed: onSubscribed,
      opened: (lane) => carried.open(lane),
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
          const toldTrades = lane.route.kinds.includes("trade");
          if (toldTrades && !isHeardElsewhere(instrument, book)) breakTrades(instrument.trades);
        }
        losses.reconnects[cause] += 1;
        // The end of the feed is no end of the market: a tape has nothing to tell of it.
        if (carried.isClosed()) return;
        tap?.lost({ line: lane.name, cause, reason, atMono: clock.mono(), atWall: clock.wall() });
        losses.last = { cause, reason, atWall: clock.wall() };
        delivery.state({ type: "lost", feed: id, line: lane.name, cause, reason, atMono: clock.mono() });
      },
      retired: (lane) => carried.retire(lane),
    },
  });
  for (const lane of lines.all()) lane.driver.input({ type: "start" });

  return {
    id,
    venue,
    add(symbols) {
      carried.carry(symbols);
      lines.want();
      // Of a symbol whose streams stand already, under the name of another one, no acknowledgement will come.
      for (const lane of lines.all()) if (isSubscribedNow(lane)) onSubscribed(lane, lane.driver.line().connections);
    },
    remove(symbols) {
      carried.drop(symbols);
      lines.want();
    },
    hurry() {
      for (const lane of lines.all()) lane.driver.input({ type: "hurry" });
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
      for (const instrument of instruments.values()) judge(instrument);
      return feedStatus({
        ...{ id, venue, nowMono: clock.mono(), lines, losses, quarantine, restErrors, lastRestError, restBreaker },
        ...{ instruments: [...instruments.values()], frames: reader.count() },
        ...{ heldUpMs: watch.heldUpMs(), delivery: delivery.status() },
      });
    },
    close() {
      closed ??= (async () => {
        carried.close();
        watch.close();
        await lines.close();
        delivery.close();
      })();
      return closed;
    },
  };
}

/** How the venue is spoken to at a line's own addresses, or at the feed's. */
function protocolFor(
  options: FeedOptions,
  rules: FeedRules,
  { wsUrls }: LineOptions,
  more: Pick<ProtocolOptions, "clock" | "onRestBreaker">,
): VenueProtocol {
  return protocols[options.exchange ?? "binance"]({
    mode: options.mode ?? "sandbox",
    wsUrls: wsUrls ?? (options.wsUrl === undefined ? undefined : [options.wsUrl]),
    restUrl: options.restUrl,
    ...more,
    restWithinMs: rules.restWithinMs,
    restPaceMs: rules.restPaceMs,
  });
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
