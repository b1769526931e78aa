import { EventEmitter } from "node:events";
import type { LeaseId } from "@baton/core";
import { id } from "@baton/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { monoNow } from "../clock.ts";
import type { Endpoint } from "../etcd/endpoint.ts";
import { KeptLease } from "./kept-lease.ts";

const lease = id<LeaseId>("7");

/** A member of etcd that answers the keepalive stream when it is told to. */
class ScriptedMember extends EventEmitter {
  readonly client = { leaseClient: { leaseKeepAlive: () => Promise.resolve(this) } };
  asked = 0;

  write(): void {
    this.asked += 1;
  }

  cancel(): void {
    this.removeAllListeners();
  }

  /** Seconds to live; 0: it knows no such lease. */
  says(seconds: number): void {
    this.emit("data", { ID: lease, TTL: `${seconds}` });
  }
}

/** A lease of 4 s that two members are asked to keep, and what was told of it. */
function keptByTwo(): {
  readonly members: readonly [ScriptedMember, ScriptedMember];
  readonly told: string[];
  readonly ask: () => Promise<void>;
} {
  const members = [new ScriptedMember(), new ScriptedMember()] as const;
  const told: string[] = [];
  const kept = new KeptLease(
    { id: lease, ttlMs: 4_000, term: 2n, askedMonoMs: monoNow() },
    members as unknown as readonly Endpoint[],
    { kept: () => told.push("kept"), gone: () => told.push("gone") },
  );
  const ask = async (): Promise<void> => {
    kept.ask(monoNow(), 450);
    // Two promises lie between the first request and its stream.
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  };
  return { members, told, ask };
}

describe("a lease", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["hrtime"] }));
  afterEach(() => void vi.useRealTimers());

  test("that another member has just renewed is not gone because one member does not know it", async () => {
    const it = keptByTwo();
    const [knows, doubts] = it.members;
    for (let round = 1; round <= 6; round += 1) {
      vi.advanceTimersByTime(500);
      await it.ask();
      expect([knows.asked, doubts.asked]).toEqual([round, round]);
      knows.says(4);
      doubts.says(0);
    }
    expect(it.told).toEqual(Array.from({ length: 6 }, () => "kept"));
  });

  test("that was just granted is not gone because the member that is asked has not applied the grant yet", async () => {
    const it = keptByTwo();
    await it.ask();
    for (const member of it.members) member.says(0);
    expect(it.told).toEqual([]);
  });

  test("that no member has renewed for a second is gone when one says so", async () => {
    const it = keptByTwo();
    await it.ask();
    for (const member of it.members) member.says(4);
    vi.advanceTimersByTime(999);
    await it.ask();
    for (const member of it.members) member.says(0);
    expect(it.told).toEqual(["kept", "kept"]);
    vi.advanceTimersByTime(1);
    await it.ask();
    it.members[1].says(0);
    expect(it.told).toEqual(["kept", "kept", "gone"]);
  });
});
