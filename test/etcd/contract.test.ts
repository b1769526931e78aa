/**
 * What the simulated etcd is made to do to its askers, done to a real one as well: an answer that is lost, a watch that is
 * late, and a restore of everything to an older state. The same few moves are made on both, through the client that each has;
 * what Baton rests on must come out alike. Where it does not, the simulation proves nothing of production.
 */
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { BootId, ClusterId, EtcdView, JournalId, LeaseId, Member, NodeId, Transaction } from "@baton/core";
import { id, wallMs } from "@baton/core";
import { connectEtcd } from "@baton/cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEtcd } from "../rig/etcd.ts";
import type { EtcdRig } from "../rig/etcd.ts";
import { openLink } from "../rig/link.ts";
import { Bent } from "../simulation/breaks/bent.ts";
import { EtcdClient } from "../simulation/engine/etcd-client.ts";
import { Agenda } from "../simulation/world/agenda.ts";
import { Dice } from "../simulation/world/dice.ts";
import { EtcdStore } from "../simulation/world/etcd-store.ts";
import { Etcd } from "../simulation/world/etcd.ts";
import { HostClock } from "../simulation/world/host-clock.ts";
import { Network } from "../simulation/world/network.ts";
import { Process } from "../simulation/world/process.ts";

const node = id<NodeId>("a");
const boot = id<BootId>("boot-a");
const members: readonly Member[] = ["a", "b"].map((name) => ({
  node: id<NodeId>(name),
  journal: id<JournalId>(`journal-${name}`),
}));

