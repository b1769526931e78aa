import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { id } from "@baton/core";
import type { ClusterId, NodeId } from "@baton/core";
import { expect, test } from "vitest";
import type { Journal } from "../journal.ts";
import { openJournal } from "../open.ts";
import { digestOfFile } from "../store/digest.ts";
import { lowPort, startBucket } from "../testing/bucket.ts";
import { durable, journalOptions, notes, opened, scratch, until } from "../testing/rig.ts";
import { startArchive } from "./archive.ts";
import { Archiver } from "./archiver.ts";
import { openStore } from "./object-store.ts";
import type { ArchiveAccess } from "./object-store.ts";
import { restoreJournal } from "./restore.ts";

const day = 86_400_000;

interface Place extends AsyncDisposable {
  readonly dir: string;
  readonly access: ArchiveAccess;
  /** Where the object of a name lies as a file. */
  readonly fileOf: (name: string) => string;
}

async function folderPlace(): Promise<Place> {
  const folder = scratch();
  const access = { url: pathToFileURL(join(folder.dir, "archive")).href };
  const fileOf = (name: string): string => join(folder.dir, "archive", name);
  await Promise.resolve();
  return { dir: folder.dir, access, fileOf, [Symbol.asyncDispose]: async () => folder[Symbol.dispose]() };
}

