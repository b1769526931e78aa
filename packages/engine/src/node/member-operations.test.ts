import type { Etcd } from "@baton/cluster";
import { id, wallMs } from "@baton/core";
import type {
  EtcdView,
  HistoryRecord,
  JournalId,
  MemberChange,
  MemberSettings,
  NodeId,
  OperationId,
  OperationRecord,
  OperationRequest,
  Versioned,
} from "@baton/core";
import { describe, expect, test } from "vitest";
import type { Answer } from "../api/server.ts";
import { Operations } from "./operations.ts";
import type { OperationPorts } from "./operations.ts";

const [a, b, c] = ["a", "b", "c"].map((node) => id<NodeId>(node)) as [NodeId, NodeId, NodeId];
const ref = id<OperationId>("op-1");
const reason = "disk";

/** What is written to etcd, guarded as the real one is: by the revision of each key. */
class EtcdInMemory {
  revision = 1;
  leader: NodeId | undefined = a;
  epoch: Versioned<number> = { value: 1, modRevision: "1" };
  insync = { members: [a, b, c].map((node) => ({ node, journal: id<JournalId>(`disk-${node}`) })), modRevision: "1" };
  readonly operations = new Map<OperationId, Versioned<OperationRecord>>();
  readonly settings = new Map<NodeId, Versioned<MemberSettings>>();
  history: HistoryRecord[] = [];
  /** Runs once, between the next read and what follows from it. */
  meanwhile: (() => void) | undefined;

  view(): EtcdView {
    const leader = this.leader;
    const members = [a, b, c].map((node) => [node, { node, journal: id<JournalId>(`disk-${node}`) }] as const);
    const { members: inSync, modRevision } = this.insync;
    return {
      epoch: this.epoch,
      leader: leader === undefined ? undefined : { value: { node: leader }, modRevision: "1" },
      insync: { value: { epoch: 1, version: 1, members: inSync }, modRevision },
      members: new Map(members),
      operations: new Map(this.operations),
      settings: new Map(this.settings),
    } as unknown as EtcdView;
  }

  moved(epoch: number, leader: NodeId, operation?: OperationId): void {
    this.epoch = { value: epoch, modRevision: this.#next() };
    this.leader = leader;
    const made = { epoch, node: leader, reason: "switchover", ...(operation !== undefined && { operation }) };
    this.history.push(made as unknown as HistoryRecord);
  }

  asEtcd(): Etcd {
    return {
      read: () => {
        const view = this.view();
        this.meanwhile?.();
        this.meanwhile = undefined;
        return Promise.resolve(view);
      },
      history: () => Promise.resolve(this.history),
      putOperation: (record: OperationRecord, modRevision: string, change?: MemberChange) => {
        const { settingsModRevision, epochModRevision, insyncModRevision } = change?.guard ?? {};
        const isAsRead =
          (this.operations.get(record.id)?.modRevision ?? "0") === modRevision &&
          (change === undefined || (this.settings.get(change.node)?.modRevision ?? "0") === settingsModRevision) &&
          (epochModRevision ?? this.epoch.modRevision) === this.epoch.modRevision &&
          (insyncModRevision ?? this.insync.modRevision) === this.insync.modRevision;
        if (!isAsRead) return Promise.resolve({ kind: "conflict" });
        const revision = this.#next();
        this.operations.set(record.id, { value: record, modRevision: revision });
        if (change !== undefined) this.settings.set(change.node, { value: change.settings, modRevision: revision });
        return Promise.resolve({ kind: "stored", modRevision: revision });
      },
      giveUpOperation: (target: Versioned<OperationRecord>, record: OperationRecord) => {
        if (this.operations.get(target.value.id)?.modRevision !== target.modRevision)
          return Promise.resolve({ kind: "conflict" });
        const revision = this.#next();
        const given: OperationRecord = { ...target.value, phase: "aborted", detail: "given up" };
        this.operations.set(given.id, { value: given, modRevision: revision });
        this.operations.set(record.id, { value: record, modRevision: revision });
        return Promise.resolve({ kind: "stored", modRevision: revision });
      },
    } as unknown as Etcd;
  }

  /** An operation was written so much earlier. */
  age(operation: OperationId, byMs: number): void {
    const found = this.operations.get(operation);
    if (found === undefined) throw new Error(`there is no operation ${operation}`);
    const updatedWallMs = wallMs(found.value.updatedWallMs - byMs);
    this.operations.set(operation, { ...found, value: { ...found.value, updatedWallMs } });
  }

  #next(): string {
    this.revision += 1;
    return `${this.revision}`;
  }
}

