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

/** Why a connection ended or never came to be; the label `cause` of `feed_reconnects_total`. */
export type DisconnectCause =
  | "age-cut"
  | "bad-frame"
  | "closed"
  | "dns"
  | "half-open"
  | "maintenance"
  | "policy"
  | "rate-limit"
  | "refused"
  | "reset"
  | "rotation"
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
  "maintenance",
  "policy",
  "rate-limit",
  "refused",
  "reset",
  "rotation",
  "stall",
  "timeout",
  "tls",
  "unacknowledged",
  "unavailable",
];

/** A connection older than this that is closed was cut for its age, whatever the close code says. */
const ageCutMs = 23.9 * 3_600_000;

/** The cause behind a close frame, or behind its absence (1006: the peer vanished without one). */
export function causeOfClose(close: { readonly code: number; readonly ageMs: number }): DisconnectCause {
  if (close.ageMs >= ageCutMs) return "age-cut";
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
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
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
