/**
 * Everything that a feed takes from outside: time, chance, timers, sockets, and the budget of attempts. The feed itself
 * reads no clock and opens no socket, so the same code runs on a live venue and over a recorded tape.
 */
import type { Clock } from "@baton/core";
import { monoMs, wallMs } from "@baton/core";
import type { Attempts } from "./attempts.ts";
import { openAttempts } from "./attempts.ts";
import type { FeedRules } from "./feed-rules.ts";
import { patientTimer } from "./patient-timer.ts";
import type { VenueProtocol } from "./protocol.ts";
import type { DialTarget, Socket, SocketEvents } from "./socket.ts";
import { openSocket } from "./socket.ts";

export interface World {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly attempts: Attempts;
  /** What becomes of the feed's rules where not everything can be judged that can be judged on a live venue. */
  readonly rulesHere?: (rules: FeedRules) => FeedRules;
  /** What becomes of the venue's protocol where it is not the venue that answers. */
  readonly protocolHere?: (protocol: VenueProtocol) => VenueProtocol;
  /** Acts once, after `afterMs` and after what has arrived meanwhile was read. Returns the way to call it off. */
  timer(afterMs: number, act: () => void): () => void;
  /** Acts once, in a later turn, before which sockets may be read. Returns the way to call it off. */
  soon(act: () => void): () => void;
  /** Never throws; `closed` comes exactly once. */
  dial(target: DialTarget, events: SocketEvents): Socket;
}

/** Between the two readings of one and the same clock. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** This machine's clocks. Monotonic time has the machine's origin; the way over `performance` makes no big integers. */
export const machineClock: Clock = {
  mono: () => monoMs(originMs + performance.now()),
  wall: () => wallMs(Date.now()),
};

/** Venues count attempts by address, not by feed: one budget for the process. */
const processAttempts = openAttempts();

/** The real world, with this clock and this chance; with another budget of attempts only where no venue counts them. */
export function realWorld(clock: Clock, random: () => number, attempts: Attempts = processAttempts): World {
  return {
    clock,
    random,
    attempts,
    timer: patientTimer,
    soon(act) {
      const immediate = setImmediate(act);
      return () => clearImmediate(immediate);
    },
    dial: (target, events) => openSocket(target, clock, events),
  };
}
