/**
 * One cluster of real processes, asked as a client asks: forwarding, idempotency, bad orders, events, kill; then the
 * exchange goes away and comes back, then etcd; at the end the three journals are verified. The parts run in order.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { verifyJournal } from "@baton/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";
import { switchUnderLoad } from "../rig/switchover-load.ts";
import { arm, auditEnd, auditOf, call, callLeader, eventually, operate, placed, restingBuy } from "./calls.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

type Seat = Cluster["nodes"][number];
async function seats(): Promise<{ readonly leader: Seat; readonly standbys: readonly Seat[] }> {
  const leader = await cluster.leader();
  return { leader, standbys: cluster.nodes.filter((node) => node !== leader) };
}
const statusOf = async (node: Seat, id: string): Promise<any> => (await call(node, "GET", `/v1/orders/${id}`)).body;

describe("a standby", () => {
  test("forwards an order to the leader and says who answered", async () => {
    const { leader, standbys } = await seats();
    const [standby] = standbys as [Seat];
    const told = await call(standby, "POST", "/v1/orders", { body: await restingBuy(standby), key: randomUUID() });
    expect(told).toMatchObject({ status: 202, body: { intentId: expect.stringMatching(/^i-\d+$/) } });
    expect(told.headers.get("baton-leader")).toBe(leader.id);
    const order = await eventually("the order is open", async () => {
      const view = await statusOf(standby, told.body.intentId);
      return view.status === "new" ? view : undefined;
    });
    expect(order).toMatchObject({ sentBy: leader.id, clientOrderIds: [told.body.clientOrderId], outcome: "accepted" });
    expect((await call(standby, "DELETE", `/v1/orders/${order.id}`)).status).toBe(202);
    await eventually("the order is cancelled", async () =>
      (await statusOf(leader, order.id)).status === "cancelled" ? true : undefined,
    );
  });

  test("has an order replaced by the leader: the exchange sees it cancelled, and then what is left of it", async () => {
    const { leader, standbys } = await seats();
    const [one, other] = standbys as [Seat, Seat];
    const { body } = await call(one, "POST", "/v1/orders", { body: await restingBuy(one), key: randomUUID() });
    const { intentId, clientOrderId } = body;
    await eventually("it rests", async () => ((await statusOf(one, intentId)).status === "new" ? true : undefined));
    const wish = { body: { quantity: "0.002", reason: "twice as much" }, key: randomUUID() };
    // Both at once: one of them does it, the other is told of the same.
    const told = await Promise.all([one, other].map((node) => call(node, "PATCH", `/v1/orders/${intentId}`, wish)));
    expect(told.map(({ status }) => status)).toEqual([202, 202]);
    const successor = await eventually("its successor rests", async () => {
      const { replace } = await statusOf(one, intentId);
      const view = replace.successor === null ? undefined : await statusOf(other, replace.successor);
      return view?.status === "new" ? view : undefined;
    });
    expect(successor).toMatchObject({ replaces: intentId, terms: { quantity: "0.002" }, sentBy: leader.id });
    const ours = [clientOrderId, ...successor.clientOrderIds];
    const seen = auditOf(cluster).filter(({ type }) => type === "accept" || type === "cancel");
    const lives = seen.map((each) => `${each.type} ${ours.indexOf("clientOrderId" in each ? each.clientOrderId : "")}`);
    expect(lives.filter((life) => !life.endsWith("-1"))).toEqual(["accept 0", "cancel 0", "accept 1"]);
    expect((await call(one, "DELETE", `/v1/orders/${successor.id}`)).status).toBe(202);
  });

  test("gives a repeated key the answer that another node gave, and the exchange sees one order", async () => {
    const key = randomUUID();
    const body = await restingBuy(cluster.nodes[0] as Seat);
    const answers = await Promise.all(cluster.nodes.map((node) => call(node, "POST", "/v1/orders", { body, key })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    const [first] = answers;
    for (const answer of answers) expect(answer.body).toEqual(first?.body);
    await eventually("it is placed", async () =>
      placed(cluster).some((each) => each.clientOrderId === first?.body.clientOrderId) ? true : undefined,
    );
    const other = { ...body, quantity: "0.002" };
    expect(await call(cluster.nodes[1] as Seat, "POST", "/v1/orders", { body: other, key })).toMatchObject({
      status: 422,
      body: { code: "key-reused", field: "Idempotency-Key" },
    });
    const sent = placed(cluster).filter((each) => each.clientOrderId === first?.body.clientOrderId);
    expect(sent).toHaveLength(1);
  });

  test("answers what it can answer itself, and shows the same orders", async () => {
    const { leader, standbys } = await seats();
    expect(await Promise.all(cluster.nodes.map(async (node) => (await call(node, "GET", "/leader")).status))).toEqual(
      cluster.nodes.map((node) => (node === leader ? 200 : 503)),
    );
    const [own, forwarded] = await Promise.all(
      [leader, standbys[0] as Seat].map((node) => call(node, "GET", "/v1/orders?all=1")),
    );
    expect(forwarded?.body.orders.map((order: any) => order.id)).toEqual(
      own?.body.orders.map((order: any) => order.id),
    );
    const { body } = await call(standbys[0] as Seat, "GET", "/v1/balances");
    expect(body.balances).toContainEqual(expect.objectContaining({ venue: "sim", currency: "USDT" }));
    expect((await call(standbys[0] as Seat, "GET", "/openapi.json")).body.openapi).toBe("3.1.0");
  });
});

describe("a bad order", () => {
  test.each([
    ["a missing price", { price: undefined }, 422, "invalid", "price"],
    ["a quantity as a number", { quantity: 1 }, 422, "invalid", "quantity"],
    ["an unknown field", { leverage: "3" }, 422, "invalid", "leverage"],
    ["an unknown symbol", { symbol: "DOGE/USDT" }, 422, "unknown-symbol", undefined],
    ["an unknown venue", { venue: "moon" }, 422, "unknown-venue", undefined],
    ["a price off the tick", { price: "50000.001" }, 422, "tick-size", undefined],
    ["a price far from the market", { price: "10", quantity: "1" }, 422, "price-collar", undefined],
    ["too large a quantity", { quantity: "51" }, 422, "order-size", undefined],
  ])("with %s gets the field or the code, and nothing is recorded", async (_what, over, status, code, field) => {
    const before = auditEnd(cluster);
    const [node] = (await seats()).standbys as [Seat];
    const told = await call(node, "POST", "/v1/orders", { body: await restingBuy(node, over) });
    expect(told).toMatchObject({ status, body: { code, status } });
    expect(told.body.field).toBe(field);
    expect(told.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(placed(cluster, before)).toEqual([]);
  });
});

describe("the events", () => {
  test("are the same on every node, from the start and live, and resume at an id", async () => {
    const { leader } = await seats();
    const streams = await Promise.all(cluster.nodes.map((node) => listen(node, "0")));
    const { body } = await call(leader, "POST", "/v1/orders", { body: await restingBuy(leader), key: randomUUID() });
    await eventually("every node has told of it", async () =>
      streams.every((stream) => stream.text().includes(body.clientOrderId)) ? true : undefined,
    );
    const end = Math.min(...streams.map((stream) => stream.ids().length));
    const [first] = streams;
    const ids = first?.ids().slice(0, end) ?? [];
    expect(ids.map((id) => Number(id.split(":")[1]))).toEqual(ids.map((_, at) => at + 1));
    for (const stream of streams) expect(stream.ids().slice(0, end)).toEqual(ids);
    const half = ids[Math.floor(end / 2)] ?? "";
    const resumed = await listen(cluster.nodes[2] as Seat, half);
    await eventually("the rest came", async () =>
      resumed.ids().length >= end - Math.floor(end / 2) - 1 ? true : undefined,
    );
    expect(resumed.ids().slice(0, 2)).toEqual(ids.slice(Math.floor(end / 2) + 1, Math.floor(end / 2) + 3));
    for (const stream of [...streams, resumed]) stream.close();
  });
});

test("in each engine the threads of V8 give way to the one that trades", async () => {
  const pids = await Promise.all(cluster.nodes.map((node) => node.enginePid()));
  for (const pid of pids) {
    const stats = readdirSync(`/proc/${pid}/task`).map((task) =>
      readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8"),
    );
    const niceness = stats
      .filter((stat) => stat.includes("(V8Worker)"))
      .map((stat) => stat.split(") ")[1]?.split(" ")[16]);
    expect(new Set(niceness)).toEqual(new Set(["19"]));
  }
});

test("the metrics are fed: what was placed is counted and timed", async () => {
  const { leader } = await seats();
  const { body } = await call(leader, "GET", "/metrics");
  const value = (name: string): number => Number(new RegExp(`^baton_${name} (\\S+)$`, "m").exec(body)?.[1] ?? "NaN");
  expect(value("leader")).toBe(1);
  expect(value("epoch")).toBeGreaterThanOrEqual(1);
  expect(value("deadline_slack_seconds")).toBeGreaterThan(0);
  expect(value('intents_total\\{outcome="accepted"\\}')).toBeGreaterThanOrEqual(3);
  expect(value('intents_total\\{outcome="refused"\\}')).toBeGreaterThanOrEqual(3);
  expect(value("order_ack_seconds_count")).toBeGreaterThanOrEqual(3);
  expect(value("journal_commit_seconds_count")).toBeGreaterThanOrEqual(3);
  expect(value("journal_fsync_seconds_count")).toBeGreaterThanOrEqual(3);
  expect(value('takeover_seconds_count\\{phase="elect"\\}')).toBe(1);
  expect(value("event_loop_lag_seconds_count")).toBeGreaterThan(10);
  expect(value('balance\\{venue="sim",currency="USDT"\\}')).toBeGreaterThan(0);
  expect(value('book_depth_quote\\{feed="sim-book",symbol="BTC/USDT",side="bid"\\}')).toBeGreaterThan(0);
  expect(
    value('api_request_seconds_count\\{venue="sim",call="order.place",outcome="accepted"\\}'),
  ).toBeGreaterThanOrEqual(3);
});

test("a standby's books are the leader's at the same update, and it says so", async () => {
  const { leader, standbys } = await seats();
  for (const standby of standbys) {
    const feeds = await eventually("the books were compared", async () => {
      const { body } = await call(standby, "GET", "/v1/feeds");
      return body.feeds.every((feed: any) => feed.drift !== null) ? body.feeds : undefined;
    });
    for (const feed of feeds) {
      expect(feed).toMatchObject({ drift: { isEqual: true }, tradesMissing: 0 });
    }
    await untilLive(standby);
    const { body } = await call(standby, "GET", "/metrics");
    expect(body).toMatch(/^baton_book_drift\{feed="sim-book",symbol="BTC\/USDT"\} 0$/m);
  }
  const [feed] = await untilLive(leader);
  expect(feed.drift).toBe(null);
});

/** Its feeds, once each stands on one line that is live: one that stood still for a moment may be making a new one. */
function untilLive(node: Seat): Promise<any[]> {
  return eventually("each feed has one line, and that is live", async () => {
    const { body } = await call(node, "GET", "/v1/feeds");
    const isSo = body.feeds.every(({ lines }: any) => lines.length === 1 && lines[0].state === "live");
    if (!isSo) throw new Error(JSON.stringify(body.feeds));
    return body.feeds;
  });
}

