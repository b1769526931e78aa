/**
 * Records the journal of this version: `node test/history/record.ts [FOLDER]`. What it writes to `test/history/journals/<version>`
 * is replayed by every later build (`history.test.ts`). Until a version is released its recording may be made anew, when
 * the format of a row changed on purpose; afterwards never: then the format gets the next number instead.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { id } from "@baton/core";
import type { BootId } from "@baton/core";
import { copyJournal, digestOfFile, journalFormat, openJournal } from "@baton/journal";
import type { Expected } from "./expected.ts";
import { cluster, node, story } from "./story.ts";

const records = 900;
const root = join(import.meta.dirname, "..", "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
const folder = process.argv[2] ?? join(import.meta.dirname, "journals", version);
const scratch = mkdtempSync(join(tmpdir(), "baton-record-"));

try {
  const file = join(scratch, "journal.db");
  const journal = await openJournal({
    file,
    cluster,
    node,
    bootId: id<BootId>("boot-1"),
    create: true,
    frameEventsMax: 16,
  });
  let epoch = 0;
  for (const event of story(records, 7)) {
    if (event.kind === "epoch.opened") {
      // A new leader's first record begins a frame.
      await durable(journal.last.sequence + journal.queued);
      epoch = event.epoch;
    }
    journal.append(epoch, [event]);
  }
  await durable(journal.last.sequence + journal.queued);
  journal.commit(journal.last.sequence);
  const { last } = journal;
  await journal.close();
  const copy = join(scratch, "copy.db");
  await copyJournal(file, copy);
  const { at, digest } = await digestOfFile(copy);
  const expected: Expected = {
    version,
    format: journalFormat,
    records: last.sequence,
    lastHash: last.hash,
    at,
    digest,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "journal.db.gz"), gzipSync(readFileSync(copy), { level: 9 }));
  writeFileSync(join(folder, "expected.json"), `${JSON.stringify(expected, undefined, 2)}\n`);
  process.stdout.write(`recorded ${last.sequence} records of version ${version} in ${folder}\n`);

  async function durable(sequence: number): Promise<void> {
    while (journal.durable < sequence) await delay(1);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
