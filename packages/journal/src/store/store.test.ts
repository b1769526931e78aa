import { id } from "@baton/core";
import type { BootId, ClusterId, NodeId } from "@baton/core";
import { expect, test } from "vitest";
import { scratch } from "../testing/rig.ts";
import { openForReading } from "./schema.ts";
import { JournalStore } from "./store.ts";

test("a checkpoint that a reader holds up is tried again after as much again, not at each commit", () => {
  using folder = scratch();
  const file = `${folder.dir}/a.db`;
  const cluster = id<ClusterId>("11111111-1111-4111-8111-111111111111");
  const store = new JournalStore({ file, cluster, node: id<NodeId>("a"), bootId: id<BootId>("b"), create: true });
  /** A MiB at a time, until a checkpoint is due; answers how many that took. */
  const fill = (): number => {
    for (let count = 1; count <= 100; count += 1) {
      store.storeDivergence((count % 2 === 0 ? "x" : "y").repeat(1024 * 1024));
      if (store.isCheckpointDue) return count;
    }
    throw new Error("100 MiB were written, and no checkpoint is due");
  };
  const reader = openForReading(file);
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM meta").get();
  const usual = fill();
  store.checkpoint();
  expect(store.isCheckpointDue).toBe(false);
  expect(fill()).toBe(usual);
  reader.close();
  store.checkpoint();
  expect(store.isCheckpointDue).toBe(false);
  expect(fill()).toBe(usual);
  store.close();
});
