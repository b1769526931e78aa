import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { JournalId, NodeId, OperationId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { decideMember, drainedChange, memberVerdict, whyNotReinit } from "./member-care.ts";
import type { MemberDecision, MemberVerb, MemberWish } from "./member-care.ts";
import type { EtcdView, MemberSettings, OperationRecord } from "./records.ts";
import { a, b, c, diskOf, leaderRecord, member, viewOf } from "./told.ts";

const at = wallMs(1_000);

function wish(what: MemberVerb, node: NodeId, priority?: number): MemberWish {
  return { what, node, by: "ann", reason: "disk", atWallMs: at, ...(priority !== undefined && { priority }) };
}

/** a leads; these are in sync, and this is set for nodes. */
function view(o: { members?: readonly NodeId[]; settings?: readonly [NodeId, MemberSettings][]; led?: boolean } = {}) {
  const seen = viewOf({
    ...{ revision: 10, epoch: 1, members: o.members ?? [a, b, c] },
    ...(o.led !== false && { leader: leaderRecord(a, 1) }),
  });
  const settings = new Map((o.settings ?? []).map(([node, value]) => [node, { value, modRevision: "7" }]));
  return { ...seen, settings } satisfies EtcdView;
}

const standing = (kind: "drained" | "removed"): MemberSettings => ({
  standing: { kind, by: "ann", reason: "disk", atWallMs: at },
});

function setBy(decision: MemberDecision): MemberSettings {
  if (decision.kind !== "set") throw new Error(`it is ${decision.kind}`);
  return decision.change.settings;
}

describe("drain", () => {
  test("of a standby is done with its record, if nobody else leads meanwhile and the set stands", () => {
    expect(decideMember(view(), wish("drain", b))).toEqual({
      kind: "set",
      phase: "done",
      change: {
        node: b,
        settings: standing("drained"),
        guard: { settingsModRevision: "0", epochModRevision: "10", insyncModRevision: "10" },
      },
      detail: "b takes no leadership until it is undrained",
    });
  });

  test("of the leader is a wish: it hands over first, and only then is drained", () => {
    expect(decideMember(view(), wish("drain", a))).toMatchObject({ kind: "ask" });
    expect(drainedChange(view({ settings: [[a, { priority: 5 }]] }), wish("drain", a))).toEqual({
      ...{ node: a, settings: { priority: 5, ...standing("drained") }, guard: { settingsModRevision: "7" } },
    });
    // Removed between its handover and the word of it, it is not let back into the set by that word.
    expect(drainedChange(view({ settings: [[a, standing("removed")]] }), wish("drain", a)).settings).toEqual({
      ...standing("removed"),
    });
  });

  test("keeps a priority that was set, and does not let a removed node back into the set", () => {
    const priority = { priority: 5 };
    expect(setBy(decideMember(view({ settings: [[b, priority]] }), wish("drain", b)))).toEqual({
      ...{ ...priority, ...standing("drained") },
    });
    const removed = decideMember(view({ settings: [[b, standing("removed")]] }), wish("drain", b));
    expect(removed).toMatchObject({ detail: "b is removed already", change: { settings: standing("removed") } });
  });
});

test("undrain lifts a drain and a removal, and nothing else", () => {
  for (const kind of ["drained", "removed"] as const) {
    const before = { ...standing(kind), priority: 5 };
    expect(setBy(decideMember(view({ settings: [[b, before]] }), wish("undrain", b)))).toEqual({ priority: 5 });
  }
  expect(decideMember(view(), wish("undrain", b))).toMatchObject({ phase: "done", detail: "b was not drained" });
});

test("a priority goes over that of the node's own file, until that is wanted again", () => {
  const drained = view({ settings: [[b, { ...standing("drained"), priority: 5 }]] });
  expect(setBy(decideMember(drained, wish("priority", b, 900)))).toEqual({ ...standing("drained"), priority: 900 });
  expect(setBy(decideMember(drained, wish("priority", b)))).toEqual(standing("drained"));
});

describe("remove and reinit", () => {
  test("are refused for the leader, and where the in-sync set would be left without a second", () => {
    for (const what of ["remove", "reinit"] as const) {
      expect(decideMember(view(), wish(what, a))).toEqual({ kind: "refused", why: "a leads: switch over first" });
      expect(decideMember(view({ members: [a, b] }), wish(what, b))).toEqual({
        ...{ kind: "refused", why: "without b the in-sync set is {a}: it would be left without a second copy" },
      });
    }
    // One that is out of the set is no second copy; to keep it out of a set of one is refused all the same.
    expect(decideMember(view({ members: [a] }), wish("remove", b))).toMatchObject({ kind: "refused" });
    expect(whyNotReinit(view({ members: [a] }), b)).toBeUndefined();
  });

  test("a node that is being removed or rebuilt is no second copy: of two at once, one is refused", () => {
    const why = "without c the in-sync set is {a}: it would be left without a second copy";
    const rebuilding = (phase: OperationRecord["phase"], journal = diskOf(b)): EtcdView => {
      const ref = id<OperationId>("op-1");
      const by = { by: "ann", reason: "disk", detail: "", updatedWallMs: at };
      const value: OperationRecord = { ...by, id: ref, what: "reinit", node: b, journal, phase };
      return { ...view(), operations: new Map([[ref, { value, modRevision: "7" }]]) };
    };
    for (const what of ["remove", "reinit"] as const) {
      expect(decideMember(view({ settings: [[b, standing("removed")]] }), wish(what, c))).toEqual({
        ...{ kind: "refused", why },
      });
      for (const phase of ["asked", "running"] as const) {
        expect(decideMember(rebuilding(phase), wish(what, c))).toEqual({ kind: "refused", why });
      }
      // Its end, or its new journal in the set, makes it one again.
      expect(decideMember(rebuilding("failed"), wish(what, c)).kind).not.toBe("refused");
      expect(decideMember(rebuilding("running", id<JournalId>("b-disk0")), wish(what, c)).kind).not.toBe("refused");
    }
  });

  test("remove runs until the leader has taken the node out, and is done at once where it is out already", () => {
    expect(decideMember(view(), wish("remove", b))).toMatchObject({
      ...{
        kind: "set",
        phase: "running",
        change: { settings: standing("removed"), guard: { insyncModRevision: "10" } },
      },
    });
    expect(decideMember(view({ members: [a, c] }), wish("remove", b))).toMatchObject({ phase: "done" });
  });

  test("reinit needs a leader to rebuild from and the node to run, and names the journal that is set aside", () => {
    expect(decideMember(view(), wish("reinit", b))).toMatchObject({ kind: "ask", journal: diskOf(b) });
    expect(whyNotReinit(view({ led: false }), b)).toContain("nobody leads");
    expect(whyNotReinit({ ...view(), members: new Map() }, b)).toContain("it has to run");
  });
});

describe("an operation on a member ends (I14)", () => {
  const record = (what: "remove" | "reinit"): OperationRecord => ({
    ...{ id: id<OperationId>("op-1"), what, node: b, by: "ann", reason: "disk", phase: "running", detail: "" },
    ...(what === "reinit" && { journal: diskOf(b) }),
    updatedWallMs: at,
  });
  const removed: readonly [NodeId, MemberSettings][] = [[b, standing("removed")]];

  test("remove: when the set is without the node, or the node was undrained meanwhile", () => {
    expect(memberVerdict(view({ settings: removed }), record("remove"), at)).toBeUndefined();
    expect(memberVerdict(view({ settings: removed, members: [a, c] }), record("remove"), at)?.phase).toBe("done");
    expect(memberVerdict(view(), record("remove"), at)?.phase).toBe("aborted");
  });

  test("reinit: when the node is in sync with another journal than the one that was set aside, or an hour later", () => {
    expect(memberVerdict(view(), record("reinit"), at)).toBeUndefined();
    expect(memberVerdict(view({ members: [a, c] }), record("reinit"), at)).toBeUndefined();
    const back = view();
    const { insync } = back;
    if (insync === undefined) throw new Error("there is a set");
    const members = [member(a), { node: b, journal: id<JournalId>("b-disk2") }];
    const rebuilt = { ...back, insync: { ...insync, value: { ...insync.value, members } } };
    expect(memberVerdict(rebuilt, record("reinit"), at)).toMatchObject({
      phase: "done",
      detail: "b is in sync with the new journal b-disk2; b-disk is set aside in its data folder",
    });
    expect(memberVerdict(view(), record("reinit"), wallMs(at + 3_600_001))?.phase).toBe("failed");
  });
});
