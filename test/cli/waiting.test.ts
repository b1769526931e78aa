/** How long a client waits for nodes that take a question and never answer it: no longer than it was told, and not after Ctrl-C. */
import { BatonClient } from "@baton/cli";
import { apiRoutes, forwardWithinMs, leaderAnswersWithinMs, nodeAnswersWithinMs } from "@baton/core";
import type { ApiRoute } from "@baton/core";
import { expect, test, vi } from "vitest";
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

/** Every call of the client, with what it would be given. */
function everyCall(client: BatonClient): readonly (() => Promise<unknown>)[] {
  const methods = Object.getOwnPropertyNames(BatonClient.prototype).filter((name) => name !== "constructor");
  // These two go on, call by call, through another one that is in the list.
  const single = methods.filter((name) => name !== "everyOrder" && name !== "settled");
  return single.map((name) => {
    const call = Reflect.get(client, name) as (...given: unknown[]) => Promise<unknown>;
    const named = ["operation", "order", "directOrder", "replaceOrder", "resolveOrder", "cancelOrder"].includes(name);
    const given = name === "book" ? ["BTC/USDT"] : named ? ["i-1"] : name === "placeOrder" ? [{}, "key"] : [];
    return () => call.call(client, ...given);
  });
}

function routeOf({ method, path }: { readonly method: string; readonly path: string }): ApiRoute {
  const isOf = (route: ApiRoute): boolean =>
    route.method === method && new RegExp(`^${route.path.replace(/:\w+/g, "[^/]+").replace("*", ".+")}$`).test(path);
  const found = Object.values(apiRoutes).filter(isOf);
  expect(found, `${method} ${path}`).toHaveLength(1);
  return found[0] as ApiRoute;
}

test("a client waits for each call longer than the node that it asks may take, and that one longer than the leader", async () => {
  await using node = await scriptedNode({});
  const waits = vi.spyOn(AbortSignal, "timeout");
  const client = new BatonClient({ endpoints: [node.url] });
  const calls = everyCall(client);
  expect(calls.length).toBeGreaterThan(15);
  for (const call of calls) {
    waits.mockClear();
    const before = node.asked.length;
    await call().catch(() => undefined);
    const asked = node.asked.slice(before);
    expect(asked).toHaveLength(1);
    const route = routeOf(asked[0] as (typeof asked)[0]);
    const [waitsMs = 0] = waits.mock.calls[0] ?? [];
    const what = `${route.method} ${route.path}`;
    expect(waitsMs, what).toBeGreaterThan(nodeAnswersWithinMs(route));
    if (route.on !== "leader") continue;
    expect(nodeAnswersWithinMs(route), what).toBeGreaterThanOrEqual(forwardWithinMs(route));
    expect(forwardWithinMs(route), what).toBeGreaterThan(leaderAnswersWithinMs(route));
  }
  waits.mockRestore();
});
