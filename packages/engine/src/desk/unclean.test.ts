import { decimal } from "@baton/core";
import { expect, test } from "vitest";
import { DeskRig, MemoryJournal } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

test.each(["unclean", "crash-release"] as const)(
  "while reconciliation is due nothing is ordered before the venue's orders and trades were read (%s)",
  async (reason) => {
    const rig = new DeskRig();
    rig.venue.isRecoveryHeld = true;
    rig.lead(1, reason, 2_000, true);
    await pass(50);
    expect(rig.desk.whyNotReady(rig.venue.id)).toBe(
      "its orders and trades have not been read since the unclean failover",
    );
    expect(rig.reconciled).toEqual([]);
    rig.venue.recovered();
    expect(rig.reconciled).toEqual([1]);
    expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
  },
);

test("any other takeover orders at once", async () => {
  const rig = new DeskRig();
  rig.venue.isRecoveryHeld = true;
  rig.lead(1, "pre-emption");
  await pass(50);
  expect(rig.desk.whyNotReady(rig.venue.id)).toBeUndefined();
  expect(rig.reconciled).toEqual([]);
});

test("a parent whose next slice may be lost is paused with the opening, and goes on when somebody has seen the account", async () => {
  const rig = await leading();
  rig.venue.script.push(
    ...[1, 2].map(
      () => (order: Parameters<typeof rig.venue.accept>[0]) => Promise.resolve(rig.venue.accept(order, "filled")),
    ),
  );
  const parent = rig.twap({ durationMs: 40_000 });
  await pass(500);
  // The second slice is executed, and nobody else has its record.
  const { length } = rig.journal.frames;
  await pass(10_000);
  expect(rig.venue.placed).toHaveLength(2);
  rig.desk.end();

  const shorter = new MemoryJournal();
  shorter.frames.push(...rig.journal.frames.slice(0, length));
  const next = new DeskRig({ journal: shorter, venue: rig.venue, node: "b" });
  next.commit();
  rig.venue.isRecoveryHeld = true;
  next.lead(2, "unclean", 0, true);
  expect(shorter.frames.at(-1)?.body.split("\n")).toHaveLength(2);
  await pass(1_000);
  const resume = { what: "resume", reason: "looked at" } as const;
  expect(next.desk.direct(parent, resume, "op")).toMatchObject({ kind: "refused", refusal: { code: "held" } });
  rig.venue.recovered();
  await pass(30_000);
  expect(rig.venue.placed).toHaveLength(2);
  expect(next.warnings).toContainEqual(expect.stringMatching(/^history\.lost: Epoch 2 began on a loss: .* p-1 wait/));
  expect(next.desk.direct(parent, { what: "resume" }, "op")).toMatchObject({ refusal: { code: "parent-state" } });
  expect(next.desk.direct(parent, { what: "amend", change: { quantity: "3" } }, "op")).toMatchObject({
    kind: "recorded",
  });
  expect(next.desk.direct(parent, resume, "op")).toMatchObject({ kind: "recorded" });
  await pass(60_000);
  expect(rig.venue.placed).toHaveLength(5);
  const sent = [...rig.venue.orders.values()].reduce((sum, { quantity }) => sum + Number(quantity), 0);
  expect([sent, next.ledger.committed.parents.get(parent)?.algorithm.quantity]).toEqual([4, decimal("3")]);
});

test("an order that the lost history took back is no stranger's cancel: the account trades on, and a later one is", async () => {
  const rig = await leading();
  const resting = rig.order();
  await pass(50);
  const shorter = new MemoryJournal();
  shorter.frames.push(...rig.journal.frames);
  expect(rig.desk.cancel(resting, "trader")).toMatchObject({ kind: "recorded" });
  await pass(50);
  expect(rig.row(resting).status).toBe("cancelled");
  rig.desk.end();

  const next = new DeskRig({ journal: shorter, venue: rig.venue, node: "b" });
  next.commit();
  expect(next.row(resting)).toMatchObject({ status: "new" });
  next.lead(2, "unclean", 0, true);
  await pass(50);
  const told = (at: number, source: "recovery" | "stream"): void => {
    const order = rig.venue.orders.get(rig.venue.placed[at] ?? "");
    if (order === undefined) throw new Error("it was placed");
    rig.venue.tell({ kind: "order", order: { ...order, status: "cancelled" }, source });
  };
  told(0, "recovery");
  await pass(500);
  expect(next.row(resting).status).toBe("cancelled");
  const later = next.order();
  await pass(50);
  expect(next.row(later).status).toBe("new");
  told(1, "stream");
  await pass(500);
  expect(next.ask()).toMatchObject({ kind: "refused", refusal: { code: "kill-account" } });
});
