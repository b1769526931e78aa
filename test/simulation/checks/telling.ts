/** What the succession asks for and hears, in sentences for people: the lines of the transcripts. */
import type { SuccessionEffect, Transaction, TransactionAnswer } from "@baton/core";

/** Undefined for what says itself or is no news. */
export function effectTold(effect: SuccessionEffect): string | undefined {
  switch (effect.kind) {
    case "persist": {
      const { epochMax, vow } = effect.promised;
      const vowed =
        vow === undefined ? "" : `, and vows: no acknowledgement under epoch ${vow.epoch}, version ${vow.version}`;
      return `Makes durable: follows no epoch below ${epochMax}${vowed}.`;
    }
    case "transact":
      return `Asks etcd: ${transactionTold(effect.transaction)}.`;
    case "send-vowed":
      return `Tells ${effect.to} of its vow.`;
    case "acknowledge-again":
      return "Acknowledges again.";
    case "hold":
      return `Holds for ${effect.to}: takes nothing new, sends what is committed, then seals its journal.`;
    case "resume":
      return `Goes on: ${effect.why}.`;
    case "handed-off":
      return `Follows from now on: epoch ${effect.epoch} is ${effect.to}'s.`;
    case "refuse-switchover":
      return `Refuses the switchover: ${effect.why}.`;
    default:
      return undefined;
  }
}

export function answerTold(transaction: Transaction, answer: TransactionAnswer): string {
  const what =
    transaction.kind === "set-insync"
      ? `version ${transaction.insync.version} of the set`
      : `epoch ${transaction.leader.epoch}`;
  if (answer.kind === "committed") return `etcd says yes to ${what}.`;
  if (answer.kind === "refused") return `etcd says no to ${what}.`;
  return `Does not know whether etcd took ${what}.`;
}

function transactionTold(transaction: Transaction): string {
  switch (transaction.kind) {
    case "takeover": {
      const { members, version } = transaction.insync;
      const absent = transaction.requireLeaderAbsent ? ", if nobody leads" : "";
      return `epoch ${transaction.leader.epoch} for ${transaction.leader.node} with the set {${names(members)}} as version ${version}${absent}`;
    }
    case "set-insync":
      return `the set {${names(transaction.insync.members)}} as version ${transaction.insync.version}`;
    case "handoff":
      return `epoch ${transaction.leader.epoch} for ${transaction.leader.node}, if all is still as it was`;
    default:
      return (transaction as { readonly kind: string }).kind;
  }
}

function names(members: readonly { readonly node: string }[]): string {
  return members.map((m) => m.node).join(", ");
}
