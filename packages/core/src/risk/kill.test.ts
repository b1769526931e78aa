import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { isSameKill, killInForce, killOn, killRank, strictestKill, withKill, withoutKill } from "./kill.ts";
import type { KillScope, KillState, KillSubject, KillTarget } from "./kill.ts";

const words = { by: "op", reason: "drill", atWallMs: wallMs(1) } as const;
const off: KillState = { level: "off", ...words };
const sim = id<VenueId>("sim");
const subject: KillSubject = { venue: sim, symbol: id<SymbolId>("BTC/USDT"), by: "p-1", parentBy: "maker" };

function killed(...targets: readonly KillTarget[]): KillState {
  return targets.map((target): KillScope => ({ ...target, ...words })).reduce(withKill, off);
}

test.each<[KillTarget, boolean]>([
  [{ level: "cluster" }, true],
  [{ level: "account", id: "main", venues: [sim] }, true],
  [{ level: "account", id: "main", venues: [id<VenueId>("other")] }, false],
  [{ level: "venue", id: "sim" }, true],
  [{ level: "venue", id: "other" }, false],
  [{ level: "instrument", id: "BTC/USDT" }, true],
  [{ level: "instrument", id: "ETH/USDT" }, false],
  [{ level: "strategy", id: "maker" }, true],
  [{ level: "strategy", id: "p-1" }, true],
  [{ level: "strategy", id: "taker" }, false],
])("a kill of %j covers the order: %s", (target, isCovered) => {
  expect(killOn(killed(target), subject)?.level).toBe(isCovered ? target.level : undefined);
});

test("the level in force is the highest, and so is the one that an order is told of", () => {
  const both = killed({ level: "venue", id: "sim" }, { level: "strategy", id: "maker" });
  expect(both.level).toBe("venue");
  expect(killOn(both, subject)?.level).toBe("venue");
  expect(killRank("off")).toBe(0);
  expect(killRank("cluster")).toBe(5);
});

test("a target is lifted by itself, and without one everything is", () => {
  const both = killed({ level: "cluster" }, { level: "strategy", id: "maker" });
  const lifted = withoutKill(both, { level: "cluster" }, words);
  expect(lifted.level).toBe("strategy");
  expect(withoutKill(lifted, { level: "strategy", id: "taker" }, words).level).toBe("strategy");
  expect(withoutKill(lifted, { level: "strategy", id: "maker" }, words)).toEqual({ ...off, scopes: [] });
  expect(withoutKill(both, undefined, words).level).toBe("off");
});

test("two records together stop what either stops", () => {
  const etcd = killed({ level: "instrument", id: "BTC/USDT" });
  const journal = killed({ level: "cluster" });
  expect(strictestKill(etcd, journal).level).toBe("cluster");
  expect(isSameKill(strictestKill(etcd, journal), strictestKill(journal, etcd))).toBe(true);
  expect(isSameKill(etcd, journal)).toBe(false);
  expect(strictestKill(etcd, off)).toBe(etcd);
});

test("a kill of the time without etcd stays in force until etcd has heard of it, and then is etcd's to lift", () => {
  const local: KillScope = { level: "venue", id: "sim", ...words, isLocal: true };
  const journal = withKill(killed({ level: "strategy", id: "maker" }), local);
  // etcd comes back: what it had lifted in the meantime is lifted, what it has not heard of is in force.
  const back = killInForce(off, journal);
  expect(back.kill.scopes).toEqual([local]);
  expect(back.missing).toEqual([local]);
  const heard = killed({ level: "venue", id: "sim" });
  expect(killInForce(heard, back.kill)).toEqual({ kill: heard, missing: [] });
  expect(isSameKill(heard, back.kill)).toBe(false);
  expect(killInForce(off, heard).kill.level).toBe("off");
});

test("a record without scopes, as earlier versions wrote it, is about the cluster", () => {
  const old: KillState = { level: "cluster", ...words };
  expect(killOn(old, subject)?.level).toBe("cluster");
  expect(isSameKill(old, killed({ level: "cluster" }))).toBe(true);
});