/** One node's operations over it, and what they asked the node to do. */
function nodeOf(etcd: EtcdInMemory, node: NodeId, more: Partial<OperationPorts> = {}) {
  const done: string[] = [];
  const operations = new Operations({
    ...{ node, cluster: "demo", etcd: etcd.asEtcd(), venues: [], nodes: [a, b, c] },
    journal: id<JournalId>(`disk-${node}`),
    killHere: () => Promise.resolve(false),
    say: (_event, sentence) => void done.push(sentence),
    whenRead: () => Promise.resolve(),
    switchover: (operation, to) => void done.push(`switchover ${operation} ${to ?? "to anybody"}`),
    failover: ({ id: operation }) => void done.push(`failover ${operation}`),
    abort: () => "past this point",
    reinit: (operation) => void done.push(`reinit ${operation}`),
    ...more,
  });
  const turn = async (): Promise<void> => {
    operations.tend(etcd.view(), etcd.leader === node);
    for (let n = 0; n < 20; n += 1) await Promise.resolve();
  };
  const ask = (request: OperationRequest): Promise<Answer> => operations.ask(request, "ann");
  return { operations, done, turn, ask };
}

const record = (etcd: EtcdInMemory, of = ref): OperationRecord | undefined => etcd.operations.get(of)?.value;
const standing = (etcd: EtcdInMemory, node: NodeId) => etcd.settings.get(node)?.value.standing?.kind;
const drain = (node: NodeId): OperationRequest => ({ id: ref, what: "drain", node, reason });

describe("a drain", () => {
  test("of a standby is done in the write that records it, and asked again it is answered the same", async () => {
    const etcd = new EtcdInMemory();
    const { ask } = nodeOf(etcd, c);
    const first = await ask(drain(b));
    expect(first).toMatchObject({ status: 202, body: { what: "drain", node: b, phase: "done" } });
    expect(standing(etcd, b)).toBe("drained");
    expect(await ask(drain(b))).toEqual(first);
    expect(await ask(drain(c))).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(standing(etcd, c)).toBeUndefined();
  });

  test("of the leader hands over first, and is set together with the word that it is done", async () => {
    const etcd = new EtcdInMemory();
    const leader = nodeOf(etcd, a);
    expect(await nodeOf(etcd, b).ask(drain(a))).toMatchObject({ body: { phase: "asked" } });
    expect(standing(etcd, a)).toBeUndefined();
    await leader.turn();
    expect(leader.done).toEqual(["switchover op-1 to anybody"]);
    expect(record(etcd)).toMatchObject({ phase: "running" });
    etcd.moved(2, b, ref);
    await leader.operations.ended(ref, "done", "epoch 2 was handed to b", 2);
    expect(record(etcd)).toMatchObject({ phase: "done", epoch: 2, detail: expect.stringContaining("undrained") });
    expect(standing(etcd, a)).toBe("drained");
  });

  test("of a leader that cannot hand over changes nothing", async () => {
    const etcd = new EtcdInMemory();
    const leader = nodeOf(etcd, a);
    await leader.ask(drain(a));
    await leader.turn();
    await leader.operations.ended(ref, "failed", "b: its link is down");
    expect(record(etcd)).toMatchObject({ phase: "failed", detail: "b: its link is down" });
    expect(standing(etcd, a)).toBeUndefined();
  });

  test("whose leader died right after the handover is ended by its successor when it was silent for two seconds, and set", async () => {
    const etcd = new EtcdInMemory();
    const leader = nodeOf(etcd, a);
    await leader.ask(drain(a));
    await leader.turn();
    etcd.moved(2, b, ref);
    const successor = nodeOf(etcd, b);
    await successor.turn();
    expect(record(etcd)).toMatchObject({ phase: "running" });
    etcd.age(ref, 2_000);
    await successor.turn();
    expect(record(etcd)).toMatchObject({ phase: "done", detail: expect.stringContaining("b leads since epoch 2") });
    expect(standing(etcd, a)).toBe("drained");
  });

  test("that finds its node leading no more hands nothing over", async () => {
    const etcd = new EtcdInMemory();
    await nodeOf(etcd, b).ask(drain(a));
    etcd.moved(2, b);
    const next = nodeOf(etcd, b);
    await next.turn();
    expect(next.done).toEqual([]);
    expect(record(etcd)).toMatchObject({ phase: "done" });
    expect(standing(etcd, a)).toBe("drained");
  });

  test("of a standby that wins in the same moment is decided anew: it leads, and hands over first", async () => {
    const etcd = new EtcdInMemory();
    const { ask } = nodeOf(etcd, c);
    etcd.meanwhile = () => etcd.moved(2, b);
    expect(await ask(drain(b))).toMatchObject({ body: { phase: "asked" } });
    expect(standing(etcd, b)).toBeUndefined();
  });
});

