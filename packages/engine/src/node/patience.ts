/**
 * Waiting for etcd at a node's start: what needs it is tried again until it succeeds, is refused, or the node is asked to
 * stop. A record of another boot under the same id is waited out for as long as a dead boot's lease lasts; after that it is
 * a second node, and this one refuses to start (I17).
 */
import { EtcdUnavailable, NodeIdInUse, noLease } from "@baton/cluster";
import type { Keeper } from "@baton/cluster";
import { pause } from "../desk/pause.ts";
import { StartRefused } from "./startup-checks.ts";

const retryMs = 100;

export interface PatienceOptions {
  /** How long another boot's record may stand under our id before it is a second node: its lease, and a little. */
  readonly takenMs: () => number;
  /** What is waited for, each sentence once in a row. */
  readonly say: (event: string, sentence: string) => void;
  readonly stop: AbortSignal;
}

/**
 * Tries until `attempt` gives something: undefined from it means "not yet", said by the attempt itself. Gives undefined when
 * asked to stop. Rejects with `StartRefused` for a node id in use, and with whatever else the attempt throws.
 */
export async function patiently<T>(
  o: PatienceOptions,
  attempt: (say: PatienceOptions["say"]) => Promise<T | undefined>,
): Promise<T | undefined> {
  /** Since when the id is taken, without a break. */
  let takenSince: number | undefined;
  let said = "";
  const say = (event: string, sentence: string): void => {
    if (said !== sentence) o.say(event, sentence);
    said = sentence;
  };
  while (!o.stop.aborted) {
    try {
      const done = await attempt(say);
      if (done !== undefined) return done;
      takenSince = undefined;
    } catch (error) {
      if (error instanceof NodeIdInUse) {
        takenSince ??= performance.now();
        if (performance.now() - takenSince > o.takenMs()) throw new StartRefused("node-id-in-use", error.message);
      } else if (error instanceof EtcdUnavailable) {
        // etcd gives every lease its whole time anew when its leader changes, that of our own dead boot too.
        takenSince = undefined;
      } else throw error;
      say("etcd.waiting", error.message);
    }
    await pause(retryMs);
  }
  return undefined;
}

/** True once there is a lease; false where none came for a moment. */
export async function hasLease(keeper: Pick<Keeper, "lease" | "whenGranted">): Promise<boolean> {
  await Promise.race([keeper.whenGranted, pause(retryMs)]);
  return keeper.lease !== noLease;
}
