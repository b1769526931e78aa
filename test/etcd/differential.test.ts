/**
 * The simulated etcd does not lie: one seeded story of leases, guarded transactions, stale guards, copies that come twice,
 * presence and operators' writes is told to the simulation's store and to a real etcd. After each step both must have
 * answered the same and show the same. Revisions are compared by the step that first showed them, since etcd counts more
 * than our writes; what the simulation decides by itself (when an answer is lost, how late a watch wakes) is not compared.
 */
import { randomUUID } from "node:crypto";
import type {
  BootId,
  ClusterId,
  EtcdView,
  JournalId,
  LeaseId,
  Member,
  MemberRecord,
  NodeId,
  OperationId,
  OperationRecord,
  Transaction,
} from "@baton/core";
import { id, wallMs } from "@baton/core";
import { connectEtcd } from "@baton/cluster";
import type { Etcd, EtcdAccess } from "@baton/cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEtcd } from "../rig/etcd.ts";
import type { EtcdRig } from "../rig/etcd.ts";
import { Dice } from "../simulation/world/dice.ts";
import { EtcdStore } from "../simulation/world/etcd-store.ts";

const nodes = ["a", "b", "c"].map((node) => id<NodeId>(node));
const journalOf = (node: NodeId): JournalId => id<JournalId>(`journal-${node}`);
const everybody: readonly Member[] = nodes.map((node) => ({ node, journal: journalOf(node) }));

/** What is told to both. A refusal is one word: what is done about it is the core's. */
interface Backend {
  read(): Promise<EtcdView>;
  transact(transaction: Transaction): Promise<"committed" | "refused" | "unknown">;
  grant(): Promise<LeaseId>;
  endLease(lease: LeaseId): Promise<void>;
  publish(record: MemberRecord): Promise<"stands" | "refused">;
  putOperation(record: OperationRecord, guard: string): Promise<"stored" | "conflict">;
  countBoot(journal: JournalId, boot: BootId, count: number): Promise<"counted" | "rolled-back">;
  setAutofailover(value: "on" | "observe"): Promise<void>;
  setPause(isPaused: boolean): Promise<void>;
}

function simulated(): Backend {
  const store = new EtcdStore({ cluster: id<ClusterId>("c"), members: everybody, before: () => undefined });
  let leases = 0;
  return {
    read: async () => store.view(),
    async transact(transaction) {
      const { kind } = store.transact(transaction);
      // One copy is all that was sent: what is open to another is refused.
      return kind === "open" ? "refused" : kind;
    },
    async grant() {
      const lease = id<LeaseId>(`lease-${(leases += 1)}`);
      store.leases.add(lease);
      return lease;
    },
    endLease: async (lease) => store.endLease(lease),
    publish: async (record) => (store.publish(record) === undefined ? "stands" : "refused"),
    putOperation: async (record, guard) => (store.putOperation(record, guard) ? "stored" : "conflict"),
    countBoot: async (journal, boot, count) =>
      store.countBoot(journal, { boot, count }) === undefined ? "counted" : "rolled-back",
    setAutofailover: async (value) => store.setAutofailover(value),
    setPause: async (isPaused) => store.setPause(isPaused ? { by: "ann", reason: "work" } : undefined),
  };
}

async function real(
  etcd: Etcd,
  revoke: (lease: LeaseId) => Promise<void>,
  grant: () => Promise<LeaseId>,
): Promise<Backend> {
  await etcd.initCluster({ id: id<ClusterId>("c"), members: everybody, schema: 1 });
  let operations = 0;
  const control = async (change: Parameters<Etcd["carryOut"]>[1]): Promise<void> => {
    const record = { id: id<OperationId>(`control-${(operations += 1)}`), what: "pause", by: "ann", reason: "work" };
    await etcd.carryOut({ ...record, what: "pause", phase: "done", detail: "", updatedWallMs: wallMs(1) }, change);
  };
  return {
    read: () => etcd.read(),
    transact: async (transaction) => (await etcd.transact(transaction)).kind,
    grant,
    endLease: revoke,
    publish: async (record) =>
      await etcd.publishMember(record).then(
        () => "stands" as const,
        () => "refused" as const,
      ),
    putOperation: async (record, guard) => (await etcd.putOperation(record, guard)).kind,
    countBoot: async (journal, boot, count) => (await etcd.countBoot(journal, { boot, count })).kind,
    setAutofailover: (value) => etcd.setAutofailover(value),
    setPause: (isPaused) =>
      control(
        isPaused ? { kind: "pause", record: { by: "ann", reason: "work" }, forSeconds: 600 } : { kind: "resume" },
      ),
  };
}

