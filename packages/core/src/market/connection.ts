/**
 * A connection that stands: what it says of itself, what it hears, and what that makes of it.
 *
 * Decided here: what to send now (requests for streams, pings, heartbeats, all under one pace), whether an answer is
 * overdue, and which of the labels of a standing connection it has. Whether it is kept, and what comes after it, is
 * `line.ts`'s to decide. Nothing here ends a connection; what must end it is returned as a loss.
 */
import { assertNever } from "../assert.ts";
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import type { FeedState } from "./feed-state.ts";
import type { LineEffect, LineInput, LineLoss, LineMoment, LineRules, LineWants } from "./line-contract.ts";
import type { Subscriptions } from "./subscriptions.ts";
import {
  acknowledge,
  isSubscribed,
  maySend,
  nextRequest,
  noSubscriptions,
  noteSent,
  refuse,
  renew,
  subscriptionsWakeMono,
  takeList,
  takeStanding,
} from "./subscriptions.ts";

/** The state of one connection, from its opening on. */
export interface Connected {
  readonly kind: "connected";
  readonly connection: number;
  readonly openedMono: MonoMs;
  readonly subscriptions: Subscriptions;
  readonly isSubscribed: boolean;
  readonly unaligned: ReadonlySet<string>;
  /** Books that were aligned on this connection once. */
  readonly hadBooks: ReadonlySet<string>;
  readonly silence: string | undefined;
  readonly hasData: boolean;
  readonly wasLive: boolean;
  readonly pingAtMono: MonoMs;
  /** Set while a pong is owed. */
  readonly pongByMono: MonoMs | undefined;
  /** Infinity where the venue wants no heartbeat. */
  readonly beatAtMono: MonoMs;
  /** Set while the answer to a heartbeat is owed. */
  readonly beatByMono: MonoMs | undefined;
  readonly rotateAtMono: MonoMs;
  /** Its replacement has been asked for. */
  readonly isLeaving: boolean;
}

/** What a standing connection is told that changes it alone. */
export type ConnectionInput = Exclude<
  LineInput,
  { type: "start" | "stop" | "wake" | "hurry" | "want" | "denied" | "opened" | "closed" | "stalled" | "shutdown" }
>;

/** It has just been opened: nothing is asked for yet. */
export function newConnected(
  connection: number,
  line: { readonly rules: LineRules; readonly wants: LineWants; readonly nextRequestId: number },
  { nowMono, random }: LineMoment,
): Connected {
  const { rules, wants, nextRequestId } = line;
  const [youngest, oldest] = rules.rotateBetweenMs;
  return {
    kind: "connected",
    connection,
    openedMono: nowMono,
    subscriptions: noSubscriptions(wants.streams, nextRequestId),
    isSubscribed: false,
    unaligned: wants.books,
    hadBooks: new Set(),
    silence: undefined,
    hasData: false,
    wasLive: false,
    pingAtMono: monoMs(nowMono + rules.pingEveryMs),
    pongByMono: undefined,
    beatAtMono: monoMs(nowMono + (rules.heartbeat?.everyMs ?? Infinity)),
    beatByMono: undefined,
    rotateAtMono: monoMs(nowMono + youngest + random * (oldest - youngest)),
    isLeaving: false,
  };
}

/** The label of a connection that stands. */
export function connectedState(phase: Connected): FeedState {
  if (!phase.isSubscribed) return "subscribing";
  if (phase.unaligned.size > 0) return isRepairing(phase) ? "gap" : "syncing";
  return phase.silence === undefined ? "live" : "stale";
}

/** What it says now, at most one message of each kind, or why it must be given up. */
export function speak(
  before: Connected,
  rules: LineRules,
  nowMono: MonoMs,
): { readonly phase: Connected; readonly effects: readonly LineEffect[]; readonly loss?: LineLoss } {
  const effects: LineEffect[] = [];
  const { connection } = before;
  const { subscriptions, send } = nextRequest(before.subscriptions, rules, nowMono);
  if (subscriptions.failure !== undefined) {
    return { phase: before, effects, loss: { cause: "unacknowledged", sentence: subscriptions.failure } };
  }
  if (send !== undefined) effects.push({ type: "send", connection, request: send });
  let phase: Connected = { ...before, subscriptions, isSubscribed: isSubscribed(subscriptions) };
  if (nowMono >= phase.pingAtMono && maySend(subscriptions, rules, nowMono)) {
    effects.push({ type: "ping", connection });
    phase = {
      ...phase,
      subscriptions: noteSent(subscriptions, nowMono),
      pingAtMono: monoMs(nowMono + rules.pingEveryMs),
      pongByMono: phase.pongByMono ?? monoMs(nowMono + rules.pongWithinMs),
    };
  }
  if (nowMono >= phase.beatAtMono && maySend(phase.subscriptions, rules, nowMono)) {
    effects.push({ type: "heartbeat", connection });
    const { everyMs, withinMs } = rules.heartbeat ?? { everyMs: Infinity, withinMs: Infinity };
    phase = {
      ...phase,
      subscriptions: noteSent(phase.subscriptions, nowMono),
      beatAtMono: monoMs(nowMono + everyMs),
      beatByMono: phase.beatByMono ?? monoMs(nowMono + withinMs),
    };
  }
  if (phase.isSubscribed && !before.isSubscribed) effects.push({ type: "subscribed", connection });
  return { phase, effects };
}

