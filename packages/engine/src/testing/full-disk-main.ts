/**
 * A node's journal on a disk that fills up, for a test that gives it a small one: `node full-disk-main.ts FOLDER RESERVE
 * RECORDS AFTER`. RECORDS come before the reserve is made and AFTER after it, before the disk fills: many leave room in the WAL,
 * few do not. Each line on stdout says what stood then: the rung, and how many records became durable on a disk without a
 * free byte.
 */
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { id, wallMs } from "@baton/core";
import type { BootId, ClusterId, JournalEvent, NodeId, OperationId } from "@baton/core";
import { openJournal } from "@baton/journal";
import { DiskWatch } from "../node/disk-watch.ts";

const [, , folder = "", reserve = "0", records = "400", after = "0"] = process.argv;
const ballast = join(folder, "ballast");
const chunk = Buffer.alloc(64 * 1024, "x");

const journal = await openJournal({
  file: join(folder, "journal.db"),
  cluster: id<ClusterId>("11111111-1111-4111-8111-111111111111"),
  node: id<NodeId>("a"),
  bootId: id<BootId>("boot-a"),
  create: true,
  reserveBytes: Number(reserve),
});
const reserved = { is: false };
journal.onReserve.on((isReleased) => (reserved.is = !isReleased));
const quiet = (): void => undefined;
const watch = new DiskWatch({ folder, journal, reusableBytes: () => 0, say: quiet, warn: quiet });

await record(Number(records));
if (reserve !== "0") await until(() => reserved.is);
// One that sees how much is free with the reserve made.
await record(Number(after));
await tell("warm", {});
fillTo(0.87);
await tell("filling", {});
fillTo(0.93);
await tell("no-new-risk", {});
fillTo(1);
// The writer settles what it has written by a clock of its own; where that fell into the filling, the reserve is spent.
const hadReserve = existsSync(join(folder, "journal.db.reserve"));
const recorded = await record(300);
await tell("full", { hadReserve, recorded, failure: journal.failure?.code, freeBytes: freeBytes() });
rmSync(ballast);
if (reserve !== "0") await until(() => reserved.is);
await tell("room", {});
watch.close();
await journal.close();

/** Cancels and outcomes would be such records: small, one after another. Gives how many became durable. */
async function record(count: number): Promise<number> {
  for (let n = 1; n <= count; n += 1) {
    if (journal.failure !== undefined) return n - 1;
    const sequence = journal.append(1, [noted(n)]);
    await until(() => journal.durable >= sequence || journal.failure !== undefined);
    if (journal.failure === undefined) journal.commit(sequence);
  }
  return journal.failure === undefined ? count : count - 1;
}

function noted(n: number): JournalEvent {
  const operation = id<OperationId>(`o-${n}`);
  return {
    kind: "operation.noted",
    operation,
    what: "cancel",
    by: "test",
    reason: "x".repeat(300),
    atWallMs: wallMs(n),
  };
}

/** Writes ballast until so much of the disk is used; 1: until the disk takes no more. */
function fillTo(share: number): void {
  const file = openSync(ballast, "a");
  try {
    for (;;) {
      const { blocks, bavail } = statfsSync(folder);
      if (share < 1 && 1 - bavail / blocks >= share) return;
      writeSync(file, chunk);
    }
  } catch {
    // It takes no more: that was the aim.
  } finally {
    closeSync(file);
  }
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !condition(); await delay(1)) {
    if (performance.now() > end) throw new Error("it did not come to pass within 30 s");
  }
}

async function tell(step: string, more: object): Promise<void> {
  await watch.look();
  writeSync(1, `${JSON.stringify({ step, level: watch.level, mayTakeRisk: watch.mayTakeRisk, ...more })}\n`);
}
