import fc from "fast-check";
import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId, ClusterId, JournalId, NodeId } from "../ids.ts";
import type { LeaderStanding, Mark, Standing } from "./rejoin.ts";
import { doesAckCount, marksToCompare, mayCut, onLeadHeard, rejoin, whyFrameRefused } from "./rejoin.ts";

const cluster = id<ClusterId>("c");
const leader: LeaderStanding = { cluster, schema: 1, epoch: 4, last: 40, pruned: 0, snapshotBehind: 1000 };
const follower: Standing = {
  cluster,
  node: id<NodeId>("b"),
  journal: id<JournalId>("jb"),
  boot: id<BootId>("bb"),
  schema: 1,
  epochMax: 4,
  commit: mark(10),
  tail: [mark(20), mark(30)],
};

function mark(sequence: number, history = "h"): Mark {
  return { sequence, hash: sequence === 0 ? "0" : `${history}${sequence}` };
}

/** The verdict when the leader's journal is the history "h" in frames of ten. */
function verdict(l: Partial<LeaderStanding>, f: Partial<Standing>): ReturnType<typeof rejoin> {
  const leading = { ...leader, ...l };
  const following = { ...follower, ...f };
  const held = marksToCompare(leading, following).filter((m) => m.hash === mark(m.sequence).hash);
  return rejoin(leading, following, held);
}

test("a follower that holds the leader's end is in sync, one that holds less catches up", () => {
  expect(verdict({}, { commit: mark(40), tail: [] })).toEqual({ state: "in-sync", after: 40 });
  expect(verdict({}, {})).toEqual({ state: "catching-up", after: 30 });
  expect(verdict({}, { commit: mark(0), tail: [] })).toEqual({ state: "catching-up", after: 0 });
});

test("equal numbers with other hashes are not common: the tail is cut at the last common frame", () => {
  expect(verdict({}, { tail: [mark(20), mark(30, "x")] })).toEqual({ state: "tail-divergent", after: 20 });
  expect(verdict({}, { tail: [mark(20, "x"), mark(30, "x")] })).toEqual({ state: "tail-divergent", after: 10 });
  expect(verdict({ last: 20 }, {})).toEqual({ state: "tail-divergent", after: 20 });
});

test("what a follower knows committed and the leader lacks is a fork, also when it lies after the leader's end", () => {
  expect(verdict({}, { commit: mark(10, "x"), tail: [] }).state).toBe("forked");
  expect(verdict({ last: 5 }, { tail: [] }).state).toBe("forked");
});

test("a follower before the pruned point, or empty and far behind, needs a snapshot", () => {
  expect(verdict({ pruned: 25 }, { commit: mark(20), tail: [] }).state).toBe("needs-snapshot");
  expect(verdict({ pruned: 20 }, { commit: mark(20), tail: [] })).toEqual({ state: "catching-up", after: 20 });
  expect(verdict({ pruned: 15 }, {})).toEqual({ state: "catching-up", after: 30 });
  expect(verdict({ last: 1001 }, { commit: mark(0), tail: [] }).state).toBe("needs-snapshot");
});

test("strangers and followers of a newer epoch are told so in a sentence", () => {
  expect(verdict({}, { cluster: id<ClusterId>("d") })).toMatchObject({ state: "foreign-cluster" });
  expect(verdict({}, { schema: 2 })).toMatchObject({ state: "other-schema" });
  expect(verdict({}, { epochMax: 5 })).toMatchObject({ state: "newer-epoch" });
});

test("a cut never reaches below the follower's commit point, and never drops a common frame", () => {
  fc.assert(
    fc.property(fc.nat(8), fc.nat(8), fc.nat(8), fc.nat(8), (commit, common, own, leads) => {
      const tail = Array.from({ length: own }, (_, k) => commit + k + 1).map((n) =>
        mark(n * 10, n > common ? "x" : "h"),
      );
      const answer = verdict({ last: leads * 10 }, { commit: mark(commit * 10, commit > common ? "x" : "h"), tail });
      const agreed = Math.min(common, leads, commit + own) * 10;
      const expected =
        commit > common || commit > leads ? { state: "forked" } : { after: Math.max(agreed, commit * 10) };
      expect(answer).toMatchObject(expected);
    }),
  );
});

test("a newer epoch is promised before it is greeted, an older one and a forbidden one are ignored", () => {
  expect(onLeadHeard({ epoch: 5, epochMax: 4, mayFollow: true })).toBe("persist-then-hello");
  expect(onLeadHeard({ epoch: 4, epochMax: 4, mayFollow: true })).toBe("hello");
  expect(onLeadHeard({ epoch: 3, epochMax: 4, mayFollow: true })).toBe("ignore");
  expect(onLeadHeard({ epoch: 5, epochMax: 4, mayFollow: false })).toBe("ignore");
});

test("a cut counts only in the newest promised epoch, from the leader joined in it", () => {
  expect(mayCut({ epoch: 4, epochMax: 4, joined: 4 })).toBe(true);
  expect(mayCut({ epoch: 4, epochMax: 5, joined: 4 })).toBe(false);
  expect(mayCut({ epoch: 4, epochMax: 4, joined: undefined })).toBe(false);
});

test("a frame counts only under the promised epoch, and epochs never fall", () => {
  const frame = { connectionEpoch: 4, epochMax: 4, lastEpoch: 2, frameEpoch: 3 };
  expect(whyFrameRefused(frame)).toBeUndefined();
  expect(whyFrameRefused({ ...frame, epochMax: 5 })).toContain("promised is 5");
  expect(whyFrameRefused({ ...frame, frameEpoch: 5 })).toContain("later than its leader's");
  expect(whyFrameRefused({ ...frame, frameEpoch: 1 })).toContain("after one of 2");
});

test("an acknowledgement counts for one leadership and one disk", () => {
  const leadership = { epoch: 4, boot: id<BootId>("ba") };
  const ack = { epoch: 4, leaderBoot: id<BootId>("ba"), journal: id<JournalId>("jb") };
  expect(doesAckCount(leadership, follower, ack)).toBe(true);
  expect(doesAckCount(leadership, follower, { ...ack, epoch: 3 })).toBe(false);
  expect(doesAckCount(leadership, follower, { ...ack, leaderBoot: id<BootId>("older") })).toBe(false);
  expect(doesAckCount(leadership, follower, { ...ack, journal: id<JournalId>("replaced") })).toBe(false);
});
