import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { id, wallMs } from "@baton/core";
import type { BootId, ClusterId, JournalEvent, JournalId, NodeId, OperationId } from "@baton/core";
import { openJournal, startArchive } from "@baton/journal";
import { describe, expect, test } from "vitest";
import { baton, json, temporaryFolder } from "./scripted-node.ts";

const options = {
  cluster: id<ClusterId>("11111111-1111-4111-8111-111111111111"),
  node: id<NodeId>("a"),
  bootId: id<BootId>("22222222-2222-4222-8222-222222222222"),
  create: true,
  newJournal: id<JournalId>("33333333-3333-4333-8333-333333333333"),
};
const noted = { kind: "operation.noted", what: "a", by: "b", reason: "c", atWallMs: wallMs(1) } as const;

describe("baton journal verify", () => {
  test("says of a sound journal what it holds, also while its node has it open", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "journal.db");
    const journal = await openJournal({ ...options, file });
    try {
      const run = await baton(["journal", "verify", file, "--json"]);
      expect([run.status, run.err]).toEqual([0, ""]);
      expect(json(run)).toMatchObject({ version: 1, file, sound: true, frames: 0, last: 0 });
      expect((await baton(["journal", "verify", file])).out).toMatch(/^chain +sound$/m);
    } finally {
      await journal.close();
    }
  });

  test("ends with 1 for a file that is no journal, and for none", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "journal.db");
    expect((await baton(["journal", "verify", file])).status).toBe(1);
    writeFileSync(file, "this is not a database, and long enough to be looked at as one".repeat(100));
    const run = await baton(["journal", "verify", file, "--json"]);
    expect(run.status).toBe(1);
    expect(json(run)).toMatchObject({ version: 1, error: { exit: "failed" } });
  });
});

describe("baton journal quarantine", () => {
  test("shows what was cut, when, why, and which orders it spoke of", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "journal.db");
    const journal = await openJournal({ ...options, file });
    const events: readonly JournalEvent[] = [{ ...noted, operation: id<OperationId>("o-1") }];
    journal.append(1, events);
    await new Promise<void>((resolve) => journal.onDurable.on(() => resolve()));
    expect((await baton(["journal", "quarantine", file])).out).toBe("Nothing was ever cut from this journal.");
    await journal.cut(0, "epoch 2 of b continues after 0");
    await journal.close();
    const run = await baton(["journal", "quarantine", file, "--events"]);
    expect([run.status, run.err]).toEqual([0, ""]);
    expect(run.out).toMatch(/^cut +20\S+Z: epoch 2 of b continues after 0$/mu);
    expect(run.out).toMatch(/^records +1 to 1, of epoch 1$/mu);
    expect(run.out).toContain('"operation":"o-1"');
    expect(json(await baton(["journal", "quarantine", file, "--json"]))).toMatchObject({
      version: 1,
      tails: [{ first: 1, last: 1, intents: [], events: [{ sequence: 1, kind: "operation.noted" }] }],
    });
    expect((await baton(["journal", "verify", file])).out).toMatch(/^cut +1 records are in quarantine/mu);
  });
});

describe("baton journal export, snapshot and restore", () => {
  test("a journal is printed, copied, and restored from its archive with the loss that is known", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "journal.db");
    const url = pathToFileURL(join(folder.path, "archive")).href;
    const journal = await openJournal({ ...options, file });
    const archive = startArchive({ file, access: { url }, segmentMs: 10, snapshotEveryMs: 86_400_000 });
    try {
      journal.append(1, [
        { ...noted, operation: id<OperationId>("o-1") },
        { ...noted, operation: id<OperationId>("o-2") },
      ]);
      await new Promise<void>((resolve) => journal.onDurable.on(() => resolve()));
      journal.commit(2);
      await journal.pastOrders({ after: 0, limit: 1 }, 2);
      archive.setActive(true);
      await new Promise<void>((resolve) =>
        archive.onChanged.on(({ position }) => position?.verified === 2 && resolve()),
      );
      const printed = (await baton(["journal", "export", file, "--after", "1"])).out.trim();
      expect(JSON.parse(printed)).toMatchObject({
        sequence: 2,
        epoch: 1,
        isCommitted: true,
        event: { operation: "o-2" },
      });
      const copy = join(folder.path, "copy.db");
      expect(json(await baton(["journal", "snapshot", file, "--to", copy, "--json"]))).toMatchObject({ sequence: 2 });
      expect((await baton(["journal", "snapshot", file, "--to", copy])).status).toBe(1);
      expect((await baton(["journal", "verify", copy])).status).toBe(0);
    } finally {
      await archive.close();
      await journal.close();
    }
    const restored = join(folder.path, "restored.db");
    const run = await baton(["journal", "restore", "--from", url, "--to", restored]);
    expect([run.status, run.err]).toEqual([0, ""]);
    expect(run.out).toMatch(/^reached +record 2 of epoch 1, made 1970/mu);
    expect(run.out).toMatch(/^lost \(RPO\) +nothing that was committed by 20/mu);
    expect((await baton(["journal", "verify", restored])).status).toBe(0);
    expect((await baton(["journal", "restore", "--from", url, "--to", restored])).status).toBe(1);
    expect((await baton(["journal", "restore", "--to", join(folder.path, "other.db")])).status).toBe(2);
  });
});
