/** A whole copy that comes in while the leader changes, or its link does: nothing else may take hold of the journal meanwhile. */
import { existsSync } from "node:fs";
import type { Sequence } from "@baton/core";
import { expect, test } from "vitest";
import { openJournal } from "../open.ts";
import { connect, durable, journalOptions, noted, notes, scratch, startNode, until } from "../testing/rig.ts";
import type { TestNode } from "../testing/rig.ts";

/** Holds up the installing of copies at this node: `begun` tells how many have come so far. */
function holdInstalls(node: TestNode): {
  readonly begun: () => number;
  readonly ended: () => number;
  readonly letGo: () => void;
} {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  let ended = 0;
  const install = node.journal.install.bind(node.journal);
  node.journal.install = async (...asked) => {
    begun += 1;
    await gate.promise;
    await install(...asked).finally(() => (ended += 1));
  };
  return { begun: () => begun, ended: () => ended, letGo: () => gate.resolve() };
}

/** The follower hears some heartbeats of this leader: whatever it says to it at once has been said. */
async function heartbeats(follower: TestNode, leader: TestNode): Promise<void> {
  let beats = 0;
  const stop = follower.replication.onHeard.on(({ node }) => (beats += node === leader.name ? 1 : 0));
  await until(() => beats >= 10, `heartbeats of ${leader.name}`);
  stop();
}

test("a copy from a leader that was replaced meanwhile is not installed under its successor's feet", async () => {
  using folder = scratch();
  const journalC = await openJournal(journalOptions(folder.dir, "c"));
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 500 } } });
  await durable(a.journal, a.journal.append(1, notes(1000)));
  for (const frame of await a.journal.frames(0, 1e9)) journalC.receive(frame);
  await durable(journalC, 1000);
  await journalC.close();
  // What only a holds: its successor never had it, so it was never committed.
  await durable(a.journal, a.journal.append(1, notes(1000, 1001)));
  await using b = await startNode(folder.dir, "b");
  await using c = await startNode(folder.dir, "c");
  const installs = holdInstalls(b);
  b.replication.setPeers(new Map([[a.name, a.address]]));
  await a.lead(1, ["b"]);
  await until(() => installs.begun() === 1, "the copy is on b");

  const acked: Sequence[] = [];
  let greetings = 0;
  c.replication.onFollowerUp.on(() => (greetings += 1));
  c.replication.onAck.on(({ position }) => acked.push(position));
  await c.lead(2, ["b"]);
  const first = c.journal.append(2, [noted(1, "epoch two")]);
  b.replication.setPeers(
    new Map([
      [a.name, a.address],
      [c.name, c.address],
    ]),
  );
  await until(() => b.replication.following?.epoch === 2, "b hears c");
  await durable(c.journal, first);
  await heartbeats(b, c);
  expect(greetings).toBe(0);
  installs.letGo();
  await until(() => installs.ended() === 1, "the copy has been dealt with");
  await heartbeats(b, c);
  const last = c.journal.append(2, notes(5, 50));
  await until(() => b.journal.commitMark.sequence === last, "b holds what c holds");
  expect(b.journal.last).toEqual(c.journal.last);
  expect(Math.max(...acked)).toBeLessThanOrEqual(last);
  expect(await b.journal.verify()).toMatchObject({ sound: true, lastHash: c.journal.last.hash });
});

test("a copy that comes again over a new link waits until the one before it has been dealt with", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 500 } } });
  await durable(a.journal, a.journal.append(1, notes(1000)));
  await using b = await startNode(folder.dir, "b");
  const installs = holdInstalls(b);
  const failures: string[] = [];
  b.journal.onFailed.on((failure) => failures.push(failure.message));
  let copies = 0;
  a.replication.onFollowerPhase.on(({ phase }) => (copies += phase === "needs-snapshot" ? 1 : 0));
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => installs.begun() === 1, "the copy is on b");
  b.replication.setPeers(new Map());
  connect(a, b);
  await heartbeats(b, a);
  expect(copies).toBe(1);
  installs.letGo();
  const last = a.journal.append(1, notes(10));
  await until(() => b.journal.commitMark.sequence === last, "b is live");
  expect(failures).toEqual([]);
  expect(await b.journal.verify()).toMatchObject({ sound: true, lastHash: a.journal.last.hash });
});

test("a node that stops puts no copy in its journal's place any more, and leaves no file of it behind", async () => {
  using folder = scratch();
  await using a = await startNode(folder.dir, "a", { replication: { limits: { snapshotBehind: 500 } } });
  await durable(a.journal, a.journal.append(1, notes(1000)));
  await using b = await startNode(folder.dir, "b");
  const installs = holdInstalls(b);
  connect(a, b);
  await a.lead(1, ["b"]);
  await until(() => installs.begun() === 1, "the copy is on b");
  b.replication.close();
  installs.letGo();
  await until(() => installs.ended() === 1, "the copy has been dealt with");
  expect(b.journal.last.sequence).toBe(0);
  await until(() => !existsSync(`${b.journal.file}.incoming`), "its file is gone");
});
