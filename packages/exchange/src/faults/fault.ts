/**
 * The faults an exchange can be told to have, each at a named point of a request's or a stream's way, and what each may
 * be told. JSON from outside becomes a `Fault` in `read-fault.ts`; the package's README says what a client sees.
 *
 * | point | where |
 * |---|---|
 * | `connect` | before anything is read, or right after a handshake |
 * | `before-accept` | after `recv`, before any check |
 * | `key` | where the API key is looked up |
 * | `before-match` | checked once, waiting for the engine |
 * | `market` | at the engine: whether the symbol trades |
 * | `match` | at the engine: what the market does with an order of a client's |
 * | `after-accept` | done, before the answer leaves |
 * | `query` | while a signed question is answered |
 * | `snapshot` | while the book is answered over REST or the WebSocket API |
 * | `subscribe` | when a stream or the account is subscribed or left |
 * | `stream` | before a message leaves on any stream |
 * | `user-stream` | before an account event leaves |
 * | `connection` | the connection itself: its end, its age, its silence |
 * | `clock` | the time that the exchange tells and checks by |
 */

export type FaultPoint =
  | "connect"
  | "before-accept"
  | "key"
  | "before-match"
  | "market"
  | "match"
  | "after-accept"
  | "query"
  | "snapshot"
  | "subscribe"
  | "stream"
  | "user-stream"
  | "connection"
  | "clock";

export type FaultName =
  | "venue-down"
  | "black-hole"
  | "upgrade-refused"
  | "accept-close"
  | "maintenance"
  | "key-revoked"
  | "listen-key-expired"
  | "cancel-on-disconnect"
  | "account-wide-switch"
  | "drop-before-accept"
  | "http-error"
  | "error-1000"
  | "error-1001"
  | "error-1006"
  | "error-1007"
  | "error-1008"
  | "error-1021"
  | "403-html"
  | "429"
  | "418"
  | "accept-late"
  | "partial-fill"
  | "fill-before-cancel"
  | "trade-bust"
  | "ack-lost"
  | "ack-stall"
  | "body-stall"
  | "truncated-json"
  | "query-lag"
  | "orders-purged"
  | "stale-snapshot"
  | "sub-ack-lost"
  | "sub-lost"
  | "sub-refused"
  | "sub-hollow"
  | "stream-stall"
  | "stream-gap"
  | "stream-duplicate"
  | "stream-reorder"
  | "stream-replay"
  | "stream-corrupt"
  | "stream-truncate"
  | "stream-garbage"
  | "stream-slow"
  | "stream-reset"
  | "user-event-loss"
  | "stream-drop"
  | "stream-mute"
  | "server-shutdown"
  | "life-cut"
  | "time-jump"
  | "clock-skew";

