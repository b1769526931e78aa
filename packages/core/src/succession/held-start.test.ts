import { expect, test } from "vitest";
import { wallMs } from "../time.ts";
import { heldStartOf } from "./held-start.ts";
import { usualPromotabilityRules } from "./promotability.ts";
import type { InsyncRecord, TakeoverMark } from "./records.ts";
import { Told, a, asked, b, bootOf, c, leaderRecord, member, operation, viewOf } from "./told.ts";

const { loop: rule } = usualPromotabilityRules;
const minute = 60_000;
const mark = (epoch: number, atMs: number, fingerprint = "crash-release: signal SIGSEGV"): TakeoverMark => ({
  epoch,
  atWallMs: wallMs(atMs),
  fingerprint,
});
const set = (takeovers: readonly TakeoverMark[]): InsyncRecord => ({
  epoch: takeovers.at(-1)?.epoch ?? 0,
  version: 9,
  members: [member(b)],
  by: { boot: bootOf(b), transaction: 1 },
  takeovers,
});

test("three takeovers for the same reason within ten minutes start held", () => {
  const loop = [mark(3, minute), mark(4, 5 * minute), mark(5, 10 * minute)];
  expect(heldStartOf(set(loop), undefined, rule)?.sentence).toBe(
    "3 takeovers in 9 min (crash-release: signal SIGSEGV): no new risk until an operator acknowledges",
  );
  expect(heldStartOf(set(loop.slice(1)), undefined, rule)).toBeUndefined();
  expect(heldStartOf(set([mark(3, 0), ...loop.slice(1)]), undefined, rule)).toBeUndefined();
  expect(heldStartOf(set([mark(3, minute, "expired"), ...loop.slice(1)]), undefined, rule)).toBeUndefined();
});

test("the rule can be switched off", () => {
  const loop = [mark(3, 1), mark(4, 2), mark(5, 3)];
  expect(heldStartOf(set(loop), undefined, { ...rule, takeoversMax: 0 })).toBeUndefined();
});

test("what was acknowledged before does not count, and a handover after a loop is none", () => {
  const loop = [mark(3, minute), mark(4, 5 * minute), mark(5, 10 * minute)];
  const acknowledged = { value: { by: "ann", reason: "known", atWallMs: wallMs(2 * minute) }, modRevision: "1" };
  expect(heldStartOf(set(loop), { ...viewOf({ revision: 1 }), acknowledged }, rule)).toBeUndefined();
  expect(heldStartOf({ ...set(loop), epoch: 6 }, undefined, rule)).toBeUndefined();
});

/** b takes over from a, whose process died of the same cause in two epochs before. */
function looping(): { told: Told; view: ReturnType<typeof viewOf> } {
  const told = new Told(b, { promised: { epochMax: 3, vow: undefined } });
  told.at = 1_000;
  told.see(viewOf({ revision: 9, epoch: 3, version: 5, leader: leaderRecord(a, 3) }));
  const gone = viewOf({ revision: 10, epoch: 3, version: 5, deaths: [a] });
  const insync = gone.insync === undefined ? undefined : { ...gone.insync };
  const marks = [mark(2, 100, "crash-release: killed"), mark(3, 200, "crash-release: killed")];
  const view = { ...gone, insync: insync && { ...insync, value: { ...insync.value, takeovers: marks } } };
  return { told, view };
}

test("a takeover writes its mark with the set, and its leader starts held until an operator acknowledges", () => {
  const { told, view } = looping();
  const takeover = asked(told.promise(told.see(view)));
  expect(takeover).toMatchObject({
    insync: { takeovers: [{ epoch: 2 }, { epoch: 3 }, { epoch: 4, fingerprint: "crash-release: killed" }] },
  });
  told.promise(told.commitAnswer(takeover, 12));
  expect(told.leading.heldStart?.sentence).toContain("3 takeovers");
  const led = viewOf({
    ...{ revision: 13, epoch: 4, version: 6, by: bootOf(b), members: [b, c] },
    ...{ leader: leaderRecord(b, 4), leaderModRevision: "12" },
  });
  told.see(led);
  expect(told.leading.heldStart).toBeDefined();
  const acknowledged = { value: { by: "ann", reason: "fixed", atWallMs: wallMs(1_000) }, modRevision: "14" };
  told.see({ ...led, revision: "14", acknowledged });
  expect(told.leading.heldStart).toBeUndefined();
});

test("changes of the set carry the marks on; an operator's failover adds none", () => {
  const { told, view } = looping();
  const takeover = asked(told.promise(told.see(view)));
  told.promise(told.commitAnswer(takeover, 12));
  told.tell({ kind: "opened", epoch: 4, sequence: 1 });
  told.at = 5_000;
  const shrink = asked(told.tell({ kind: "tick" }));
  expect(shrink).toMatchObject({
    kind: "set-insync",
    insync: { takeovers: [{ epoch: 2 }, { epoch: 3 }, { epoch: 4 }] },
  });
  const other = looping();
  other.told.see({ ...other.view, pause: { value: { by: "ann", reason: "x" }, modRevision: "10" } });
  const by = other.told.tell({
    kind: "failover",
    operation,
    allowDataLoss: false,
    uncleanAfterMs: 0,
    isFailsafe: false,
  });
  expect(asked(other.told.promise(by))).toMatchObject({ insync: { takeovers: [{ epoch: 2 }, { epoch: 3 }] } });
});
