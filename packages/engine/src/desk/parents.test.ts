import { decimal } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig } from "../testing/desk-rig.ts";
import { leading } from "../testing/leading-desk.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

describe("a TWAP", () => {
  const filled = (rig: DeskRig): void => {
    for (let times = 0; times < 8; times += 1)
      rig.venue.script.push((order) => Promise.resolve(rig.venue.accept(order, "filled")));
  };

  test("executes each slice once and ends", async () => {
    const rig = await leading();
    filled(rig);
    const parent = rig.twap();
    await pass(4_500);
    expect(rig.venue.placed).toHaveLength(4);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("done");
  });

  test("goes on after a takeover with no slice repeated or skipped, and inherited ones are only looked for", async () => {
    const rig = await leading();
    filled(rig);
    const parent = rig.twap();
    await pass(1_100);
    expect(rig.venue.placed).toHaveLength(2);
    // The third slice is recorded, committed and sent; its answer dies with the leader.
    rig.venue.script[0] = (order) => {
      rig.venue.accept(order, "filled");
      return new Promise(() => undefined);
    };
    await pass(1_000);
    expect(rig.venue.placed).toHaveLength(3);
    rig.desk.end();
    const next = new DeskRig({ journal: rig.journal, venue: rig.venue, node: "b" });
    next.commit();
    next.lead(2, "crash-release", 0);
    await pass(4_000);
    const row = next.ledger.committed.parents.get(parent);
    expect(row?.status).toBe("done");
    expect(row?.slices.map((slice) => slice.kind)).toEqual(["intent", "intent", "intent", "intent"]);
    expect(new Set(next.venue.placed).size).toBe(4);
    expect(next.venue.placed).toHaveLength(4);
    expect(next.venue.sent.map((each) => each.epoch)).toEqual([1, 1, 1, 2]);
  });

  test("ends when a fill is the only word on its last child", async () => {
    const rig = await leading();
    const parent = rig.twap({ quantity: decimal("1"), slices: 1, durationMs: 500 });
    await pass(700);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("working");
    rig.venue.fill(rig.venue.placed[0] ?? "", "7");
    await pass(100);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("done");
  });

  test("takes a slice up as soon as the price is fresh again within its window", async () => {
    const rig = await leading();
    filled(rig);
    const { market } = rig;
    rig.market = { kind: "stale", why: "reconnecting" };
    const parent = rig.twap();
    await pass(400);
    rig.market = market;
    await pass(300);
    expect(rig.venue.placed).toHaveLength(1);
    await pass(4_000);
    const row = rig.ledger.committed.parents.get(parent);
    expect(row?.slices.map((slice) => slice.kind)).toEqual(["intent", "intent", "intent", "intent"]);
  });

  test("that is taken back executes nothing more and ends", async () => {
    const rig = await leading();
    const parent = rig.twap();
    await pass(1_100);
    rig.desk.cancel(parent, "trader");
    await pass(5_000);
    expect(rig.venue.placed).toHaveLength(2);
    expect(rig.ledger.committed.parents.get(parent)?.status).toBe("cancelled");
    expect([...rig.venue.orders.values()].map((order) => order.status)).toEqual(["cancelled", "cancelled"]);
  });
});
