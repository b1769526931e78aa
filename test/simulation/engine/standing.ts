/** What a node publishes of itself, and what its own election is judged by: facts here, judgement in core's `promotability`. */
import { bars, id, promotability } from "@baton/core";
import type { BootId, ClusterId, LeaseId, MemberRecord, NodeId, SelfFacts, Succession, WallMs } from "@baton/core";
import type { Disk } from "../world/disk.ts";
import { genesisHash } from "@baton/core";
import type { SimJournal } from "./journal.ts";
import type { VenueDoor } from "./venue-door.ts";

export interface StandingOf {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly cluster: ClusterId;
  readonly disk: Disk;
  readonly door: VenueDoor;
  readonly lease: LeaseId | undefined;
  readonly isStopping: boolean;
  readonly journal: SimJournal | undefined;
  readonly succession: Succession | undefined;
  readonly wall: WallMs;
}

export function recordOf(o: StandingOf): MemberRecord {
  const { disk, journal, succession } = o;
  const record: MemberRecord = {
    node: o.node,
    boot: o.boot,
    journal: disk.content.journal,
    lease: o.lease ?? id<LeaseId>("none"),
    address: o.node,
    site: "site",
    build: "simulation",
    configDigest: "simulation",
    schema: 1,
    position: {
      epoch: succession?.promised.epochMax ?? 0,
      durable: journal?.durable ?? 0,
      committed: journal?.commitMark.sequence ?? 0,
    },
    unfit: succession === undefined ? ["starting"] : [],
    reachesVenue: o.door.reaches,
    tags: [],
    facts: factsOf(o),
  };
  if (succession?.view === undefined) return record;
  const { view, lastLeaderMember: leader, lastMetro, rules } = succession;
  const reasons = promotability({ candidate: record, view, leader, lastMetro, rules, wall: o.wall });
  return { ...record, unfit: bars(reasons, "automatic").map((one) => one.sentence) };
}

function factsOf(o: StandingOf): SelfFacts {
  const { disk, door, journal, succession } = o;
  const { promised, pin } = disk.content;
  const last = journal?.last;
  return {
    priority: 100,
    metro: "metro",
    isStarting: succession === undefined,
    isStopping: o.isStopping,
    venues: [
      {
        id: id("venue"),
        isKnown: door.isOpen,
        isReached: door.reaches,
        clockOffByMs: door.clock.offBy() ?? null,
      },
    ],
    diskUsed: null,
    stateDigest: null,
    etcdRestored: succession?.restored ?? null,
    bootCount: disk.content.bootCount,
    anchor: {
      cluster: o.cluster,
      epochMax: Math.max(promised.epochMax, pin?.epoch ?? 0),
      versionMax: Math.max(promised.vow?.version ?? 0, pin?.version ?? 0),
      ...(succession?.view?.anchorAsked !== undefined && { answers: succession.view.anchorAsked.nonce }),
      last: { epoch: last?.epoch ?? 0, sequence: last?.sequence ?? 0, hash: last?.hash ?? genesisHash },
    },
  };
}
