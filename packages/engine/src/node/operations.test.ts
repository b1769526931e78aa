import type { Etcd } from "@baton/cluster";
import { id, wallMs } from "@baton/core";
import type { EtcdView, JournalId, NodeId, OperationId, OperationRecord, OperationRequest } from "@baton/core";
import { expect, test } from "vitest";
import type { Answer } from "../api/server.ts";
import { Operations } from "./operations.ts";

/** Operations over an etcd in memory, which writes them down in `stored` and shows b with its journal. */
function asking(
  stored = new Map<OperationId, { value: OperationRecord; modRevision: string }>(),
): (request: OperationRequest) => Promise<Answer> {
  const put = (record: OperationRecord): OperationRecord => {
    const known = stored.get(record.id)?.value;
    if (known === undefined) stored.set(record.id, { value: record, modRevision: "1" });
    return known ?? record;
  };
  const etcd = {
    carryOut: (record: OperationRecord) => Promise.resolve(put(record)),
    putOperation: (record: OperationRecord) =>
      Promise.resolve({ kind: put(record) === record ? "stored" : "conflict" }),
    read: () =>
      Promise.resolve({
        operations: stored,
        members: new Map([[id<NodeId>("b"), { journal: id<JournalId>("disk-b") }]]),
      }),
  } as unknown as Etcd;
  const none = (): never => {
    throw new Error("nothing is carried out here");
  };
  const operations = new Operations({
    ...{ node: id<NodeId>("a"), cluster: "demo", etcd, venues: [], killHere: none, say: () => undefined },
    ...{ whenRead: () => Promise.resolve(), switchover: none, failover: none, abort: none, reinit: none },
    ...{ nodes: ["a", "b", "c"].map((node) => id<NodeId>(node)), journal: id<JournalId>("disk-a") },
  });
  return (request) => operations.ask(request, "ann");
}

const ref = id<OperationId>("op-1");
const reason = "patch";
const kill = { id: ref, what: "kill", level: "strategy", reason } as const;

test("an operation that is asked again under its id is answered with the first one", async () => {
  for (const request of [
    { id: ref, what: "switchover", to: id<NodeId>("b"), reason },
    { id: ref, what: "failover", to: id<NodeId>("b"), reason },
    { id: ref, what: "pause", forMs: 60_000, reason },
    { id: ref, what: "autofailover", mode: "off", reason },
    { ...kill, target: "dip-buyer" },
  ] as const) {
    const ask = asking();
    const first = await ask(request);
    expect(first, request.what).toMatchObject({ status: 202, body: { id: ref, what: request.what } });
    expect(await ask(request), request.what).toEqual(first);
  }
});

test("another operation under an id that is taken is a conflict: it was not done, and must not look so", async () => {
  for (const [request, other] of [
    [
      { id: ref, what: "switchover", to: id<NodeId>("b"), reason },
      { id: ref, what: "switchover", to: id<NodeId>("c"), reason },
    ],
    [{ id: ref, what: "resume", reason }, kill],
    [
      { ...kill, target: "dip-buyer" },
      { ...kill, target: "maker" },
    ],
    [
      { id: ref, what: "autofailover", mode: "off", reason },
      { id: ref, what: "autofailover", mode: "on", reason },
    ],
  ] as const) {
    const ask = asking();
    await ask(request);
    expect(await ask(other)).toMatchObject({ status: 409, body: { code: "conflict", field: "id" } });
  }
});

test("a failover that may lose data is written down with the journal whose loss was stated, else with the one etcd shows", async () => {
  const lossy = { what: "failover", to: id<NodeId>("b"), reason, allowDataLoss: true, cluster: "demo" } as const;
  const stored = new Map<OperationId, { value: OperationRecord; modRevision: string }>();
  const ask = asking(stored);
  const [shown, stated, safe] = ["shown", "stated", "safe"].map((name) => id<OperationId>(name));
  await ask({ ...lossy, id: shown! });
  await ask({ ...lossy, id: stated!, journal: id<JournalId>("disk-before") });
  await ask({ id: safe!, what: "failover", to: id<NodeId>("b"), reason });
  expect(stored.get(shown!)?.value).toMatchObject({ allowDataLoss: true, journal: "disk-b" });
  expect(stored.get(stated!)?.value).toMatchObject({ allowDataLoss: true, journal: "disk-before" });
  expect(stored.get(safe!)?.value).not.toHaveProperty("journal");
});

