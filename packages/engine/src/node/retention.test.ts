import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { emptyState, id, wallMs } from "@baton/core";
import type { BootId, ClusterId, JournalEvent, NodeId, OperationId, OrderRow, Sequence } from "@baton/core";
import { openJournal } from "@baton/journal";
import type { Replication } from "@baton/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { oldestLive, Retention } from "./retention.ts";

const dayMs = 86_400_000;
let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "baton-retention-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function noted(daysAgo: number): JournalEvent {
  const atWallMs = wallMs(wallNow() - daysAgo * dayMs);
  return { kind: "operation.noted", operation: id<OperationId>("o"), what: "a", by: "b", reason: "c", atWallMs };
}

function follower(acked: Sequence): Replication {
  return { followers: [{ node: "b", acked, epoch: 1 }] } as unknown as Replication;
}

test("a leader forgets what is old, every standby holds and the archive was proved to hold, and no more", async () => {
  await using journal = await openJournal({
    file: join(folder, "journal.db"),
    cluster: id<ClusterId>("c"),
    node: id<NodeId>("a"),
    bootId: id<BootId>("boot"),
    create: true,
    frameEventsMax: 10,
  });
  const state = emptyState();
  const record = async (daysAgo: number): Promise<void> => {
    const last = journal.append(
      1,
      Array.from({ length: 100 }, () => noted(daysAgo)),
    );
    while (journal.durable < last) await delay(1);
    journal.commit(last);
    state.applied = last;
  };
  for (const daysAgo of [40, 35, 31, 5, 0]) await record(daysAgo);
  const known = { archived: undefined as Sequence | undefined, acked: 500, isLeading: false };
  const said: string[] = [];
  const retention = new Retention({
    journal,
    get replication() {
      return follower(known.acked);
    },
    retainDays: 30,
    isLeading: () => known.isLeading,
    committed: () => state,
    archived: () => known.archived,
    say: (_event, sentence) => said.push(sentence),
    everyMs: dayMs,
  });
  try {
    await retention.round();
    expect(journal.pruned).toBe(0);
    known.isLeading = true;
    known.archived = 100;
    await retention.round();
    expect(journal.pruned).toBe(100);
    known.archived = 500;
    known.acked = 200;
    await retention.round();
    expect(journal.pruned).toBe(200);
    known.acked = 500;
    state.orders.set(id("i-1"), { sequence: 251 } as OrderRow);
    await retention.round();
    expect(journal.pruned).toBe(250);
    state.orders.clear();
    await retention.round();
    expect(journal.pruned).toBe(300);
    expect(said.at(-1)).toBe("Records 251 to 300 were forgotten; age keeps the rest.");
    expect(await journal.verify()).toMatchObject({ sound: true, first: 301, last: 500 });
    expect(retention.reusableBytes).toBeGreaterThanOrEqual(0);
  } finally {
    retention.close();
  }
});

test("the oldest order or parent that has not ended holds its records", () => {
  const state = emptyState();
  expect(oldestLive(state)).toBeUndefined();
  state.orders.set(id("i-1"), { sequence: 3, closedSequence: 9 } as OrderRow);
  state.orders.set(id("i-2"), { sequence: 7 } as OrderRow);
  expect(oldestLive(state)).toBe(7);
});
