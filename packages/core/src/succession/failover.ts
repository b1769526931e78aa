/**
 * Failover by an operator's word, the candidate's part. A node that is in sync takes over as it would by itself, whatever
 * pause and autofailover say, and loses nothing. One that is not may do so only with leave to lose data, and only when
 * the leader key has been absent for the lease's length and a request's validity: no vow stops a lone leader, so time has
 * to; and no time is long enough where a leader may go on without its lease (failsafe), unless its death is on record.
 * What may be lost was stated for one journal (`loss-range.ts`); with another one the node refuses. The set is then this
 * node alone; whoever knows more as committed has forked from it, and comes back with an empty disk.
 * Invariants I6, I14. Operators: `runbooks/leader-lost.md`.
 */
import { isMember, judgedSelf, lastLeader, vowAndAsk, whyBehind, whyNotEligible, whyUnprepared } from "./campaign.ts";
import type { JournalId } from "../ids.ts";
import { whyPromised } from "./failsafe.ts";
import type { PromotabilityCode } from "./promotability.ts";
import { bars, reasonsText } from "./promotability.ts";
import type { WallMs } from "../time.ts";
import type { EtcdView, Transaction } from "./records.ts";
import type {
  CandidateRole,
  StandbyRole,
  Stepped,
  Succession,
  SuccessionEffect,
  SuccessionInput,
  WinnerRole,
} from "./state.ts";

type Takeover = Extract<Transaction, { kind: "takeover" }>;
type Asked = Extract<SuccessionInput, { kind: "failover" }>;

/** What leave to lose data passes over: the node may lack records. Everything else that bars everyone still does. */
const lossy: ReadonlySet<PromotabilityCode> = new Set(["not-in-sync", "other-journal", "lag"]);

/** Takes up a failover: vows and asks, or says why not. */
export function startFailover(
  state: Succession,
  role: StandbyRole | CandidateRole | WinnerRole,
  input: Asked,
): Stepped {
  const { view } = state;
  const { operation, wall } = input;
  const why = role.role === "standby" ? whyNotFailover(state, input) : "it is taking over already";
  if (why !== undefined || view === undefined || role.role !== "standby") {
    return { state, effects: [refuse(operation, why ?? "etcd has not been read yet")] };
  }
  if (isMember(state, view)) {
    return vowAndAsk(state, role, view, { requireLeaderAbsent: view.leader === undefined, wall, operation });
  }
  return vowAndAsk(state, role, view, { requireLeaderAbsent: true, wall, operation, isUnclean: true });
}

/** Why this node cannot take over for an operator now; undefined when it can. */
export function whyNotFailover(
  state: Succession,
  asked: Pick<Asked, "allowDataLoss" | "journal" | "uncleanAfterMs" | "isFailsafe" | "now" | "wall">,
): string | undefined {
  const { view } = state;
  if (view === undefined) return "etcd has not been read yet";
  const promised = whyPromised(state, asked.now);
  if (promised !== undefined) return promised;
  const reasons = bars(judgedSelf(state, view, asked.wall), "named");
  if (isMember(state, view)) return whyNotEligible(state, view) ?? reasonsText(reasons);
  if (!asked.allowDataLoss) {
    return `${state.me.node} is not in the in-sync set: committed records may be lost, and that was not allowed`;
  }
  const why =
    whyUnprepared(state, view) ??
    whyBehind(state, view) ??
    whyOtherJournal(state, asked.journal) ??
    reasonsText(reasons.filter((one) => !lossy.has(one.code))) ??
    (state.unfit.length > 0 ? `unfit: ${state.unfit.join(", ")}` : undefined);
  if (why !== undefined) return why;
  if (view.leader !== undefined) return `${view.leader.value.node} holds the leader key`;
  const absentForMs = asked.now - (state.leaderAbsentSinceMonoMs ?? asked.now);
  if (absentForMs < asked.uncleanAfterMs) {
    return `the leader key must be absent for ${asked.uncleanAfterMs} ms, it is for ${Math.floor(absentForMs)}`;
  }
  if (asked.isFailsafe && !isLastLeaderDead(state, view)) {
    const members = view.insync?.value.members.map((member) => member.node).join(", ") ?? "";
    return (
      `with leadership.failsafe on, a leader among {${members}} that is cut off from etcd may still trade: make sure that ` +
      "these nodes are stopped, then set failsafe to off in this node's file, restart it and ask again"
    );
  }
  return undefined;
}

/** What may be lost was stated for one journal: on another disk it may be more. */
function whyOtherJournal({ me }: Succession, stated: JournalId | undefined): string | undefined {
  if (stated === me.journal) return undefined;
  const what = stated === undefined ? "for no journal" : `for journal ${stated}`;
  return `what may be lost was stated ${what}, and ${me.node} has ${me.journal}: look again before it is repeated`;
}

/** Its supervisor has reaped it: it goes on by nobody's promise. */
function isLastLeaderDead(state: Succession, view: EtcdView): boolean {
  const last = lastLeader(state, view);
  return last !== undefined && view.deaths.has(last.boot);
}

/** A failover whose request did not win has an end too; empty for a takeover that nobody asked for. */
export function lostFailover(asked: Takeover): readonly SuccessionEffect[] {
  const { operation } = asked.history;
  if (operation === undefined) return [];
  return [refuse(operation, "the set or the leader changed in the same moment; look again before it is repeated")];
}

/** The answer was no or is not known. Only a request that can win no more ends the operation; else it is asked again. */
export function settledFailover(
  state: Succession,
  role: StandbyRole,
  view: EtcdView,
  how: { readonly asked: Takeover; readonly isDead: boolean; readonly wall: WallMs },
): Stepped {
  const { asked, isDead, wall } = how;
  const { operation } = asked.history;
  // What is read now may be less than what was vowed under: then nothing more is asked of this etcd.
  const isBehind = whyUnprepared(state, view) !== undefined || whyBehind(state, view) !== undefined;
  if (isDead || isBehind || operation === undefined || (asked.requireLeaderAbsent && view.leader !== undefined)) {
    return { state, effects: lostFailover(asked) };
  }
  const isUnclean = asked.leader.reason === "unclean";
  return vowAndAsk(state, role, view, { requireLeaderAbsent: asked.requireLeaderAbsent, wall, operation, isUnclean });
}

function refuse(operation: Asked["operation"], why: string): SuccessionEffect {
  return { kind: "refuse-failover", operation, why };
}
