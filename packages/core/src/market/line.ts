/**
 * The life of a line: one connection to a venue's stream, from the first attempt to the last close.
 *
 * Decided here, from what the socket did, what the books say and what time it is: when to connect, what to ask for, when
 * to call the line live, when to give a connection up and how long to wait then. The shell owns the socket; it executes
 * the effects in order and reports back under the number of the connection, so that nothing which an older socket still
 * says is taken for the present one's word.
 *
 * Invariants: at most one connection at a time; no attempt without a wait before it except the first; the count of
 * failures falls only after a connection has been live *and* up for `stableAfterMs` (a venue that accepts and drops is a
 * failure each time); `stop` in any phase leaves no timer and no socket; the label is derived, never stored.
 */
import { assertNever } from "../assert.ts";
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import { fullJitterMs } from "./backoff.ts";
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
  subscriptionsWakeMono,
} from "./subscriptions.ts";

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly connection: number; readonly deadlineMono: MonoMs }
  | Connected
  | { readonly kind: "draining"; readonly connection: number; readonly deadlineMono: MonoMs; readonly after: After }
  | { readonly kind: "backing-off"; readonly untilMono: MonoMs };

interface Connected {
  readonly kind: "connected";
  readonly connection: number;
  readonly openedMono: MonoMs;
  readonly subscriptions: Subscriptions;
  readonly isSubscribed: boolean;
  readonly unaligned: ReadonlySet<string>;
  readonly silence: string | undefined;
  readonly wasLive: boolean;
  readonly pingAtMono: MonoMs;
  /** Set while a pong is owed. */
  readonly pongByMono: MonoMs | undefined;
  readonly rotateAtMono: MonoMs;
}

/** What follows a close in good order. */
type After =
  { readonly kind: "stop" } | { readonly kind: "reconnect"; readonly loss: LineLoss; readonly isStable: boolean };

/** The whole state of a line. Read `lineState` and `sentence`; the rest is for `stepLine`. */
export interface Line {
  readonly rules: LineRules;
  readonly wants: LineWants;
  readonly phase: Phase;
  /** Number of the last connection that was attempted. */
  readonly connections: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly nextRequestId: number;
  /** Why the line is in its state, in one sentence. */
  readonly sentence: string;
}

/** A line that has not been started. */
export function newLine(rules: LineRules, wants: LineWants): Line {
  return {
    rules,
    wants,
    phase: { kind: "idle" },
    connections: 0,
    failures: 0,
    nextRequestId: 1,
    sentence: "not started",
  };
}

/** The state that people see, derived from the phase. */
export function lineState(line: Line): FeedState {
  const { phase } = line;
  const isGivenUp = line.failures >= line.rules.giveUpAfter;
  switch (phase.kind) {
    case "idle":
    case "draining":
      return phase.kind;
    case "connecting":
    case "backing-off":
      return isGivenUp ? "given-up" : phase.kind;
    case "connected":
      if (!phase.isSubscribed) return "subscribing";
      if (phase.unaligned.size > 0) return phase.wasLive ? "gap" : "syncing";
      return phase.silence === undefined ? "live" : "stale";
    default:
      return assertNever(phase, "phase of a line");
  }
}

/** One step. Effects are executed in their order; `wake-at` is always the last. */
export function stepLine(
  line: Line,
  input: LineInput,
  moment: LineMoment,
): { readonly line: Line; readonly effects: readonly LineEffect[] } {
  const effects: LineEffect[] = [];
  let next = decide(line, input, moment, effects);
  next = pump(next, moment, effects);
  const [from, to] = [lineState(line), lineState(next)];
  if (from !== to) effects.push({ type: "moved", from, to, sentence: next.sentence });
  effects.push({ type: "wake-at", atMono: wakeMono(next) });
  return { line: next, effects };
}

