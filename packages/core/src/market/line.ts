/**
 * The life of a line: one connection to a venue's stream, from the first attempt to the last close.
 *
 * Decided here, from what the socket did, what the books say and what time it is: when to connect, when
 * to call the line live, when to give a connection up and how long to wait then (what a connection that stands says and
 * hears: `connection.ts`). The shell owns the socket; it executes the effects in order and reports back under the number of the connection, so that nothing which an older socket still
 * says is taken for the present one's word.
 *
 * Invariants: at most one connection at a time; no attempt without a wait before it except the first; the count of
 * failures falls only after a connection has been live *and* up for `stableAfterMs` (a venue that accepts and drops is a
 * failure each time); `stop` in any phase leaves no timer and no socket; the label is derived, never stored, and moves
 * only along `feedTransitions`. A connection that must end soon goes on until the shell has put another in its place.
 */
import { assert, assertNever } from "../assert.ts";
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";
import { fullJitterMs } from "./backoff.ts";
import type { Connected } from "./connection.ts";
import {
  connectedState,
  connectedWakeMono,
  hear,
  isStable,
  newConnected,
  overdue,
  speak,
  wantOf,
} from "./connection.ts";
import type { FeedState } from "./feed-state.ts";
import { feedTransitions } from "./feed-state.ts";
import type { LineEffect, LineInput, LineLoss, LineMoment, LineRules, LineWants } from "./line-contract.ts";

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly connection: number; readonly deadlineMono: MonoMs }
  | Connected
  | {
      readonly kind: "draining";
      readonly connection: number;
      readonly deadlineMono: MonoMs;
      readonly because: LineLoss;
    }
  | { readonly kind: "backing-off"; readonly untilMono: MonoMs };

/** The whole state of a line. Read `lineState` and `sentence`; the rest is for `stepLine`. */
export interface Line {
  readonly rules: LineRules;
  readonly wants: LineWants;
  readonly phase: Phase;
  /** Number of the last connection that was attempted. */
  readonly connections: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Index of the endpoint to dial; it counts on for ever, the shell takes it modulo what it has. */
  readonly endpoint: number;
  readonly nextRequestId: number;
  /** Why the line is in its state, in one sentence. */
  readonly sentence: string;
}

/** A line that has not been started and will dial `endpoint` first. */
export function newLine(rules: LineRules, wants: LineWants, endpoint = 0): Line {
  return {
    rules,
    wants,
    phase: { kind: "idle" },
    connections: 0,
    failures: 0,
    endpoint,
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
      return connectedState(phase);
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
  if (from !== to) {
    assert(feedTransitions[from].includes(to), `a line does not go from ${from} to ${to}`);
    effects.push({ type: "moved", from, to, sentence: next.sentence });
  }
  effects.push({ type: "wake-at", atMono: wakeMono(next) });
  return { line: next, effects };
}

function decide(line: Line, input: LineInput, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase } = line;
  switch (input.type) {
    case "start":
      return phase.kind === "idle" ? connect(line, moment, effects) : line;
    case "stop":
      return stop(line, input.because ?? { cause: "ours", sentence: "stopped" }, moment, effects);
    case "wake":
      return onTime(line, moment, effects);
    case "hurry":
      return phase.kind === "backing-off" ? connect(line, moment, effects) : line;
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
    // All lines to the host are told the same instant; they do not come in the same.
    const untilMono = monoMs(input.untilMono + moment.random * line.rules.backoff.baseMs);
    return { ...line, sentence, phase: { kind: "backing-off", untilMono } };
  }
  if (phase.kind !== "connected") return line;
  switch (input.type) {
    case "opened":
    case "denied":
      return line;
    case "stalled":
      return lose(line, phase, { cause: "stall", sentence: input.sentence }, moment, effects);
    case "shutdown":
      return replace(line, phase, { cause: "maintenance", sentence: input.sentence }, effects);
    default: {
      const heard = hear(phase, input, line);
      return { ...line, sentence: heard.sentence ?? line.sentence, phase: heard.phase };
    }
  }
}

/** Lets a connection that stands say what it has to say, and notices that it has become live. */
function pump(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const before = line.phase;
  if (before.kind !== "connected") return line;
  const { phase, effects: spoken, loss } = speak(before, line.rules, moment.nowMono);
  if (loss !== undefined) return lose(line, before, loss, moment, effects);
  effects.push(...spoken);
  const { acknowledged, nextId } = phase.subscriptions;
  const sentence =
    phase.isSubscribed && !before.isSubscribed
      ? `${acknowledged.size} streams are acknowledged; the books wait for their snapshots`
      : line.sentence;
  const next: Line = { ...line, sentence, phase, nextRequestId: nextId };
  if (lineState(next) !== "live" || phase.isLeaving) return next;
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
      const loss = overdue(phase, rules, nowMono);
      if (loss !== undefined) return lose(line, phase, loss, moment, effects);
      if (nowMono < phase.rotateAtMono) return line;
      const sentence = "the connection is replaced before the venue cuts it for its age";
      return replace(line, phase, { cause: "rotation", sentence }, effects);
    }
    case "draining":
      if (nowMono < phase.deadlineMono) return line;
      effects.push({ type: "terminate", connection: phase.connection });
      return afterDrain(line, phase.because, effects);
    case "backing-off":
      return nowMono < phase.untilMono ? line : connect(line, moment, effects);
    default:
      return assertNever(phase, "phase of a line");
  }
}