/** One side of the story: what it was given, and when it first saw each revision. */
class Side {
  readonly backend: Backend;
  readonly views: EtcdView[] = [];
  readonly leases: LeaseId[] = [];
  readonly asked: Transaction[] = [];
  readonly #seenAt = new Map<string, number>([["0", 0]]);

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** What it shows after a step, in words that do not depend on which etcd it is. */
  async shows(step: number): Promise<unknown> {
    const view = await this.backend.read();
    this.views.push(view);
    const at = (revision: string | undefined): number | undefined => {
      if (revision === undefined) return undefined;
      if (!this.#seenAt.has(revision)) this.#seenAt.set(revision, step);
      return this.#seenAt.get(revision);
    };
    const leaseAt = (lease: LeaseId | undefined): number => this.leases.indexOf(lease as LeaseId);
    const operations = [...view.operations]
      .filter(([name]) => name.startsWith("op-"))
      .toSorted(([x], [y]) => (x < y ? -1 : 1));
    return {
      epoch: [view.epoch.value, at(view.epoch.modRevision)],
      leader: [{ ...view.leader?.value, lease: leaseAt(view.leader?.value.lease) }, at(view.leader?.modRevision)],
      insync: [view.insync?.value, at(view.insync?.modRevision)],
      autofailover: [view.autofailover.value, at(view.autofailover.modRevision)],
      pause: [view.pause.value?.by, at(view.pause.modRevision)],
      members: [...view.members.values()]
        .map((one) => ({ ...one, lease: leaseAt(one.lease) }))
        .toSorted((x, y) => (x.node < y.node ? -1 : 1)),
      operations: operations.map(([name, one]) => [name, one.value, at(one.modRevision)]),
    };
  }
}

/** What one request is guarded on that is not of the newest read; most are right, so that each guard is met alone. */
const stale = ["nothing", "nothing", "nothing", "leader", "epoch", "insync", "autofailover", "pause"] as const;

/** The same dice for both: what is asked depends on the story so far, which both have seen alike. */
function transactionOf(side: Side, dice: Dice, step: number): Transaction | undefined {
  const view = side.views.at(-1);
  const earlier = side.views.at(-2 - dice.below(12)) ?? view;
  const what = dice.pick(stale);
  const seen = (key: (typeof stale)[number]): EtcdView | undefined => (what === key ? earlier : view);
  const lease = side.leases[side.leases.length - 1 - dice.below(Math.min(3, side.leases.length))];
  const node = dice.pick(nodes);
  const kind = dice.pick(["takeover", "set-insync", "set-insync", "handoff"] as const);
  const isAbsentAsked = dice.below(2) === 0;
  const hasControls = dice.below(2) === 0;
  const size = 1 + dice.below(3);
  if (view?.insync === undefined || lease === undefined) return undefined;
  const boot = id<BootId>(`boot-${node}`);
  const epoch = view.epoch.value + 1;
  const by = { boot: view.leader?.value.boot ?? boot, transaction: step };
  const insync = {
    epoch: view.epoch.value,
    version: view.insync.value.version + 1,
    members: everybody.slice(0, size),
    by,
  };
  const identity = { node, boot, epoch };
  const history = { ...identity, atWallMs: wallMs(step), position: step };
  const leader = { ...identity, lease, sinceWallMs: wallMs(step) };
  const insyncModRevision = seen("insync")?.insync?.modRevision ?? "0";
  const controls = {
    autofailoverModRevision: seen("autofailover")?.autofailover.modRevision ?? "0",
    pauseModRevision: seen("pause")?.pause.modRevision ?? "0",
  };
  if (kind === "takeover") {
    const reason = "expired";
    return {
      ...{ kind, id: step, requireLeaderAbsent: isAbsentAsked },
      guard: { epoch: seen("epoch")?.epoch ?? view.epoch, insyncModRevision, ...controls },
      leader: { ...leader, reason },
      insync: { ...insync, epoch, by: { boot, transaction: step } },
      history: { ...history, reason },
    };
  }
  const guard = {
    boot: view.leader?.value.boot ?? boot,
    epoch: seen("epoch")?.epoch.value ?? 0,
    insyncModRevision,
  };
  // Nobody asks so without leading.
  if (view.leader === undefined) return undefined;
  if (kind === "set-insync") return { kind, id: step, guard, insync };
  const reason = hasControls ? "yield" : "switchover";
  return {
    ...{ kind, id: step, guard: { ...guard, ...(hasControls && { controls }) } },
    leader: { ...leader, reason },
    history: { ...history, reason },
  };
}

async function takeStep(side: Side, dice: Dice, at: number): Promise<unknown> {
  const { backend } = side;
  const what = dice.below(22);
  const node = dice.pick(nodes);
  const flag = dice.below(2) === 0;
  const number = dice.below(5);
  const old = dice.below(1_000);
  if (what < 10) {
    const transaction = transactionOf(side, dice, at);
    if (transaction === undefined) return "nothing";
    side.asked.push(transaction);
    return [transaction.kind, await backend.transact(transaction)];
  }
  if (what === 10) {
    // A copy of an old request comes alive, or its answer was lost and it is asked again.
    const again = side.asked[side.asked.length - 1 - (old % Math.max(1, Math.min(4, side.asked.length)))];
    return again === undefined ? "nothing" : ["again", again.kind, await backend.transact(again)];
  }
  if (what <= 12) {
    side.leases.push(await backend.grant());
    return "granted";
  }
  if (what === 13) {
    const lease = side.leases[old % Math.max(1, side.leases.length)];
    if (lease !== undefined) await backend.endLease(lease);
    return "ended";
  }
  if (what <= 15) {
    const lease = side.leases.at(-1 - (number % Math.max(1, side.leases.length)));
    return lease === undefined ? "nothing" : ["publish", await backend.publish(recordOf(node, flag, lease, at))];
  }
  if (what === 16) return ["boot", await backend.countBoot(journalOf(node), id<BootId>(`boot-${old % 7}`), 1 + number)];
  if (what === 17) {
    const name = id<OperationId>(`op-${number}`);
    const known = side.views.at(-1)?.operations.get(name)?.modRevision ?? "0";
    const record = { id: name, what: "switchover", by: "ann", reason: "work", phase: "asked" } as const;
    const guard = old % 3 === 0 ? "0" : known;
    return ["operation", await backend.putOperation({ ...record, detail: `${at}`, updatedWallMs: wallMs(at) }, guard)];
  }
  if (what >= 20) await backend.setAutofailover(flag ? "on" : "observe");
  else await backend.setPause(flag);
  return "controlled";
}

function recordOf(node: NodeId, isSecond: boolean, lease: LeaseId, at: number): MemberRecord {
  return {
    ...{ node, boot: id<BootId>(`boot-${node}${isSecond && at % 3 === 0 ? "-twin" : ""}`), journal: journalOf(node) },
    ...{ lease, address: "127.0.0.1:1", site: "s", build: "b", configDigest: "d", schema: 1 },
    ...{ position: { epoch: 0, durable: at, committed: at }, unfit: [], reachesVenue: true, tags: [] },
  };
}

let rig: EtcdRig;
beforeAll(async () => {
  rig = await startEtcd({ members: 1 });
});
afterAll(() => rig?.stop());

test.each([1, 2, 3, 4])(
  "story %i: the simulated etcd answers and shows what the real one does",
  async (seed) => {
    const access: EtcdAccess = { endpoints: rig.endpoints, cluster: `story-${randomUUID()}`, callTimeoutMs: 15_000 };
    await using etcd = connectEtcd(access);
    const grant = async (): Promise<LeaseId> => {
      const answer = await fetch(`${rig.endpoints[0] ?? ""}/v3/lease/grant`, { method: "POST", body: '{"TTL":"600"}' });
      return id<LeaseId>(((await answer.json()) as { ID: string }).ID);
    };
    const sides = [
      new Side(simulated()),
      new Side(await real(etcd, (lease) => etcd.revokeLease(lease), grant)),
    ] as const;
    const told: Record<string, number> = {};
    for (const side of sides) await side.backend.setAutofailover("on");
    for (let at = 1; at <= 150; at++) {
      const [ours, theirs] = [await tell(sides[0], seed, at), await tell(sides[1], seed, at)];
      expect(ours, `step ${at} of story ${seed}`).toEqual(theirs);
      const word = JSON.stringify(ours.answer);
      told[word] = (told[word] ?? 0) + 1;
    }
    // A story in which nothing is won and nothing refused would prove nothing.
    for (const kind of ["takeover", "set-insync", "handoff"]) {
      expect(told[JSON.stringify([kind, "committed"])]).toBeGreaterThan(0);
      expect(told[JSON.stringify([kind, "refused"])]).toBeGreaterThan(0);
    }
  },
  120_000,
);

async function tell(
  side: Side,
  seed: number,
  at: number,
): Promise<{ readonly answer: unknown; readonly shows: unknown }> {
  const answer = await takeStep(side, new Dice(`story ${seed}, step ${at}`), at);
  return { answer, shows: await side.shows(at) };
}
