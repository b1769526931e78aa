import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { id } from "@baton/core";
import type { BootId, JournalEvent, NodeId } from "@baton/core";
import { digestOfFile, exportRecords, openJournal, verifyJournal } from "@baton/journal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Expected } from "./expected.ts";
import { cluster, node } from "./story.ts";

const folder = join(import.meta.dirname, "journals");
const versions = readdirSync(folder);
let scratch = "";
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "baton-history-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("there is a journal of every version that was released, and of the one that will be next", () => {
  const { version } = JSON.parse(readFileSync(join(folder, "..", "..", "..", "package.json"), "utf8")) as {
    readonly version: string;
  };
  expect(versions).toContain(version);
});

test("this build can record a journal for those that come after it", () => {
  const recorder = fileURLToPath(new URL("./record.ts", import.meta.url));
  const target = join(scratch, "recorded");
  execFileSync(process.execPath, [recorder, target], { stdio: "pipe" });
  const { records } = JSON.parse(readFileSync(join(target, "expected.json"), "utf8")) as Expected;
  expect(records).toBeGreaterThanOrEqual(900);
});

test("a record of a kind that this build does not know ends its part with the sentence that names the build to run", async () => {
  const file = join(scratch, "later.db");
  const journal = await openJournal({ file, cluster, node, bootId: id<BootId>("b"), create: true });
  const failed = new Promise<string>((resolve) => journal.onFailed.on((failure) => resolve(failure.message)));
  journal.append(1, [{ kind: "order.teleported", atWallMs: 1 } as unknown as JournalEvent]);
  while (journal.durable < 1) await delay(1);
  journal.commit(1);
  expect(await failed).toContain(
    'a record "order.teleported" that this build does not know: a newer build wrote it, so run that one',
  );
});

describe.each(versions)("the journal of version %s", (version) => {
  const expected = JSON.parse(readFileSync(join(folder, version, "expected.json"), "utf8")) as Expected;
  const unpacked = (name: string): string => {
    const file = join(scratch, `${version}-${name}.db`);
    writeFileSync(file, gunzipSync(readFileSync(join(folder, version, "journal.db.gz"))));
    return file;
  };

  test("still chains to the same head", () => {
    const { sound, last, lastHash } = verifyJournal(unpacked("chain"));
    expect({ sound, last, lastHash }).toEqual({ sound: true, last: expected.records, lastHash: expected.lastHash });
  });

  test("is opened by this build with the rows that its own build made", async () => {
    const file = unpacked("opened");
    expect(await digestOfFile(file)).toEqual({ at: expected.at, digest: expected.digest });
    const journal = await openJournal({ file, cluster, node, bootId: id<BootId>("later"), create: false });
    expect(journal.opened.committed).toBe(expected.records);
    expect(journal.care.format).toBe(expected.format);
    await journal.close();
  });

  test("replayed record by record, it gives the same rows: the digest is the one of its own build", async () => {
    const file = join(scratch, `${version}-replayed.db`);
    const records = [...exportRecords(unpacked("source"))];
    expect(records).toHaveLength(expected.records);
    const journal = await openJournal({
      ...{ file, cluster, node: id<NodeId>("replay"), bootId: id<BootId>("replay") },
      create: true,
    });
    for (const { epoch, event } of records) {
      if (epoch !== journal.last.epoch) while (journal.durable < journal.last.sequence + journal.queued) await delay(1);
      journal.append(epoch, [event]);
    }
    while (journal.durable < expected.records) await delay(1);
    journal.commit(expected.records);
    await journal.close();
    expect(await digestOfFile(file)).toEqual({ at: expected.at, digest: expected.digest });
  });
});