function connect(line: Line, moment: LineMoment, effects: LineEffect[]): Line {
  const connection = line.connections + 1;
  effects.push({ type: "connect", connection, endpoint: line.endpoint });
  const deadlineMono = monoMs(moment.nowMono + line.rules.connectWithinMs);
  const sentence = `connection ${connection} is dialled`;
  return { ...line, sentence, connections: connection, phase: { kind: "connecting", connection, deadlineMono } };
}

function opened(line: Line, connection: number, moment: LineMoment): Line {
  const sentence = `connected; ${line.wants.streams.size} streams are asked for`;
  return { ...line, sentence, phase: newConnected(connection, line, moment) };
}

function want(line: Line, wants: LineWants): Line {
  const { phase } = line;
  if (phase.kind !== "connected") return { ...line, wants };
  return { ...line, wants, phase: wantOf(phase, line.wants, wants) };
}

function stop(line: Line, because: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase, rules } = line;
  const { sentence } = because;
  if (phase.kind === "connected") {
    effects.push({ type: "close", connection: phase.connection });
    const deadlineMono = monoMs(moment.nowMono + rules.closeWithinMs);
    const { connection } = phase;
    return { ...line, sentence, phase: { kind: "draining", connection, deadlineMono, because } };
  }
  if (phase.kind === "draining") return line;
  if (phase.kind === "connecting") {
    effects.push({ type: "terminate", connection: phase.connection });
    effects.push({ type: "lost", connection: phase.connection, cause: because.cause, sentence });
  }
  return { ...line, sentence, failures: 0, phase: { kind: "idle" } };
}

function closed(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  const { phase } = line;
  if (phase.kind === "draining") return afterDrain(line, phase.because, effects);
  const wasStable = phase.kind === "connected" && isStable(phase, line.rules, moment.nowMono);
  return backOff(line, loss, moment, effects, wasStable);
}

/** Ends a connection that is not to be trusted any more: no close handshake, its peer may never answer one. */
function lose(line: Line, phase: Connected, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  effects.push({ type: "terminate", connection: phase.connection });
  return backOff(line, loss, moment, effects, isStable(phase, line.rules, moment.nowMono));
}

function cut(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[]): Line {
  effects.push({ type: "terminate", connection: line.connections });
  return backOff(line, loss, moment, effects, false);
}

/** Asks for another line in the place of this one, once; until that is live, this one goes on. */
function replace(line: Line, phase: Connected, loss: LineLoss, effects: LineEffect[]): Line {
  if (phase.isLeaving) return line;
  effects.push({ type: "replace", connection: phase.connection, ...loss });
  return { ...line, sentence: loss.sentence, phase: { ...phase, rotateAtMono: monoMs(Infinity), isLeaving: true } };
}

function afterDrain(line: Line, because: LineLoss, effects: LineEffect[]): Line {
  const { cause, sentence } = because;
  effects.push({ type: "lost", connection: line.connections, cause, sentence });
  return { ...line, sentence, failures: 0, phase: { kind: "idle" } };
}

function backOff(line: Line, loss: LineLoss, moment: LineMoment, effects: LineEffect[], wasStable: boolean): Line {
  const { rules } = line;
  const failures = wasStable ? 0 : line.failures + 1;
  const endpoint = failures > 0 && failures % rules.switchAfter === 0 ? line.endpoint + 1 : line.endpoint;
  const { cause, sentence } = loss;
  effects.push({ type: "lost", connection: line.connections, cause, sentence });
  if (failures === rules.giveUpAfter) effects.push({ type: "gave-up", failures, sentence });
  const jitterMs =
    failures >= rules.giveUpAfter
      ? rules.probeEveryMs * (0.5 + moment.random / 2)
      : fullJitterMs(rules.backoff, failures, moment.random);
  const untilMono = monoMs(moment.nowMono + (loss.retryAfterMs ?? 0) + jitterMs);
  return { ...line, failures, endpoint, sentence, phase: { kind: "backing-off", untilMono } };
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
    case "connected":
      return connectedWakeMono(phase, rules);
    default:
      return assertNever(phase, "phase of a line");
  }
}