test("a kill takes the open orders back and refuses new ones until it is lifted", async () => {
  const [node] = (await seats()).standbys as [Seat];
  const open = async (): Promise<any[]> => (await call(node, "GET", "/v1/orders")).body.orders;
  expect((await open()).length).toBeGreaterThanOrEqual(1);
  expect((await operate(node, { what: "kill", level: "cluster" })).status).toBe(202);
  await eventually("no order is open", async () => ((await open()).length === 0 ? true : undefined));
  expect(await call(node, "POST", "/v1/orders", { body: await restingBuy(node) })).toMatchObject({
    status: 422,
    body: { code: "kill-cluster" },
  });
  expect((await operate(node, { what: "unkill" })).status).toBe(202);
  await eventually("orders pass again", async () => {
    const { status } = await call(node, "POST", "/v1/orders", { body: await restingBuy(node), key: "after-unkill" });
    return status === 202 ? true : undefined;
  });
});

test("switchovers under load refuse no request for ever, and cancel, replace and doubt no order", async () => {
  const seen = await switchUnderLoad(cluster, { perSecond: 150, switchovers: 2, everyMs: 1_500, restingOrders: 10 });
  const none = { givenUp: 0, cancelled: 0, replaced: 0, restingLost: 0, inDoubt: 0, findings: [] };
  expect(seen).toMatchObject({ ...none, switchovers: 2 });
  expect(seen.acknowledged).toBeGreaterThan(300);
  expect(seen.longestGapMs).toBeGreaterThan(0);
});

