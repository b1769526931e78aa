/**
 * Crash release: an engine process was reaped, so nothing of it can act any more. Its death is written, then exactly its
 * lease is revoked; the standbys see both within milliseconds. While etcd is away this is tried until the lease has ended
 * anyway.
 */
import type { DeathRecord } from "@baton/core";
import { setTimeout as delay } from "node:timers/promises";
import { causeOf } from "../errors.ts";
import type { Etcd } from "../etcd/connect.ts";
import type { EngineIdentity } from "./messages.ts";

/** After this long no lease of a dead boot lives any more. */
const giveUpMs = 60_000;
const retryMs = { first: 50, most: 1_000 };

/** Fulfils with the milliseconds it took, or with why it was given up. Never rejects. */
export async function releaseBoot(
  etcd: Etcd,
  engine: EngineIdentity,
  death: Pick<DeathRecord, "cause" | "reapedWallMs">,
): Promise<{ readonly tookMs: number } | { readonly gaveUp: string }> {
  const began = performance.now();
  let waitMs = retryMs.first;
  for (;;) {
    try {
      await etcd.noteDeath({ node: engine.node, boot: engine.boot, ...death });
      await etcd.revokeLease(engine.lease);
      return { tookMs: performance.now() - began };
    } catch (error) {
      if (performance.now() - began > giveUpMs) return { gaveUp: causeOf(error) };
    }
    await delay(waitMs);
    waitMs = Math.min(waitMs * 2, retryMs.most);
  }
}
