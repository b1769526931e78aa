/**
 * The faults an exchange can be told to have, each at a named point of a request's or a stream's way. Decided here:
 * what a fault may say; JSON from outside becomes a `Fault` or a sentence why not.
 *
 * | point | where | faults |
 * |---|---|---|
 * | `connect` | before anything is read | venue-down, upgrade-refused |
 * | `before-accept` | after `recv`, before any check | drop-before-accept, http-error, error-*, 403-html, 429, 418 |
 * | `before-match` | checked once, waiting for the engine | accept-late |
 * | `after-accept` | done, before the answer leaves | ack-lost, ack-stall, http-error, error-1006/-1007, body-stall, truncated-json |
 * | `query` | while a signed question is answered | query-lag |
 * | `stream` | before a message leaves on any stream | stream-stall, stream-gap, stream-duplicate, stream-drop |
 * | `user-stream` | before an account event leaves | user-event-loss |
 * | `clock` | the time that the exchange tells and checks by | clock-skew |
 */

export type FaultPoint =
  "connect" | "before-accept" | "before-match" | "after-accept" | "query" | "stream" | "user-stream" | "clock";

export type FaultName =
  | "venue-down"
  | "upgrade-refused"
  | "drop-before-accept"
  | "http-error"
  | "error-1001"
  | "error-1006"
  | "error-1007"
  | "error-1008"
  | "error-1021"
  | "403-html"
  | "429"
  | "418"
  | "accept-late"
  | "ack-lost"
  | "ack-stall"
  | "body-stall"
  | "truncated-json"
  | "query-lag"
  | "stream-stall"
  | "stream-gap"
  | "stream-duplicate"
  | "stream-drop"
  | "user-event-loss"
  | "clock-skew";

/** Each fault with the points it may be armed at; the first is where it strikes when nothing is said. */
const POINTS: Readonly<Record<FaultName, readonly FaultPoint[]>> = {
  "venue-down": ["connect"],
  "upgrade-refused": ["connect"],
  "drop-before-accept": ["before-accept"],
  "http-error": ["before-accept", "after-accept"],
  "error-1001": ["before-accept"],
  "error-1006": ["after-accept", "before-accept"],
  "error-1007": ["after-accept", "before-accept"],
  "error-1008": ["before-accept"],
  "error-1021": ["before-accept"],
  "403-html": ["before-accept"],
  "429": ["before-accept"],
  "418": ["before-accept"],
  "accept-late": ["before-match"],
  "ack-lost": ["after-accept"],
  "ack-stall": ["after-accept"],
  "body-stall": ["after-accept"],
  "truncated-json": ["after-accept"],
  "query-lag": ["query"],
  "stream-stall": ["stream"],
  "stream-gap": ["stream"],
  "stream-duplicate": ["stream"],
  "stream-drop": ["stream"],
  "user-event-loss": ["user-stream"],
  "clock-skew": ["clock"],
};

/** Whom a fault strikes; every given field must match. */
export interface FaultMatch {
  /** The key of the request, or of the connection (its `X-MBX-APIKEY` header, or the key it subscribed with). */
  readonly apiKey?: string;
  readonly account?: string;
  /** The call, e.g. `order.place`; `*` for any. See `FaultBoard` for what is struck when it is absent. */
  readonly call?: string;
  readonly symbol?: string;
  readonly side?: "BUY" | "SELL";
  /** Start of the remote `ip:port`. */
  readonly source?: string;
  /** A stream's name or its part after `@`, e.g. `btcusdt@trade` or `trade`; `user` for account events. */
  readonly stream?: string;
}

/** One fault as armed. */
export interface Fault {
  readonly fault: FaultName;
  readonly point: FaultPoint;
  readonly match: FaultMatch;
  /** How often it strikes; absent: until cleared. */
  readonly count?: number;
  /** Chance that it strikes what it matches, from the exchange's seed. */
  readonly probability?: number;
  /** accept-late: how long the engine is late. query-lag: how old the answer is. body-stall: until the rest follows (absent: never). */
  readonly delayMs?: number;
  /** It ends by itself after this time. */
  readonly durationMs?: number;
  /** http-error, upgrade-refused. */
  readonly status?: number;
  /** http-error. */
  readonly body?: string;
  /** 429, 418. */
  readonly retryAfterSeconds?: number;
  /** stream-drop; 1006 cuts without a close frame. */
  readonly closeCode?: number;
  /** venue-down: `reset` cuts each connection at its first request, `hang` never answers, `refuse` stops listening (needs durationMs). */
  readonly mode?: "reset" | "hang" | "refuse";
  /** clock-skew. */
  readonly skewMs?: number;
}

/** What may be sent to arm a fault: `point` and `match` may be left out. */
export type FaultRequest = Omit<Fault, "point" | "match"> & {
  readonly point?: FaultPoint;
  readonly match?: FaultMatch;
};

const NUMBERS = ["count", "probability", "delayMs", "durationMs", "status", "retryAfterSeconds", "closeCode", "skewMs"];
const MATCHES = ["apiKey", "account", "call", "symbol", "side", "source", "stream"];

/** A `Fault` from parsed JSON, or a sentence that names what is wrong. */
export function readFault(value: unknown): Fault | string {
  if (!isRecord(value)) return "a fault is a JSON object";
  const name = value["fault"];
  if (typeof name !== "string" || !Object.hasOwn(POINTS, name)) {
    return `"fault" must be one of ${Object.keys(POINTS).join(", ")}`;
  }
  const points: readonly FaultPoint[] = POINTS[name as FaultName];
  const point = value["point"] ?? points[0];
  if (!points.some((one) => one === point)) return `"${name}" can strike at ${points.join(" or ")}`;
  const match = value["match"] ?? {};
  if (!isRecord(match)) return `"match" is an object`;
  for (const [key, one] of Object.entries(match)) {
    if (!MATCHES.includes(key) || typeof one !== "string")
      return `"match.${key}" must be one of ${MATCHES.join(", ")}, a text`;
  }
  for (const [key, one] of Object.entries(value)) {
    if (key === "fault" || key === "point" || key === "match") continue;
    if (key === "body" || key === "mode") {
      if (typeof one !== "string") return `"${key}" is a text`;
    } else if (!NUMBERS.includes(key)) return `"${key}" is not known`;
    else if (typeof one !== "number" || !Number.isFinite(one)) return `"${key}" is a number`;
  }
  const wrong = missingPart(name as FaultName, value);
  return wrong ?? ({ ...value, point, match } as unknown as Fault);
}

function missingPart(name: FaultName, value: Readonly<Record<string, unknown>>): string | undefined {
  if ((name === "accept-late" || name === "query-lag") && value["delayMs"] === undefined)
    return `"${name}" needs "delayMs"`;
  if (name === "clock-skew" && value["skewMs"] === undefined) return `"clock-skew" needs "skewMs"`;
  if (name !== "venue-down") return undefined;
  const mode = value["mode"] ?? "reset";
  if (mode !== "reset" && mode !== "hang" && mode !== "refuse") return `"mode" is reset, hang or refuse`;
  if (mode !== "refuse") return undefined;
  if (value["durationMs"] === undefined) return `"refuse" needs "durationMs": nobody could clear it`;
  return value["match"] === undefined ? undefined : `"refuse" cannot match: it is the whole venue`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
