import fc from "fast-check";
import { expect, test } from "vitest";
import { connect, durable, notes, scratch, startNode, until } from "../testing/rig.ts";

test("what the leader appends is durable on its follower, acknowledged, and committed on both", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  connect(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, notes(100));
  await until(() => b.journal.commitMark.sequence === last, "b knows everything committed");
  expect(b.journal.durable).toBe(last);
  expect(b.journal.commitMark).toEqual(a.journal.commitMark);
  expect(b.journal.promises.epochMax).toBe(1);
  expect(await b.journal.verify()).toMatchObject({ sound: true, events: 100, lastHash: a.journal.last.hash });
  await until(() => a.replication.followers[0]?.phase === "in-sync", "a sees b in sync");
});