/** Takes what it was told; `sentence` is set where people should read something new. */
export function hear(
  phase: Connected,
  input: ConnectionInput,
  line: { readonly rules: LineRules; readonly wants: LineWants },
): { readonly phase: Connected; readonly sentence?: string | undefined } {
  switch (input.type) {
    case "acknowledged":
      return {
        phase: { ...phase, subscriptions: acknowledge(phase.subscriptions, input.id, input.streams, input.asksRest) },
      };
    case "standing":
      return { phase: { ...phase, subscriptions: takeStanding(phase.subscriptions, input.streams) } };
    case "renew":
      return { phase: { ...phase, subscriptions: renew(phase.subscriptions, input.stream) } };
    case "refused":
      return {
        phase: { ...phase, subscriptions: refuse(phase.subscriptions, line.rules, input.id, input.why) },
      };
    case "pong":
      return { phase: { ...phase, pongByMono: undefined } };
    case "beat":
      return { phase: { ...phase, beatByMono: undefined } };
    case "data":
      return { phase: { ...phase, hasData: true } };
    case "listed":
      return listed(phase, input);
    case "aligned": {
      const unaligned = new Set(phase.unaligned);
      unaligned.delete(input.book);
      const hadBooks = phase.hadBooks.has(input.book) ? phase.hadBooks : new Set([...phase.hadBooks, input.book]);
      return { phase: { ...phase, unaligned, hadBooks } };
    }
    case "unaligned": {
      const unaligned = line.wants.books.has(input.book) ? new Set([...phase.unaligned, input.book]) : phase.unaligned;
      return { sentence: input.sentence, phase: { ...phase, unaligned } };
    }
    case "silence":
      return { sentence: input.sentence, phase: { ...phase, silence: input.sentence } };
    default:
      return assertNever(input, "word to a connection");
  }
}

/** Other streams or books are wanted than before. */
export function wantOf(phase: Connected, before: LineWants, wants: LineWants): Connected {
  const added = [...wants.books].filter((book) => !before.books.has(book));
  const unaligned = new Set([...phase.unaligned, ...added].filter((book) => wants.books.has(book)));
  return { ...phase, unaligned, subscriptions: { ...phase.subscriptions, wanted: wants.streams } };
}

/** The answer that has not come in its time, if any: the peer is gone without a close. */
export function overdue(phase: Connected, rules: LineRules, nowMono: MonoMs): LineLoss | undefined {
  if (phase.pongByMono !== undefined && nowMono >= phase.pongByMono) {
    const sentence = `no pong within ${rules.pongWithinMs} ms; the peer is gone without a close`;
    return { cause: "half-open", sentence };
  }
  if (phase.beatByMono !== undefined && nowMono >= phase.beatByMono) {
    const sentence = `no answer to the heartbeat within ${rules.heartbeat?.withinMs ?? 0} ms`;
    return { cause: "half-open", sentence };
  }
  return undefined;
}

/** When it may have something to say or to miss next. */
export function connectedWakeMono(phase: Connected, rules: LineRules): MonoMs {
  const asks = subscriptionsWakeMono(phase.subscriptions, rules) ?? Infinity;
  const pong = phase.pongByMono ?? Infinity;
  const beat = phase.beatByMono ?? Infinity;
  const turn = (phase.subscriptions.lastSentMono ?? 0) + rules.paceMs;
  const ping = Math.max(Math.min(phase.pingAtMono, phase.beatAtMono), turn);
  return monoMs(Math.min(asks, pong, beat, ping, phase.rotateAtMono));
}

/** Up long enough, live once and with data: its end is no failure in a row. */
export function isStable(phase: Connected, rules: LineRules, nowMono: MonoMs): boolean {
  return phase.wasLive && phase.hasData && nowMono - phase.openedMono >= rules.stableAfterMs;
}

/** What the venue's list lacks is asked for again: a subscription that was acknowledged and forgotten is none. */
function listed(
  phase: Connected,
  list: { readonly id: number; readonly streams: readonly string[] },
): { readonly phase: Connected; readonly sentence?: string } {
  const subscriptions = takeList(phase.subscriptions, list.id, list.streams);
  const found = subscriptions.mismatches - phase.subscriptions.mismatches;
  const after = { ...phase, subscriptions };
  if (found === 0) return { phase: after };
  return { phase: after, sentence: `the venue's own list differs from what it acknowledged in ${found}` };
}

/** Some book that stood before is unknown now; one that is only new is being synchronised. */
function isRepairing(phase: Connected): boolean {
  for (const book of phase.unaligned) if (phase.hadBooks.has(book)) return true;
  return false;
}
