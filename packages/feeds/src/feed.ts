/**
 * A feed: market data of some symbols from one venue, complete and fresh, or saying that it is not.
 *
 * This file composes: the line machine keeps the connection, each symbol's book and trades are kept by core's rules,
 * repair asks REST, the watch notices what time changes, delivery tells the listeners. The way of a frame: parse, apply,
 * queue the news, return; nothing that a listener does can hold up the reader. A frame that is not understood is counted,
 * with a sample, and changes nothing.
 */
import type { Clock, DisconnectCause, LineEffect, SymbolId, TradeEvent } from "@baton/core";
import { assertNever, disconnectCauses, expireHole, levelsOf, lineState, missingTrades } from "@baton/core";
import { binanceProtocol } from "./binance/protocol.ts";
import { openDelivery } from "./delivery.ts";
import type { FeedRules } from "./feed-rules.ts";
import { feedRules } from "./feed-rules.ts";
import type { FrameNews, Instrument } from "./instrument.ts";
import { beginLives, endConnection, newInstrument, refreshQuality, takeFrame } from "./instrument.ts";
import { openLineDriver } from "./line-driver.ts";
import type { BookView, Feed, FeedChange, FeedStatus, Top } from "./market-view.ts";
import { openRepair } from "./repair.ts";
import { symbolStatus } from "./status.ts";
import { openWatch } from "./watch.ts";

export interface FeedOptions {
  /** The feed's name in records, metrics and logs. */
  readonly id: string;
  /** The venue's name there. */
  readonly venue: string;
  /** The protocol that is spoken; default `binance`. */
  readonly exchange?: "binance";
  /** Which of the venue's networks, where no URL is given; default `sandbox`. */
  readonly mode?: "live" | "sandbox";
  readonly symbols: readonly SymbolId[];
  /** Origin of the streams, as `ws://127.0.0.1:9000`. */
  readonly wsUrl?: string | undefined;
  /** Origin of the REST interface, as `http://127.0.0.1:9000`. */
  readonly restUrl?: string | undefined;
  /** Age from which a price is stale. */
  readonly staleAfterMs: number;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter; default `Math.random`. */
  readonly random?: () => number;
  /** Departures from `feedRules`, for tests and odd networks. */
  readonly rules?: Partial<FeedRules>;
}

