import { createHash } from "node:crypto";
import { existsSync, renameSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import fc from "fast-check";
import { assert as property, asyncProperty } from "fast-check";
import {
  applyEvent,
  decodeEvent,
  emptyState,
  id,
  intentEvent,
  keysKept,
  parentsKept,
  rowsOf,
  tagOf,
  wallMs,
} from "@baton/core";
import type { Frame, JournalEvent, ParentId, Sequence, WallMs } from "@baton/core";
import { expect, test, vi } from "vitest";
import { ForkedError } from "./errors.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./open.ts";
import { assertDurable, assertVersions, openForWriting } from "./store/schema.ts";
import { durable, journalOptions, noted, notes, opened, scratch, until } from "./testing/rig.ts";

test("a journal is written with synchronous=FULL in WAL mode, read back, and anything less is refused", () => {
  using folder = scratch();
  const db = openForWriting(`${folder.dir}/x.db`);
  expect(db.pragma("synchronous", { simple: true })).toBe(2);
  expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
  db.pragma("synchronous = NORMAL");
  expect(() => assertDurable(db)).toThrow("synchronous reads back 1, not 2 (FULL)");
  db.pragma("synchronous = FULL");
  db.pragma("journal_mode = DELETE");
  expect(() => assertDurable(db)).toThrow("journal_mode reads back delete, not wal");
  db.close();
});

test("a Node or SQLite that does not fit is refused by its number", () => {
  expect(() => assertVersions({ node: "24.0.0", sqlite: "3.51.3" })).not.toThrow();
  expect(() => assertVersions({ node: "24.0.0", sqlite: "4.0.0" })).not.toThrow();
  expect(() => assertVersions({ node: "24.0.0", sqlite: "3.51.2" })).toThrow(/SQLite 3\.51\.2 .* needs 3\.51\.3/u);
  expect(() => assertVersions({ node: "22.14.0", sqlite: "3.54.1" })).toThrow(/Node 22\.14\.0 .* needs 24/u);
});

test("a second opener of a journal is refused, and the first goes on", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  await expect(openJournal(journalOptions(folder.dir, "a"))).rejects.toMatchObject({ code: "journal-locked" });
  await durable(journal, journal.append(1, notes(1)));
});

test("a journal that should exist and does not is not made anew", async () => {
  using folder = scratch();
  const options = journalOptions(folder.dir, "a", { create: false });
  await expect(openJournal(options)).rejects.toMatchObject({ code: "journal-missing" });
  expect(existsSync(options.file)).toBe(false);
});

test("a journal of another node is refused", async () => {
  using folder = scratch();
  await (await openJournal(journalOptions(folder.dir, "a"))).close();
  const options = { ...journalOptions(folder.dir, "b"), file: `${folder.dir}/a.db` };
  await expect(openJournal(options)).rejects.toMatchObject({ code: "journal-foreign" });
});

test("what was durable is found again, under the same journal id and the next boot number", async () => {
  using folder = scratch();
  const first = await openJournal(journalOptions(folder.dir, "a"));
  expect(first.identity).toMatchObject({ createdNow: true, bootCount: 1 });
  const last = first.append(3, notes(200));
  await durable(first, last);
  first.commit(100);
  await first.persist({ epochMax: 3, vow: { epoch: 3, version: 7 } });
  await first.close();
  await using again = await openJournal(journalOptions(folder.dir, "a", { create: false }));
  expect(again.identity).toMatchObject({ journal: first.identity.journal, createdNow: false, bootCount: 2 });
  expect(again.opened.last).toEqual(first.last);
  expect(again.opened.promises).toMatchObject({ epochMax: 3, vow: { epoch: 3, version: 7 } });
  expect(again.opened.committed).toBe(first.commitMark.sequence);
  const tail = again.opened.tail.flatMap((frame) => frame.body.split("\n").map(decodeEvent));
  expect(tail).toEqual(notes(200 - again.opened.committed, again.opened.committed + 1));
  expect(again.opened.state.applied).toBe(again.opened.committed);
});

