import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { id } from "@baton/core";
import type { BootId, ClusterId, JournalId, NodeId } from "@baton/core";
import { openJournal } from "@baton/journal";
import { describe, expect, test } from "vitest";
import { baton, json, temporaryFolder } from "./scripted-node.ts";

describe("baton journal verify", () => {
  test("says of a sound journal what it holds, also while its node has it open", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "journal.db");
    const journal = await openJournal({
      file,
      cluster: id<ClusterId>("11111111-1111-4111-8111-111111111111"),
      node: id<NodeId>("a"),
      bootId: id<BootId>("22222222-2222-4222-8222-222222222222"),
      create: true,
      newJournal: id<JournalId>("33333333-3333-4333-8333-333333333333"),
    });
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
