/**
 * How long an answer of the API may take, and so how long who asks has to wait for it. Everyone waits longer than whom it
 * asks: a standby than the leader that it forwards to, a client than either. Whoever gave up first would lose an answer that
 * was on its way, and take what is known to have been refused for an unknown outcome. These figures stand here alone.
 */
import type { ApiRoute } from "./routes.ts";

/** Any method that is not GET or HEAD counts as a change. */
interface Call {
  readonly method: string;
}

type Asked = Call & Pick<ApiRoute, "on">;

const isRead = ({ method }: Call): boolean => method === "GET" || method === "HEAD";

/** A leader waits so long for a record to become durable on the in-sync set; then it is 503 `unknown`. */
export const recordWithinMs = 2_000;
/** A leader waits so long for its standbys' word that it still leads (decision 38); then it is 503 `refused`. */
export const readableWithinMs = 2_000;
/** A leader waits so long for the disk to say whether an idempotency key was used before (decision 40); then it is 503 `refused`. */
export const keyFoundWithinMs = 1_000;
/** There and back, on machines that are busy. */
const wayMs = 1_000;

/** The longest that a leader waits before it answers. A write that is refused for what is known is held to a read, and handled again. */
export function leaderAnswersWithinMs(call: Call): number {
  return isRead(call) ? readableWithinMs : keyFoundWithinMs + readableWithinMs + recordWithinMs;
}

/** So long a standby waits for the leader. */
export function forwardWithinMs(asked: Call): number {
  return leaderAnswersWithinMs(asked) + wayMs;
}

/** The longest that any node waits before it answers. A read may have waited where the leadership was, and is forwarded then. */
export function nodeAnswersWithinMs(asked: Asked): number {
  // What a node answers by itself it knows, or it asks etcd a few questions, each with a second: room for those, and nothing holds them to it.
  if (asked.on === "any") return isRead(asked) ? 2_000 : 4_000;
  return (isRead(asked) ? readableWithinMs : 0) + forwardWithinMs(asked);
}

/** So long a client waits for one node, unless it was told otherwise. */
export function clientWaitsMs(asked: Asked): number {
  return nodeAnswersWithinMs(asked) + wayMs;
}
