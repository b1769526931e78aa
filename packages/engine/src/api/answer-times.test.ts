/** What the leader's own waits are, held against the figures by which standbys and clients wait for it. */
import {
  emptyState,
  keyFoundWithinMs,
  leaderAnswersWithinMs,
  monoMs,
  readableWithinMs,
  recordWithinMs,
} from "@baton/core";
import { expect, test } from "vitest";
import { monoNow } from "../clock.ts";
import { Reads } from "../node/reads.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";
import { askedKey } from "./asked-key.ts";
import { notCommitted } from "./order-routes.ts";

onVirtualTime();

/** After how long a wait ends that nothing ends but its own bound, in ms. */
async function waited(wait: Promise<unknown>, turn: () => void = () => undefined): Promise<number> {
  const began = monoNow();
  const ended = wait.then(() => monoNow() - began);
  for (let ms = 0; ms < 60_000; ms += 10) {
    await pass(10);
    turn();
  }
  return await Promise.race([ended, Promise.reject(new Error("it has no bound"))]);
}

test("a leader waits no longer for a record, for its standbys' word or for its disk than those who wait for its answer count with", async () => {
  const never = Promise.withResolvers<undefined>().promise;
  const record = await waited(notCommitted({ whenCommitted: () => never }, 1, "look"));
  expect(record).toBeLessThanOrEqual(recordWithinMs + 20);
  const reads = new Reads({ ask: () => 1, isReadable: () => false }, () => monoMs(monoNow()));
  reads.begin();
  const readable = await waited(reads.whenReadable(), () => reads.look());
  expect(readable).toBeLessThanOrEqual(readableWithinMs + 20);
  const state = emptyState();
  state.engine = { ...state.engine, kept: { ...state.engine.kept, keys: 0 } };
  const keys = { committed: () => state, pastKey: () => never };
  const found = await waited(askedKey(keys, { idempotencyKey: "k", principal: { name: "t", role: "trader" } }));
  expect(found).toBeLessThanOrEqual(keyFoundWithinMs + 20);
  expect(record + readable + found).toBeLessThanOrEqual(leaderAnswersWithinMs({ method: "POST" }) + 60);
});
