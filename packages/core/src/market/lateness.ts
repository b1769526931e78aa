/**
 * How late a stream is, though it speaks: a venue that sends everything in order and two seconds after the fact looks
 * lively, and every price of it is old.
 *
 * Venues stamp what they send by their own clock, which nobody here can trust; but the way from their stamp to our
 * monotonic clock is the same for every message, but for the lateness. So the shortest way seen so far is taken for an
 * undelayed one, and what a message takes beyond it is its lateness. The shortest is allowed to grow slowly, as clocks
 * drift; and a venue that sets its clock back looks late at once, so a suspicion is put to the proof: REST says how far
 * the book is, and if the stream comes to that place soon after, it was not late by more than that.
 */
import type { MonoMs } from "../time.ts";

/** Of one symbol, all its lines together. Changed in place. */
export interface Lateness {
  /** The shortest way from the venue's clock to ours, in ms with an unknown origin; undefined before the first. */
  leastMs: number | undefined;
  notedMono: MonoMs | undefined;
  /** Where the venue's book was when it was asked; undefined while nothing is being proved. */
  probe: { readonly updateId: number; readonly askedMono: MonoMs } | undefined;
}

/** Clocks part by less than this: half a second in an hour. */
const driftShare = 0.000_15;

/** Nothing known. */
export function newLateness(): Lateness {
  return { leastMs: undefined, notedMono: undefined, probe: undefined };
}

/** A message came at `nowMono` that the venue stamped with `sentWallMs`: how late it is, in ms. */
export function noteSentAt(l: Lateness, sentWallMs: number, nowMono: MonoMs): number {
  const wayMs = nowMono - sentWallMs;
  const driftMs = l.notedMono === undefined ? 0 : Math.max(0, nowMono - l.notedMono) * driftShare;
  const leastMs = l.leastMs === undefined ? wayMs : Math.min(l.leastMs + driftMs, wayMs);
  l.leastMs = leastMs;
  l.notedMono = nowMono;
  return wayMs - leastMs;
}

/** The venue answered that its book was at `updateId`, to a question of `askedMono`. */
export function noteProbe(l: Lateness, updateId: number, askedMono: MonoMs): void {
  l.probe = { updateId, askedMono };
}

/**
 * The stream has come to `updateId` with a message that seems `lateMs` late; returns how late it really can be. What the
 * probe disproves is forgotten: the shortest way was one of a clock that has been set since.
 */
export function settleProbe(l: Lateness, updateId: number, lateMs: number, nowMono: MonoMs): number {
  if (l.probe === undefined || updateId < l.probe.updateId) return lateMs;
  const provenMs = nowMono - l.probe.askedMono;
  l.probe = undefined;
  if (provenMs >= lateMs) return lateMs;
  l.leastMs = (l.leastMs ?? 0) + lateMs - provenMs;
  return provenMs;
}