function decide(line: Line, input: LineInput, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase } = line;
  switch (input.type) {
    case "start":
      return phase.kind === "idle" ? connect(line, moment, effects) : line;
    case "stop":
      return stop(line, moment, effects);
    case "wake":
      return onTime(line, moment, effects);
    case "want":
      return want(line, input.wants);
    default:
      break;
  }
  // What follows is the word of one connection; an older one's is not heard.
  if (!("connection" in phase) || phase.connection !== input.connection) return line;
  if (input.type === "closed") return closed(line, input, moment, effects);
  if (phase.kind === "connecting") {
    if (input.type === "opened") return opened(line, phase.connection, moment);
    if (input.type !== "denied") return line;
    const sentence = "the host's budget of connection attempts is spent; the attempt waits for its turn";
    return { ...line, sentence, phase: { kind: "backing-off", untilMono: input.untilMono } };
  }
  if (phase.kind !== "connected") return line;
  switch (input.type) {
    case "opened":
    case "denied":
      return line;
    case "acknowledged":
      return { ...line, phase: { ...phase, subscriptions: acknowledge(phase.subscriptions, input.id) } };
    case "refused": {
      const subscriptions = refuse(phase.subscriptions, line.rules, input.id, input.why);
      return { ...line, phase: { ...phase, subscriptions } };
    }
    case "pong":
      return { ...line, phase: { ...phase, pongByMono: undefined } };
    case "aligned": {
      const unaligned = new Set(phase.unaligned);
      unaligned.delete(input.book);
      return { ...line, phase: { ...phase, unaligned } };
    }
    case "unaligned": {
      const unaligned = line.wants.books.has(input.book) ? new Set([...phase.unaligned, input.book]) : phase.unaligned;
      return { ...line, sentence: input.sentence, phase: { ...phase, unaligned } };
    }
    case "silence":
      return { ...line, sentence: input.sentence ?? line.sentence, phase: { ...phase, silence: input.sentence } };
    case "stalled":
      return lose(line, phase, { cause: "stall", sentence: input.sentence }, moment, effects);
    case "shutdown":
      return drain(line, phase, { cause: "maintenance", sentence: input.sentence }, moment, effects);
    default:
      return assertNever(input, "input of a line");
  }
}

/** What a connected line does of itself: asks for streams, pings, and notices that it has become live. */
function pump(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const before = line.phase;
  if (before.kind !== "connected") return line;
  const { connection } = before;
  const { subscriptions, send } = nextRequest(before.subscriptions, line.rules, moment.nowMono);
  if (subscriptions.failure !== undefined) {
    return lose(line, before, { cause: "unacknowledged", sentence: subscriptions.failure }, moment, effects);
  }
  if (send !== undefined) effects.push({ type: "send", connection, request: send });
  let phase: Connected = { ...before, subscriptions, isSubscribed: isSubscribed(subscriptions) };
  if (moment.nowMono >= phase.pingAtMono && maySend(subscriptions, line.rules, moment.nowMono)) {
    effects.push({ type: "ping", connection });
    phase = {
      ...phase,
      subscriptions: noteSent(subscriptions, moment.nowMono),
      pingAtMono: monoMs(moment.nowMono + line.rules.pingEveryMs),
      pongByMono: phase.pongByMono ?? monoMs(moment.nowMono + line.rules.pongWithinMs),
    };
  }
  let { sentence } = line;
  if (phase.isSubscribed && !before.isSubscribed) {
    effects.push({ type: "subscribed", connection });
    sentence = `${subscriptions.acknowledged.size} streams are acknowledged; the books wait for their snapshots`;
  }
  const next: Line = { ...line, sentence, phase, nextRequestId: subscriptions.nextId };
  if (lineState(next) !== "live") return next;
  return {
    ...next,
    sentence: "every stream is acknowledged and every book aligned",
    phase: { ...phase, wasLive: true },
  };
}

function onTime(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase, rules } = line;
  const { nowMono } = moment;
  switch (phase.kind) {
    case "idle":
      return line;
    case "connecting":
      if (nowMono < phase.deadlineMono) return line;
      return cut(
        line,
        { cause: "timeout", sentence: `no connection within ${rules.connectWithinMs} ms` },
        moment,
        effects,
      );
    case "connected": {
      if (phase.pongByMono !== undefined && nowMono >= phase.pongByMono) {
        const sentence = `no pong within ${rules.pongWithinMs} ms; the peer is gone without a close`;
        return lose(line, phase, { cause: "half-open", sentence }, moment, effects);
      }
      if (nowMono < phase.rotateAtMono) return line;
      const sentence = "the connection is replaced before the venue cuts it for its age";
      return drain(line, phase, { cause: "rotation", sentence }, moment, effects);
    }
    case "draining":
      if (nowMono < phase.deadlineMono) return line;
      effects.push({ type: "terminate", connection: phase.connection });
      return afterDrain(line, phase.after, moment, effects);
    case "backing-off":
      return nowMono < phase.untilMono ? line : connect(line, moment, effects);
    default:
      return assertNever(phase, "phase of a line");
  }
}

function connect(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const connection = line.connections + 1;
  effects.push({ type: "connect", connection });
  const deadlineMono = monoMs(moment.nowMono + line.rules.connectWithinMs);
  const sentence = `connection ${connection} is dialled`;
  return { ...line, sentence, connections: connection, phase: { kind: "connecting", connection, deadlineMono } };
}

