import type { ClusterView } from "@baton/core";
import { describe, expect, test } from "vitest";
import { clusterRoutes } from "./cluster-routes.ts";
import type { ClusterRoutesContext } from "./cluster-routes.ts";
import type { Answer } from "./server.ts";

/** Node `b` follows `a`, or as said. */
function view(changes: Readonly<Record<string, unknown>> = {}): ClusterView {
  return {
    node: { id: "b", role: "standby", sentence: "It follows a." },
    leader: { node: "a", epoch: 7 },
    insync: { epoch: 7, version: 3, members: ["a", "b"] },
    ...changes,
  } as unknown as ClusterView;
}

/** What a node answers; a call that the test gives no answer for fails it. */
async function answered(url: string, o: Partial<ClusterRoutesContext> = {}): Promise<Answer> {
  const { pathname, searchParams } = new URL(url, "http://b");
  const never = (): never => {
    throw new Error(`${url} asked for something else`);
  };
  const routes = clusterRoutes({
    ...{ cluster: () => view(), history: never, operation: never, ask: never, promotability: never },
    ...{ feeds: never, book: never, metrics: never, lagRecords: () => 0, whyNotLive: () => undefined },
    ...{ traces: never, events: never, sla: never, version: "1" },
    ...o,
  });
  const route = routes.find(
    ({ path }) => path === pathname || (path.endsWith("/*") && pathname.startsWith("/v1/books")),
  );
  if (route === undefined) throw new Error(`there is no ${pathname}`);
  const answer = await route.handle({
    params: { "*": pathname.replace("/v1/books/", "") },
    query: Object.fromEntries(searchParams),
    body: null,
    idempotencyKey: undefined,
    lastEventId: undefined,
    principal: { name: "local", role: "viewer" },
  });
  if ("stream" in answer) throw new Error(`${url} is a stream`);
  return answer;
}

describe("a probe that says no says why", () => {
  const leading = view({ node: { id: "a", role: "leader", sentence: "It leads." } });
  const held = view({ node: { id: "a", role: "held", sentence: "It hands over." } });
  // The loop stood still until the deadline had passed, and has not been told of it yet.
  const late = view({ node: { id: "a", role: "leader", sentence: "It leads." }, deadlineSlackMs: 0 });
  const outside = view({ insync: { epoch: 7, version: 4, members: ["a", "c"] } });

  test.each<[string, Partial<ClusterRoutesContext>, number, string]>([
    ["/leader", { cluster: () => leading }, 200, "a is the leader; a leads epoch 7."],
    ["/leader", {}, 503, "b is a standby; a leads epoch 7."],
    ["/leader", { cluster: () => view({ leader: null }) }, 503, "b is a standby; nobody leads."],
    ["/leader", { cluster: () => late }, 503, "a led until its deadline, which has passed."],
    ["/ready", { cluster: () => late }, 503, "a led until its deadline, which has passed."],
    ["/standby", {}, 200, "b is a standby; a leads epoch 7."],
    ["/standby", { cluster: () => leading }, 503, "a is the leader; a leads epoch 7."],
    ["/in-sync", {}, 200, "b is a standby; a leads epoch 7."],
    ["/in-sync", { cluster: () => outside }, 503, "b is not in the in-sync set {a, c} (version 4)."],
    ["/in-sync", { cluster: () => view({ insync: null }) }, 503, "b does not know the in-sync set."],
    ["/health", { cluster: () => held }, 200, "a is the leader and held: it takes nothing new; a leads epoch 7."],
    ["/live", { whyNotLive: () => "the loop stands still" }, 503, "the loop stands still"],
    ["/ready", { lagRecords: () => 5 }, 503, "it lacks 5 records of the leader's, and 0 are allowed (lag)."],
    ["/ready?lag=5", { lagRecords: () => 5 }, 200, "b is a standby; a leads epoch 7."],
    ["/ready?lag=4", { lagRecords: () => 5 }, 503, "it lacks 5 records of the leader's, and 4 are allowed (lag)."],
    ["/ready", { lagRecords: () => undefined }, 503, "it follows no leader, so what it lacks is not known."],
    ["/ready", { cluster: () => held }, 503, "a is the leader and held: it takes nothing new; a leads epoch 7."],
    ["/ready?lag=5", { cluster: () => leading, lagRecords: () => undefined }, 200, "a is the leader; a leads epoch 7."],
  ])("%s %o", async (url, o, status, sentence) => {
    expect(await answered(url, o)).toMatchObject({ status, body: { isOk: status === 200, sentence } });
  });
});

test("what a node said last is not for anybody to read: no probe repeats it", async () => {
  const said = "sim cannot be used yet: GET https://venue.example/account?timestamp=1&signature=abc";
  for (const role of ["starting", "standby", "campaigning", "leader", "held", "fenced", "stopped"]) {
    for (const url of ["/leader", "/standby", "/in-sync", "/health", "/live", "/ready"]) {
      const { body } = await answered(url, { cluster: () => view({ node: { id: "b", role, sentence: said } }) });
      expect(JSON.stringify(body), `${url} of a node that is ${role}`).not.toContain("venue.example");
    }
  }
});

test("a parameter that is no number of its range is 400 and named, on the leader too", async () => {
  const leading = { cluster: () => view({ node: { id: "a", role: "leader", sentence: "It leads." } }) };
  for (const [url, field] of [
    ["/ready?lag=x", "lag"],
    ["/ready?lag=-1", "lag"],
    ["/history?since=yesterday", "since"],
    ["/v1/books/BTC/USDT?depth=0", "depth"],
    ["/v1/books/BTC/USDT?depth=1001", "depth"],
    ["/v1/traces?limit=many", "limit"],
  ] as const) {
    expect(await answered(url, leading), url).toMatchObject({ status: 400, body: { code: "invalid", field } });
  }
});