/** One etcd with one asker whose way to it can be spoilt. */
interface Side {
  read(): Promise<EtcdView>;
  transact(transaction: Transaction): Promise<string>;
  grant(): Promise<LeaseId>;
  /** Somebody else writes, over a way of its own. */
  writeElsewhere(): Promise<void>;
  /** From here on, until the answer is called, what etcd says does not reach the asker; what it asks does. */
  loseAnswers(): Promise<() => void>;
  /**
   * Once the asker's watch is open: counts its wakes. Those that name what changed are a watch's alone; the others say only
   * "read", and on the real side some come each second, whatever the watch hears.
   */
  watch(): Promise<() => { readonly named: number; readonly all: number }>;
  /** From here on the watch is told nothing before the answer is called. */
  lagWatch(): Promise<() => void>;
  /** All that etcd holds, kept; what is given back brings it back. */
  backUp(): Promise<() => Promise<void>>;
  /** Lets time pass: virtual on one side. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

async function simulated(): Promise<Side> {
  const agenda = new Agenda();
  const network = new Network(agenda, new Dice("contract network"));
  const store = new EtcdStore({ cluster: id<ClusterId>("c"), members, before: () => undefined });
  const temper = { electionMs: [600, 950] as const, late: { chance: 0, ms: 0 }, answerLoss: 0, watchLagMs: 0 };
  const etcd = new Etcd({ agenda, network, dice: new Dice("contract"), store, places: ["a"], temper });
  const process = new Process(agenda, new HostClock(agenda, { monoMs: 0, rate: 1, wallOffsetMs: 0 }), (error) => {
    throw error;
  });
  const client = new EtcdClient({ etcd, network, place: "a", process, bent: new Bent() });
  const told = <T>(ask: (done: (answer: T) => void) => void): Promise<T> => {
    const answers: T[] = [];
    ask((answer) => answers.push(answer));
    agenda.run(agenda.now + 5_000, () => answers.length > 0);
    const [answer] = answers;
    if (answer === undefined) throw new Error("nothing was answered");
    return Promise.resolve(answer);
  };
  return {
    async read() {
      const view = await told<EtcdView | "nothing">((done) => client.read((found) => done(found ?? "nothing")));
      if (view === "nothing") throw new Error("etcd did not answer");
      return view;
    },
    transact: async (transaction) => (await told<{ kind: string }>((done) => client.transact(transaction, done))).kind,
    grant: () => Promise.resolve(etcd.grant(600_000)),
    writeElsewhere: () => Promise.resolve(store.setAutofailover("observe")),
    loseAnswers() {
      etcd.temper.answerLoss = 1;
      return Promise.resolve(() => void (etcd.temper.answerLoss = 0));
    },
    watch() {
      let wakes = 0;
      client.watch(() => void (wakes += 1));
      return Promise.resolve(() => ({ named: wakes, all: wakes }));
    },
    lagWatch() {
      etcd.temper.watchLagMs = 400;
      return Promise.resolve(() => void (etcd.temper.watchLagMs = 0));
    },
    backUp() {
      const back = store.backup();
      return Promise.resolve(() => Promise.resolve(etcd.restore(back)));
    },
    pass: (ms) => Promise.resolve(agenda.run(agenda.now + ms)),
    close: () => Promise.resolve(process.end()),
  };
}

/** The asker speaks to etcd through a link, its watch through another; whoever else writes has a way of its own. */
async function real(rig: EtcdRig, dir: string): Promise<Side> {
  const [endpoint = ""] = rig.endpoints;
  const [member] = rig.members;
  if (member === undefined) throw new Error("etcd has no member");
  const target = new URL(endpoint).host;
  const [way, watched] = [await openLink(target), await openLink(target)];
  const cluster = `contract-${randomUUID()}`;
  const connect = (port: number, callTimeoutMs: number) =>
    connectEtcd({ endpoints: [`http://127.0.0.1:${port}`], cluster, callTimeoutMs });
  const [etcd, watcher] = [connect(way.port, 10_000), connect(watched.port, 10_000)];
  // One that has read asks first whether it is still the same etcd, and would ask no more than that without an answer.
  // Its patience ends the wait for the answer that is lost; a request that had not left by then would be none.
  const unread = connect(way.port, 4_000);
  let asker = etcd;
  const other = connectEtcd({ endpoints: [endpoint], cluster, callTimeoutMs: 10_000 });
  await other.initCluster({ id: id<ClusterId>("c"), members, schema: 1 });
  // A connection to an etcd that was away is made anew after a pause that grows with the time it was away.
  const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (const end = performance.now() + 60_000; ;) {
      const answer = await ask().catch((error: unknown) => {
        if (performance.now() > end) throw error;
        return undefined;
      });
      if (answer !== undefined) return answer;
      await delay(100);
    }
  };
  return {
    read: () => patiently(() => etcd.read()),
    transact: async (transaction) => (await asker.transact(transaction)).kind,
    async grant() {
      const answer = await fetch(`${endpoint}/v3/lease/grant`, { method: "POST", body: '{"TTL":"600"}' });
      return id<LeaseId>(((await answer.json()) as { ID: string }).ID);
    },
    writeElsewhere: () => patiently(async () => (await other.setAutofailover("observe"), true)).then(() => undefined),
    async loseAnswers() {
      await unread.warm();
      asker = unread;
      way.cut("back");
      return () => {
        asker = etcd;
        way.heal();
      };
    },
    async watch() {
      let [named, all] = [0, 0];
      const opened = watcher.watch(({ keys }) => {
        all += 1;
        if (keys.length > 0) named += 1;
      });
      // One that etcd does not know yet would be told nothing, cut or not.
      for (const end = performance.now() + 30_000; opened.openStreams === 0; await delay(20))
        if (performance.now() > end) throw new Error("the watch is not open");
      return () => ({ named, all });
    },
    async lagWatch() {
      // What was said before is told first.
      await delay(500);
      watched.cut("back");
      return () => watched.heal();
    },
    async backUp() {
      const copy = join(dir, "copy");
      const homes = async (): Promise<string[]> => (await readdir(dir)).filter((name) => name.startsWith("etcd-"));
      const [home = ""] = await homes();
      await member.kill();
      await cp(join(dir, home), copy, { recursive: true });
      await member.restart();
      return async () => {
        await member.kill();
        await rm(join(dir, home), { recursive: true });
        await cp(copy, join(dir, home), { recursive: true });
        await member.restart();
      };
    },
    pass: (ms) => delay(ms),
    async close() {
      await Promise.all([etcd, unread, watcher, other].map((one) => one.close()));
      await Promise.all([way, watched].map((link) => link.close()));
    },
  };
}

