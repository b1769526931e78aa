/**
 * Venues count questions by address, some of them narrowly: questions wait for each other, and one for which there is no
 * room soon is refused here, before the venue does it.
 */
import type { Clock, MonoMs } from "@baton/core";
import { monoMs } from "@baton/core";
import type { RestGet } from "./rest.ts";
import { RestRefused } from "./rest.ts";

/** How many waiting questions are enough, where they do not wait for less than `waitMaxMs` anyway. */
const waitingMax = 4;
const waitMaxMs = 1_000;

/** One question after the other, each so long after the last; who would wait too long is refused. 0: no pace. */
export function paceQuestions(get: RestGet, clock: Clock, paceMs: number): RestGet {
  if (paceMs === 0) return get;
  let nextMono: MonoMs | undefined;
  return async (path, signal) => {
    const nowMono = clock.mono();
    const turnMono = Math.max(nowMono, nextMono ?? 0);
    const waitMs = turnMono - nowMono;
    if (waitMs > Math.max(waitMaxMs, waitingMax * paceMs)) {
      throw new RestRefused("rest-paused", "the venue is asked as often as it allows", { retryAfterMs: waitMs });
    }
    nextMono = monoMs(turnMono + paceMs);
    if (waitMs > 0) await sleep(waitMs, signal);
    signal.throwIfAborted();
    return get(path, signal);
  };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
