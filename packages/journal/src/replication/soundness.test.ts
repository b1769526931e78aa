import Database from "better-sqlite3";
import type { StateDivergence } from "@baton/core";
import { expect, test, vi } from "vitest";
import { openJournal } from "../open.ts";
import { verifyJournal } from "../store/chain.ts";
import { connect, durable, journalOptions, noted, notes, opened, scratch, startNode, until } from "../testing/rig.ts";
import type { TestNode } from "../testing/rig.ts";

const often = { everyFrames: 20, everyMs: 60_000 };

/** Frames of one event each, all committed on both. */
async function write(leader: TestNode, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const last = leader.journal.append(1, [noted(n)]);
    await until(() => leader.journal.commitMark.sequence === last, "committed");
  }
}

function divergences(...nodes: readonly TestNode[]): StateDivergence[] {
  const heard: StateDivergence[] = [];
  for (const node of nodes) node.replication.onDiverged.on((divergence) => heard.push(divergence));
  return heard;
}

test("leader and standby take the same digest after the same record, every so many frames, while frames go on", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { digests: often } });
  await using b = await startNode(folder.dir, "b", { replication: { digests: often } });
  const diverged = divergences(a, b);
  const digests = { a: new Map<number, string>(), b: new Map<number, string>() };
  a.replication.onDigest.on(({ at, digest }) => digests.a.set(at, digest));
  b.replication.onDigest.on(({ at, digest }) => digests.b.set(at, digest));
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  a.journal.append(1, [opened(1)]);
  const shared = (): [number, string][] => [...digests.b].filter(([at]) => digests.a.has(at));
  // A node whose rows were past the record when it was asked leaves that one out; on a busy machine that may be some.
  for (let rounds = 0; shared().length < 3 && rounds < 60; rounds += 1) await write(a, often.everyFrames);
  await until(() => shared().length >= 3, "three digests of both");
  expect(shared()).toEqual(shared().map(([at]) => [at, digests.a.get(at)]));
  expect(diverged).toEqual([]);
  expect(b.journal.care.divergence).toBeUndefined();
});

test("a row that changed on one standby's disk is noticed on both sides within so many frames, and remembered", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { digests: often } });
  const b = await startNode(folder.dir, "b", { replication: { digests: often } });
  const diverged = divergences(a, b);
  const digests = { a: [] as number[], b: [] as number[] };
  a.replication.onDigest.on(({ at }) => digests.a.push(at));
  b.replication.onDigest.on(({ at }) => digests.b.push(at));
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  a.journal.append(1, [opened(1)]);
  await write(a, 25);
  expect(diverged).toEqual([]);
  const rotten = new Database(b.journal.file, { timeout: 5_000 });
  expect(rotten.prepare("UPDATE state_engine SET row = replace(row, 'boot-a', 'boot-x')").run().changes).toBe(1);
  rotten.close();
  const from = a.journal.last.sequence;
  // A digest that was under way when the row changed may have missed it; each later one has not. On a busy machine a node may
  // leave one out: then the next that both take is the one by which it is noticed.
  const takenByBoth = (): number | undefined => digests.a.find((at) => at > from && digests.b.includes(at));
  for (let rounds = 0; takenByBoth() === undefined && rounds < 60; rounds += 1) await write(a, often.everyFrames);
  await until(() => takenByBoth() !== undefined, "a digest that both have taken");
  const tellers = (): string[] => diverged.flatMap(({ at, node }) => (at === takenByBoth() ? [node] : [])).toSorted();
  await until(() => tellers().length >= 2, "both know");
  expect(tellers()).toEqual(["a", "b"]);
  expect(a.journal.care.divergence).toBeUndefined();
  expect(b.journal.care.divergence).toMatch(
    /^after record \d+ the state here is [0-9a-f]{12}, on a it is [0-9a-f]{12}$/u,
  );
  await b.stop();
  await using again = await openJournal(journalOptions(folder.dir, "b", { create: false }));
  expect(again.care.divergence).toMatch(/^after record/u);
});

