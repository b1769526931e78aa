import type { LeaderRole, NodeId, OperationId } from "@baton/core";
import { id } from "@baton/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Leading } from "./leading.ts";
import type { LedNode, LeadingParts } from "./leading.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A node that leads epoch 5, of which nothing is committed yet, and what is told of it. */
function leadingNode() {
  const told: string[] = [];
  const committed = { engine: { epoch: 4 } };
  const node = {
    epoch: 5,
    isLeading: true,
    say: () => undefined,
    warn: () => undefined,
    operations: { ended: (...of: unknown[]) => Promise.resolve(void told.push(of.join(" "))) },
    standing: { publish: () => Promise.resolve(void told.push("its record")) },
    ledger: { committed, commit: () => (committed.engine.epoch = 5), abandonWaiters: () => undefined },
    desk: { end: () => undefined },
    strategies: { setTrading: () => undefined },
    replication: { stopLeading: () => undefined },
    keeping: { stopLeading: () => undefined, opened: () => undefined },
    housekeeping: { opened: () => undefined },
    leadership: { leading: { epoch: 5 } as LeaderRole },
  } as unknown as LedNode;
  const parts = {
    etcd: { completeHistory: ({ epoch }: { epoch: number }) => Promise.resolve(void told.push(`phases of ${epoch}`)) },
    journal: { commit: () => undefined },
    keeper: { follow: () => undefined },
    metrics: { takeover: { observe: () => undefined } },
  } as unknown as LeadingParts;
  return { leading: new Leading(parts, node), told };
}

test("etcd is told of an epoch's opening when the orders flow: half a second later", async () => {
  const { leading, told } = leadingNode();
  leading.ports().commit(7);
  await vi.advanceTimersByTimeAsync(499);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(["phases of 5", "its record"]);
});

test("etcd is told of a handover half a second later, and of nothing once the node is closed", async () => {
  const { leading, told } = leadingNode();
  leading.ports().handedOff(id<OperationId>("op-1"), id<NodeId>("b"), 6);
  await vi.advanceTimersByTimeAsync(499);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(["op-1 done epoch 6 was handed to b 6"]);
  leading.ports().commit(7);
  leading.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toHaveLength(1);
});
