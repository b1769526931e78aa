/**
 * What an operator may do to one node: drain it, give it another priority, have its journal rebuilt, keep it out of the
 * in-sync set. Decided here, on one linearizable read of etcd: whether it is refused, what is written beside the
 * operation's record, who has to carry it out, and when it has been. What is written is guarded on what was read, so a
 * leader or a set that changed meanwhile leads to another decision and never to a half-done one. Invariants I7, I14.
 * Operators: `runbooks/planned-switchover.md`.
 */
import { assertNever } from "../assert.ts";
import type { JournalId, NodeId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import type { EtcdView, Member, MemberChange, MemberSettings, OperationRecord } from "./records.ts";

/** The operations on one node. */
export const memberVerbs = ["drain", "undrain", "priority", "reinit", "remove"] as const;
export type MemberVerb = (typeof memberVerbs)[number];

/** An operator's wish. `priority`: undefined gives the node that of its own file back. */
export interface MemberWish {
  readonly what: MemberVerb;
  readonly node: NodeId;
  readonly priority?: number;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
}

export type MemberDecision =
  /** A safety check says no; nothing is recorded. */
  | { readonly kind: "refused"; readonly why: string }
  /** Recorded with this change, and `done` with it, or `running` until the leader has done its part. */
  | { readonly kind: "set"; readonly phase: "done" | "running"; readonly change: MemberChange; readonly detail: string }
  /** Recorded as a wish: the leader hands over first, or the node itself sets its journal aside. */
  | { readonly kind: "ask"; readonly journal?: JournalId; readonly detail: string };

/** What is to be done about a wish now. */
export function decideMember(view: EtcdView, wish: MemberWish): MemberDecision {
  const { node } = wish;
  const before = view.settings?.get(node)?.value ?? {};
  const { standing, ...rest } = before;
  const isLeader = view.leader?.value.node === node;
  switch (wish.what) {
    case "drain": {
      if (standing !== undefined) return set(view, node, before, `${node} is ${standing.kind} already`);
      if (isLeader) return { kind: "ask", detail: `${node} leads and hands over first` };
      return set(view, node, drained(wish, before), drainedText(node));
    }
    case "undrain":
      if (standing === undefined) return set(view, node, before, `${node} was not drained`);
      return set(view, node, rest, `${node} may lead again, and is in the in-sync set once it holds everything`);
    case "priority": {
      const { priority: _priority, ...others } = before;
      const { priority } = wish;
      if (priority === undefined) return set(view, node, others, `${node} has the priority of its own file again`);
      return set(view, node, { ...others, priority }, `${node} has priority ${priority}`);
    }
    case "remove": {
      const why = isLeader ? `${node} leads: switch over first` : whyLastCopy(view, node);
      if (why !== undefined) return { kind: "refused", why };
      const isMember = view.insync?.value.members.some((one) => one.node === node) ?? false;
      const settings = { ...before, standing: standingOf("removed", wish) };
      const detail = isMember ? `the leader takes ${node} out of the in-sync set` : removedText(node);
      const decided = set(view, node, settings, detail);
      return { ...decided, phase: isMember ? "running" : "done" };
    }
    case "reinit": {
      const why = whyNotReinit(view, node);
      if (why !== undefined) return { kind: "refused", why };
      const journal = view.members.get(node)?.journal;
      return { kind: "ask", ...(journal !== undefined && { journal }), detail: `waits for ${node}` };
    }
    default:
      return assertNever(wish.what, "member verb");
  }
}

/** Why a node's journal may not be set aside now; asked when it is wished for, and again by the node before it does so. */
export function whyNotReinit(view: EtcdView, node: NodeId): string | undefined {
  if (view.leader === undefined) return "nobody leads: there is no journal to rebuild it from";
  if (view.leader.value.node === node) return `${node} leads: switch over first`;
  if (!view.members.has(node)) return `${node} does not publish itself in etcd: it has to run`;
  const isMember = view.insync?.value.members.some((one) => one.node === node) ?? false;
  return isMember ? whyLastCopy(view, node) : undefined;
}

/**
 * The leader and one more have to stay: a set of one loses what it alone holds. Whoever is already on its way out, by a
 * removal or a rebuilding that has not ended, is no second copy.
 */
function whyLastCopy(view: EtcdView, node: NodeId): string | undefined {
  const left = view.insync?.value.members.filter((one) => one.node !== node && !isOnItsWayOut(view, one)) ?? [];
  if (left.length >= 2) return undefined;
  const names = left.map((one) => one.node).join(", ");
  return `without ${node} the in-sync set is {${names}}: it would be left without a second copy`;
}

function isOnItsWayOut(view: EtcdView, { node, journal }: Member): boolean {
  if (view.settings?.get(node)?.value.standing?.kind === "removed") return true;
  return [...view.operations.values()].some(
    ({ value }) =>
      value.what === "reinit" &&
      value.node === node &&
      value.journal === journal &&
      (value.phase === "asked" || value.phase === "running"),
  );
}

/** What is written with the word that a drained leader has handed over. One that was removed since stays removed. */
export function drainedChange(view: EtcdView, wish: MemberWish): MemberChange {
  const seen = view.settings?.get(wish.node);
  const guard = { settingsModRevision: seen?.modRevision ?? "0" };
  const before = seen?.value ?? {};
  return { node: wish.node, settings: before.standing === undefined ? drained(wish, before) : before, guard };
}

/** How long a rebuilt journal may take before its operation is called failed; the node goes on with it all the same. */
const reinitWithinMs = 3_600_000;

/** How a removal or a rebuilding that is running has ended by this view; undefined while it goes on. */
export function memberVerdict(
  view: EtcdView,
  record: OperationRecord,
  wall: WallMs,
): { readonly phase: "done" | "aborted" | "failed"; readonly detail: string } | undefined {
  const { node, what } = record;
  if (node === undefined) return undefined;
  const member = view.insync?.value.members.find((one) => one.node === node);
  if (what === "remove") {
    if (view.settings?.get(node)?.value.standing?.kind !== "removed")
      return { phase: "aborted", detail: `${node} was undrained meanwhile` };
    return member === undefined ? { phase: "done", detail: removedText(node) } : undefined;
  }
  if (what !== "reinit") return undefined;
  if (member !== undefined && member.journal !== record.journal) {
    const detail = `${node} is in sync with the new journal ${member.journal}; ${record.journal ?? "the old one"} is set aside in its data folder`;
    return { phase: "done", detail };
  }
  if (wall - record.updatedWallMs <= reinitWithinMs) return undefined;
  return { phase: "failed", detail: `${node} was not in sync with a new journal within an hour` };
}

function set(
  view: EtcdView,
  node: NodeId,
  settings: MemberSettings,
  detail: string,
): Extract<MemberDecision, { kind: "set" }> {
  const guard = {
    settingsModRevision: view.settings?.get(node)?.modRevision ?? "0",
    epochModRevision: view.epoch.modRevision,
    insyncModRevision: view.insync?.modRevision ?? "0",
  };
  return { kind: "set", phase: "done", change: { node, settings, guard }, detail };
}

function drained(wish: MemberWish, before: MemberSettings): MemberSettings {
  return { ...before, standing: standingOf("drained", wish) };
}

function standingOf(
  kind: "drained" | "removed",
  { by, reason, atWallMs }: MemberWish,
): NonNullable<MemberSettings["standing"]> {
  return { kind, by, reason, atWallMs };
}

/** The sentence of a drain that is done. */
export function drainedText(node: NodeId): string {
  return `${node} takes no leadership until it is undrained`;
}

function removedText(node: NodeId): string {
  return `${node} is kept out of the in-sync set until it is undrained`;
}