test("a whole copy ends a divergence", async () => {
  using folder = scratch();
  const journalB = await openJournal(journalOptions(folder.dir, "b"));
  journalB.care.noteDivergence("after record 5 it differs");
  await journalB.close();
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 100 } } });
  await durable(a.journal, a.journal.append(1, notes(300)));
  a.journal.commit(300);
  await using b = await startNode(folder.dir, "b");
  expect(b.journal.care.divergence).toBe("after record 5 it differs");
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(1));
  await until(() => b.journal.commitMark.sequence === last, "b has the copy and more");
  expect(b.journal.care.divergence).toBeUndefined();
});

test("standbys countersign what is committed, each file keeps the other's word, and a cut end shows in either way", async () => {
  using folder = scratch();
  const a = await startNode(folder.dir, "a", { frameEventsMax: 10, replication: { headsEveryMs: 20 } });
  const b = await startNode(folder.dir, "b", { replication: { headsEveryMs: 20 } });
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(100));
  await until(() => b.journal.commitMark.sequence === last, "both hold it");
  const vouched = (node: TestNode): number => verifyJournal(node.journal.file).heads.highest;
  await until(() => vouched(a) === last && vouched(b) === last, "each has the other's word on the end");
  expect(verifyJournal(a.journal.file)).toMatchObject({ sound: true, heads: { by: ["b"] } });
  expect(verifyJournal(b.journal.file, [a.journal.file])).toMatchObject({ sound: true });
  await Promise.all([a.stop(), b.stop()]);
  // Somebody with the file and SQLite cuts the end and makes the file's own words fit.
  const forger = new Database(a.journal.file);
  forger.exec(`
    UPDATE meta SET deleting = 'cut';
    DELETE FROM event WHERE seq > 50; DELETE FROM frame WHERE last > 50;
    UPDATE meta SET deleting = NULL, committed = 50, applied = 50;
  `);
  expect(verifyJournal(a.journal.file).fault?.sentence).toBe(
    "b countersigned record 100 of epoch 1, the journal ends at 50: the end was cut off",
  );
  forger.exec(`
    DELETE FROM head WHERE sequence <= 50;
    INSERT INTO head SELECT 50, node, journal, epoch, hash, at_wall_ms, public_key, signature FROM head
      WHERE sequence = 100;
    DELETE FROM head WHERE sequence > 50;
  `);
  expect(verifyJournal(a.journal.file).fault?.sentence).toBe(
    "the word that b countersigned record 50 of epoch 1 is forged",
  );
  forger.exec("DELETE FROM head");
  forger.close();
  expect(verifyJournal(a.journal.file).sound).toBe(true);
  expect(verifyJournal(a.journal.file, [b.journal.file]).fault?.sentence).toContain("the end was cut off");
});

test("a head is countersigned only where the same frame is known as committed", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { headsEveryMs: 10 } });
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, []);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b follows");
  const last = a.journal.append(1, notes(5));
  await until(() => verifyJournal(a.journal.file).heads.highest === last, "b signed it");
  expect(b.journal.commitMark.sequence).toBe(last);
});

test("a node of the previous format follows a leader of the next, and raises its file when its build can", async () => {
  using folder = scratch();
  await using next = await startNode(folder.dir, "n", { build: 2 });
  await using previous = await startNode(folder.dir, "p", { build: 1 });
  await (await openJournal(journalOptions(folder.dir, "u", { build: 1 }))).close();
  await using upgraded = await startNode(folder.dir, "u", { build: 2 });
  expect(upgraded.journal.care.format).toBe(1);
  connect(next, previous, upgraded);
  await next.lead(1, ["p", "u"]);
  const last = next.journal.append(1, notes(10));
  await until(() => next.journal.commitMark.sequence === last, "all three hold it");
  expect([next, previous, upgraded].map((node) => node.journal.care.format)).toEqual([2, 1, 2]);
});