/** Each fault with the points it may be armed at; the first is where it strikes when nothing is said. */
export const POINTS: Readonly<Record<FaultName, readonly FaultPoint[]>> = {
  "venue-down": ["connect"],
  "black-hole": ["connect"],
  "upgrade-refused": ["connect"],
  "accept-close": ["connect"],
  maintenance: ["market"],
  "key-revoked": ["key"],
  "listen-key-expired": ["connection"],
  "cancel-on-disconnect": ["connection"],
  "account-wide-switch": ["market"],
  "drop-before-accept": ["before-accept"],
  "http-error": ["before-accept", "after-accept"],
  "error-1000": ["after-accept", "before-accept"],
  "error-1001": ["before-accept"],
  "error-1006": ["after-accept", "before-accept"],
  "error-1007": ["after-accept", "before-accept"],
  "error-1008": ["before-accept"],
  "error-1021": ["before-accept"],
  "403-html": ["before-accept"],
  "429": ["before-accept"],
  "418": ["before-accept"],
  "accept-late": ["before-match"],
  "partial-fill": ["match"],
  "fill-before-cancel": ["match"],
  "trade-bust": ["match"],
  "ack-lost": ["after-accept"],
  "ack-stall": ["after-accept"],
  "body-stall": ["after-accept"],
  "truncated-json": ["after-accept"],
  "query-lag": ["query"],
  "orders-purged": ["query"],
  "stale-snapshot": ["snapshot"],
  "sub-ack-lost": ["subscribe"],
  "sub-lost": ["subscribe"],
  "sub-refused": ["subscribe"],
  "sub-hollow": ["subscribe"],
  "stream-stall": ["stream"],
  "stream-gap": ["stream"],
  "stream-duplicate": ["stream"],
  "stream-reorder": ["stream"],
  "stream-replay": ["stream"],
  "stream-corrupt": ["stream"],
  "stream-truncate": ["stream"],
  "stream-garbage": ["stream"],
  "stream-slow": ["stream"],
  "stream-reset": ["stream"],
  "user-event-loss": ["user-stream"],
  "stream-drop": ["connection", "stream"],
  "stream-mute": ["connection"],
  "server-shutdown": ["connection"],
  "life-cut": ["connection"],
  "time-jump": ["connection"],
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

export type FaultMode =
  | "reset"
  | "hang"
  | "refuse"
  | "down"
  | "halt"
  | "cancel-only"
  | "post-only"
  | "any"
  | "text"
  | "json"
  | "binary"
  | "nested"
  | "number"
  | "utf8"
  | "opcode";

/** The manners of the faults that have more than one; the first is the usual one. */
export const MODES: Readonly<Partial<Record<FaultName, readonly FaultMode[]>>> = {
  /** `reset` cuts each connection at its first request, `hang` never answers, `refuse` stops listening (needs durationMs). */
  "venue-down": ["reset", "hang", "refuse"],
  /** `down`: nothing is answered but 503; `halt`: no order is taken and none cancelled; `cancel-only`: cancels pass;
   * `post-only`: what rests is taken too. */
  maintenance: ["down", "halt", "cancel-only", "post-only"],
  /** `any` draws one of those that leave the connection alone: all but `utf8` and `opcode`. */
  "stream-garbage": ["any", "text", "json", "binary", "nested", "number", "utf8", "opcode"],
};

/** One fault as armed. */
export interface Fault {
  readonly fault: FaultName;
  readonly point: FaultPoint;
  readonly match: FaultMatch;
  /** How often it strikes; absent: until cleared. */
  readonly count?: number;
  /** Chance that it strikes what it matches, each time anew, from the exchange's seed. */
  readonly probability?: number;
  /** Share of the connections that it strikes, drawn once for each connection and kept. */
  readonly share?: number;
  /** How late, how old or how long; see the README for each fault. */
  readonly delayMs?: number;
  /** It strikes only after this time; until then it is announced. */
  readonly startsInMs?: number;
  /** It ends by itself so long after it began. */
  readonly durationMs?: number;
  /** http-error, upgrade-refused. */
  readonly status?: number;
  /** stream-reorder, stream-replay: how many messages. */
  readonly span?: number;
  /** http-error. */
  readonly body?: string;
  /** partial-fill, fill-before-cancel: how much of what is left trades, in percent. */
  readonly percent?: number;
  /** 429, 418, upgrade-refused, maintenance. */
  readonly retryAfterSeconds?: number;
  /** stream-drop, accept-close, server-shutdown, life-cut; 1006 cuts without a close frame. */
  readonly closeCode?: number;
  /** One of the fault's `MODES`; the first when nothing is said. */
  readonly mode?: FaultMode;
  /** life-cut: how old a connection may become. */
  readonly lifeMs?: number;
  /** time-jump: how much older the connections become at once. */
  readonly agedMs?: number;
  /** clock-skew: how far the venue's clock is ahead (below 0: behind), and how many millionths faster it runs. */
  readonly skewMs?: number;
  readonly driftPpm?: number;
}

/** What may be sent to arm a fault: `point` and `match` may be left out. */
export type FaultRequest = Omit<Fault, "point" | "match"> & {
  readonly point?: FaultPoint;
  readonly match?: FaultMatch;
};
