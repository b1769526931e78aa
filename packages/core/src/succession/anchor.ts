/**
 * Is this still the etcd that this node knew? An etcd that was restored from a backup brings back an older set and an
 * older epoch: who trusts it elects a node that lacks committed records, or leads an epoch twice. So each node pins, in
 * its journal, etcd's cluster id and the highest revision, epoch and version it has seen; an etcd that shows another id or
 * less is not trusted, nobody campaigns, and whoever leads stops. Only an operator's re-anchoring (`baton cluster
 * re-anchor`) is believed again: it compares all journals and goes beyond everything that any node has seen. Invariants
 * I1, I6. Operators: `runbooks/leader-lost.md`.
 */
import type { ClusterId, Epoch, NodeId, Sequence } from "../ids.ts";
import type { AnchorRecord, BootRecord, EtcdView, KillRecord, Member, MemberRecord } from "./records.ts";
import type { Succession, SuccessionInput } from "./state.ts";

/** What etcd was last seen to be; durable in the journal. */
export interface EtcdPin {
  readonly clusterId: string;
  readonly revision: string;
  readonly epoch: Epoch;
  readonly version: number;
}

/** The pin is made durable again when etcd's revision has moved on by so many, besides every change of epoch and version. */
const revisionsUnpinned = 10_000n;
/** One read may be late, so that it shows less than a newer one did; so many in a row are not late. */
const lowerReadsMax = 3;

/** Why this etcd is not the one that was pinned; undefined when it is, or when an operator has re-anchored it since. */
export function whyRestored(pin: EtcdPin | undefined, view: EtcdView): string | undefined {
  if (pin === undefined || isAnchoredBeyond(pin, view)) return undefined;
  if (view.etcdClusterId !== pin.clusterId) {
    return `etcd has cluster id ${view.etcdClusterId}, known here is ${pin.clusterId}: it was restored or replaced`;
  }
  if (view.cluster === undefined) return "etcd holds no cluster any more: it was restored or emptied";
  if (BigInt(view.revision) < BigInt(pin.revision)) {
    return `etcd is at revision ${view.revision}, ${pin.revision} was seen here: it was restored`;
  }
  const version = view.insync?.value.version ?? 0;
  if (view.epoch.value < pin.epoch || version < pin.version) {
    return `etcd shows epoch ${view.epoch.value} and version ${version}, ${pin.epoch} and ${pin.version} were seen here: it was restored`;
  }
  return undefined;
}

function isAnchoredBeyond(pin: EtcdPin, { anchor, etcdClusterId }: EtcdView): boolean {
  return (
    anchor !== undefined &&
    anchor.etcdClusterId === etcdClusterId &&
    anchor.epoch > pin.epoch &&
    anchor.version > pin.version
  );
}

/** What every role remembers of a read of etcd. One that is late is dropped; one that cannot be trusted marks the node. */
export function noteView(state: Succession, input: Extract<SuccessionInput, { kind: "view" }>): Succession {
  const { view } = input;
  const why = whyRestored(state.pin, view);
  const isLower = state.pin?.clusterId === view.etcdClusterId && BigInt(view.revision) < BigInt(state.pin.revision);
  // The first read of a boot cannot be late: there was none before it.
  const lowerReads = isLower && state.view !== undefined ? (state.lowerReads ?? 0) + 1 : 0;
  if (why !== undefined && lowerReads > 0 && lowerReads < lowerReadsMax) return { ...state, lowerReads };
  if (why !== undefined) return { ...state, lowerReads, view, restored: why };
  const isOlder = state.view !== undefined && BigInt(view.revision) < BigInt(state.view.revision);
  // After a re-anchoring revisions may begin anew.
  if (isOlder && state.restored === undefined) return state;
  const leader = view.leader?.value;
  const member = leader === undefined ? undefined : view.members.get(leader.node);
  const seen = member?.boot === leader?.boot ? member : undefined;
  const isSameEpoch = state.view?.epoch.value === view.epoch.value;
  const absentSince = (isSameEpoch ? state.leaderAbsentSinceMonoMs : undefined) ?? input.now;
  return {
    ...state,
    view,
    pin: pinOf(view) ?? state.pin,
    restored: undefined,
    lowerReads: 0,
    lastLeader: leader ?? state.lastLeader,
    lastLeaderMember: seen ?? state.lastLeaderMember,
    leaderAbsentSinceMonoMs: leader === undefined ? absentSince : undefined,
  };
}