test("a journal of the next format does not follow a leader of the previous one, and the sentence says so", async () => {
  using folder = scratch();
  await using next = await startNode(folder.dir, "n", { build: 2 });
  await using previous = await startNode(folder.dir, "p", { build: 1 });
  const refusals: string[] = [];
  previous.replication.onFollowerRefused.on((refusal) => refusals.push(`${refusal.state}: ${refusal.sentence}`));
  connect(next, previous);
  await previous.lead(1, []);
  await until(() => refusals.length > 0, "n is refused");
  expect(refusals[0]).toBe(
    "other-schema: n has a journal of format 2, this node leads with 1: a newer journal never follows an older leader",
  );
});

test("a newer build on an older file follows an older leader, leads next, and only then raises the file for good", async () => {
  using folder = scratch();
  const first = await startNode(folder.dir, "u", { build: 1 });
  await using old = await startNode(folder.dir, "o", { build: 1 });
  connect(first, old);
  await old.lead(1, ["u"]);
  await until(() => old.replication.followers[0]?.phase === "in-sync", "u follows");
  await first.stop();
  const upgraded = await startNode(folder.dir, "u", { build: 2 });
  connect(upgraded, old);
  const last = old.journal.append(1, notes(5));
  await until(() => upgraded.journal.commitMark.sequence === last, "the newer build follows the older one");
  expect(upgraded.journal.care.format).toBe(1);
  await upgraded.lead(2, ["o"]);
  const more = upgraded.journal.append(2, notes(5));
  await until(() => upgraded.journal.commitMark.sequence === more, "the older build follows the newer one");
  await upgraded.stop();
  await expect(openJournal(journalOptions(folder.dir, "u", { build: 1 }))).rejects.toThrow(
    /has format 2, this build writes 1: a newer build raised it/u,
  );
  await expect(openJournal(journalOptions(folder.dir, "u", { build: 4 }))).rejects.toThrow(
    /has format 2, this build writes 4: run the version between/u,
  );
});

test("a standby forgets what its leader forgot", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { frameEventsMax: 10 });
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(2_000));
  await until(() => b.journal.commitMark.sequence === last, "both hold it");
  expect(await a.journal.care.prune(1_500)).toBe(1_500);
  await until(() => b.journal.pruned === 1_500, "b has pruned too");
  expect(await b.journal.verify()).toMatchObject({ sound: true, first: 1_501, last });
});

test("while a follower installs a snapshot the leader goes on committing with the others", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 1_000 } } });
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await durable(a.journal, a.journal.append(1, notes(30_000)));
  a.journal.commit(30_000);
  for (const frame of await a.journal.frames(0, Number.MAX_SAFE_INTEGER)) b.journal.receive(frame);
  await durable(b.journal, 30_000);
  await a.lead(1, ["b"]);
  await until(() => a.replication.followers[0]?.phase === "in-sync", "b is in sync");
  await using c = await startNode(folder.dir, "c");
  const phases: string[] = [];
  a.replication.onFollowerPhase.on(({ node, phase }) => {
    if (node === c.name) phases.push(phase);
  });
  // The installation waits for what is to be shown: if the leader waited for it, too, neither would ever end.
  const install = c.journal.install.bind(c.journal);
  vi.spyOn(c.journal, "install").mockImplementation(async (...snapshot) => {
    const begun = a.journal.commitMark.sequence;
    await until(() => a.journal.commitMark.sequence > begun + 50, "the leader commits while c installs");
    await install(...snapshot);
    phases.push("installed");
  });
  connect(a, b, c);
  const load = setInterval(() => a.journal.append(1, notes(5)), 2);
  try {
    await until(() => phases.includes("in-sync"), "c has caught up under load");
  } finally {
    clearInterval(load);
  }
  expect(phases.indexOf("installed")).toBeGreaterThan(phases.indexOf("needs-snapshot"));
  const last = a.journal.append(1, notes(1));
  await until(() => c.journal.commitMark.sequence === last, "c is live");
  expect(await c.journal.verify()).toMatchObject({ sound: true, lastHash: a.journal.last.hash });
});