function takeover(view: EtcdView, lease: LeaseId, at: number): Transaction {
  const epoch = view.epoch.value + 1;
  const identity = { node, boot, epoch, reason: "expired" } as const;
  return {
    ...{ kind: "takeover", id: at, requireLeaderAbsent: false },
    guard: {
      epoch: view.epoch,
      insyncModRevision: view.insync?.modRevision ?? "0",
      autofailoverModRevision: view.autofailover.modRevision,
      pauseModRevision: view.pause.modRevision,
    },
    leader: { ...identity, lease, sinceWallMs: wallMs(at) },
    insync: { epoch, version: (view.insync?.value.version ?? 0) + 1, members, by: { boot, transaction: at } },
    history: { ...identity, atWallMs: wallMs(at), position: at },
  };
}

let rig: EtcdRig;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "baton-contract-"));
  rig = await startEtcd({ members: 1, dir });
});
afterAll(async () => {
  await rig?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe.each(["simulated", "real"] as const)("the %s etcd", (which) => {
  const open = (): Promise<Side> => (which === "real" ? real(rig, dir) : simulated());

  test("applies a request whose answer is lost: unknown to its asker, seen by the next read, and said again when asked again", async () => {
    const side = await open();
    const lease = await side.grant();
    const before = await side.read();
    const asked = takeover(before, lease, 1);
    const heal = await side.loseAnswers();
    expect(await side.transact(asked)).toBe("unknown");
    heal();
    await side.pass(300);
    const after = await side.read();
    expect([after.epoch.value, after.leader?.value.boot]).toEqual([before.epoch.value + 1, boot]);
    expect(await side.transact(asked)).toBe("committed");
    expect((await side.read()).epoch).toEqual(after.epoch);
    // Another's request on the same guard has lost for good.
    const late = takeover(before, lease, 2);
    expect(await side.transact(late)).toBe("refused");
    await side.close();
  });

  test("shows to a read what a late watch has not told yet; then the watch wakes, and names what changes from there on", async () => {
    const side = await open();
    const wakes = await side.watch();
    await side.pass(500);
    const heal = await side.lagWatch();
    const before = wakes();
    await side.writeElsewhere();
    expect((await side.read()).autofailover.value).toBe("observe");
    const meanwhile = wakes();
    expect(meanwhile.named).toBe(before.named);
    heal();
    for (let waited = 0; wakes().all === meanwhile.all && waited < 600; waited += 1) await side.pass(100);
    expect(wakes().all).toBeGreaterThan(meanwhile.all);
    // A watch that was opened anew knows only what comes after it; until it is open, nothing that is written is named.
    const healed = wakes();
    for (let waited = 0; wakes().named === healed.named && waited < 600; waited += 1) {
      await side.writeElsewhere();
      await side.pass(100);
    }
    expect(wakes().named).toBeGreaterThan(healed.named);
    await side.close();
  });

  test("put back to an older state shows less than was seen, gives nobody what a newer state allowed, and goes on from there", async () => {
    const side = await open();
    const lease = await side.grant();
    const first = await side.read();
    expect(await side.transact(takeover(first, lease, 1))).toBe("committed");
    const kept = await side.read();
    const restore = await side.backUp();
    const younger = await side.grant();
    expect(await side.transact(takeover(await side.read(), lease, 2))).toBe("committed");
    const newest = await side.read();
    expect(newest.epoch.value).toBe(kept.epoch.value + 1);
    await restore();
    const lost = takeover(newest, lease, 3);
    expect(["refused", "unknown"]).toContain(await side.transact(lost));
    const back = await side.read();
    expect([back.epoch.value, back.leader?.value.epoch, back.insync?.value.version]).toEqual([
      kept.epoch.value,
      kept.leader?.value.epoch,
      kept.insync?.value.version,
    ]);
    expect(BigInt(back.revision)).toBeLessThan(BigInt(newest.revision));
    // A lease that the older state does not know opens nothing; one that it knows does.
    expect(["refused", "unknown"]).toContain(await side.transact(takeover(back, younger, 4)));
    expect(await side.transact(takeover(await side.read(), lease, 5))).toBe("committed");
    await side.close();
  }, 300_000);
});