async function bucketPlace(): Promise<Place> {
  const folder = scratch();
  const bucket = await startBucket(join(folder.dir, "bucket"));
  return {
    dir: folder.dir,
    access: bucket.access,
    fileOf: (name) => join(bucket.folder, "archive", "desk", `${name}._S3rver_object`),
    async [Symbol.asyncDispose]() {
      await bucket[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** One step of an archiver of this journal. */
async function archive(place: Place, journal: Journal, snapshotEveryMs = day): ReturnType<Archiver["step"]> {
  const store = await openStore(place.access);
  const archiver = new Archiver({ file: journal.file, store, snapshotEveryMs });
  const position = await archiver.step();
  archiver.close();
  store.close();
  return position;
}

/** Appends and commits, and waits until the commit point is on the disk. */
async function record(journal: Journal, events: Parameters<Journal["append"]>[1]): Promise<void> {
  const last = journal.append(1, events);
  await durable(journal, last);
  journal.commit(last);
  await journal.pastOrders({ after: 0, limit: 1 }, last);
}

async function names(place: Place): Promise<readonly string[]> {
  const store = await openStore(place.access);
  const found = await store.list("");
  store.close();
  return found;
}

for (const [kind, open] of [
  ["a folder", folderPlace],
  ["an S3-compatible bucket", bucketPlace],
] as const) {
  test(`what is committed is archived to ${kind} and restored whole, with the rows it makes`, async () => {
    await using place = await open();
    await using journal = await openJournal(journalOptions(place.dir, "a"));
    await record(journal, [opened(1), ...notes(99)]);
    expect(await archive(place, journal)).toMatchObject({ line: 1, verified: 100 });
    await record(journal, notes(200, 100));
    await durable(journal, journal.append(1, notes(50, 300)));
    expect(await archive(place, journal)).toMatchObject({ line: 1, verified: 300 });
    const kinds = (await names(place)).map((name) =>
      name.replace(/^[^/]+\//u, "").replaceAll(/-[0-9a-f]{16}|-\d+/gu, ""),
    );
    expect(kinds).toEqual(["latest.json", "line/segment.jsonl.gz", "line/snapshot.db", "line/snapshot.db.json"]);
    const toFile = join(place.dir, "restored.db");
    const report = await restoreJournal({ from: place.access, toFile, node: id<NodeId>("z") });
    expect(report).toMatchObject({ node: "z", snapshot: 100, segments: 1, missing: 0, faults: [] });
    expect(report.reached).toMatchObject({ sequence: 300, hash: journal.commitMark.hash, epoch: 1 });
    expect(report.known?.sequence).toBe(300);
    expect(report.reached.madeAtWallMs).toBe(1_700_000_000_000 + 299);
    expect(await digestOfFile(toFile)).toEqual(await digestOfFile(journal.file));
    await using restored = await openJournal({ ...journalOptions(place.dir, "z"), file: toFile, create: false });
    expect(restored.identity.journal).not.toBe(journal.identity.journal);
    expect(restored.identity.bootCount).toBe(1);
    expect(restored.opened.committed).toBe(300);
    const again = restoreJournal({ from: place.access, toFile });
    await expect(again).rejects.toThrow("exists: a journal is never restored over another");
  });

  test(`where an archive in ${kind} ends is found from its last sign on, however many segments there are, and without it`, async () => {
    await using place = await open();
    await using journal = await openJournal(journalOptions(place.dir, "a"));
    await record(journal, [opened(1), ...notes(9)]);
    await archive(place, journal);
    for (let segment = 1; segment <= 12; segment += 1) {
      await record(journal, notes(10, segment * 10));
      expect(await archive(place, journal)).toMatchObject({ line: 1, verified: (segment + 1) * 10 });
    }
    const listed: number[] = [];
    const look = async (): ReturnType<Archiver["step"]> => {
      const store = await openStore(place.access);
      const list = store.list.bind(store);
      store.list = async (...asked) => {
        const found = await list(...asked);
        listed.push(found.length);
        return found;
      };
      const archiver = new Archiver({ file: journal.file, store, snapshotEveryMs: day });
      const position = await archiver.step();
      archiver.close();
      store.close();
      return position;
    };
    expect(await look()).toMatchObject({ line: 1, verified: 130 });
    // The newest segment, the snapshot and its label.
    expect(listed).toEqual([3]);
    const newest = (await names(place)).findLast((name) => name.includes("/segment-")) ?? "";
    rmSync(place.fileOf(newest));
    expect(await look()).toMatchObject({ line: 1, verified: 130 });
    const report = await restoreJournal({ from: place.access, toFile: join(place.dir, "restored.db") });
    expect(report).toMatchObject({ segments: 12, missing: 0, faults: [] });
  });
}

test("whoever leads next goes on where the last one ended, and a journal of another history begins a new line", async () => {
  await using place = await folderPlace();
  await using a = await openJournal(journalOptions(place.dir, "a"));
  await using b = await openJournal(journalOptions(place.dir, "b"));
  await using c = await openJournal(journalOptions(place.dir, "c"));
  await record(a, notes(100));
  expect(await archive(place, a)).toMatchObject({ line: 1, verified: 100 });
  for (const frame of await a.frames(0, 1e9)) b.receive(frame);
  await durable(b, 100);
  b.commit(100);
  await record(b, notes(10, 100));
  expect(await archive(place, b)).toMatchObject({ line: 1, verified: 110 });
  // It lost what was archived: the end of line 1 is not in it.
  await record(c, notes(40, 500));
  expect(await archive(place, c)).toMatchObject({ line: 2, verified: 40 });
  const report = await restoreJournal({ from: place.access, toFile: join(place.dir, "restored.db") });
  expect(report).toMatchObject({ line: 2, reached: { sequence: 40, hash: c.commitMark.hash } });
});

test("a segment that was changed or is lost ends the restore there, and the missing records are counted", async () => {
  await using place = await folderPlace();
  await using journal = await openJournal(journalOptions(place.dir, "a"));
  await record(journal, notes(10));
  await archive(place, journal);
  for (let n = 1; n < 4; n += 1) {
    await record(journal, notes(10, n * 10));
    await archive(place, journal);
  }
  const second = (await names(place)).filter((name) => name.includes("/segment-"))[1] ?? "";
  const bytes = readFileSync(place.fileOf(second));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(place.fileOf(second), bytes);
  const report = await restoreJournal({ from: place.access, toFile: join(place.dir, "restored.db") });
  expect(report).toMatchObject({ segments: 1, reached: { sequence: 20 }, known: { sequence: 40 }, missing: 20 });
  expect(report.faults).toHaveLength(1);
  expect(report.faults[0]).toContain(second);
});

test("a snapshot that does not prove is passed over for an older one", async () => {
  await using place = await folderPlace();
  await using journal = await openJournal(journalOptions(place.dir, "a"));
  await record(journal, notes(10));
  await archive(place, journal);
  await record(journal, notes(10, 11));
  await archive(place, journal, 0);
  const newest = (await names(place)).filter((name) => name.endsWith(".db")).at(-1) ?? "";
  const bytes = readFileSync(place.fileOf(newest));
  writeFileSync(place.fileOf(newest), bytes.subarray(0, bytes.length - 4096));
  const report = await restoreJournal({ from: place.access, toFile: join(place.dir, "restored.db") });
  expect(report).toMatchObject({ snapshot: 10, segments: 1, reached: { sequence: 20 }, missing: 0 });
  expect(report.faults[0]).toContain("bytes, ");
});

test("an archive of several clusters asks which one; an empty one says so", async () => {
  await using place = await folderPlace();
  const toFile = join(place.dir, "restored.db");
  await expect(restoreJournal({ from: place.access, toFile })).rejects.toThrow("holds no archive");
  const clusters = ["one", "two"].map((name) => id<ClusterId>(name));
  for (const cluster of clusters) {
    await using journal = await openJournal(journalOptions(place.dir, cluster, { cluster }));
    await record(journal, notes(5));
    await archive(place, journal);
  }
  await expect(restoreJournal({ from: place.access, toFile })).rejects.toThrow("holds 2 clusters, name one: one, two");
  const cluster = id<ClusterId>("two");
  expect(await restoreJournal({ from: place.access, toFile, cluster })).toMatchObject({ cluster, node: "two" });
});

test("the thread archives while its node leads, tells when the archive is away, and goes on when it is back", async () => {
  using folder = scratch();
  const port = await lowPort();
  const first = await startBucket(join(folder.dir, "bucket"), port);
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  await record(journal, notes(50));
  const options = { file: journal.file, access: first.access, segmentMs: 20, snapshotEveryMs: day };
  const running = startArchive(options);
  try {
    running.setActive(true);
    await until(() => running.verified === 50, "the snapshot is verified");
    await first[Symbol.asyncDispose]();
    await record(journal, notes(50, 51));
    await until(() => running.standing.failing !== undefined, "it is told that the archive is away");
    expect(running.standing.failing?.sentence).toMatch(/ECONNREFUSED|bucket archive/u);
    expect(running.verified).toBe(50);
    await using back = await startBucket(join(folder.dir, "bucket"), port);
    await until(() => running.verified === 100, "it has caught up");
    expect(running.standing.failing).toBeUndefined();
    running.setActive(false);
    const report = await restoreJournal({ from: back.access, toFile: join(folder.dir, "restored.db") });
    expect(report.reached.sequence).toBe(100);
  } finally {
    await running.close();
  }
}, 150_000);
