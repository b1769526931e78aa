/**
 * Wakes whoever decides, and decides nothing: watches the prefix on every endpoint at once, so that one frozen member
 * delays nothing. A stream that breaks is opened again from "now", and opening wakes too, so nothing that happened in
 * between is missed and no compacted revision is ever asked for. What changes in the history alone wakes nobody: it decides
 * nothing, and no view holds it. Apart from that it wakes every second, in case all streams are silent together.
 */
import type { IDuplexStream, IWatchRequest, IWatchResponse } from "etcd3";
import { setTimeout as delay } from "node:timers/promises";
import type { Endpoint } from "./endpoint.ts";
import type { Fleet } from "./fleet.ts";
import type { Keys } from "./keys.ts";
import { withPrefix } from "./keys.ts";

/** Why it is worth reading again. `keys` are names under the prefix; empty for a safety wake. */
export interface Wake {
  readonly keys: readonly string[];
  readonly leaderDeleted: boolean;
}

export interface Watch {
  /** Streams that etcd has confirmed open; 0 means that only the safety wake is left. */
  readonly openStreams: number;
  /** No wake comes after it. */
  stop(): void;
}

const safetyWakeMs = 1_000;
const reopenMs = { first: 50, most: 1_000 };
// Endpoints report the same change; this many keys are remembered to tell it only once.
const rememberedKeysMax = 1_000;

/** Starts watching. `onWake` is called at least once per change and about once per second; it must not throw. */
export function watchPrefix(fleet: Fleet, keys: Keys, onWake: (wake: Wake) => void): Watch {
  const ended = new AbortController();
  const open = new Set<Endpoint>();
  const told = new Map<string, bigint>();
  const onEvents = (response: IWatchResponse): void => {
    const fresh: string[] = [];
    let leaderDeleted = false;
    for (const event of response.events) {
      const name = keys.nameOf(event.kv.key);
      if (keys.isHistory(name)) continue;
      const revision = BigInt(event.kv.mod_revision);
      if ((told.get(name) ?? -1n) >= revision) continue;
      if (told.size >= rememberedKeysMax) told.clear();
      told.set(name, revision);
      fresh.push(name);
      if (name === "leader" && event.type === "Delete") leaderDeleted = true;
    }
    if (fresh.length > 0) onWake({ keys: fresh, leaderDeleted });
  };
  for (const endpoint of fleet.endpoints) {
    void keepOpen(endpoint, keys, ended.signal, {
      onOpen() {
        open.add(endpoint);
        onWake({ keys: [], leaderDeleted: false });
      },
      onEvents,
      onClosed: () => void open.delete(endpoint),
    });
  }
  const safety = setInterval(() => onWake({ keys: [], leaderDeleted: false }), safetyWakeMs);
  safety.unref();
  return {
    get openStreams() {
      return open.size;
    },
    stop() {
      clearInterval(safety);
      ended.abort();
    },
  };
}

interface StreamEvents {
  onOpen(): void;
  onEvents(response: IWatchResponse): void;
  onClosed(): void;
}

/** One endpoint's stream, opened again whenever it ends, until `signal`. Never rejects. */
async function keepOpen(endpoint: Endpoint, keys: Keys, signal: AbortSignal, on: StreamEvents): Promise<void> {
  let backoffMs = reopenMs.first;
  while (!signal.aborted) {
    try {
      const stream = await endpoint.client.watchClient.watch();
      await untilBroken(stream, keys, signal, {
        ...on,
        onOpen() {
          backoffMs = reopenMs.first;
          on.onOpen();
        },
      });
    } catch {
      // No connection: the pause below is the answer, the safety wake bridges it.
    }
    on.onClosed();
    await delay(backoffMs, undefined, { signal, ref: false }).catch(() => undefined);
    backoffMs = Math.min(backoffMs * 2, reopenMs.most);
  }
}

function untilBroken(
  stream: IDuplexStream<IWatchRequest, IWatchResponse>,
  keys: Keys,
  signal: AbortSignal,
  on: StreamEvents,
): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      signal.removeEventListener("abort", finish);
      stream.cancel();
      resolve();
    };
    if (signal.aborted) {
      finish();
      return;
    }
    signal.addEventListener("abort", finish);
    stream.on("error", finish);
    stream.on("end", finish);
    stream.on("data", (response) => {
      if (signal.aborted) return;
      if (response.canceled) finish();
      else if (response.created) on.onOpen();
      else on.onEvents(response);
    });
    stream.write({ create_request: withPrefix(keys.prefix) });
  });
}