test("after a clean end the writer still knows what is open: an order of an earlier boot can be cancelled", async () => {
  using folder = scratch();
  const first = await openJournal(journalOptions(folder.dir, "a"));
  const state = emptyState();
  applyEvent(state, 1, opened(1));
  const side = { side: "buy", type: "limit", quantity: "1", price: "1", timeInForce: "GTC" };
  const terms = { venue: "sim", symbol: "BTC/USDT", ...side } as never;
  const placed = intentEvent(state, tagOf(first.identity.cluster), {
    ...{ terms, sendWithinMs: 1, atWallMs: wallMs(1), by: "test" },
  });
  await durable(first, first.append(1, [opened(1), placed]));
  first.commit(2);
  await first.close();
  await using again = await openJournal(journalOptions(folder.dir, "a", { create: false }));
  // All of it is in the rows: nothing is left to apply, and the writer's own state comes from the rows alone.
  expect([again.opened.state.applied, again.opened.tail]).toEqual([2, []]);
  const cancel = { kind: "cancel.requested", intent: placed.intent, by: "test", atWallMs: wallMs(2) } as const;
  await durable(again, again.append(2, [cancel]));
  again.commit(3);
  await again.close();
  const reader = new Database(again.file, { readonly: true });
  expect(reader.prepare("SELECT applied FROM meta").pluck().get()).toBe(3);
  reader.close();
});

test("promises are only raised", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  const etcd = { clusterId: "c", revision: "5", epoch: 4, version: 2 };
  await Promise.all([
    journal.persist({ epochMax: 4, vow: { epoch: 4, version: 2 }, etcd }),
    journal.persist({ epochMax: 2, vow: { epoch: 3, version: 9 } }),
  ]);
  expect(journal.promises).toEqual({ epochMax: 4, vow: { epoch: 4, version: 2 }, etcd });
});

test("events of one turn share frames of at most 64, and a frame leaves before it is durable", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  const sealed: Frame[] = [];
  journal.onSealed.on((frame) => {
    expect(journal.durable).toBeLessThan(frame.first);
    sealed.push(frame);
  });
  const last = journal.append(1, notes(150));
  expect(last).toBe(150);
  await durable(journal, last);
  expect(sealed.map((frame) => frame.last - frame.first + 1)).toEqual([64, 64, 22]);
});

test("the tables hold committed frames only, and reopening rebuilds what applying all of them gives", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  const epochAt = (epoch: number, atWallMs: number): never =>
    ({ ...epochOpened, epoch, atWallMs, inheritedSendByWallMs: atWallMs }) as never;
  const events = [epochAt(1, 1), ...notes(700), epochAt(2, 2), ...notes(10)] as never[];
  await durable(journal, journal.append(2, events.slice(0, 701)));
  journal.commit(701);
  await durable(journal, journal.append(2, events.slice(701)));
  const reader = new Database(journal.file, { readonly: true });
  const engineRow = (): { epoch?: number } => {
    const row = reader.prepare<[], string>("SELECT row FROM state_engine").pluck().get();
    return row === undefined ? {} : (JSON.parse(row) as { epoch: number });
  };
  await until(() => engineRow().epoch === 1, "the first epoch is in the table");
  expect(reader.prepare("SELECT applied FROM meta").pluck().get()).toBe(701);
  reader.close();
  journal.commit(events.length);
  await journal.close();
  await using again = await openJournal(journalOptions(folder.dir, "a"));
  const expected = emptyState();
  for (const [index, event] of events.entries()) applyEvent(expected, index + 1, event);
  expect([...rowsOf(again.opened.state)]).toEqual([...rowsOf(expected)]);
  expect(again.opened.state.applied).toBe(events.length);
});