/** Nothing is pinned of an etcd without a cluster. */
function pinOf(view: EtcdView): EtcdPin | undefined {
  if (view.cluster === undefined || view.insync === undefined) return undefined;
  const { etcdClusterId: clusterId, revision, epoch, insync } = view;
  return { clusterId, revision, epoch: epoch.value, version: insync.value.version };
}

/** The pin that has to be made durable now; undefined while the durable one is good enough. */
export function pinDue(state: Succession): EtcdPin | undefined {
  const { pin, pinned } = state;
  if (pin === undefined || pin === pinned) return undefined;
  const isChanged = pinned?.clusterId !== pin.clusterId || pinned.epoch !== pin.epoch || pinned.version !== pin.version;
  return isChanged || BigInt(pin.revision) - BigInt(pinned.revision) > revisionsUnpinned ? pin : undefined;
}

/**
 * Why a journal that is being opened is an older copy of itself; undefined when it is not. `opened` is what it holds now.
 * A copy from an earlier boot was opened less often than etcd has counted; one from this very boot shows by what it lacks:
 * records that were committed on it, or an epoch that it had promised.
 */
export function whyRolledBack(known: BootRecord | undefined, opened: BootRecord): string | undefined {
  if (known === undefined || known.boot === opened.boot) return undefined;
  if (opened.count <= known.count) return `was opened ${opened.count} times, etcd has counted ${known.count}`;
  if (known.held === undefined || opened.held === undefined) return undefined;
  const { committed, epochMax } = known.held;
  if (opened.held.committed < committed) {
    return `ends at record ${opened.held.committed}, etcd has seen ${committed} committed on it`;
  }
  if (opened.held.epochMax < epochMax) {
    return `has promised epoch ${opened.held.epochMax}, etcd has seen ${epochMax} promised by it`;
  }
  return undefined;
}

/** What a node publishes of its journal, so that all journals can be compared. */
export interface AnchorFacts {
  readonly cluster: ClusterId;
  /** The highest epoch and version of the set that this node promised or saw. */
  readonly epochMax: Epoch;
  readonly versionMax: number;
  /** End of its journal. */
  readonly last: { readonly epoch: Epoch; readonly sequence: Sequence; readonly hash: string };
  /** The kill in force by its journal. */
  readonly kill?: KillRecord;
  /** The nonce of the asking that this answers; absent while nobody has asked. */
  readonly answers?: string;
}

/** What a re-anchoring would write. */
export interface AnchorPlan {
  readonly cluster: ClusterId;
  readonly epoch: Epoch;
  readonly version: number;
  readonly members: readonly Member[];
  /** The strictest kill that any journal knows, where etcd's is weaker. */
  readonly kill?: KillRecord;
  readonly sentence: string;
}

/**
 * Who asks etcd for an epoch or a version has made durable, or pinned, the one before it. So the lost etcd may have written
 * one more than anybody knows of (its answer was lost with it), and never two.
 */
const unseenMax = 1;

/**
 * Where to go on from, by all journals: beyond every epoch and version that was ever written, with those nodes as the set whose
 * journals end last and alike (by epoch, then length: whatever was committed is in them). A record that came back with the
 * backup tells of a journal as it was then (and may itself say that etcd was restored, once before), so a node counts once it
 * has answered the nonce that was drawn for this asking. `without`: nodes that the operator says are stopped for good. The
 * world says no with a sentence.
 */