test("an exchange that goes away loses no intent: each ends, or is in doubt until it is back", async () => {
  const { leader } = await seats();
  const before = auditEnd(cluster);
  const order = await restingBuy(leader);
  // The next answer is lost after acceptance; then nothing answers for a while.
  await arm(cluster, { fault: "ack-lost", match: { call: "order.place" }, count: 1 });
  const lost = await call(leader, "POST", "/v1/orders", { body: order, key: randomUUID() });
  expect(lost.status).toBe(202);
  await eventually("it reached the exchange", async () => (placed(cluster, before).length > 0 ? true : undefined));
  await arm(cluster, { fault: "venue-down", mode: "reset", durationMs: 3_000 });
  const asked = await Promise.all(
    [1, 2, 3].map(() => call(leader, "POST", "/v1/orders", { body: order, key: randomUUID() })),
  );
  const taken = [lost, ...asked.filter(({ status }) => status === 202)].map(({ body }) => body.intentId as string);
  for (const each of asked) expect([202, 422, 503]).toContain(each.status);
  const views = await eventually(
    "every intent has its end",
    async () => {
      const { leader: now } = await seats();
      const found = await Promise.all(taken.map((id) => statusOf(now, id)));
      return found.every((view) => ["new", "filled", "not-sent", "rejected"].includes(view.status)) ? found : undefined;
    },
    90_000,
  );
  expect(views[0]).toMatchObject({ status: "new", outcome: "accepted" });
  const accepted = auditOf(cluster).filter((record) => record.type === "accept" && record.n > before);
  const ids = new Set(views.flatMap((view) => view.clientOrderIds as string[]));
  const ours = accepted.filter((record) => "clientOrderId" in record && ids.has(record.clientOrderId ?? ""));
  expect(ours).toHaveLength(views.filter((view) => view.status === "new" || view.status === "filled").length);
});

