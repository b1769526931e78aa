/** May anyone trade, and is money at risk: the first two questions of whoever looks at a node at night. */
import type { ClusterView, LeaderRole } from "@baton/core";
import {
  isEpochOpen,
  parentsHeldByLoss,
  strategiesHeldByLoss,
  usualSendWithinMs,
  whyNotCandidate,
  whyOverloaded,
} from "@baton/core";
import { workingParents } from "../api/order-views.ts";
import { monoNow, wallNow } from "../clock.ts";
import { etcdFreshMs } from "./etcd-views.ts";
import type { EngineNode } from "./node.ts";
import type { ViewSources } from "./view-sources.ts";

/** So many are named in one sentence. */
const namedMost = 8;

type TradingSources = Pick<ViewSources, "node" | "config" | "keeper">;

/**
 * May anyone trade through this node now: a leader knows by itself, a standby by the word of the leader that it follows. Where
 * neither is there the answer is no, and `isKnown` is false: somebody else may well trade.
 */
export function tradingView(sources: TradingSources): ClusterView["trading"] {
  const { node } = sources;
  const { view } = node.leadership.state;
  const role = node.leadership.leading;
  const isFresh = (node.viewAgeMs ?? Infinity) < etcdFreshMs;
  const heard =
    role === undefined
      ? node.leadersWord.reasons(node.replication.following, isFresh ? { record: view?.leader } : undefined, monoNow())
      : whyLeaderMayNot(sources, role);
  if (heard !== undefined) return { isAllowed: heard.length === 0, reasons: heard };
  const killed = killReasons(node);
  if (isFresh && node.isAdmitted && view !== undefined && view.leader === undefined) {
    const why = whyNotCandidate(node.leadership.state, view, wallNow());
    const nobody = why === undefined ? "no node leads" : `no node leads; this one does not take over: ${why}`;
    return { isAllowed: false, reasons: [nobody, ...killed] };
  }
  return {
    isAllowed: false,
    // What was killed stays killed, whoever leads.
    ...(killed.length === 0 && { isKnown: false }),
    reasons: [whyUnknown(node, isFresh), ...killed],
  };
}

/** Why a leader may not trade now, in sentences that stand for themselves on any node; empty when it may. */
export function whyLeaderMayNot({ node, config, keeper }: TradingSources, role: LeaderRole): readonly string[] {
  const reasons: string[] = [];
  if (keeper.deadline() <= monoNow()) reasons.push("the deadline has passed and etcd has not confirmed the lease");
  if (!isEpochOpen(role)) reasons.push(`epoch ${role.epoch} is not open yet`);
  if (role.heldStart !== undefined) reasons.push(role.heldStart.sentence);
  if (role.hold !== undefined) reasons.push("a switchover is under way");
  for (const venue of config.venues) {
    const why = node.desk.whyNotReady(venue.id);
    if (why !== undefined) reasons.push(`${venue.id}: ${why}`);
  }
  reasons.push(...node.keeping.risksBarred(role.known.record.members.length), ...killReasons(node));
  for (const feed of config.feeds) {
    for (const symbol of feed.symbols) {
      const price = node.markets.price(feed.venue, symbol);
      if (price.kind === "stale") reasons.push(`${symbol}: ${price.why}`);
    }
  }
  return reasons;
}

function killReasons(node: EngineNode): readonly string[] {
  const { kill } = node.ledger.committed.engine;
  // A narrower kill stops a part of the trading; it is shown, and not a reason for the whole.
  return kill.level === "cluster" ? [`killed by ${kill.by}: ${kill.reason}`] : [];
}

function whyUnknown(node: EngineNode, isFresh: boolean): string {
  if (!isFresh) return "etcd does not answer this node, which does not know who leads";
  if (!node.isAdmitted) return "this node has started and is not admitted yet";
  const leader = node.leadership.state.view?.leader?.value.node ?? "the leader";
  return `${leader} leads, and has not told this node whether one may trade`;
}

/** How many orders there are to worry about. */
export function ordersView(node: EngineNode): ClusterView["orders"] {
  const doubts = doubtsOf(node);
  const backlogs = node.desk.backlogs();
  const waiting = backlogs.reduce((sum, { orders }) => sum + orders, 0);
  const oldestWaitingMs = waiting === 0 ? null : Math.round(Math.max(...backlogs.map(({ oldestMs }) => oldestMs)));
  const parents = workingParents(node.ledger.committed);
  const paused = parents.filter((parent) => parent.paused !== undefined).length;
  return {
    open: openOrders(node),
    inDoubt: doubts.count,
    oldestInDoubtMs: doubts.oldestMs,
    fillsMissing: node.ledger.committed.indexes.fillsMissing.size,
    ...(node.isLeading && { waiting, oldestWaitingMs }),
    parents: { running: parents.length - paused, paused },
  };
}

/** What clients are refused for now, and what to make of it: a sentence for each venue whose backlog is too long. */
export function backlogWarnings(node: Pick<EngineNode, "desk">): readonly string[] {
  return node.desk.backlogs().flatMap(({ venue, ...backlog }) => {
    if (whyOverloaded(backlog, usualSendWithinMs, "client") === undefined) return [];
    const { orders, oldestMs } = backlog;
    return `overloaded: ${orders} orders wait to be sent to ${venue}, the oldest for ${Math.round(oldestMs)} ms; clients are told to ask again`;
  });
}

/** Orders whose fate is not known, and how long the oldest has been so. */
export function doubtsOf(node: EngineNode): { readonly count: number; readonly oldestMs: number | null } {
  const { indexes, orders } = node.ledger.committed;
  let count = 0;
  let oldest: number | null = null;
  for (const intent of indexes.unsettled) {
    const order = orders.get(intent);
    if (order?.status !== "in-doubt") continue;
    count += 1;
    oldest = Math.max(oldest ?? 0, wallNow() - order.recordedWallMs);
  }
  return { count, oldestMs: oldest };
}

/** Parent orders and strategies that wait for a person since a loss. */
export function heldByLossOf({ ledger }: Pick<EngineNode, "ledger">): readonly string[] {
  const parents = parentsHeldByLoss(ledger.committed).map((parent) => parent.id);
  return [...parents, ...strategiesHeldByLoss(ledger.committed)];
}

/** The same for people, with what to do; empty when nothing waits. */
export function lossWarnings({ ledger }: Pick<EngineNode, "ledger">): readonly string[] {
  const parents = parentsHeldByLoss(ledger.committed);
  const strategies = strategiesHeldByLoss(ledger.committed);
  const ids = parents.map((parent) => parent.id);
  return [
    ...(parents.length === 0
      ? []
      : [
          `a history was lost: ${someOf(ids)} ${ids.length === 1 ? "is" : "are"} paused; see what the account traded since (baton orders show ID), then resume with a reason, amend or cancel each`,
        ]),
    ...(strategies.length === 0
      ? []
      : [
          `a history was lost: ${someOf(strategies)} ${strategies.length === 1 ? "is" : "are"} off, with a state that may lack what is lost (baton risk enable strategy ID)`,
        ]),
  ];
}

function someOf(ids: readonly string[]): string {
  const more = ids.length - namedMost;
  return more > 0 ? `${ids.slice(0, namedMost).join(", ")} and ${more} more` : ids.join(", ");
}

/** Orders that may rest at a venue. */
function openOrders(node: EngineNode): number {
  let open = 0;
  for (const intents of node.ledger.committed.indexes.open.values()) open += intents.size;
  return open;
}
