/**
 * The idempotency key of a request, with what it stands for already. The state holds the latest keys; who comes with a key that
 * it does not hold may have come before all of those, so the journal is asked for what has left (decision 40).
 */
import type { EngineState, KeyRow, Sequence } from "@baton/core";
import { isKeyOver, keyFoundWithinMs, keysLeftUpTo, problem, requestKeyOf } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { AskedKey } from "../desk/once.ts";
import type { Answer, RouteRequest } from "./server.ts";

/** What is asked about keys. */
export interface KeyContext {
  readonly committed: () => EngineState;
  /** What a key that was recorded up to `applied` stands for, where it has left the state. Throws where that cannot be read. */
  readonly pastKey: (key: string, applied: Sequence) => Promise<KeyRow | undefined>;
}

const keyForm = /^[\x21-\x7e]{1,128}$/;
/** The key of a request, undefined where it has none; or the answer that it cannot be taken. */
export async function askedKey(
  context: KeyContext,
  { idempotencyKey: key, principal }: Pick<RouteRequest, "idempotencyKey" | "principal">,
): Promise<AskedKey | undefined | { readonly fault: Answer }> {
  if (key === undefined) return undefined;
  if (!keyForm.test(key)) {
    const detail = "Idempotency-Key must be 1 to 128 visible ASCII characters";
    return { fault: { status: 422, body: problem(422, "invalid", detail, "Idempotency-Key") } };
  }
  try {
    return { key, past: await inTime(earlierUse(context, requestKeyOf({ principal: principal.name, key }))) };
  } catch (error) {
    // Without an answer nobody knows whether this is the first time.
    const why = error instanceof Error ? error.message : String(error);
    const detail = `whether this Idempotency-Key was used before cannot be read (${why}); nothing was recorded, try again`;
    return { fault: { status: 503, body: problem(503, "refused", detail) } };
  }
}

/** An order that waits longer for the disk is not the one any more that was wanted: its price is old. */
async function inTime<Found>(asked: Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the journal did not say within ${keyFoundWithinMs} ms`)),
      keyFoundWithinMs,
    );
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function earlierUse({ committed, pastKey }: KeyContext, name: string): Promise<KeyRow | undefined> {
  for (;;) {
    const { keys, applied } = committed();
    const upTo = keysLeftUpTo(committed());
    if (upTo === undefined || keys.has(name)) return keys.get(name);
    const past = await pastKey(name, upTo);
    if (past !== undefined) return isKeyOver(past, wallNow()) ? undefined : past;
    // What was recorded since is in the state, if nothing of it has left again: who takes the request looks there.
    if ((keysLeftUpTo(committed()) ?? 0) <= applied) return undefined;
  }
}