/** Opens a feed; it connects by itself and keeps at it until `close`. */
export function openFeed(options: FeedOptions): Feed {
  const { id, venue, symbols, staleAfterMs, clock } = options;
  const random = options.random ?? Math.random;
  const rules: FeedRules = { ...feedRules(staleAfterMs), ...options.rules };
  const protocol = binanceProtocol({
    mode: options.mode ?? "sandbox",
    wsUrl: options.wsUrl,
    restUrl: options.restUrl,
    clock,
    restWithinMs: rules.restWithinMs,
  });
  const instruments = new Map(symbols.map((symbol) => [symbol, newInstrument(symbol, protocol, rules.trades)]));
  const byStream = new Map(
    [...instruments.values()].flatMap((one) => Object.values(one.streams).map((stream) => [stream, one] as const)),
  );
  const reconnects = Object.fromEntries(disconnectCauses.map((cause) => [cause, 0])) as Record<DisconnectCause, number>;
  const closing = new AbortController();
  let connectionEnd = new AbortController();
  let lastLoss: FeedStatus["lastLoss"];
  let sinceMono = clock.mono();
  let frames = 0;
  let badFrames = 0;
  let lastBadFrame: FeedStatus["lastBadFrame"];
  let restErrors = 0;
  let lastRestError: string | undefined;
  let silence: string | undefined;
  let closed: Promise<void> | undefined;

  const topOf = (symbol: SymbolId): Top | undefined => {
    const instrument = instruments.get(symbol);
    if (instrument === undefined) return undefined;
    judge(instrument);
    const { price, currentMono, quality } = instrument;
    if (price === undefined || currentMono === undefined) return undefined;
    const { bid, bidQuantity, ask, askQuantity, updateId } = price;
    const ageMs = (nowMono: number): number => nowMono - currentMono;
    return { feed: id, symbol, bid, bidQuantity, ask, askQuantity, updateId, quality, currentMono, ageMs };
  };
  const bookOf = (symbol: SymbolId, depth: number): BookView | undefined => {
    const instrument = instruments.get(symbol);
    if (instrument === undefined) return undefined;
    judge(instrument);
    const { sync, bookCurrentMono } = instrument;
    if (sync.phase === "void" || bookCurrentMono === undefined) return undefined;
    // The price may be kept fresh by its own stream; the book is only as fresh as its differences.
    const isOld = clock.mono() - bookCurrentMono > staleAfterMs;
    return {
      feed: id,
      symbol,
      updateId: sync.updateId,
      bids: levelsOf(sync.book, "bids", depth),
      asks: levelsOf(sync.book, "asks", depth),
      quality: isOld ? "stale" : instrument.quality,
      currentMono: bookCurrentMono,
    };
  };

  const onText = (text: string, connection: number): void => {
    frames += 1;
    const frame = protocol.parse(text);
    switch (frame.type) {
      case "trade":
      case "difference":
      case "ticker": {
        // A stream that was not asked for is no error: its unsubscription may be on the way.
        const instrument = byStream.get(frame.stream);
        if (instrument === undefined) break;
        onNews(instrument, takeFrame(instrument, frame, { nowMono: clock.mono(), nowWall: clock.wall(), connection }));
        break;
      }
      case "acknowledged":
        driver.input({ type: "acknowledged", connection, id: frame.id });
        break;
      case "refused":
        driver.input({ type: "refused", connection, id: frame.id, why: frame.why });
        break;
      case "shutdown":
        driver.input({ type: "shutdown", connection, sentence: frame.sentence });
        break;
      case "ignored":
        break;
      case "bad":
        badFrames += 1;
        lastBadFrame = { reason: frame.reason, sample: text.slice(0, 200) };
        break;
      default:
        assertNever(frame, "frame of a venue");
    }
  };

  const onNews = (instrument: Instrument, news: FrameNews): void => {
    if (instrument.quality !== "live") judge(instrument);
    if (news.trades !== undefined) onTrades(instrument, news.trades);
    if (news.isPriceNew) delivery.top(instrument.symbol);
    const { connection, symbol } = instrument;
    if (news.book?.type === "aligned") driver.input({ type: "aligned", connection, book: symbol });
    if (news.book?.type === "broken") {
      driver.input({ type: "unaligned", connection, book: symbol, sentence: `${symbol}: ${news.book.sentence}` });
      judge(instrument);
      repair.book(instrument, connectionEnd.signal);
    }
  };

  const onTrades = (instrument: Instrument, events: readonly TradeEvent[]): void => {
    for (const event of events) delivery.trade(event);
    if (missingTrades(instrument.trades) === undefined) return;
    repair.trades(instrument, closing.signal);
    watch.within(rules.trades.holdMs);
    judge(instrument);
  };

  /** Brings the quality of one symbol up to now, and tells when it has changed. */
  const judge = (instrument: Instrument): void => {
    const nowMono = clock.mono();
    const from = refreshQuality(instrument, { nowMono, staleAfterMs, line: lineState(driver.line()) });
    const { symbol, quality, reason } = instrument;
    if (from === quality) return;
    delivery.state({ type: "quality", feed: id, symbol, from, to: quality, reason, atMono: nowMono });
    const silent = [...instruments.values()].filter((one) => one.lives.depth !== undefined && one.quality === "stale");
    const sentence =
      silent.length === 0 ? undefined : `no fresh data for ${silent.map((one) => one.symbol).join(", ")}`;
    if (sentence === silence) return;
    silence = sentence;
    driver.input({ type: "silence", connection: driver.line().connections, sentence });
  };

  const onSubscribed = (connection: number): void => {
    for (const instrument of instruments.values()) {
      beginLives(instrument, connection, clock.mono());
      repair.book(instrument, connectionEnd.signal);
      repair.missedTrades(instrument, connectionEnd.signal);
    }
    watch.within(0);
  };

  const onEffect = (effect: Extract<LineEffect, { type: "lost" | "moved" | "gave-up" }>): void => {
    const atMono = clock.mono();
    const reason = effect.sentence;
    switch (effect.type) {
      case "moved":
        sinceMono = atMono;
        delivery.state({ type: "line", feed: id, from: effect.from, to: effect.to, reason, atMono });
        for (const instrument of instruments.values()) judge(instrument);
        break;
      case "gave-up":
        delivery.state({ type: "gave-up", feed: id, failures: effect.failures, reason, atMono });
        break;
      case "lost":
        connectionEnd.abort();
        connectionEnd = new AbortController();
        silence = undefined;
        for (const instrument of instruments.values()) endConnection(instrument);
        if (closing.signal.aborted) break;
        reconnects[effect.cause] += 1;
        lastLoss = { cause: effect.cause, reason, atWall: clock.wall() };
        delivery.state({ type: "lost", feed: id, cause: effect.cause, reason, atMono });
        break;
      default:
        assertNever(effect, "effect of a line");
    }
  };

  const delivery = openDelivery<Top, FeedChange>({
    tradesMax: rules.undeliveredMax,
    nowMs: () => clock.mono(),
    readTop: topOf,
  });
  const repair = openRepair({
    history: protocol.history,
    clock,
    random,
    onBook: onNews,
    onTrades,
    onError: (error) => {
      restErrors += 1;
      lastRestError = error instanceof Error ? error.message : String(error);
    },
  });
  const driver = openLineDriver({
    protocol,
    rules: { ...protocol.lineRules, ...rules.line },
    wants: { streams: new Set(byStream.keys()), books: new Set(symbols) },
    clock,
    random,
    events: { text: onText, subscribed: onSubscribed, effect: onEffect },
  });
  const watch = openWatch({
    instruments: [...instruments.values()],
    rules,
    staleAfterMs,
    clock,
    onTime: (instrument) => {
      onTrades(instrument, expireHole(instrument.trades, clock.mono()));
      judge(instrument);
    },
    onSilent: (instrument, kind) => repair.prove(instrument, kind, connectionEnd.signal),
    onDead: ({ connection }, sentence) => driver.input({ type: "stalled", connection, sentence }),
  });
  driver.input({ type: "start" });

  return {
    id,
    venue,
    top: topOf,
    book: bookOf,
    lastTrade: (symbol) => instruments.get(symbol)?.trades.lastTrade,
    onTrade: (listener) => listen(delivery.trades, listener),
    onTop: (listener) => listen(delivery.tops, listener),
    onState: (listener) => listen(delivery.states, listener),
    status() {
      const nowMono = clock.mono();
      const line = driver.line();
      const each = [...instruments.values()].map((instrument) => {
        judge(instrument);
        return symbolStatus(instrument, nowMono);
      });
      const ages = each.map((one) => one.ageMs);
      return {
        id,
        venue,
        url: protocol.url,
        state: lineState(line),
        reason: line.sentence,
        sinceMono,
        ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map((age) => age ?? 0)),
        connections: line.connections,
        failuresInRow: line.failures,
        reconnects: { ...reconnects },
        lastLoss,
        frames,
        badFrames,
        lastBadFrame,
        restErrors,
        lastRestError,
        delivery: delivery.status(),
        symbols: each,
      };
    },
    close() {
      closed ??= (async () => {
        closing.abort();
        connectionEnd.abort();
        watch.close();
        await driver.stop();
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
