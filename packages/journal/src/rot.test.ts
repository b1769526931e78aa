/** Rot in records that are older than what an opening looks at: found by whoever reads them next, before they are sent on. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { id, wallMs } from "@baton/core";
import type { IntentId } from "@baton/core";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { startArchive } from "./archive/archive.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./open.ts";
import { soundFrames, verifyJournal } from "./store/chain.ts";
import { PastKeys } from "./store/past-keys.ts";
import { frameReader } from "./store/read.ts";
import { connect, durable, journalOptions, notes, opened, scratch, startNode, until } from "./testing/rig.ts";

/** More frames than an opening checks, all of them committed and in the tables. */
const frames = 300;
const events = frames * 10;
const flipped = "the frame 51–60 its hash does not match its bytes";

/** The journal of a node that has stopped, with one byte of record 55 another one. */
async function rottenJournal(dir: string): Promise<void> {
  const journal = await openJournal(journalOptions(dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(events)));
  journal.commit(events);
  await journal.close();
  rot(journal);
}

function rot({ file }: Pick<Journal, "file">): void {
  const db = new Database(file);
  const [trigger] = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'event_is_never_changed'").pluck().all();
  db.exec("DROP TRIGGER event_is_never_changed");
  const { changes } = db.prepare("UPDATE event SET payload = replace(payload, 'o-55', 'o-56') WHERE seq = 55").run();
  expect(changes).toBe(1);
  db.exec(String(trigger));
  db.close();
}

function failureOf(journal: Journal): () => string | undefined {
  let failed: string | undefined;
  journal.onFailed.on(({ code, message }) => (failed = `${code}: ${message}`));
  return () => failed;
}

/** It found rot; the next start reads everything and says what an operator does. */
async function expectRefused(dir: string): Promise<void> {
  const opening = openJournal(journalOptions(dir, "a", { create: false }));
  await expect(opening).rejects.toMatchObject({ code: "journal-corrupt" });
  await expect(opening).rejects.toThrow(flipped);
  await expect(opening).rejects.toThrow("start this node again");
}

test("a leader finds rot in old records before a follower is given them: it fails, and is not opened again", async () => {
  using folder = scratch();
  await rottenJournal(folder.dir);
  const a = await startNode(folder.dir, "a", { create: false });
  const failed = failureOf(a.journal);
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => failed() !== undefined, "a's journal failed");
  expect(failed()).toBe(`journal-corrupt: ${a.journal.file}: ${flipped}`);
  expect(b.journal.last.sequence).toBeLessThanOrEqual(50);
  expect(() => a.journal.append(1, notes(1))).toThrow(flipped);
  await a.stop();
  await expectRefused(folder.dir);
});

test("a leader finds rot before it sends a snapshot", async () => {
  using folder = scratch();
  await rottenJournal(folder.dir);
  const a = await startNode(folder.dir, "a", { create: false, replication: { limits: { snapshotBehind: 100 } } });
  const failed = failureOf(a.journal);
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => failed() !== undefined, "a's journal failed");
  expect(failed()).toContain(flipped);
  expect(b.journal.last.sequence).toBe(0);
  await a.stop();
  await expectRefused(folder.dir);
});

test.each([
  ["in a frame", "UPDATE event SET payload = replace(payload, 'o-55', 'o-56') WHERE seq = 55", flipped],
  ["in the hash of a frame", "UPDATE frame SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE last = 60", flipped],
  ["a frame is gone", "DELETE FROM frame WHERE last = 60", "the frame 61–70 follows on none"],
  [
    "the frame before it is another",
    "UPDATE frame SET previous_hash = replace(previous_hash, substr(previous_hash, 1, 1), 'x') WHERE last = 60",
    "the frame 51–60 does not chain to the frame that ends at 50",
  ],
])("a page that begins with rot is refused: %s", async (_where, sql, sentence) => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(100)));
  await journal.close();
  const db = new Database(journal.file);
  db.exec("UPDATE meta SET deleting = 'rot'; DROP TRIGGER event_is_never_changed; DROP TRIGGER frame_is_never_changed");
  db.exec(sql);
  const reader = frameReader(db);
  for (const after of [50, 54]) {
    expect(() => soundFrames({ db, reader, after, maxBytes: 1 })).toThrow(sentence);
  }
  expect(soundFrames({ db, reader, after: 0, maxBytes: 1 })).toHaveLength(1);
  db.close();
});

test("a rotten frame does not pass for another history: who compares records with it is told nothing", async () => {
  using folder = scratch();
  await rottenJournal(folder.dir);
  await using journal = await openJournal(journalOptions(folder.dir, "a", { create: false }));
  const failed = failureOf(journal);
  await expect(journal.has(60, "another")).rejects.toThrow(flipped);
  await until(() => failed() !== undefined, "the journal failed");
});

test("rot that is gone again when the whole file is read was none of the file's: it is opened", async () => {
  using folder = scratch();
  await rottenJournal(folder.dir);
  const journal = await openJournal(journalOptions(folder.dir, "a", { create: false }));
  await expect(journal.frames(0, 1e9)).rejects.toMatchObject({ code: "journal-corrupt" });
  await until(() => journal.failure !== undefined, "the journal failed");
  await journal.close();
  const db = new Database(journal.file);
  const [trigger] = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'event_is_never_changed'").pluck().all();
  db.exec("DROP TRIGGER event_is_never_changed");
  db.exec("UPDATE event SET payload = replace(payload, 'o-56', 'o-55') WHERE seq = 55");
  db.exec(String(trigger));
  db.close();
  for (let n = 0; n < 2; n += 1) {
    await using again = await openJournal(journalOptions(folder.dir, "a", { create: false }));
    expect(again.last.sequence).toBe(events);
  }
  expect(verifyJournal(journal.file).sound).toBe(true);
});

