/**
 * What time alone changes: streams that fall silent, prices that age, holes whose repair takes too long. One timer looks
 * when the next of these can happen, and at least once a second.
 */
import type { MonoMs } from "@baton/core";
import { judgeLiveness } from "@baton/core";
import type { FeedRules } from "./feed-rules.ts";
import type { Instrument } from "./instrument.ts";
import { compareLines } from "./instrument.ts";
import type { LaneBook } from "./lane-book.ts";
import type { StreamKind } from "./protocol.ts";
import { streamKinds } from "./protocol.ts";
import type { World } from "./world.ts";

export interface WatchOptions {
  readonly instruments: Iterable<Instrument>;
  readonly rules: FeedRules;
  readonly staleAfterMs: number;
  readonly world: World;
  /** Time has passed for the symbol: holes may expire, its quality may change. */
  readonly onTime: (instrument: Instrument) => void;
  /** The stream is silent: ask the venue whether it is ahead. */
  readonly onSilent: (instrument: Instrument, book: LaneBook, kind: StreamKind) => void;
  /** The stream speaks, and what it says seems to be old: ask the venue how far it is. */
  readonly onLate: (instrument: Instrument) => void;
  /** The stream is dead. */
  readonly onDead: (instrument: Instrument, book: LaneBook, sentence: string) => void;
  /** All symbols have been looked at. */
  readonly onLooked: () => void;
}

export interface Watch {
  /** The longest that this process came too late to look, within the last minute or so: it did not read either. */
  heldUpMs(): number;
  /** Looks no later than in `afterMs`. */
  within(afterMs: number): void;
  close(): void;
}

const everyMs = 1_000;
const leastMs = 5;
const rememberMs = 60_000;
const lateAskEveryMs = 2_000;

/** Starts looking. */
export function openWatch(options: WatchOptions): Watch {
  const { instruments, rules, staleAfterMs, world, onTime, onSilent, onLate, onDead, onLooked } = options;
  const { clock } = world;
  let late: { readonly ms: number; readonly atMono: number } | undefined;
  let callOff: (() => void) | undefined;
  let atMono = Infinity;
  let isClosed = false;

  const within = (afterMs: number): void => {
    const nowMono = clock.mono();
    const nextMono = nowMono + Math.max(leastMs, afterMs);
    if (isClosed || (callOff !== undefined && atMono <= nextMono)) return;
    callOff?.();
    atMono = nextMono;
    callOff = world.timer(nextMono - nowMono, look);
  };
  const look = (): void => {
    callOff = undefined;
    const nowMono = clock.mono();
    const lateMs = nowMono - atMono;
    if (late === undefined || lateMs > late.ms || nowMono - late.atMono > rememberMs)
      late = { ms: lateMs, atMono: nowMono };
    let nextMs = everyMs;
    for (const instrument of instruments) {
      compareLines(instrument, nowMono);
      onTime(instrument);
      nextMs = Math.min(nextMs, untilOld(instrument));
      if (seemsLate(instrument, nowMono)) onLate(instrument);
      for (const book of instrument.books) nextMs = Math.min(nextMs, listen(instrument, book));
    }
    onLooked();
    within(nextMs);
  };
  /** True when a line's data seems too old to be believed, and the last question about it is a while ago. */
  const seemsLate = (instrument: Instrument, nowMono: MonoMs): boolean => {
    if (nowMono - (instrument.lateAskedMono ?? -Infinity) < lateAskEveryMs) return false;
    for (const { lateMs } of instrument.books) {
      if (lateMs < staleAfterMs / 2) continue;
      instrument.lateAskedMono = nowMono;
      return true;
    }
    return false;
  };
  /** Judges the silence of a symbol's streams on one line; returns in how many milliseconds to look again. */
  const listen = (instrument: Instrument, book: LaneBook): number => {
    let nextMs = everyMs;
    for (const kind of streamKinds) {
      const life = book.lives[kind];
      if (life === undefined) continue;
      const nowMono = clock.mono();
      const judged = judgeLiveness(life, rules.liveness[kind], nowMono);
      if (judged.verdict === "dead") {
        const why = judged.isProven
          ? "though the venue has newer data"
          : "and the venue does not say whether it has newer data";
        onDead(
          instrument,
          book,
          `${instrument.streams[kind] ?? kind} is silent for ${Math.round(judged.silentMs)} ms, ${why}`,
        );
        return nextMs;
      }
      if (judged.verdict === "ask") onSilent(instrument, book, kind);
      nextMs = Math.min(nextMs, judged.nextMono - nowMono);
    }
    return nextMs;
  };
  /** Until the price, the book or a hole of the symbol is too old; those that are already do not count. */
  const untilOld = (instrument: Instrument): number => {
    const nowMono = clock.mono();
    const ends = [
      (instrument.currentMono ?? -Infinity) + staleAfterMs,
      ...[...instrument.books].flatMap(({ currentMono, bookCurrentMono }) => [
        (currentMono ?? -Infinity) + staleAfterMs,
        (bookCurrentMono ?? -Infinity) + staleAfterMs,
      ]),
      instrument.trades.hole?.untilMono ?? Infinity,
    ];
    return Math.min(everyMs, ...ends.filter((end) => end >= nowMono).map((end) => end - nowMono + 1));
  };
  within(everyMs);
  return {
    heldUpMs: () => (late === undefined || clock.mono() - late.atMono > rememberMs ? 0 : late.ms),
    within,
    close() {
      isClosed = true;
      callOff?.();
    },
  };
}
