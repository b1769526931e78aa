import { bootSuccession, id, monoMs } from "@baton/core";
import type { BootId, EtcdView, JournalId, LeaderRole, MemberRecord, NodeId, Succession } from "@baton/core";
import { expect, test } from "vitest";
import { leaveInOrder } from "./leaving.ts";
import type { LeavingPorts } from "./leaving.ts";

/** A node that leads for ever: what it is told is counted, and nobody takes over. */
function leaderBeside(others: Readonly<Record<string, { isStopping: boolean }>>): {
  readonly leadership: LeavingPorts["leadership"];
  readonly asked: () => number;
} {
  const state = bootSuccession({
    me: { node: id<NodeId>("a"), boot: id<BootId>("boot-1"), journal: id<JournalId>("disk-1") },
    timing: { silenceMs: 1_000, shrinkMs: 300, disconnectedShrinkMs: 100, preempt: true, switchoverMs: 2_000 },
    promised: { epochMax: 0, vow: undefined },
    durable: 0,
    now: monoMs(0),
  });
  const members = Object.entries({ a: { isStopping: true }, ...others }).map(
    ([node, facts]) => [node, { node, facts }] as unknown as [NodeId, MemberRecord],
  );
  const view = { members: new Map(members) } as unknown as EtcdView;
  let asked = 0;
  const leadership: LeavingPorts["leadership"] = {
    leading: {} as LeaderRole,
    state: { ...state, view } satisfies Succession,
    feed: () => (asked += 1),
    requestRead: () => undefined,
  };
  return { leadership, asked: () => asked };
}

const leave = (leadership: LeavingPorts["leadership"], withinMs: number): Promise<void> =>
  leaveInOrder({ leadership, boot: id<BootId>("boot-1"), tell: () => undefined, withinMs });

test.each([
  ["has left etcd", {}],
  ["is stopping as well", { b: { isStopping: true }, c: { isStopping: true } }],
])("a leader that stops waits for nobody when every other node %s", async (_, others) => {
  const { leadership, asked } = leaderBeside(others);
  // An hour: it would not end within a test if it waited for its bound.
  await leave(leadership, 3_600_000);
  expect(asked()).toBeGreaterThan(0);
});

test("a leader that stops waits to its bound for a node that may become fit", async () => {
  const { leadership } = leaderBeside({ b: { isStopping: true }, c: { isStopping: false } });
  // Longer than one waits that is alone.
  const boundMs = 2_000;
  const began = performance.now();
  await leave(leadership, boundMs);
  expect(performance.now() - began).toBeGreaterThan(boundMs - 1);
});
