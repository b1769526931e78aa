/**
 * Questions to a venue's REST interface: each ends by a deadline that covers the body too, a venue that says "not before"
 * (429 or 418 with Retry-After) is not asked again before, and one that fails again and again is asked one question at a
 * time: every book and every hole of the feed would ask it otherwise.
 */
import type { Breaker, BreakerState, Clock, MonoMs } from "@baton/core";
import { askLeave, closedBreaker, monoMs, noteAnswer } from "@baton/core";

/** The venue did not answer the question. `retryAfterMs` is set when it named a time. */
export class RestRefused extends Error {
  override readonly name = "RestRefused";
  readonly code: "rest-refused" | "rest-paused" | "rest-unreadable";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: "rest-refused" | "rest-paused" | "rest-unreadable",
    message: string,
    facts: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** A GET that returns parsed JSON. Throws `RestRefused`, or what fetch throws when there is no answer. */
export type RestGet = (path: string, signal: AbortSignal) => Promise<unknown>;

const breakerRule = { failuresInRow: 5, openForMs: 500 };

/** The REST interface at one origin. `onBreaker` is told of each change of its breaker. */
export function openRest(options: {
  readonly origin: string;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly onBreaker?: ((state: BreakerState) => void) | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}): RestGet {
  const { origin, clock, deadlineMs, headers = {} } = options;
  let pausedUntilMono: MonoMs | undefined;
  let breaker: Breaker = closedBreaker;
  const become = (next: Breaker): void => {
    const isNews = next.state !== breaker.state;
    breaker = next;
    if (isNews) options.onBreaker?.(next.state);
  };
  return async (path, signal) => {
    const pauseMs = (pausedUntilMono ?? 0) - clock.mono();
    if (pausedUntilMono !== undefined && pauseMs > 0) {
      throw new RestRefused("rest-paused", `${origin} is not asked for ${Math.ceil(pauseMs)} ms, as it demanded`, {
        retryAfterMs: pauseMs,
      });
    }
    const leave = askLeave(breaker, clock.mono(), breakerRule);
    become(leave.breaker);
    if (leave.waitMs > 0) {
      const sentence = `${origin} has failed again and again and is asked one question at a time`;
      throw new RestRefused("rest-paused", sentence, { retryAfterMs: leave.waitMs });
    }
    const note = (isWell: boolean): void => become(noteAnswer(breaker, isWell, clock.mono(), breakerRule));
    let response: Response;
    let text: string;
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
      response = await fetch(`${origin}${path}`, { signal: within, redirect: "error", headers });
      text = await response.text();
    } catch (error) {
      // Who gave up asking says nothing about the venue.
      if (!signal.aborted) note(false);
      throw error;
    }
    if (!response.ok) {
      note(response.status < 500);
      const retryAfterMs = retryAfter(response.headers.get("retry-after"), clock);
      if (retryAfterMs !== undefined) pausedUntilMono = monoMs(clock.mono() + retryAfterMs);
      const sentence = `GET ${path} was answered ${response.status}: ${text.slice(0, 120)}`;
      throw new RestRefused("rest-refused", sentence, { status: response.status, retryAfterMs });
    }
    try {
      const answer: unknown = JSON.parse(text);
      note(true);
      return answer;
    } catch {
      note(false);
      throw new RestRefused("rest-unreadable", `GET ${path} was answered with text that is no JSON`, {
        status: response.status,
      });
    }
  };
}

/** An answer that is not what it should be. */
export function unreadable(what: string): RestRefused {
  return new RestRefused("rest-unreadable", `the venue's answer is not ${what} as documented`);
}

/** Milliseconds of a Retry-After header, in seconds or as a date; undefined when there is none that can be read. */
export function retryAfter(header: string | null | undefined, clock: Clock): number | undefined {
  if (header === null || header === undefined || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.wall());
}