describe("giving an operation up", () => {
  const switchover: OperationRequest = { id: ref, what: "switchover", to: b, reason };
  const abort: OperationRequest = { id: id<OperationId>("op-2"), what: "abort", target: ref, reason: "wrong node" };
  const other = id<OperationId>("op-2");

  test("that nobody has taken up ends it in one write", async () => {
    const etcd = new EtcdInMemory();
    const leader = nodeOf(etcd, a);
    await leader.ask(switchover);
    const first = await leader.ask(abort);
    expect(first).toMatchObject({ status: 202, body: { phase: "done", target: ref } });
    expect(record(etcd)).toMatchObject({ phase: "aborted" });
    await leader.turn();
    expect(leader.done).toEqual([]);
    expect(await leader.ask(abort)).toEqual(first);
  });

  test("that the leader carries out is the leader's: it goes on, or says that the point of no return is past", async () => {
    for (const [past, phase, detail] of [
      [undefined, "done", "op-1 is given up: the leader goes on"],
      ["the handoff to b has been asked of etcd", "failed", "the handoff to b has been asked of etcd"],
    ] as const) {
      const etcd = new EtcdInMemory();
      const told: string[] = [];
      const leader = nodeOf(etcd, a, {
        abort: (operation, why) => {
          told.push(`${operation}: ${why}`);
          return past;
        },
      });
      await leader.ask(switchover);
      await leader.turn();
      expect(await nodeOf(etcd, c).ask(abort)).toMatchObject({ status: 202, body: { phase: "asked" } });
      await leader.turn();
      expect(told).toEqual(["op-1: ann gave it up: wrong node"]);
      expect(record(etcd, other)).toMatchObject({ phase, detail });
    }
  });

  test("that has ended, or that cannot be given up, is a conflict; one that is not there is not found", async () => {
    const etcd = new EtcdInMemory();
    const node = nodeOf(etcd, a);
    expect(await node.ask(abort)).toMatchObject({ status: 404 });
    await node.ask(drain(b));
    expect(await node.ask(abort)).toMatchObject({
      ...{ status: 409, body: { code: "conflict", detail: expect.stringContaining("has ended: done") } },
    });
    etcd.operations.clear();
    await node.ask({ id: ref, what: "remove", node: b, reason });
    expect(await node.ask(abort)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("carried out") },
    });
  });
});