export function planAnchor(
  view: EtcdView,
  o: { readonly nodes: readonly NodeId[]; readonly without: readonly NodeId[]; readonly nonce: string },
): { readonly kind: "plan"; readonly plan: AnchorPlan } | { readonly kind: "refused"; readonly sentence: string } {
  const refuse = (sentence: string): { kind: "refused"; sentence: string } => ({ kind: "refused", sentence });
  const holder = view.leader?.value;
  const known = holder === undefined ? undefined : view.members.get(holder.node);
  // A restored key may hang on a lease that a node still keeps: once that node has noticed, and says so now, it means nothing.
  const holderTold = toldOf(known, o.nonce).some((one) => one.isRestored);
  if (holder !== undefined && (known?.boot !== holder.boot || !holderTold)) {
    return refuse(`${holder.node} holds the leader key: wait until it is gone`);
  }
  const needed = o.nodes.filter((node) => !o.without.includes(node));
  const told = needed.flatMap((node) => toldOf(view.members.get(node), o.nonce));
  const silent = needed.filter((node) => !told.some((one) => one.member.node === node));
  if (silent.length > 0) {
    return refuse(
      `the journals of ${silent.join(", ")} are not known: start them, or name those that are gone for good`,
    );
  }
  if (view.cluster !== undefined && !told.some((one) => one.isRestored)) {
    return refuse("every node finds etcd as it knew it: there is nothing to re-anchor");
  }
  const clusters = new Set(told.map((one) => one.facts.cluster));
  const [cluster] = clusters;
  if (cluster === undefined || clusters.size > 1) return refuse("the journals belong to more than one cluster");
  const best = told.map((one) => one.facts.last).reduce((a, b) => (isLater(b, a) ? b : a));
  const equal = told.filter(({ facts: { last } }) => last.sequence === best.sequence && last.hash === best.hash);
  const epochSeen = Math.max(view.epoch.value, ...told.map(({ facts }) => Math.max(facts.epochMax, facts.last.epoch)));
  const versionSeen = Math.max(view.insync?.value.version ?? 0, ...told.map((one) => one.facts.versionMax));
  const epoch = epochSeen + 1 + unseenMax;
  const version = versionSeen + 1 + unseenMax;
  const kill = (view.kill.value?.level ?? "off") === "off" ? told.find((one) => one.isKilled)?.facts.kill : undefined;
  const members = equal.map((one) => one.member);
  const names = members.map((member) => member.node).join(", ");
  const sentence = `Epoch ${epoch}, version ${version}; {${names}} hold the latest record, ${best.sequence} of epoch ${best.epoch}.`;
  return { kind: "plan", plan: { cluster, epoch, version, members, sentence, ...(kill !== undefined && { kill }) } };
}

function isLater(a: AnchorFacts["last"], b: AnchorFacts["last"]): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence;
}

interface Told {
  readonly member: Member;
  readonly facts: AnchorFacts;
  readonly isRestored: boolean;
  readonly isKilled: boolean;
}

/** What a node has answered; nothing while its record is of before it was asked. */
function toldOf(record: MemberRecord | undefined, nonce: string): readonly Told[] {
  const facts = record?.facts?.anchor;
  if (record === undefined || facts?.answers !== nonce) return [];
  const isKilled = facts.kill !== undefined && facts.kill.level !== "off";
  const member = { node: record.node, journal: record.journal };
  return [{ member, facts, isRestored: (record.facts?.etcdRestored ?? null) !== null, isKilled }];
}

/** The record that makes every node believe etcd again. */
export function anchorRecord(
  plan: AnchorPlan,
  o: Pick<AnchorRecord, "etcdClusterId" | "by" | "reason" | "atWallMs">,
): AnchorRecord {
  return { ...o, epoch: plan.epoch, version: plan.version };
}
