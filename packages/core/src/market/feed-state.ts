/**
 * The words for the state of a line (one connection to a venue's stream) and for what ended it. Status, metrics, the
 * console and the log use exactly these. What they decide: a line is `live` only when every wanted stream is
 * acknowledged, every book is aligned with a snapshot, and no stream is silent.
 */

/**
 * `idle` not started or stopped · `connecting` · `subscribing` acknowledgements pending · `syncing` first snapshots
 * pending · `live` · `stale` connected, but a symbol's data is too old · `gap` a book lost its sequence and is being
 * repaired · `draining` closing in good order · `backing-off` waiting for the next attempt · `given-up` too many
 * failures in a row: alerting, and still probing slowly, for ever.
 */
export type FeedState =
  | "idle"
  | "connecting"
  | "subscribing"
  | "syncing"
  | "live"
  | "stale"
  | "gap"
  | "draining"
  | "backing-off"
  | "given-up";

/** Every state, in the order of a line's life. */
export const feedStates: readonly FeedState[] = [
  "idle",
  "connecting",
  "subscribing",
  "syncing",
  "live",
  "stale",
  "gap",
  "draining",
  "backing-off",
  "given-up",
];

/**
 * The only ways from one state to another; every step of a line is held to it. From everywhere a line may be stopped or
 * lose its connection; only a connection that stands becomes `live`, `stale` or `gap`.
 */
export const feedTransitions: Readonly<Record<FeedState, readonly FeedState[]>> = (() => {
  const connected = ["subscribing", "syncing", "live", "stale", "gap"] as const;
  const ended = ["draining", "backing-off", "given-up"] as const;
  const among = (state: FeedState): readonly FeedState[] => connected.filter((other) => other !== state);
  return {
    idle: ["connecting"],
    // A line of which nothing is wanted has nothing to wait for.
    connecting: ["subscribing", "syncing", "live", "backing-off", "given-up", "idle"],
    subscribing: [...among("subscribing"), ...ended],
    syncing: [...among("syncing"), ...ended],
    live: [...among("live"), ...ended],
    stale: [...among("stale"), ...ended],
    gap: [...among("gap"), ...ended],
    draining: ["idle"],
    "backing-off": ["connecting", "idle"],
    "given-up": ["subscribing", "syncing", "live", "idle"],
  };
})();

/** Why a connection ended or never came to be; the label `cause` of `feed_reconnects_total`. */
export type DisconnectCause =
  | "age-cut"
  | "bad-frame"
  | "closed"
  | "dns"
  | "half-open"
  | "idle-cut"
  | "maintenance"
  | "ours"
  | "policy"
  | "rate-limit"
  | "refused"
  | "reset"
  | "rotation"
  | "slow-consumer"
  | "stall"
  | "timeout"
  | "tls"
  | "unacknowledged"
  | "unavailable";

/** Every cause, for metrics that show a zero before the first event. */
export const disconnectCauses: readonly DisconnectCause[] = [
  "age-cut",
  "bad-frame",
  "closed",
  "dns",
  "half-open",
  "idle-cut",
  "maintenance",
  "ours",
  "policy",
  "rate-limit",
  "refused",
  "reset",
  "rotation",
  "slow-consumer",
  "stall",
  "timeout",
  "tls",
  "unacknowledged",
  "unavailable",
];

/** What is known of a connection that was closed. */
export interface CloseFacts {
  /** The close code; 1006 when the peer vanished without a close frame. */
  readonly code: number;
  readonly ageMs: number;
  /** The venue's words. */
  readonly reason?: string;
  /** Since when nothing had come or gone. */
  readonly silentMs?: number;
  /** The longest that our own process had not read lately. */
  readonly heldUpMs?: number;
  /** The age at which the venue cuts; default 24 hours. */
  readonly cutAgeMs?: number;
  /** The silence after which the venue cuts; default: it does not. */
  readonly idleCutMs?: number;
}

const dayMs = 24 * 3_600_000;
/** So long without reading makes us the slow consumer, whatever the venue calls it. */
const heldUpMaxMs = 5_000;

/** The cause behind a close frame, or behind its absence. What we know ourselves goes before what the code says. */
export function causeOfClose(close: CloseFacts): DisconnectCause {
  const { reason = "", silentMs = 0, heldUpMs = 0, cutAgeMs = dayMs, idleCutMs = Infinity } = close;
  if (/slow|backpressure|too many pending|buffer|overflow/iu.test(reason)) return "slow-consumer";
  if (/rate|too many (?:requests|messages)|limit/iu.test(reason)) return "rate-limit";
  if (/maintenance|restart|going away|shut/iu.test(reason)) return "maintenance";
  if (/idle|inactiv|no data|no pong|pong timeout|keep-?alive/iu.test(reason)) return "idle-cut";
  if (close.ageMs >= cutAgeMs * 0.996) return "age-cut";
  if (silentMs >= idleCutMs * 0.95) return "idle-cut";
  if (heldUpMs >= heldUpMaxMs && (close.code === 1006 || close.code === 1008)) return "slow-consumer";
  switch (close.code) {
    case 1001:
    case 1012:
    case 1013:
      return "maintenance";
    case 1002:
    case 1003:
    case 1007:
    case 1009:
      return "bad-frame";
    case 1006:
      return "reset";
    case 1008:
      return "policy";
    case 1011:
    case 1014:
      return "unavailable";
    case 1015:
      return "tls";
    default:
      return "closed";
  }
}

/** The cause behind a failed attempt: the HTTP status of a refused upgrade, or the system's error code. */
export function causeOfFailure(failure: { readonly status?: number; readonly code?: string }): DisconnectCause {
  const { status, code } = failure;
  if (status !== undefined) {
    if (status === 429 || status === 418) return "rate-limit";
    if (status === 403) return "policy";
    return status === 503 ? "maintenance" : "unavailable";
  }
  if (code === undefined) return "reset";
  if (code.startsWith("WS_ERR")) return "bad-frame";
  if (
    code.startsWith("ERR_TLS") ||
    code.startsWith("ERR_SSL") ||
    code === "EPROTO" ||
    /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)
  ) {
    return "tls";
  }
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "dns";
    case "ECONNREFUSED":
      return "refused";
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "timeout";
    default:
      return "reset";
  }
}