test("an order that has left the state is on record, and is not loaded again", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  const { state } = journal.opened;
  const tag = tagOf(journal.identity.cluster);
  const terms = { venue: "sim", symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "1", price: "9" } as never;
  const tell = (event: JournalEvent): void => {
    applyEvent(state, state.applied + 1, event);
    journal.append(1, [event]);
  };
  const wish = (atWallMs: WallMs): void => {
    const event = intentEvent(state, tag, { terms, sendWithinMs: 1, atWallMs, by: "test" });
    tell(event);
    const stamp = { sentWallMs: atWallMs, validityMs: 1 };
    const outcome = { kind: "rejected", code: "-1", message: "no", stamp } as const;
    tell({ kind: "attempt.answered", intent: event.intent, attempt: 1, epoch: 0, node: id(""), outcome, atWallMs });
  };
  const market = { venue: "sim", symbol: "BTC/USDT", quantity: "1" };
  for (let count = 1; count <= parentsKept + 2; count += 1) {
    const at = { parent: id<ParentId>(`p-${count}`), atWallMs: wallMs(count) };
    const algorithm = { name: "iceberg", side: "buy", display: "1", limitPrice: "9", timeInForce: "GTC", ...market };
    tell({ kind: "parent.recorded", ...at, algorithm: algorithm as never, by: "test" });
    tell({ kind: "parent.ended", ...at, reason: "done" });
  }
  for (let count = 0; count < state.engine.kept.orders + 5; count += 1) wish(wallMs(count * 1_000));
  await durable(journal, state.applied);
  journal.commit(state.applied);
  const ids = async (from: typeof journal, after = 0, limit = 100): Promise<readonly string[]> =>
    (await from.pastOrders({ after, limit }, state.applied)).map((order) => order.id);
  expect(await ids(journal)).toEqual(["i-1", "i-2", "i-3", "i-4", "i-5"]);
  expect(state.parents.size).toBe(parentsKept);
  expect(await journal.pastParent(id("p-2"), state.applied)).toMatchObject({ id: "p-2", status: "done" });
  expect(await journal.pastParent(id("p-3"), state.applied)).toBeUndefined();
  const second = (await journal.pastOrders({ intent: id("i-1") }, state.applied))[0]?.sequence ?? 0;
  expect(await ids(journal, second, 1)).toEqual(["i-2"]);
  expect(await journal.pastOrders({ intent: id("i-4") }, state.applied)).toMatchObject([
    { id: "i-4", status: "rejected" },
  ]);
  expect(await journal.pastOrders({ intent: id("i-9") }, state.applied)).toEqual([]);
  await journal.close();
  await using again = await openJournal(journalOptions(folder.dir, "a"));
  expect(again.opened.state.orders.size).toBe(state.engine.kept.orders);
  expect(await ids(again)).toEqual(["i-1", "i-2", "i-3", "i-4", "i-5"]);
});

test("idempotency keys that left the state are found on disk, also by a later opening and in a copy, until they are a day old", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  const { state } = journal.opened;
  const tell = (events: readonly JournalEvent[]): void => {
    for (const event of events) applyEvent(state, state.applied + 1, event);
    journal.append(1, events);
  };
  const used = (key: number, atMs: number): JournalEvent => ({
    ...{ kind: "operation.noted", operation: id(`k-${key}`), what: "cancel i-1", by: "t", reason: "", ref: id("i-1") },
    ...{ request: { principal: "t", key: `k-${key}`, digest: `d-${key}` }, atWallMs: wallMs(atMs) },
  });
  const committed = async (): Promise<void> => {
    await durable(journal, state.applied);
    journal.commit(state.applied);
  };
  const hour = 3_600_000;
  for (let from = 0; from < keysKept; from += 500) tell(Array.from({ length: 500 }, (_, at) => used(from + at, 1_000)));
  tell([used(keysKept, 1_000), used(keysKept + 1, 24 * hour)]);
  await committed();
  expect(state.keys.size).toBe(keysKept);
  const find = async (from: typeof journal, key: number): Promise<string | undefined> =>
    (await from.pastKey(`t|k-${key}`, state.applied))?.digest;
  expect([await find(journal, 0), await find(journal, 1)]).toEqual(["d-0", "d-1"]);
  // Who asks does not know that it has not left.
  expect([await find(journal, 2), await find(journal, keysKept + 2)]).toEqual(["d-2", undefined]);
  const copy = `${folder.dir}/copy.db`;
  await journal.snapshot(copy);
  // A day later they go, two for each one that leaves.
  tell([used(keysKept + 2, 24 * hour + 500)]);
  for (let key = 3; key < keysKept + 3; key += 1) tell([used(keysKept + key, 26 * hour + 1_000)]);
  await committed();
  expect(state.keys.size).toBe(keysKept);
  expect([await find(journal, 0), await find(journal, 2), await find(journal, keysKept)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(await find(journal, keysKept + 1)).toBe(`d-${keysKept + 1}`);
  await journal.close();
  await using again = await openJournal(journalOptions(folder.dir, "a"));
  expect(again.opened.state.keys.size).toBe(keysKept);
  await isKnown(again, `k-${keysKept + 1}`, "k-new", state.applied);
  expect([await find(again, 0), await find(again, keysKept + 1)]).toEqual([undefined, `d-${keysKept + 1}`]);
  const copied = new Database(copy, { readonly: true });
  expect(copied.prepare("SELECT row ->> 'key' FROM past_key ORDER BY sequence").pluck().all()).toEqual(["k-0", "k-1"]);
  copied.close();
});

test("an idempotency key is found while the whole file is read for something else", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  await durable(journal, journal.append(1, [...notes(2_000), keyed("k")]));
  journal.commit(2_001);
  // Both threads are there now.
  await Promise.all([journal.verify(), journal.pastKey("t|k", 2_001)]);
  const settled: string[] = [];
  const readings = Array.from({ length: 20 }, async () => {
    await journal.verify();
    settled.push("read");
  });
  expect(await journal.pastKey("t|k", 2_001)).toMatchObject({ digest: "d-k" });
  settled.push("found");
  await Promise.all(readings);
  expect(settled.at(-1)).toBe("read");
});

