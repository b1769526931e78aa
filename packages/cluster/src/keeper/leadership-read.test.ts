import type { BootId, LeaseId, NodeId } from "@baton/core";
import { id } from "@baton/core";
import type { IKeyValue, ITxnResponse } from "etcd3";
import { describe, expect, test } from "vitest";
import { bytes } from "../etcd/keys.ts";
import { whyNotLeading } from "./leadership-read.ts";
import type { Claim } from "./leadership-read.ts";

const claim: Claim = {
  node: id<NodeId>("a"),
  boot: id<BootId>("boot-a"),
  epoch: 7,
  etcdClusterId: "etcd-1",
  leases: [id<LeaseId>("11"), id<LeaseId>("12")],
};

/** A read of etcd: the leader key as a text on a lease, the epoch as a text; undefined where there is no such key. */
function read(o: { leader?: string; lease?: string; epoch?: string; etcd?: string }): ITxnResponse {
  const held = (key: string, text: string | undefined, lease = "0"): readonly Partial<IKeyValue>[] =>
    text === undefined ? [] : [{ key: bytes(key), value: bytes(text), lease }];
  const kvs = [held("leader", o.leader, o.lease ?? "11"), held("epoch", o.epoch)];
  const responses = kvs.map((found) => ({ response_range: { kvs: found } }));
  return { header: { cluster_id: o.etcd ?? "etcd-1" }, responses } as unknown as ITxnResponse;
}

const record = (over: object = {}): string =>
  JSON.stringify({ node: "a", boot: "boot-a", lease: "11", epoch: 7, ...over });

describe("a read of etcd", () => {
  test("shows the leadership where node, boot, epoch and lease are ours, on either lease that is kept", () => {
    expect(whyNotLeading(claim, read({ leader: record(), epoch: "7" }))).toBeUndefined();
    const moved = read({ leader: record({ lease: "12" }), lease: "12", epoch: "7" });
    expect(whyNotLeading(claim, moved)).toBeUndefined();
  });

  test.each([
    ["another etcd answers", "etcd-replaced", read({ leader: record(), epoch: "7", etcd: "etcd-2" })],
    ["the key is gone", "other-leader", read({ epoch: "7" })],
    ["another node leads", "other-leader", read({ leader: record({ node: "b" }), epoch: "7" })],
    ["another boot of this node leads", "other-leader", read({ leader: record({ boot: "boot-b" }), epoch: "7" })],
    ["the key is of another epoch", "other-leader", read({ leader: record({ epoch: 8 }), epoch: "8" })],
    ["the epoch has moved on", "other-leader", read({ leader: record(), epoch: "8" })],
    ["there is no epoch", "other-leader", read({ leader: record() })],
    [
      "the key names a lease that is not kept",
      "lease-gone",
      read({ leader: record({ lease: "9" }), lease: "9", epoch: "7" }),
    ],
    ["the key hangs on another lease than it names", "lease-gone", read({ leader: record(), lease: "12", epoch: "7" })],
    ["the value is no record", "other-leader", read({ leader: "{", epoch: "7" })],
  ])("does not where %s: %s", (_what, reason, answer) => {
    expect(whyNotLeading(claim, answer)).toMatchObject({ reason });
  });
});
