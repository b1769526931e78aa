/**
 * The line machine at work: one socket at a time, one timer, and every effect executed in order. What the machine hears
 * is numbered by connection, so that a socket which we have let go of cannot speak for its successor.
 */
import type { Clock, Line, LineEffect, LineInput, LineRules, LineWants } from "@baton/core";
import { assertNever, newLine, stepLine } from "@baton/core";
import { attempt } from "./attempts.ts";
import { patientTimer } from "./patient-timer.ts";
import type { VenueProtocol } from "./protocol.ts";
import type { Socket } from "./socket.ts";
import { openSocket } from "./socket.ts";

/** What the driver cannot do itself. Called synchronously, in the order of the effects. */
export interface LineDriverEvents {
  /** Text of the present connection. */
  text(text: string, connection: number): void;
  subscribed(connection: number): void;
  effect(effect: Extract<LineEffect, { type: "lost" | "moved" | "gave-up" }>): void;
}

export interface LineDriver {
  line(): Line;
  /** Hands one input to the machine; its effects are done when this returns, unless an effect called it. */
  input(input: LineInput): void;
  /** Stops and settles once the socket is gone and no timer is left. */
  stop(): Promise<void>;
}

/** A line that has not been started: hand it `{type: "start"}`. */
export function openLineDriver(options: {
  readonly protocol: VenueProtocol;
  readonly rules: LineRules;
  readonly wants: LineWants;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: LineDriverEvents;
}): LineDriver {
  const { protocol, rules, wants, clock, random, events } = options;
  let line = newLine(rules, wants);
  let socket: Socket | undefined;
  let callOff: (() => void) | undefined;
  let isStepping = false;
  const waiting: LineInput[] = [];
  const open = new Set<Socket>();
  let onAllClosed: (() => void) | undefined;

  const input = (next: LineInput): void => {
    waiting.push(next);
    // An effect may be heard of at once (a dial that fails in the call); its step comes after this one's effects.
    if (isStepping) return;
    isStepping = true;
    try {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        const stepped = stepLine(line, one, { nowMono: clock.mono(), random: random() });
        line = stepped.line;
        for (const effect of stepped.effects) execute(effect);
      }
    } finally {
      isStepping = false;
    }
  };

  const connect = (connection: number): void => {
    const untilMono = attempt(protocol.url, protocol.attemptRules, clock.mono());
    if (untilMono !== undefined) {
      input({ type: "denied", connection, untilMono });
      return;
    }
    const isPresent = (): boolean => socket === dialled;
    const dialled = openSocket(protocol.url, clock, {
      opened: () => isPresent() && input({ type: "opened", connection }),
      text: (text) => isPresent() && events.text(text, connection),
      pong: () => isPresent() && input({ type: "pong", connection }),
      closed: (loss) => {
        open.delete(dialled);
        if (isPresent()) input({ type: "closed", connection, ...loss });
        if (open.size === 0) onAllClosed?.();
      },
    });
    socket = dialled;
    open.add(dialled);
  };

  const execute = (effect: LineEffect): void => {
    switch (effect.type) {
      case "connect":
        connect(effect.connection);
        break;
      case "send":
        socket?.send(protocol.requestText(effect.request));
        break;
      case "ping":
        socket?.ping();
        break;
      case "close":
        socket?.close();
        break;
      case "terminate": {
        const gone = socket;
        socket = undefined;
        gone?.terminate();
        break;
      }
      case "subscribed":
        events.subscribed(effect.connection);
        break;
      case "lost":
        socket = undefined;
        events.effect(effect);
        break;
      case "moved":
      case "gave-up":
        events.effect(effect);
        break;
      case "wake-at":
        callOff?.();
        callOff =
          effect.atMono === undefined
            ? undefined
            : patientTimer(effect.atMono - clock.mono(), () => input({ type: "wake" }));
        break;
      default:
        assertNever(effect, "effect of a line");
    }
  };

  return {
    line: () => line,
    input,
    stop: async () => {
      input({ type: "stop" });
      if (open.size > 0) await new Promise<void>((resolve) => (onAllClosed = resolve));
    },
  };
}
