import { bootSuccession, id, monoMs } from "@baton/core";
import type { BootId, JournalId, NodeId } from "@baton/core";
import { expect, test } from "vitest";
import { Leadership } from "./leadership.ts";
import type { LeadershipPorts } from "./leadership.ts";

const never = (): never => {
  throw new Error("not in this story");
};

function standby(): { readonly leadership: Leadership; readonly reads: () => number } {
  let reads = 0;
  const ports: LeadershipPorts = {
    read: () => {
      reads += 1;
      return new Promise(() => undefined);
    },
    transact: never,
    persist: never,
    pin: never,
    failsafe: never,
    sendVowed: never,
    lead: never,
    commit: never,
    acknowledgeAgain: never,
    hold: never,
    resume: never,
    handedOff: never,
    refuseSwitchover: never,
    refuseFailover: never,
    fence: never,
    say: () => undefined,
    deadline: () => monoMs(0),
    onView: never,
  };
  const state = bootSuccession({
    me: { node: id<NodeId>("a"), boot: id<BootId>("boot-1"), journal: id<JournalId>("disk-1") },
    timing: { silenceMs: 1_000, shrinkMs: 300, disconnectedShrinkMs: 100, preempt: true, switchoverMs: 2_000 },
    promised: { epochMax: 0, vow: undefined },
    durable: 0,
    now: monoMs(0),
  });
  return { leadership: new Leadership(state, ports), reads: () => reads };
}

test("a standby that knows nothing yet asks etcd", () => {
  const { leadership, reads } = standby();
  leadership.feed({ kind: "tick" });
  expect(reads()).toBe(1);
});

test("a process that is ending decides nothing more, so it cannot take a leadership over a closed journal", () => {
  const { leadership, reads } = standby();
  leadership.close();
  leadership.feed({ kind: "tick" });
  expect(reads()).toBe(0);
});
