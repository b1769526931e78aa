/**
 * What silence is usual for a stream: learned from the stream itself, as the gap that 999 of 1,000 of its messages keep to.
 *
 * Gaps are counted in buckets a quarter of an octave wide, from one millisecond to some ten minutes; old ones fade, so
 * that a stream that becomes quieter at night is not called dead for it, nor a busy one trusted too long in the morning.
 */

const perOctave = 4;
const bucketsMax = 80;
/** So many gaps before the rhythm is believed. */
const enough = 200;
/** When so many are counted, all are halved. */
const fadeAt = 8_192;

/** The gaps between the messages of one stream. Changed in place: it is touched by every message. */
export interface Rhythm {
  readonly counts: Float64Array;
  total: number;
}

/** Nothing learned yet. */
export function newRhythm(): Rhythm {
  return { counts: new Float64Array(bucketsMax), total: 0 };
}

/** One more gap between two messages. */
export function noteGap(rhythm: Rhythm, gapMs: number): void {
  const bucket = gapMs <= 1 ? 0 : Math.min(bucketsMax - 1, Math.floor(Math.log2(gapMs) * perOctave));
  rhythm.counts[bucket] = (rhythm.counts[bucket] ?? 0) + 1;
  rhythm.total += 1;
  if (rhythm.total < fadeAt) return;
  rhythm.total = 0;
  for (let at = 0; at < bucketsMax; at += 1) {
    const faded = Math.floor((rhythm.counts[at] ?? 0) / 2);
    rhythm.counts[at] = faded;
    rhythm.total += faded;
  }
}

/** The gap in ms that 999 of 1,000 messages keep to; undefined while too few have come. */
export function usualGapMs(rhythm: Rhythm): number | undefined {
  if (rhythm.total < enough) return undefined;
  let left = Math.floor(rhythm.total / 1_000);
  for (let at = bucketsMax - 1; at >= 0; at -= 1) {
    left -= rhythm.counts[at] ?? 0;
    if (left < 0) return 2 ** ((at + 1) / perOctave);
  }
  return undefined;
}
