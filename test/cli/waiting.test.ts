/** How long a client waits for nodes that take a question and never answer it: no longer than it was told, and not after Ctrl-C. */
import { BatonClient } from "@baton/cli";
import { expect, test } from "vitest";
import { scriptedNode } from "./scripted-node.ts";

const hourMs = 3_600_000;

test("the wait for a verdict ends with its time, and with whoever waits, also where nodes take the question and say nothing", async () => {
  await using node = await scriptedNode({ "GET /operations/op-1": () => "silence" });
  const client = new BatonClient({ endpoints: [node.url, node.url], requestTimeoutMs: hourMs });
  expect(await client.settled("op-1", { timeoutMs: 100 })).toBeUndefined();
  const detach = new AbortController();
  const waits = client.settled("op-1", { timeoutMs: hourMs, signal: detach.signal });
  await expect.poll(() => node.asked.length, { timeout: 30_000 }).toBe(2);
  detach.abort();
  expect(await waits).toBeUndefined();
  // Nobody else is asked on behalf of somebody who has gone.
  expect(node.asked).toHaveLength(2);
});