test("a view that is older than the taking of an operation does not make it nobody's: it is not called aborted while it is done", async () => {
  const asked: OperationRecord = {
    ...{ id: ref, what: "switchover", by: "ann", reason, phase: "asked", detail: "waits for the leader" },
    updatedWallMs: wallMs(Date.now()),
  };
  let stands = { value: asked, modRevision: "7" };
  let revision = 7;
  const etcd = {
    putOperation: (value: OperationRecord, modRevision: string) => {
      if (modRevision !== stands.modRevision) return Promise.resolve({ kind: "conflict" });
      stands = { value, modRevision: `${(revision += 1)}` };
      return Promise.resolve({ kind: "stored" });
    },
    history: () => Promise.resolve([]),
  } as unknown as Etcd;
  const none = (): never => {
    throw new Error("this is not carried out here");
  };
  const begun: OperationId[] = [];
  const operations = new Operations({
    ...{ node: id<NodeId>("a"), cluster: "demo", etcd, venues: [], killHere: none, say: none },
    ...{ whenRead: () => Promise.resolve(), failover: none, abort: none, reinit: none },
    ...{ nodes: [id<NodeId>("a")], journal: id<JournalId>("disk-a"), switchover: (operation) => begun.push(operation) },
  });
  const viewWith = (shown: typeof stands): EtcdView =>
    ({ epoch: { value: 4 }, operations: new Map([[ref, shown]]) }) as unknown as EtcdView;
  const settled = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
  const stale = viewWith(stands);
  operations.tend(stale, true);
  await settled();
  expect([begun, stands.value.phase]).toEqual([[ref], "running"]);

  operations.tend(stale, true);
  await settled();
  operations.tend(viewWith(stands), true);
  await settled();

  expect([begun, stands.value.phase]).toEqual([[ref], "running"]);
});

test("what another node runs is left to its own word for two seconds; after that the leader looks in the history", async () => {
  const running = (ageMs: number): OperationRecord => ({
    ...{ id: ref, what: "switchover", by: "ann", reason, phase: "running", detail: "the leader hands over", epoch: 5 },
    updatedWallMs: wallMs(Date.now() - ageMs),
  });
  const written: OperationRecord[] = [];
  let historiesRead = 0;
  const etcd = {
    putOperation: (value: OperationRecord) => {
      written.push(value);
      return Promise.resolve({ kind: "stored" });
    },
    history: () => {
      historiesRead += 1;
      return Promise.resolve([{ epoch: 5, node: "b", operation: ref }]);
    },
  } as unknown as Etcd;
  const none = (): never => {
    throw new Error("this is not carried out here");
  };
  const operations = new Operations({
    ...{ node: id<NodeId>("b"), cluster: "demo", etcd, venues: [], killHere: none, say: none },
    ...{ whenRead: () => Promise.resolve(), failover: none, abort: none, reinit: none, switchover: none },
    ...{ nodes: [id<NodeId>("a"), id<NodeId>("b")], journal: id<JournalId>("disk-b") },
  });
  const tend = async (ageMs: number): Promise<void> => {
    const shown = { value: running(ageMs), modRevision: "7" };
    operations.tend({ epoch: { value: 5 }, operations: new Map([[ref, shown]]) } as unknown as EtcdView, true);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await tend(1_000);
  expect([historiesRead, written]).toEqual([0, []]);
  await tend(2_001);
  expect(historiesRead).toBe(1);
  expect(written).toMatchObject([{ phase: "done", epoch: 5, detail: "b leads since epoch 5" }]);
});