describe("a journal's rebuilding", () => {
  const reinit: OperationRequest = { id: ref, what: "reinit", node: b, reason };

  test("is done by its own node, begun again by a boot that still has the old journal, and ended by the leader", async () => {
    const etcd = new EtcdInMemory();
    const leader = nodeOf(etcd, a);
    const own = nodeOf(etcd, b);
    expect(await leader.ask(reinit)).toMatchObject({ status: 202, body: { phase: "asked" } });
    await leader.turn();
    await own.turn();
    await own.turn();
    expect([leader.done, own.done]).toEqual([[], ["reinit op-1"]]);
    expect(record(etcd)).toMatchObject({ phase: "running", journal: "disk-b" });
    const reborn = nodeOf(etcd, b);
    await reborn.turn();
    expect(reborn.done).toEqual(["reinit op-1"]);
    const rebuilt = nodeOf(etcd, b, { journal: id<JournalId>("disk-b2") });
    await rebuilt.turn();
    expect(rebuilt.done).toEqual([]);
    etcd.insync = {
      ...etcd.insync,
      members: [a, b].map((node) => ({ node, journal: id<JournalId>(`disk-${node}2`) })),
    };
    await leader.turn();
    expect(record(etcd)).toMatchObject({ phase: "done", detail: expect.stringContaining("disk-b2") });
  });

  test("is refused before anything is recorded where it would leave no second copy, and by the node itself later", async () => {
    const etcd = new EtcdInMemory();
    await nodeOf(etcd, a).ask(reinit);
    etcd.insync = { members: etcd.insync.members.filter((one) => one.node !== c), modRevision: "9" };
    const own = nodeOf(etcd, b);
    await own.turn();
    expect(own.done).toEqual([]);
    expect(record(etcd)).toMatchObject({ phase: "aborted", detail: expect.stringContaining("second copy") });
    const refused = await own.ask({ ...reinit, id: id<OperationId>("op-3") });
    expect(refused).toMatchObject({ status: 422, body: { code: "unsafe" } });
    expect(etcd.operations.size).toBe(1);
  });
});

describe("a node that comes up with its old journal in the middle of its rebuilding", () => {
  const reinit: OperationRequest = { id: ref, what: "reinit", node: b, reason };
  const begun = async (): Promise<EtcdInMemory> => {
    const etcd = new EtcdInMemory();
    const own = nodeOf(etcd, b);
    await own.ask(reinit);
    await own.turn();
    expect(own.done).toEqual(["reinit op-1"]);
    return etcd;
  };

  test("and leads by now keeps it: it is what the others follow", async () => {
    const etcd = await begun();
    etcd.moved(2, b);
    const reborn = nodeOf(etcd, b);
    await reborn.turn();
    await reborn.turn();
    expect(reborn.done).toEqual([]);
    expect(record(etcd)).toMatchObject({ phase: "aborted", detail: "b leads with this journal now" });
  });

  test("waits while it holds the last copy beside the leader, or nobody leads", async () => {
    const etcd = await begun();
    const { members } = etcd.insync;
    etcd.insync = { members: members.filter((one) => one.node !== c), modRevision: "9" };
    const reborn = nodeOf(etcd, b);
    await reborn.turn();
    etcd.insync = { members, modRevision: "10" };
    etcd.leader = undefined;
    await reborn.turn();
    expect(reborn.done).toEqual([]);
    expect(record(etcd)).toMatchObject({ phase: "running" });
    etcd.leader = a;
    await reborn.turn();
    expect(reborn.done).toEqual(["reinit op-1"]);
  });
});

test("a member that the configuration does not name is refused with the name of the field", async () => {
  const { ask } = nodeOf(new EtcdInMemory(), a);
  expect(await ask(drain(id<NodeId>("zoe")))).toMatchObject({ status: 422, body: { code: "invalid", field: "node" } });
});