test("nothing rotten is archived, and the archive's thread tells its journal", async () => {
  using folder = scratch();
  await rottenJournal(folder.dir);
  await using journal = await openJournal(journalOptions(folder.dir, "a", { create: false }));
  const url = pathToFileURL(join(folder.dir, "archive")).href;
  const archive = startArchive({ file: journal.file, access: { url }, segmentMs: 20, snapshotEveryMs: 86_400_000 });
  archive.onCorrupt.on((found) => void journal.rotten(found));
  archive.setActive(true);
  await until(() => journal.failure !== undefined, "the journal failed");
  expect(journal.failure?.message).toContain(flipped);
  expect(archive.verified).toBe(0);
  await archive.close();
});

test("a row that cannot be read any more ends the opening with what an operator does", async () => {
  using folder = scratch();
  const { file } = await journalWithRottenRow(folder.dir);
  const opening = openJournal(journalOptions(folder.dir, "a", { create: false }));
  await expect(opening).rejects.toMatchObject({ code: "journal-corrupt" });
  await expect(opening).rejects.toThrow("the rows of engine cannot be read");
  await expect(opening).rejects.toThrow("start this node again");
  // Its thread has let go of the file: the next start is told the same, not that somebody else has it.
  await expect(openJournal({ ...journalOptions(folder.dir, "a"), file })).rejects.toMatchObject({
    code: "journal-corrupt",
  });
});

test("a key that has rotted ends it too: rows after it are not found any more, and nobody trades on the others", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await journal.close();
  const db = new Database(journal.file);
  const put = db.prepare("INSERT INTO state_keys (key, row) VALUES (?, ?)");
  for (let n = 1_000; n < 4_000; n += 1) {
    const row = { principal: "p", key: `${n}`, digest: "d", ref: "i-1", atWallMs: 1, sequence: n };
    put.run(`p|${n}`, JSON.stringify(row));
  }
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
  const bytes = readFileSync(journal.file);
  bytes.write("q", bytes.indexOf('p|1300{"principal"'));
  writeFileSync(journal.file, bytes);
  const opening = openJournal(journalOptions(folder.dir, "a", { create: false }));
  await expect(opening).rejects.toMatchObject({ code: "journal-corrupt" });
  await expect(opening).rejects.toThrow(
    /the rows of keys cannot be read \(\d+ are found by their keys, there are 3000\)/,
  );
});

test("an idempotency key on disk that cannot be read is none that was never used: the journal fails, and its next start says why", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  const failed = failureOf(journal);
  await durable(journal, journal.append(1, notes(1)));
  journal.commit(1);
  const db = new Database(journal.file);
  const used = { principal: "t", key: "k", digest: "d", ref: id<IntentId>("i-1"), atWallMs: wallMs(1), sequence: 1 };
  new PastKeys(db).add(used);
  expect(await journal.pastKey("t|k", 1)).toEqual(used);
  expect(db.prepare("UPDATE past_key SET row = substr(row, 1, length(row) - 1)").run().changes).toBe(1);
  db.close();
  await expect(journal.pastKey("t|k", 1)).rejects.toMatchObject({ code: "journal-corrupt" });
  await until(() => failed() !== undefined, "the journal failed");
  await journal.close();
  const sentence = "the row of record 1 in past_key cannot be read";
  expect(verifyJournal(journal.file).fault?.sentence).toBe(sentence);
  await expect(openJournal(journalOptions(folder.dir, "a", { create: false }))).rejects.toThrow(sentence);
});

test("a leader finds a row that has rotted before it sends a snapshot, and its next start finds it too", async () => {
  using folder = scratch();
  const journal = await openJournal(journalOptions(folder.dir, "a"));
  await durable(journal, journal.append(1, [opened(1), ...notes(300)]));
  journal.commit(301);
  await journal.close();
  const a = await startNode(folder.dir, "a", { create: false, replication: { limits: { snapshotBehind: 100 } } });
  const failed = failureOf(a.journal);
  await a.lead(2, ["b"]);
  const db = new Database(a.journal.file);
  expect(db.prepare("UPDATE state_engine SET row = substr(row, 1, length(row) - 1)").run().changes).toBe(1);
  db.close();
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await until(() => failed() !== undefined, "a's journal failed");
  expect(failed()).toBe(`journal-corrupt: ${a.journal.file}: the row engine of engine cannot be read`);
  expect(b.journal.last.sequence).toBe(0);
  await a.stop();
  const opening = openJournal(journalOptions(folder.dir, "a", { create: false }));
  await expect(opening).rejects.toThrow("the row engine of engine cannot be read");
  await expect(opening).rejects.toThrow("start this node again");
});

test("rot in the chain is what is told, also where the rows cannot be read either", async () => {
  using folder = scratch();
  const { file } = await journalWithRottenRow(folder.dir);
  const db = new Database(file);
  db.exec(
    "DROP TRIGGER event_is_never_changed; UPDATE event SET payload = replace(payload, 'o-5', 'o-6') WHERE seq = 6",
  );
  db.close();
  const opening = openJournal(journalOptions(folder.dir, "a", { create: false }));
  await expect(opening).rejects.toThrow("its hash does not match its bytes");
});

/** The journal of a node that has stopped, in which the row of the engine has lost its end. */
async function journalWithRottenRow(dir: string): Promise<Journal> {
  const journal = await openJournal(journalOptions(dir, "a"));
  await durable(journal, journal.append(1, [opened(1), ...notes(9)]));
  journal.commit(10);
  await journal.close();
  const db = new Database(journal.file);
  const { changes } = db.prepare("UPDATE state_engine SET row = substr(row, 1, length(row) - 1)").run();
  expect(changes).toBe(1);
  db.close();
  return journal;
}