test("etcd away: no order after the deadline, the state stays readable, and trading goes on when it is back", async () => {
  const { leader, standbys } = await seats();
  const body = await restingBuy(leader);
  await Promise.all(cluster.etcd.members.map((member) => member.kill()));
  // Nobody can take over meanwhile: who led is the only one that could take an order, until its deadline.
  const before = auditEnd(cluster);
  let taken = 0;
  await eventually("the leader takes no order any more", async () => {
    const told = await call(leader, "POST", "/v1/orders", { body, key: randomUUID() });
    if (told.status === 503 && told.body.code === "refused") return true;
    taken += 1;
    return undefined;
  });
  // Who led has a new boot. Without etcd it comes as far as warm streams and what its journal holds, and says what it lacks.
  const started = await eventually("the new boot answers", async () => {
    const told = await call(leader, "GET", "/cluster");
    return told.status === 200 && told.body.node.role === "starting" ? told.body : undefined;
  });
  // What its old boot sent in time may be read by the exchange a little later; after two more turns of it nothing is left.
  await eventually("the exchange has read what was sent to it", async () => {
    for (let turn = 0; turn < 2; turn += 1) await fetch(`${cluster.exchange.endpoint}/api/v3/ping`);
    return true;
  });
  const quiet = auditEnd(cluster);
  expect(placed(cluster, before).length).toBeLessThanOrEqual(taken);
  for (const node of standbys) {
    await eventually("the node says that etcd is away", async () => {
      const { body: view } = await call(node, "GET", "/cluster");
      return view.trading.isAllowed === false && view.etcd.isReachable === false ? true : undefined;
    });
    await eventually("its streams are warm", async () =>
      (await call(node, "GET", "/v1/books/BTC/USDT")).body.quality === "live" ? true : undefined,
    );
    expect((await call(node, "POST", "/v1/orders", { body })).status).toBe(503);
  }
  expect(started).toMatchObject({ leader: null, insync: null, etcd: { isReachable: false, ageMs: null } });
  expect(started.trading.reasons).toContain("etcd does not answer this node, which does not know who leads");
  expect(started.members).toMatchObject([{ node: leader.id, reasons: [{ code: "starting" }] }]);
  expect(started.members[0].position.durable).toBeGreaterThan(20);
  await eventually("its streams are warm too", async () =>
    (await call(leader, "GET", "/v1/books/BTC/USDT")).body.quality === "live" ? true : undefined,
  );
  const held = await listen(leader, "0:0");
  await eventually("what its journal holds can be read", async () => (held.ids().length > 20 ? true : undefined));
  held.close();
  expect((await call(leader, "GET", "/metrics")).body).toMatch(/^baton_promotable\{reason="starting"\} 0$/m);
  expect((await call(leader, "GET", "/health")).status).toBe(503);
  expect((await call(leader, "POST", "/v1/orders", { body })).status).toBe(503);
  expect(placed(cluster, quiet)).toEqual([]);
  await Promise.all(cluster.etcd.members.map((member) => member.restart()));
  const passed = await callLeader(cluster, 202, async (node) =>
    call(node, "POST", "/v1/orders", { body: await restingBuy(node), key: "after-etcd" }),
  );
  await eventually("it is placed", async () => {
    const view = await statusOf(await cluster.leader(), passed.body.intentId);
    return view.status === "new" ? true : undefined;
  });
});