function opened(line: Line, connection: number, moment: LineMoment): Line {
  const { rules, wants } = line;
  const [youngest, oldest] = rules.rotateBetweenMs;
  return {
    ...line,
    sentence: `connected; ${wants.streams.size} streams are asked for`,
    phase: {
      kind: "connected",
      connection,
      openedMono: moment.nowMono,
      subscriptions: noSubscriptions(wants.streams, line.nextRequestId),
      isSubscribed: false,
      unaligned: wants.books,
      silence: undefined,
      wasLive: false,
      pingAtMono: monoMs(moment.nowMono + rules.pingEveryMs),
      pongByMono: undefined,
      rotateAtMono: monoMs(moment.nowMono + youngest + moment.random * (oldest - youngest)),
    },
  };
}

function want(line: Line, wants: LineWants): Line {
  const { phase } = line;
  if (phase.kind !== "connected") return { ...line, wants };
  const added = [...wants.books].filter((book) => !line.wants.books.has(book));
  const unaligned = new Set([...phase.unaligned, ...added].filter((book) => wants.books.has(book)));
  const subscriptions = { ...phase.subscriptions, wanted: wants.streams };
  return { ...line, wants, phase: { ...phase, unaligned, subscriptions } };
}

function stop(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase, rules } = line;
  const sentence = "stopped";
  if (phase.kind === "connected") {
    effects.push({ type: "close", connection: phase.connection });
    const deadlineMono = monoMs(moment.nowMono + rules.closeWithinMs);
    const { connection } = phase;
    return { ...line, sentence, phase: { kind: "draining", connection, deadlineMono, after: { kind: "stop" } } };
  }
  if (phase.kind === "draining") return { ...line, sentence, phase: { ...phase, after: { kind: "stop" } } };
  if (phase.kind === "connecting") effects.push({ type: "terminate", connection: phase.connection });
  return { ...line, sentence, phase: { kind: "idle" } };
}

function closed(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase } = line;
  if (phase.kind === "draining") return afterDrain(line, phase.after, moment, effects);
  return backOff(line, loss, moment, effects, isStable(line, moment));
}

/** Ends a connection that is not to be trusted any more: no close handshake, its peer may never answer one. */
function lose(line: Line, phase: Connected, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  effects.push({ type: "terminate", connection: phase.connection });
  return backOff(line, loss, moment, effects, isStable(line, moment));
}

function cut(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  effects.push({ type: "terminate", connection: line.connections });
  return backOff(line, loss, moment, effects, false);
}

/** Ends a healthy connection in good order, to be replaced by another. */
function drain(line: Line, phase: Connected, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  const { connection } = phase;
  effects.push({ type: "close", connection });
  const deadlineMono = monoMs(moment.nowMono + line.rules.closeWithinMs);
  const after: After = { kind: "reconnect", loss, isStable: isStable(line, moment) };
  return { ...line, sentence: loss.sentence, phase: { kind: "draining", connection, deadlineMono, after } };
}

function afterDrain(line: Line, after: After, moment: LineMoment, effects: LineEffect[]): Line {
  if (after.kind === "reconnect") return backOff(line, after.loss, moment, effects, after.isStable);
  effects.push({ type: "lost", connection: line.connections, cause: "closed", sentence: line.sentence });
  return { ...line, phase: { kind: "idle" } };
}

function isStable(line: Line, moment: LineMoment): boolean {
  const { phase, rules } = line;
  return phase.kind === "connected" && phase.wasLive && moment.nowMono - phase.openedMono >= rules.stableAfterMs;
}

function backOff(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[], wasStable: boolean): Line {
  const { rules } = line;
  const failures = wasStable ? 0 : line.failures + 1;
  const { cause, sentence } = loss;
  effects.push({ type: "lost", connection: line.connections, cause, sentence });
  if (failures === rules.giveUpAfter) effects.push({ type: "gave-up", failures, sentence });
  const jitterMs =
    failures >= rules.giveUpAfter
      ? rules.probeEveryMs * (0.5 + moment.random / 2)
      : fullJitterMs(rules.backoff, failures, moment.random);
  const untilMono = monoMs(moment.nowMono + (loss.retryAfterMs ?? 0) + jitterMs);
  return { ...line, failures, sentence, phase: { kind: "backing-off", untilMono } };
}

function wakeMono(line: Line): MonoMs | undefined {
  const { phase, rules } = line;
  switch (phase.kind) {
    case "idle":
      return undefined;
    case "connecting":
    case "draining":
      return phase.deadlineMono;
    case "backing-off":
      return phase.untilMono;
    case "connected": {
      const asks = subscriptionsWakeMono(phase.subscriptions, rules) ?? Infinity;
      const pong = phase.pongByMono ?? Infinity;
      const ping = Math.max(phase.pingAtMono, (phase.subscriptions.lastSentMono ?? 0) + rules.paceMs);
      return monoMs(Math.min(asks, pong, ping, phase.rotateAtMono));
    }
    default:
      return assertNever(phase, "phase of a line");
  }
}
