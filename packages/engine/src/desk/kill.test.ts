import { id, wallMs, withKill, withoutKill } from "@baton/core";
import type { KillState, KillTarget, VenueId } from "@baton/core";
import { describe, expect, test } from "vitest";
import { wallNow } from "../clock.ts";
import { DeskRig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

test("a successor takes back what its predecessor had not, when a kill was on record and it died", async () => {
  const first = new DeskRig().lead(1);
  await pass(50);
  const intent = first.order();
  await pass(50);
  expect(first.row(intent).status).toBe("new");
  first.desk.note({ kind: "kill.set", level: "cluster", by: "op", reason: "drill", atWallMs: wallMs(wallNow()) });
  await pass(50);
  first.desk.end();
  const next = new DeskRig({ journal: first.journal, venue: first.venue, node: "b" }).lead(2);
  await pass(1_000);
  expect(next.row(intent)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
});

const words = { by: "op", reason: "drill" } as const;

function killed(...targets: readonly KillTarget[]): KillState {
  const off: KillState = { level: "off", ...words, atWallMs: wallMs(wallNow()) };
  return targets.reduce((kill, target) => withKill(kill, { ...target, ...words, atWallMs: wallMs(wallNow()) }), off);
}

test.each<[KillTarget, string]>([
  [{ level: "strategy", id: "trader" }, "kill-strategy"],
  [{ level: "instrument", id: "BTC/USDT" }, "kill-instrument"],
  [{ level: "venue", id: "sim" }, "kill-venue"],
  [{ level: "account", id: "t", venues: [id<VenueId>("sim")] }, "kill-account"],
  [{ level: "cluster" }, "kill-cluster"],
])("a kill of %j takes its open orders back, refuses new ones, and is over when it is lifted", async (target, code) => {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  rig.desk.applyKill(killed(target));
  expect(rig.ask()).toMatchObject({ kind: "refused", refusal: { code } });
  await pass(500);
  expect(rig.row(intent)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
  rig.desk.applyKill(killed());
  expect(rig.ask()).toMatchObject({ kind: "recorded" });
});

test.each<KillTarget>([
  { level: "strategy", id: "other" },
  { level: "instrument", id: "ETH/USDT" },
  { level: "venue", id: "elsewhere" },
  { level: "account", id: "x", venues: [] },
])("a kill of %j leaves everybody else alone", async (target) => {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  rig.desk.applyKill(killed(target));
  expect(rig.ask()).toMatchObject({ kind: "recorded" });
  await pass(500);
  expect(rig.row(intent).status).toBe("new");
});

test("the level in force is the highest, and lifting it leaves the others in force", async () => {
  const rig = await leading();
  rig.desk.applyKill(killed({ level: "cluster" }, { level: "strategy", id: "trader" }));
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-cluster" } });
  rig.desk.applyKill(
    withoutKill(
      killed({ level: "cluster" }, { level: "strategy", id: "trader" }),
      { level: "cluster" },
      { ...words, atWallMs: wallMs(1) },
    ),
  );
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-strategy" } });
});

test("a kill of who asked for a parent ends it, children and all", async () => {
  const rig = await leading();
  const parent = rig.twap();
  await pass(100);
  rig.desk.applyKill(killed({ level: "strategy", id: "trader" }));
  await pass(500);
  expect(rig.ledger.speculative.parents.get(parent)).toMatchObject({ status: "killed" });
});

test("what is on its way when the kill comes is not sent, or is taken back", async () => {
  const rig = await leading();
  rig.isCommitting = false;
  const intent = rig.order();
  rig.desk.applyKill(killed({ level: "instrument", id: "BTC/USDT" }));
  rig.commit();
  rig.isCommitting = true;
  await pass(1_000);
  expect(rig.venue.placed).toEqual([]);
  expect(rig.row(intent).status).toBe("not-sent");
});

test("without etcd a kill is in force by the journal, stays so when etcd comes back, and etcd is told until it has it", async () => {
  const rig = await leading();
  const intent = rig.order();
  await pass(50);
  const scope = { level: "venue", id: "sim", ...words, atWallMs: wallMs(wallNow()) } as const;
  const before = rig.journal.last.sequence;
  expect(rig.desk.killHere(scope)).toBe(before + 1);
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-venue" } });
  await pass(500);
  expect(rig.row(intent).status).toBe("cancelled");
  // The next leader inherits it with the journal; etcd's record is older than the kill.
  rig.desk.end();
  const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
  next.commit();
  next.lead(2);
  next.desk.applyKill(killed());
  expect(next.ask()).toMatchObject({ refusal: { code: "kill-venue" } });
  expect(next.reasserted).toEqual(["venue sim"]);
  next.desk.applyKill(killed({ level: "venue", id: "sim" }));
  expect(next.reasserted).toHaveLength(1);
  next.desk.applyKill(killed());
  expect(next.ask()).toMatchObject({ kind: "recorded" });
});

test("what etcd said of kills while a switchover was under way counts at once when that is given up: nothing taken back is sent", async () => {
  const rig = await leading();
  const resting = rig.order();
  await pass(50);
  rig.isCommitting = false;
  const waiting = rig.order({ sendWithinMs: 10_000 });
  const held = rig.desk.hold();
  await pass(200);
  await held;
  rig.desk.applyKill(killed({ level: "cluster" }));
  rig.isCommitting = true;
  rig.desk.resume();
  rig.commit();
  await pass(500);
  expect(rig.row(resting)).toMatchObject({ status: "cancelled", cancel: { by: "kill" } });
  expect(rig.row(waiting)).toMatchObject({ status: "not-sent" });
  expect(rig.venue.placed).toHaveLength(1);
  expect(rig.ask()).toMatchObject({ refusal: { code: "kill-cluster" } });
});

describe("a kill", () => {
  const kill = { level: "cluster", by: "op", reason: "test", atWallMs: wallMs(1) } as const;

  test("takes open orders back, refuses new ones, and ends when it is lifted", async () => {
    const rig = await leading();
    const intents = [rig.order(), rig.order(), rig.order()];
    await pass(20);
    rig.desk.applyKill(kill);
    rig.desk.applyKill(kill);
    expect(rig.ask()).toMatchObject({ refusal: { code: "kill-cluster" } });
    await pass(500);
    expect(intents.map((intent) => rig.row(intent).status)).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(rig.journal.events.filter((event) => event.kind === "kill.set")).toHaveLength(1);
    rig.desk.applyKill({ ...kill, level: "off" });
    expect(rig.ask().kind).toBe("recorded");
  });

  test("that comes before the commit keeps the order from leaving", async () => {
    const rig = await leading();
    rig.isCommitting = false;
    const intent = rig.order();
    rig.desk.applyKill(kill);
    rig.isCommitting = true;
    rig.commit();
    await pass(500);
    expect(rig.venue.placed).toEqual([]);
    expect(rig.row(intent).status).toBe("not-sent");
  });
});