test("a key that was never used is known as such without a look at the disk, before and after a restart and in another's copy", async () => {
  using folder = scratch();
  const first = await openJournal(journalOptions(folder.dir, "a"));
  await durable(first, first.append(1, [keyed("k-1"), keyed("k-2")]));
  first.commit(2);
  await isKnown(first, "k-2", "k-3", 2);
  await first.close();
  const again = await openJournal(journalOptions(folder.dir, "a"));
  await isKnown(again, "k-1", "k-3", 2);
  await durable(again, again.append(2, [keyed("k-3")]));
  again.commit(3);
  await isKnown(again, "k-3", "k-4", 3);
  // The copy of another node has other keys.
  await using other = await openJournal(journalOptions(folder.dir, "b"));
  await durable(other, other.append(1, [keyed("k-5"), keyed("k-6"), keyed("k-7"), keyed("k-8")]));
  other.commit(4);
  await vi.waitFor(async () => expect(await other.pastKey("t|k-8", 4)).toBeDefined(), 45_000);
  const copy = `${folder.dir}/copy.db`;
  const label = await other.snapshot(copy);
  await again.install(copy, label);
  await isKnown(again, "k-5", "k-3", 4);
  await again.close();
});

test("rows of more than one piece are all found again, in the order of their events", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  const { state } = journal.opened;
  const tag = tagOf(journal.identity.cluster);
  // Text of more than one byte a character, and numbers whose order is not that of their text.
  const terms = {
    venue: "Börse 東京",
    symbol: "BTC/USDT",
    side: "buy",
    type: "limit",
    quantity: "1",
    price: "9",
  } as never;
  const count = 1_234;
  for (let n = 1; n <= count; n += 1) {
    const request = { principal: "api", key: `${count - n}`, digest: "d" };
    const event = intentEvent(state, tag, { terms, sendWithinMs: 1, atWallMs: wallMs(n), by: "test", request });
    applyEvent(state, state.applied + 1, event);
    journal.append(1, [event]);
  }
  await durable(journal, count);
  journal.commit(count);
  await journal.close();
  await using again = await openJournal(journalOptions(folder.dir, "a"));
  expect([...rowsOf(again.opened.state)]).toEqual([...rowsOf(state)]);
  expect(again.opened.state.indexes).toEqual(state.indexes);
});

/** With the file out of reach of whoever would open it: one key may have been used, another is known not to have been. */
async function isKnown(journal: Journal, used: string, unused: string, applied: Sequence): Promise<void> {
  const away = `${journal.file}.away`;
  renameSync(journal.file, away);
  await vi.waitFor(async () => expect(await journal.pastKey(`t|${unused}`, applied)).toBeUndefined(), 45_000);
  await expect(journal.pastKey(`t|${used}`, applied)).rejects.toMatchObject({ code: "journal-io" });
  renameSync(away, journal.file);
}

/** An event that uses an idempotency key. */
function keyed(key: string): JournalEvent {
  return {
    ...{ kind: "operation.noted", operation: id(key), what: "cancel i-1", by: "t", reason: "", ref: id("i-1") },
    ...{ request: { principal: "t", key, digest: `d-${key}` }, atWallMs: wallMs(1_700_000_000_000) },
  };
}

const epochOpened = { kind: "epoch.opened", node: "a", boot: "boot-a", reason: "expired", inDoubt: [] };

