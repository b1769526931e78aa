/**
 * How far this machine's wall clock may be from a venue's, error of the reading included. Journaled times are wall-clock
 * times of whichever node led; while every node that trades stays within the bound, any two of them, and the venue, differ
 * by a known amount, and the proof time of a doubt can count on it.
 */
import type { ClockReading } from "@baton/venues";

/** Undefined until the venue's time is known. */
export function clockOffBy(reading: ClockReading | undefined): number | undefined {
  return reading === undefined ? undefined : Math.abs(reading.offsetMs) + reading.errorMs;
}
