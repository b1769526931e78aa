/**
 * May this node be promoted, and if not, why not: one pure function with its table of reasons. The election, a switchover,
 * `status`, `explain` and `GET /promotability` all ask it, so that none of them can say what another does not. Input is
 * what a node says of itself (its member record, published or fresh), what etcd shows, and the record of the leader it
 * would follow on. A reason bars everyone, or only what happens by itself (an operator may name the node all the same),
 * or only lets a better candidate go first. Operators: `runbooks/leader-lost.md`.
 */
import type { NodeId, Sequence, VenueId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import type { AnchorFacts } from "./anchor.ts";
import type { EtcdView, MemberRecord } from "./records.ts";
import type { Usage } from "../venues/rate-limits.ts";

/** `everyone`: nobody can promote it. `automatic`: only an operator who names it. `while-better`: it waits for another. */
export type Bars = "everyone" | "automatic" | "while-better";

/** Code → whom it bars, and what it means. The page of reasons is made of this table. */
export const promotabilityCodes = {
  absent: { bars: "everyone", means: "The node does not publish itself in etcd." },
  starting: { bars: "everyone", means: "The node has not finished its start." },
  stopping: { bars: "everyone", means: "The node was asked to stop." },
  drained: {
    bars: "everyone",
    means: "An operator has drained it: it follows and takes no leadership. `baton member undrain` ends that.",
  },
  removed: {
    bars: "everyone",
    means: "An operator keeps it out of the in-sync set. `baton member undrain` takes it in again.",
  },
  "not-in-sync": {
    bars: "everyone",
    means: "It is not in the in-sync set: committed records may be missing in its journal.",
  },
  "other-journal": {
    bars: "everyone",
    means: "The in-sync set knows this node with another disk; this one has to catch up first.",
  },
  "etcd-restored": {
    bars: "everyone",
    means: "etcd shows less than this node has seen of it: it was restored. An operator re-anchors the cluster.",
  },
  lag: { bars: "everyone", means: "Its journal is too far behind the leader's." },
  "state-differs": {
    bars: "everyone",
    means:
      "What it made of the journal differs from what the leader made of it: it needs a new copy (`baton member reinit`).",
  },
  "schema-differs": { bars: "everyone", means: "Its build writes another format of the journal." },
  "build-differs": {
    bars: "automatic",
    means: "It runs another build than the leader; name it to upgrade through it.",
  },
  "config-differs": {
    bars: "automatic",
    means: "What must be equal in every configuration file differs from the leader's; name it to change it through it.",
  },
  clock: { bars: "everyone", means: "Its clock may be further off a venue's time than orders allow." },
  disk: { bars: "everyone", means: "The disk under its journal is nearly full." },
  credentials: {
    bars: "everyone",
    means: "It has not reached a venue with its own key since it started: the key, the address or the venue is wrong.",
  },
  "venue-unreached": { bars: "while-better", means: "It does not reach a venue that another candidate reaches." },
  "market-unseen": { bars: "while-better", means: "It has no fresh price of a venue, and another candidate has." },
  "no-failover": { bars: "automatic", means: "It is tagged no-failover: never promoted by itself." },
  "anti-flap": {
    bars: "automatic",
    means:
      "It has died too often lately; it is held until an operator acknowledges that, or it has been quiet for a while.",
  },
  site: { bars: "automatic", means: "It stands in another metro than the leader, and only an operator may cross." },
  priority: { bars: "while-better", means: "Another candidate has a higher priority." },
  unfit: { bars: "everyone", means: "The node itself says that it cannot lead." },
} as const;

export type PromotabilityCode = keyof typeof promotabilityCodes;

/** One reason, with the figures of this node. */
export interface PromotabilityReason {
  readonly code: PromotabilityCode;
  readonly bars: Bars;
  /** For a person, without a full stop. */
  readonly sentence: string;
}

/** What only the node itself can know; published in its member record. */
export interface SelfFacts {
  /** Of several promotable nodes the one with the higher number goes first. */
  readonly priority: number;
  /** Sites of one metro may take over from each other by themselves. */
  readonly metro: string;
  readonly isStarting: boolean;
  readonly isStopping: boolean;
  readonly venues: readonly VenueFacts[];
  /** Share of the disk under the journal that is used, 0 to 1; null where that is not known. */
  readonly diskUsed: number | null;
  /** Digest of the state after this record; two nodes compare when they name the same record. */
  readonly stateDigest: { readonly at: Sequence; readonly digest: string } | null;
  /** Where its state was found to differ from its leader's, until it gets a new copy; null while it never was. */
  readonly stateDiffers?: string | null;
  /** Why etcd is not the one this node knew; null while it is. */
  readonly etcdRestored: string | null;
  /** How often its journal has been opened. */
  readonly bootCount: number;
  /** Its journal, for a re-anchoring. */
  readonly anchor?: AnchorFacts;
}

export interface VenueFacts {
  readonly id: VenueId;
  /** Reached with the node's own key at least once since its start. */
  readonly isKnown: boolean;
  readonly isReached: boolean;
  /** Its own feeds have a fresh price of something there; absent in the record of an older build. */
  readonly seesMarket?: boolean;
  /** Bound on the distance of its clock to the venue's; null while that is not known. */
  readonly clockOffByMs: number | null;
  /** What the node has used of the venue's limits, for whoever takes over from it. */
  readonly used?: Usage;
}

/** What is allowed; the same on every node. */
export interface PromotabilityRules {
  readonly lagRecordsMax: number;
  readonly clockErrorMaxMs: number;
  readonly diskUsedMax: number;
  /** `same-metro`: a takeover to another metro needs an operator. */
  readonly siteRule: "any" | "same-metro";
  /** So many deaths of a node within so long hold it; 0: never. */
  readonly flap: { readonly deathsMax: number; readonly withinMs: number };
  /** So many takeovers for one reason within so long start the next leader held; 0: never. */
  readonly loop: { readonly takeoversMax: number; readonly withinMs: number };
}

/** The usual figures; those of the configuration go over them. */
export const usualPromotabilityRules: PromotabilityRules = {
  lagRecordsMax: 10_000,
  clockErrorMaxMs: 250,
  diskUsedMax: 0.92,
  siteRule: "any",
  flap: { deathsMax: 3, withinMs: 600_000 },
  loop: { takeoversMax: 3, withinMs: 600_000 },
};

export interface PromotabilityInput {
  readonly candidate: MemberRecord;
  readonly view: EtcdView;
  /** Newest record of the node that leads, or led last; undefined when none was ever seen. */
  readonly leader: MemberRecord | undefined;
  /** Metro of the last leader where its record was never seen: the history tells it. */
  readonly lastMetro?: string | undefined;
  readonly rules: PromotabilityRules;
  readonly wall: WallMs;
}

/** Every reason against promoting this node now, worst first; empty when it may go ahead. */
export function promotability(input: PromotabilityInput): readonly PromotabilityReason[] {
  return [...barring(input), ...waiting(input)];
}

/** Those reasons that stop a promotion: by itself, or one that an operator named. What only waits for a better one is no bar. */
export function bars(
  reasons: readonly PromotabilityReason[],
  whom: "automatic" | "named",
): readonly PromotabilityReason[] {
  return reasons.filter((one) => one.bars === "everyone" || (whom === "automatic" && one.bars === "automatic"));
}

/** Reasons as one clause, "lag: …; disk: …"; undefined when there is none. */
export function reasonsText(reasons: readonly PromotabilityReason[]): string | undefined {
  return reasons.length === 0 ? undefined : reasons.map((one) => one.sentence).join("; ");
}

/** One reason of the table. */
export function because(code: PromotabilityCode, sentence: string): PromotabilityReason {
  return { code, bars: promotabilityCodes[code].bars, sentence };
}

/** A node that etcd shows nothing of. */
export const absent: PromotabilityReason = because("absent", "it does not publish itself in etcd");

function barring(input: PromotabilityInput): readonly PromotabilityReason[] {
  const { candidate, view } = input;
  const { facts } = candidate;
  const reasons: PromotabilityReason[] = [...membership(candidate, view), ...ordered(candidate, view)];
  if (facts === undefined) {
    // A node that publishes no facts is of an older build: its own word counts.
    return [...reasons, ...candidate.unfit.map((sentence) => because("unfit", sentence))];
  }
  if (facts.isStarting) reasons.push(because("starting", "it has not finished its start"));
  if (facts.isStopping) reasons.push(because("stopping", "it is stopping"));
  if (facts.etcdRestored !== null) reasons.push(because("etcd-restored", facts.etcdRestored));
  if (facts.stateDiffers) reasons.push(because("state-differs", facts.stateDiffers));
  reasons.push(...againstLeader(input), ...machine(input, facts), ...policy(input, facts));
  return reasons;
}

function membership(candidate: MemberRecord, view: EtcdView): readonly PromotabilityReason[] {
  const members = view.insync?.value.members ?? [];
  const ours = members.filter((member) => member.node === candidate.node);
  if (ours.length === 0) return [because("not-in-sync", "not in the in-sync set")];
  if (ours.some((member) => member.journal === candidate.journal)) return [];
  return [because("other-journal", `the set knows it with journal ${ours[0]?.journal ?? ""}, its disk has another`)];
}

/** What an operator has set for it. */
function ordered(candidate: MemberRecord, view: EtcdView): readonly PromotabilityReason[] {
  const standing = view.settings?.get(candidate.node)?.value.standing;
  return standing === undefined
    ? []
    : [because(standing.kind, `${standing.kind} by ${standing.by}: ${standing.reason}`)];
}

/** Its priority by its own file, unless an operator has set another. */
function priorityOf(node: NodeId, facts: SelfFacts, view: EtcdView): number {
  return view.settings?.get(node)?.value.priority ?? facts.priority;
}

/** Compared with the node that leads or led last: two that do not run the same thing do not continue each other by themselves. */
function againstLeader({ candidate, leader, rules }: PromotabilityInput): readonly PromotabilityReason[] {
  if (leader === undefined || leader.node === candidate.node) return [];
  const reasons: PromotabilityReason[] = [];
  const lag = leader.position.durable - candidate.position.durable;
  if (lag > rules.lagRecordsMax) {
    reasons.push(because("lag", `${lag} records behind ${leader.node}, allowed are ${rules.lagRecordsMax}`));
  }
  const mine = candidate.facts?.stateDigest;
  const theirs = leader.facts?.stateDigest;
  const isSaid = Boolean(candidate.facts?.stateDiffers);
  if (!isSaid && mine && theirs && mine.at === theirs.at && mine.digest !== theirs.digest) {
    reasons.push(because("state-differs", `its state at record ${mine.at} differs from that of ${leader.node}`));
  }
  if (candidate.schema !== leader.schema) {
    reasons.push(
      because("schema-differs", `format ${candidate.schema} differs from ${leader.schema} of ${leader.node}`),
    );
  }
  if (candidate.build !== leader.build) {
    reasons.push(because("build-differs", `build ${candidate.build} differs from ${leader.build} of ${leader.node}`));
  }
  if (candidate.configDigest !== leader.configDigest) {
    const sentence = `configuration ${candidate.configDigest} differs from ${leader.configDigest} of ${leader.node}`;
    reasons.push(because("config-differs", sentence));
  }
  return reasons;
}

function machine({ rules }: PromotabilityInput, facts: SelfFacts): readonly PromotabilityReason[] {
  const reasons: PromotabilityReason[] = [];
  for (const venue of facts.venues) {
    if (!venue.isKnown) reasons.push(because("credentials", `not connected to ${venue.id} since start`));
    else if (venue.clockOffByMs === null) reasons.push(because("clock", `the time of ${venue.id} is not known`));
    else if (venue.clockOffByMs > rules.clockErrorMaxMs) {
      const offBy = Math.round(venue.clockOffByMs);
      const sentence = `the wall clock may be ${offBy} ms off the time of ${venue.id}, allowed are ${rules.clockErrorMaxMs}`;
      reasons.push(because("clock", sentence));
    }
  }
  if (facts.diskUsed !== null && facts.diskUsed >= rules.diskUsedMax) {
    const used = Math.floor(facts.diskUsed * 100);
    reasons.push(because("disk", `its disk is ${used} % full, allowed are ${Math.floor(rules.diskUsedMax * 100)} %`));
  }
  return reasons;
}

function policy(input: PromotabilityInput, facts: SelfFacts): readonly PromotabilityReason[] {
  const { candidate, leader, rules } = input;
  const reasons: PromotabilityReason[] = [];
  if (candidate.tags.includes("no-failover")) reasons.push(because("no-failover", "tagged no-failover"));
  const deaths = recentDeaths(input);
  if (rules.flap.deathsMax > 0 && deaths >= rules.flap.deathsMax) {
    const minutes = Math.round(rules.flap.withinMs / 60_000);
    reasons.push(because("anti-flap", `it died ${deaths} times in ${minutes} minutes; acknowledge it or wait`));
  }
  const metro = leader?.facts?.metro ?? input.lastMetro;
  if (rules.siteRule === "same-metro" && metro !== undefined && metro !== facts.metro) {
    reasons.push(because("site", `it stands in ${facts.metro}, the leader in ${metro}: crossing needs an operator`));
  }
  return reasons;
}

/** Deaths of this node that nobody acknowledged, an orderly end is none. */
function recentDeaths({ candidate, view, rules, wall }: PromotabilityInput): number {
  const acknowledged = view.acknowledged?.value?.atWallMs ?? 0;
  const since = Math.max(acknowledged, wall - rules.flap.withinMs);
  return [...view.deaths.values()].filter(
    (death) => death.node === candidate.node && death.reapedWallMs > since && !isOrderlyEnd(death.cause),
  ).length;
}

/** A process that ended as it was asked to. */
export function isOrderlyEnd(cause: string): boolean {
  return cause === "exit 0" || cause === `exit ${startAgainStatus}`;
}

/** What an engine ends with that was asked to begin anew (its journal is set aside): its supervisor starts the next boot. */
export const startAgainStatus = 75;

/** Another promotable node that should go first: it reaches a venue or sees a market that this one does not, or has a higher priority. */
function waiting(input: PromotabilityInput): readonly PromotabilityReason[] {
  const { candidate, view, leader } = input;
  const mine = candidate.facts;
  if (mine === undefined) return [];
  const priority = priorityOf(candidate.node, mine, view);
  for (const other of view.members.values()) {
    const theirs = other.facts;
    // The leader's own record may outlive it by its lease: it is what is followed on, never a candidate.
    const isOther = other.node !== candidate.node && other.node !== leader?.node;
    if (!isOther || theirs === undefined) continue;
    const missing = mine.venues.find(
      (venue) => !venue.isReached && theirs.venues.some((each) => each.id === venue.id && each.isReached),
    );
    const theirPriority = priorityOf(other.node, theirs, view);
    const isNoWorse = missing === undefined && !lacksVenue(theirs, mine);
    const unseen = isNoWorse ? unseenOf(mine, theirs) : undefined;
    const isBetterPlaced = isNoWorse && theirPriority > priority && unseenOf(theirs, mine) === undefined;
    if (missing === undefined && unseen === undefined && !isBetterPlaced) continue;
    if (bars(barring({ ...input, candidate: other }), "automatic").length > 0) continue;
    if (missing !== undefined) {
      return [because("venue-unreached", `it does not reach ${missing.id} and ${other.node} does`)];
    }
    return unseen === undefined
      ? [because("priority", `${other.node} goes first with priority ${theirPriority} over ${priority}`)]
      : [because("market-unseen", `it has no fresh price of ${unseen.id} and ${other.node} has`)];
  }
  return [];
}

/** A venue of which one has no fresh price and the other has. */
function unseenOf(one: SelfFacts, other: SelfFacts): VenueFacts | undefined {
  return one.venues.find(
    (venue) =>
      venue.seesMarket === false && other.venues.some((each) => each.id === venue.id && each.seesMarket === true),
  );
}

function lacksVenue(theirs: SelfFacts, mine: SelfFacts): boolean {
  return theirs.venues.some(
    (venue) => !venue.isReached && mine.venues.some((each) => each.id === venue.id && each.isReached),
  );
}