test("a cut moves the tail to quarantine, and what it cut is never durable again", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(30)));
  journal.commit(10);
  const cut = journal.marks().tail;
  journal.append(1, notes(40, 31));
  await until(() => journal.last.sequence > 30, "more is sealed and under way");
  const told: Sequence[] = [];
  journal.onDurable.on((sequence) => told.push(sequence));
  await journal.cut(20, "another leader continues");
  expect(journal.last).toEqual(cut[0]);
  expect(journal.durable).toBe(20);
  await durable(journal, journal.append(2, notes(5, 900)));
  expect(journal.last.sequence).toBe(25);
  expect(told).toEqual([25]);
  const report = await journal.verify();
  expect(report).toMatchObject({ sound: true, last: 25 });
  const reader = new Database(journal.file, { readonly: true });
  const quarantined = reader.prepare("SELECT body FROM quarantine ORDER BY first").pluck().all() as string[];
  reader.close();
  const bodies = quarantined.flatMap((body) => body.split("\n").map(decodeEvent));
  expect(bodies.slice(0, 10)).toEqual(notes(10, 21));
});

test("a cut below the own commit point is refused as a fork, and nothing is lost", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(30)));
  journal.commit(20);
  await expect(journal.cut(10, "a liar leads")).rejects.toBeInstanceOf(ForkedError);
  expect(journal.last.sequence).toBe(30);
});

test("frames and events cannot be changed or deleted but by the two procedures", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await durable(journal, journal.append(1, notes(100)));
  journal.commit(100);
  expect(await journal.care.prune(70)).toBe(64);
  expect(await journal.verify()).toMatchObject({ sound: true, first: 65, last: 100, events: 36 });
  await journal.close();
  const db = new Database(journal.file);
  expect(() => db.exec("DELETE FROM event")).toThrow("events are append-only");
  expect(() => db.exec("DELETE FROM frame")).toThrow("frames are append-only");
  expect(() => db.exec("UPDATE event SET payload = '{}'")).toThrow("events are append-only");
  db.close();
  await using again = await openJournal(journalOptions(folder.dir, "a"));
  expect(again.pruned).toBe(64);
  expect(again.opened.last.sequence).toBe(100);
});

test("frames come back as they were sealed, from memory and from the disk", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 7, recentBytesMax: 4000 }));
  const sealed: Frame[] = [];
  journal.onSealed.on((frame) => sealed.push(frame));
  for (let n = 0; n < 20; n += 1) await durable(journal, journal.append(1, notes(9, n * 9 + 1)));
  await property(
    asyncProperty(
      fc.integer({ min: 0, max: sealed.length - 1 }),
      fc.integer({ min: 1, max: 20_000 }),
      async (index, bytes) => {
        const after = index === 0 ? 0 : (sealed[index - 1]?.last ?? 0);
        const page = await journal.frames(after, bytes);
        expect(page.length).toBeGreaterThan(0);
        expect(page).toEqual(sealed.slice(index, index + page.length));
        const end = sealed[index];
        expect(await journal.has(end?.last ?? 0, end?.hash ?? "")).toBe(true);
        expect(await journal.has(end?.last ?? 0, "0".repeat(64))).toBe(false);
      },
    ),
    { numRuns: 40 },
  );
  await journal.close();
});

test("a frame that was altered, repeated or left out on the way is refused", async () => {
  using folder = scratch();
  await using a = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await using b = await openJournal(journalOptions(folder.dir, "b"));
  await durable(a, a.append(1, notes(30)));
  const [first, second, third] = await a.frames(0, 1e6);
  if (first === undefined || second === undefined || third === undefined) throw new Error("three frames");
  b.receive(first);
  expect(() => b.receive(first)).toThrow("starts at 1, expected 11");
  expect(() => b.receive(third)).toThrow("starts at 21, expected 11");
  expect(() => b.receive({ ...second, body: second.body.replace("a fact", "a lie.") })).toThrow(
    "its hash does not match",
  );
  b.receive(second);
  await durable(b, 20);
});

test("the progress cell is idle between commits", async () => {
  using folder = scratch();
  // Rows are not written meanwhile: that uses the disk as well.
  await using journal = await openJournal(journalOptions(folder.dir, "a", { settleMs: 600_000 }));
  const cell = new BigInt64Array(journal.progress);
  await durable(journal, journal.append(1, [noted(1)]));
  expect(Atomics.load(cell, 0)).toBe(0n);
});

