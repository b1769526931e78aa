import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { BootId, JournalId, VenueId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { bars, promotability, promotabilityCodes, usualPromotabilityRules } from "./promotability.ts";
import type { PromotabilityCode, PromotabilityInput, SelfFacts } from "./promotability.ts";
import type { DeathRecord, EtcdView, MemberRecord } from "./records.ts";
import { a, b, c, healthyFacts, leaderRecord, viewOf } from "./told.ts";

const now = wallMs(1_000_000_000);
const venue = id<VenueId>("x");

/** A node's record; `facts` goes over what a healthy node says. */
function record(node: typeof a, more: Partial<MemberRecord> = {}, facts: Partial<SelfFacts> = {}): MemberRecord {
  const published = viewOf({ revision: 1 }).members.get(node);
  if (published === undefined) throw new Error("published");
  return {
    ...published,
    position: { epoch: 1, durable: 100, committed: 100 },
    facts: healthyFacts(facts),
    ...more,
  };
}

const view: EtcdView = viewOf({ revision: 10, epoch: 1, leader: leaderRecord(a, 1) });

/** The codes against node b, after leader a, beside a healthy c. */
function codes(candidate: MemberRecord, more: Partial<PromotabilityInput> = {}): readonly PromotabilityCode[] {
  const members = new Map([a, b, c].map((node) => [node, node === candidate.node ? candidate : record(node)]));
  const input = { view: { ...view, members }, leader: record(a), rules: usualPromotabilityRules, wall: now };
  return promotability({ candidate, ...input, ...more }).map((one) => one.code);
}

function deaths(node: typeof a, times: readonly number[], cause = "signal SIGSEGV"): ReadonlyMap<BootId, DeathRecord> {
  return new Map(
    times.map((at, n) => {
      const boot = id<BootId>(`${node}-${n}`);
      return [boot, { node, boot, cause, reapedWallMs: wallMs(at) }];
    }),
  );
}

test("a healthy member of the set has nothing against it", () => {
  expect(codes(record(b))).toEqual([]);
});

describe("each reason bars", () => {
  test.each<[PromotabilityCode, MemberRecord]>([
    ["starting", record(b, {}, { isStarting: true })],
    ["stopping", record(b, {}, { isStopping: true })],
    ["other-journal", record(b, { journal: id<JournalId>("b-disk2") })],
    ["etcd-restored", record(b, {}, { etcdRestored: "etcd shows epoch 3, epoch 5 was seen here" })],
    ["lag", record(b, { position: { epoch: 1, durable: 100 - 10_001, committed: 0 } })],
    ["state-differs", record(b, {}, { stateDigest: { at: 100, digest: "bb" } })],
    ["state-differs", record(b, {}, { stateDigest: { at: 200, digest: "cc" }, stateDiffers: "it differs" })],
    ["schema-differs", record(b, { schema: 2 })],
    ["build-differs", record(b, { build: "other" })],
    ["config-differs", record(b, { configDigest: "other" })],
    ["clock", record(b, {}, { venues: [{ id: venue, isKnown: true, isReached: true, clockOffByMs: 251 }] })],
    ["clock", record(b, {}, { venues: [{ id: venue, isKnown: true, isReached: true, clockOffByMs: null }] })],
    ["disk", record(b, {}, { diskUsed: 0.92 })],
    ["credentials", record(b, {}, { venues: [{ id: venue, isKnown: false, isReached: true, clockOffByMs: null }] })],
    ["venue-unreached", record(b, {}, { venues: [{ id: venue, isKnown: true, isReached: false, clockOffByMs: 1 }] })],
    ["no-failover", record(b, { tags: ["no-failover"] })],
    ["priority", record(b, {}, { priority: 99 })],
  ])("%s", (code, candidate) => {
    expect(codes(candidate)).toEqual([code]);
  });

  test("not-in-sync, and says nothing of a lag that it allows", () => {
    const outside = viewOf({ revision: 10, members: [a, c] });
    expect(codes(record(b), { view: outside })).toEqual(["not-in-sync"]);
    expect(codes(record(b, { position: { epoch: 1, durable: 100 - 10_000, committed: 0 } }))).toEqual([]);
  });

  test("anti-flap, after three deaths in ten minutes, until it is acknowledged", () => {
    const died = (times: readonly number[], cause?: string, more: Partial<EtcdView> = {}) =>
      codes(record(b), { view: { ...view, members: new Map(), deaths: deaths(b, times, cause), ...more } });
    const lately = [now - 1, now - 2, now - 599_000];
    expect(died(lately)).toEqual(["anti-flap"]);
    expect(died([now - 1, now - 2, now - 601_000])).toEqual([]);
    expect(died(lately, "exit 0")).toEqual([]);
    const acknowledged = { value: { by: "ann", reason: "fixed", atWallMs: now }, modRevision: "9" };
    expect(died(lately, undefined, { acknowledged })).toEqual([]);
    const others = { ...view, members: new Map(), deaths: deaths(c, lately) };
    expect(codes(record(b), { view: others })).toEqual([]);
  });

  test("site, when the rule keeps a takeover in the leader's metro, also after a leader that only the history knows", () => {
    const rules = { ...usualPromotabilityRules, siteRule: "same-metro" } as const;
    const elsewhere = record(b, {}, { metro: "ams" });
    expect(codes(elsewhere)).toEqual([]);
    expect(codes(elsewhere, { rules })).toEqual(["site"]);
    expect(codes(record(b), { rules })).toEqual([]);
    expect(codes(elsewhere, { rules, leader: undefined, lastMetro: "fra" })).toEqual(["site"]);
  });

  test.each(["drained", "removed"] as const)(
    "%s by an operator, also one that is named, until it is undrained",
    (kind) => {
      const value = { standing: { kind, by: "ann", reason: "disk", atWallMs: now } };
      const settings = new Map([[b, { value, modRevision: "9" }]]);
      expect(codes(record(b), { view: { ...view, settings } })).toEqual([kind]);
      expect(codes(record(c), { view: { ...view, settings } })).toEqual([]);
      expect(promotabilityCodes[kind].bars).toBe("everyone");
      const lifted = new Map([[b, { value: {}, modRevision: "10" }]]);
      expect(codes(record(b), { view: { ...view, settings: lifted } })).toEqual([]);
    },
  );

  test("a node of an older build, which publishes no facts, by its own word", () => {
    const { facts: _, ...old } = record(b, { unfit: ["stopping"] });
    expect(codes(old)).toEqual(["unfit"]);
  });
});

describe("who waits for a better one", () => {
  test("does not wait for the leader that is followed on, nor for one that is barred itself", () => {
    const low = record(b, {}, { priority: 1 });
    const among = (other: MemberRecord) => ({ view: { ...view, members: new Map([[other.node, other]]) } });
    expect(codes(low, among(record(a)))).toEqual([]);
    expect(codes(low, among(record(c)))).toEqual(["priority"]);
    expect(codes(low, among(record(c, { tags: ["no-failover"] })))).toEqual([]);
    expect(codes(low, among(record(c, {}, { isStopping: true })))).toEqual([]);
  });

  test("a priority that an operator has set goes over that of the node's own file, on either side", () => {
    const among = (node: typeof a, priority: number) => {
      const settings = new Map([[node, { value: { priority }, modRevision: "9" }]]);
      return { view: { ...view, settings, members: new Map([[c, record(c)]]) } };
    };
    expect(codes(record(b), among(c, 101))).toEqual(["priority"]);
    expect(codes(record(b), among(b, 99))).toEqual(["priority"]);
    expect(codes(record(b, {}, { priority: 1 }), among(b, 100))).toEqual([]);
  });

  test("a higher priority does not outweigh the way to the venue", () => {
    const cut = { venues: [{ id: venue, isKnown: true, isReached: false, clockOffByMs: 1 }] };
    expect(
      codes(record(b), { view: { ...view, members: new Map([[c, record(c, {}, { ...cut, priority: 900 })]]) } }),
    ).toEqual([]);
    const first = record(b, {}, { ...cut, priority: 900 });
    expect(codes(first)).toEqual(["venue-unreached"]);
  });

  test("who sees no price of a venue lets one go first that does, unless that one lacks the way to a venue", () => {
    const sees = (seesMarket: boolean, isReached = true): Partial<SelfFacts> => ({
      venues: [{ id: venue, isKnown: true, isReached, clockOffByMs: 1, seesMarket }],
    });
    const among = (facts: Partial<SelfFacts>): Partial<PromotabilityInput> => ({
      view: { ...view, members: new Map([[c, record(c, {}, facts)]]) },
    });
    expect(codes(record(b, {}, sees(false)), among(sees(true)))).toEqual(["market-unseen"]);
    expect(codes(record(b, {}, { ...sees(false), priority: 900 }), among(sees(true)))).toEqual(["market-unseen"]);
    expect(codes(record(b, {}, sees(true)), among({ ...sees(false), priority: 900 }))).toEqual([]);
    expect(codes(record(b, {}, sees(false)), among(sees(true, false)))).toEqual([]);
    expect(codes(record(b, {}, sees(false)), among(sees(false)))).toEqual([]);
    // A node of an older build does not say.
    expect(codes(record(b, {}, sees(false)), among({}))).toEqual([]);
  });

  test("where nobody reaches the venue nobody waits", () => {
    const cut = { venues: [{ id: venue, isKnown: true, isReached: false, clockOffByMs: 1 }] };
    const members = new Map([[c, record(c, {}, cut)]]);
    expect(codes(record(b, {}, cut), { view: { ...view, members } })).toEqual([]);
  });
});

test("a leader's own differences are none", () => {
  expect(codes(record(a, { build: "other" }), { leader: record(a) })).toEqual([]);
});

test("an operator who names a node passes over what bars it only by itself", () => {
  const odd = record(b, { build: "other", tags: ["no-failover"] }, { priority: 1, isStopping: true });
  const members = new Map([[c, record(c)]]);
  const rules = usualPromotabilityRules;
  const reasons = promotability({ candidate: odd, view: { ...view, members }, leader: record(a), rules, wall: now });
  const told = (whom: "automatic" | "named") => bars(reasons, whom).map((one) => one.code);
  expect(reasons.map((one) => one.code)).toEqual(["stopping", "build-differs", "no-failover", "priority"]);
  expect(told("automatic")).toEqual(["stopping", "build-differs", "no-failover"]);
  expect(told("named")).toEqual(["stopping"]);
});

test("each code says in words what it means", () => {
  for (const { means } of Object.values(promotabilityCodes)) expect(means).toMatch(/^(?:[A-Z]|etcd).*\.$/);
});