test("after it all, the three journals chain and hold the same", async () => {
  await cluster.untilInSync();
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  const reports = await Promise.all(cluster.nodes.map((node) => verifyJournal(`${node.dataDir}/journal.db`)));
  for (const report of reports) expect(report).toMatchObject({ sound: true });
  const { journals } = await cluster.evidence();
  const shared = Math.min(...journals.map((journal) => journal.committed));
  expect(shared).toBeGreaterThan(20);
  const [first] = journals;
  for (const journal of journals) expect(journal.texts.slice(0, shared)).toEqual(first?.texts.slice(0, shared));
});

/** Listens to the events of a node after a position. */
async function listen(node: Seat, after: string): Promise<{ text(): string; ids(): readonly string[]; close(): void }> {
  const stop = new AbortController();
  const answer = await fetch(`${node.endpoint}/v1/events?after=${after}`, { signal: stop.signal });
  let text = "";
  const decoder = new TextDecoder();
  void (async () => {
    try {
      for await (const part of answer.body ?? []) text += decoder.decode(part, { stream: true });
    } catch {
      // Closed by the test.
    }
  })();
  return {
    text: () => text,
    ids: () => [...text.matchAll(/^id: (.*)\n/gm)].map((match) => match[1] ?? ""),
    close: () => stop.abort(),
  };
}
