/**
 * What time alone changes: streams that fall silent, prices that age, holes whose repair takes too long. One timer looks
 * when the next of these can happen, and at least once a second.
 */
import type { Clock } from "@baton/core";
import { judgeLiveness } from "@baton/core";
import type { FeedRules } from "./feed-rules.ts";
import type { Instrument } from "./instrument.ts";
import { patientTimer } from "./patient-timer.ts";
import type { StreamKind } from "./protocol.ts";

export interface WatchOptions {
  readonly instruments: Iterable<Instrument>;
  readonly rules: FeedRules;
  readonly staleAfterMs: number;
  readonly clock: Clock;
  /** Time has passed for the symbol: holes may expire, its quality may change. */
  readonly onTime: (instrument: Instrument) => void;
  /** The stream is silent: ask the venue whether it is ahead. */
  readonly onSilent: (instrument: Instrument, kind: StreamKind) => void;
  /** The stream is dead. */
  readonly onDead: (instrument: Instrument, sentence: string) => void;
}

export interface Watch {
  /** Looks no later than in `afterMs`. */
  within(afterMs: number): void;
  close(): void;
}

const everyMs = 1_000;
const leastMs = 5;

/** Starts looking. */
export function openWatch(options: WatchOptions): Watch {
  const { instruments, rules, staleAfterMs, clock, onTime, onSilent, onDead } = options;
  let callOff: (() => void) | undefined;
  let atMono = Infinity;
  let isClosed = false;

  const within = (afterMs: number): void => {
    const nowMono = clock.mono();
    const nextMono = nowMono + Math.max(leastMs, afterMs);
    if (isClosed || (callOff !== undefined && atMono <= nextMono)) return;
    callOff?.();
    atMono = nextMono;
    callOff = patientTimer(nextMono - nowMono, look);
  };
  const look = (): void => {
    callOff = undefined;
    let nextMs = everyMs;
    for (const instrument of instruments) {
      onTime(instrument);
      nextMs = Math.min(nextMs, listen(instrument), untilOld(instrument));
    }
    within(nextMs);
  };
  /** Judges the silence of a symbol's streams; returns in how many milliseconds to look again. */
  const listen = (instrument: Instrument): number => {
    let nextMs = everyMs;
    for (const kind of ["depth", "trade", "ticker"] as const) {
      const life = instrument.lives[kind];
      if (life === undefined) continue;
      const nowMono = clock.mono();
      const judged = judgeLiveness(life, rules.liveness[kind], nowMono);
      if (judged.verdict === "dead") {
        const why = judged.isProven
          ? "though the venue has newer data"
          : "and the venue does not say whether it has newer data";
        onDead(instrument, `${instrument.streams[kind]} is silent for ${Math.round(judged.silentMs)} ms, ${why}`);
        return nextMs;
      }
      if (judged.verdict === "ask") onSilent(instrument, kind);
      nextMs = Math.min(nextMs, judged.nextMono - nowMono);
    }
    return nextMs;
  };
  /** Until the price, the book or a hole of the symbol is too old; those that are already do not count. */
  const untilOld = (instrument: Instrument): number => {
    const nowMono = clock.mono();
    const ends = [
      (instrument.currentMono ?? -Infinity) + staleAfterMs,
      (instrument.bookCurrentMono ?? -Infinity) + staleAfterMs,
      instrument.trades.hole?.untilMono ?? Infinity,
    ];
    return Math.min(everyMs, ...ends.filter((end) => end >= nowMono).map((end) => end - nowMono + 1));
  };
  within(everyMs);
  return {
    within,
    close() {
      isClosed = true;
      callOff?.();
    },
  };
}
