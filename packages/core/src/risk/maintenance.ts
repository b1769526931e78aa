/**
 * Planned maintenance of a venue, as the configuration has it, and what it means for the dead man's switch. A countdown that
 * ends while a venue is down is carried out when it comes back, and cancels orders that nobody wanted gone; so the switch is
 * taken back before maintenance begins and set again when that is over. Decided here: from when to when it is off.
 */
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";

/** Instants as RFC 3339 in UTC, such as `2026-12-01T06:00:00Z`. */
export interface MaintenanceWindow {
  readonly from: string;
  readonly until: string;
}

/** What the switch is to be now, and when that has to be asked again at the latest. */
export interface SwitchPlan {
  readonly isOff: boolean;
  /** Undefined: no maintenance is to come. */
  readonly changesAtWallMs?: WallMs;
}

/** So long before maintenance the switch is taken back: time for some tries, and for clocks that differ. */
const leadMs = 60_000;

/** The plan at `now`. Windows are valid (`whyNoWindow`); they may overlap and come in any order. */
export function switchPlan(windows: readonly MaintenanceWindow[], now: WallMs): SwitchPlan {
  const spans = windows.map(({ from, until }) => ({
    from: (instantMs(from) ?? 0) - leadMs,
    until: instantMs(until) ?? 0,
  }));
  const current = spans.filter((span) => span.from <= now && now < span.until);
  if (current.length > 0) {
    return { isOff: true, changesAtWallMs: wallMs(Math.max(...current.map((span) => span.until))) };
  }
  const next = spans.filter((span) => span.from > now).map((span) => span.from);
  return { isOff: false, ...(next.length > 0 && { changesAtWallMs: wallMs(Math.min(...next)) }) };
}

/** Why this is no window, as a sentence; undefined when it is one. */
export function whyNoWindow({ from, until }: MaintenanceWindow): string | undefined {
  const [begins, ends] = [instantMs(from), instantMs(until)];
  if (begins === undefined) return `${from} is no instant of UTC.`;
  if (ends === undefined) return `${until} is no instant of UTC.`;
  return begins < ends ? undefined : `maintenance from ${from} until ${until} ends before it begins.`;
}

/** Milliseconds since 1970; undefined for what is no instant. */
export function instantMs(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  if (!isDay || hour > 23 || minute > 59 || second > 59) return undefined;
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1_000;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** In a calendar whose years begin in March, so that a leap day is a year's last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marches = month <= 2 ? year - 1 : year;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leaps = Math.floor(marches / 4) - Math.floor(marches / 100) + Math.floor(marches / 400);
  return marches * 365 + leaps + ofYear - 719_468;
}
