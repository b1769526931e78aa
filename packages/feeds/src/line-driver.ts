/**
 * The line machine at work: one socket at a time, one timer, and every effect executed in order. What the machine hears
 * is numbered by connection, so that a socket which we have let go of cannot speak for its successor.
 */
import type { Line, LineEffect, LineInput, LineRules, LineWants, MonoMs } from "@baton/core";
import { assertNever, monoMs, newLine, stepLine } from "@baton/core";
import type { Route, VenueProtocol } from "./protocol.ts";
import type { Socket } from "./socket.ts";
import type { World } from "./world.ts";

/** What the driver cannot do itself. Called synchronously, in the order of the effects. */
export interface LineDriverEvents {
  /** One frame of the present connection; the bytes are the socket's again when this returns. */
  frame(data: Buffer, atMono: MonoMs, connection: number): void;
  subscribed(connection: number): void;
  effect(effect: Extract<LineEffect, { type: "lost" | "moved" | "gave-up" | "replace" }>): void;
}

export interface LineDriver {
  line(): Line;
  /** The address of the present or next connection. */
  url(): string;
  /** Hands one input to the machine; its effects are done when this returns, unless an effect called it. */
  input(input: LineInput): void;
  /** Settles once no socket is left; call it after a `stop`. */
  ended(): Promise<void>;
}

/** A line that has not been started: hand it `{type: "start"}`. */
export function openLineDriver(options: {
  readonly protocol: VenueProtocol;
  readonly route: Route;
  readonly rules: LineRules;
  readonly wants: LineWants;
  readonly world: World;
  readonly name: string;
  /** Index of the endpoint to begin with. */
  readonly endpoint: number;
  readonly localAddress: string | undefined;
  readonly heldUpMs: () => number;
  readonly events: LineDriverEvents;
}): LineDriver {
  const { protocol, rules, wants, world, name, localAddress, heldUpMs, events } = options;
  const { clock } = world;
  const { attemptRules, cutAgeMs, idleCutMs } = protocol;
  const { endpoints } = options.route;
  let line = newLine(rules, wants, options.endpoint);
  let socket: Socket | undefined;
  let callOff: (() => void) | undefined;
  let isStepping = false;
  const waiting: LineInput[] = [];
  const open = new Set<Socket>();
  let onAllClosed: (() => void)[] = [];

  const input = (next: LineInput): void => {
    waiting.push(next);
    // An effect may be heard of at once (a dial that fails in the call); its step comes after this one's effects.
    if (isStepping) return;
    isStepping = true;
    try {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        const stepped = stepLine(line, one, { nowMono: clock.mono(), random: world.random() });
        line = stepped.line;
        for (const effect of stepped.effects) execute(effect);
      }
    } finally {
      isStepping = false;
    }
  };

  const urlOf = (endpoint: number): string => endpoints[endpoint % endpoints.length] ?? "";

  const connect = (connection: number, url: string): void => {
    const untilMono = world.attempts.take(url, attemptRules, clock.mono());
    if (untilMono !== undefined) {
      input({ type: "denied", connection, untilMono });
      return;
    }
    const isPresent = (): boolean => socket === dialled;
    const dialled = world.dial(
      { url, line: name, localAddress, cutAgeMs, idleCutMs, heldUpMs },
      {
        opened: () => isPresent() && input({ type: "opened", connection }),
        frame: (data, atMono) => isPresent() && events.frame(data, atMono, connection),
        pong: () => isPresent() && input({ type: "pong", connection }),
        closed: (loss) => {
          open.delete(dialled);
          const { retryAfterMs } = loss;
          if (retryAfterMs !== undefined) {
            const nowMono = clock.mono();
            world.attempts.close(url, attemptRules, { nowMono, untilMono: monoMs(nowMono + retryAfterMs) });
          }
          if (isPresent()) input({ type: "closed", connection, ...loss });
          if (open.size > 0) return;
          for (const tell of onAllClosed) tell();
          onAllClosed = [];
        },
      },
    );
    socket = dialled;
    open.add(dialled);
  };

  const execute = (effect: LineEffect): void => {
    switch (effect.type) {
      case "connect":
        connect(effect.connection, urlOf(effect.endpoint));
        break;
      case "send":
        socket?.send(protocol.requestText(effect.request));
        break;
      case "ping":
        socket?.ping();
        break;
      case "heartbeat": {
        const text = protocol.heartbeatText();
        if (text !== undefined) socket?.send(text);
        break;
      }
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
      case "replace":
        events.effect(effect);
        break;
      case "wake-at":
        callOff?.();
        callOff =
          effect.atMono === undefined
            ? undefined
            : world.timer(effect.atMono - clock.mono(), () => input({ type: "wake" }));
        break;
      default:
        assertNever(effect, "effect of a line");
    }
  };

  return {
    line: () => line,
    url: () => urlOf(line.endpoint),
    input,
    async ended() {
      if (open.size > 0) await new Promise<void>((resolve) => onAllClosed.push(resolve));
    },
  };
}