test("the progress cell says since when a checkpoint runs, too", async () => {
  using folder = scratch();
  // Rows are not written meanwhile: between two commits only a checkpoint uses the disk.
  await using journal = await openJournal(journalOptions(folder.dir, "a", { settleMs: 600_000 }));
  const cell = new BigInt64Array(journal.progress);
  const seen: bigint[] = [];
  journal.onDurable.on(() => {
    for (let look = 0; look < 1_000; look += 1) seen.push(Atomics.load(cell, 0));
  });
  const isSeen = (): boolean => seen.splice(0).some((since) => since !== 0n);
  const text = "x".repeat(200_000);
  // A loaded machine may wake this thread only when a checkpoint is over: then the next one is looked at.
  let n = 0;
  do await durable(journal, journal.append(1, [noted((n += 1), text)]));
  while (!isSeen() && n < 400);
  expect(n).toBeLessThan(400);
});

test("the progress cell says since when the writer reads the rows for its own state, too", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await journal.close();
  const db = new Database(journal.file);
  const put = db.prepare("INSERT INTO state_keys (key, row) VALUES (?, ?)");
  db.transaction(() => {
    for (let n = 0; n < 20_000; n += 1) {
      const row = { principal: "p", key: `${n}`, digest: "d", ref: "i-1", atWallMs: 1, sequence: n };
      put.run(`p|${n}`, JSON.stringify(row));
    }
  })();
  db.close();
  let isSeen = false;
  // A loaded machine may wake this thread only when all is read: then another opening is looked at.
  for (let opening = 1; opening <= 20 && !isSeen; opening += 1) {
    await using again = await openJournal(journalOptions(folder.dir, "a", { settleMs: 600_000 }));
    const cell = new BigInt64Array(again.progress);
    const end = performance.now() + 500;
    while (!isSeen && performance.now() < end) isSeen = Atomics.load(cell, 0) !== 0n;
  }
  expect(isSeen).toBe(true);
});

test("a copy of a format that this build does not know is refused before it takes the journal's place", async () => {
  using folder = scratch();
  await using newer = await openJournal(journalOptions(folder.dir, "a", { build: 2 }));
  await durable(newer, newer.append(1, notes(9)));
  const copy = `${folder.dir}/copy.db`;
  const label = await newer.snapshot(copy);
  const older = await openJournal(journalOptions(folder.dir, "b", { build: 1 }));
  await durable(older, older.append(1, notes(3)));
  const installing = older.install(copy, label);
  await expect(installing).rejects.toMatchObject({ code: "snapshot-refused" });
  await expect(installing).rejects.toThrow("has format 2, this build writes 1");
  // It is what it was, and goes on.
  await durable(older, older.append(1, notes(1, 4)));
  await older.close();
  await using again = await openJournal(journalOptions(folder.dir, "b", { build: 1, create: false }));
  expect(again.last.sequence).toBe(4);
});

test("what belongs together is in one frame, also where the frame before it is nearly full", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 8 }));
  journal.append(1, notes(6));
  journal.append(1, notes(4), true);
  await durable(journal, journal.append(1, notes(20), true));
  const frames = await journal.frames(0, 1e6);
  expect(frames.map(({ first, last }) => last - first + 1)).toEqual([10, 8, 8, 4]);
});

test("the WAL is copied back before it is large, also where rows scatter and each costs a page", async () => {
  using folder = scratch();
  const options = journalOptions(folder.dir, "a");
  await using journal = await openJournal(options);
  for (let frame = 0; frame < 250; frame += 1) {
    const scattered = Array.from({ length: 64 }, (_, n): JournalEvent => {
      const key = createHash("sha256").update(`${frame}-${n}`).digest("hex");
      const request = { principal: "t", key, digest: "d" };
      return { ...noted(frame * 64 + n), kind: "operation.noted", ref: id("i-1"), request } as JournalEvent;
    });
    const last = journal.append(1, scattered);
    await durable(journal, last);
    journal.commit(last);
  }
  // Of the 113 MiB that were written it holds sixteen, and what one transaction adds.
  expect(statSync(`${options.file}-wal`).size).toBeLessThan(20 * 1024 * 1024);
});
