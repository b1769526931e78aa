/**
 * `baton failover`: makes a node the leader by an operator's word, also in pause and while the leader does not answer. To
 * a node that is in sync nothing is lost. To another one only with `--allow-data-loss` (`--unclean`): what may be lost is
 * stated first, and the cluster's name has to be typed.
 */
import { id } from "@baton/core";
import type { ClusterView, JournalId, NodeId } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions, Plan } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import { confirm, span } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface FailoverOptions extends OperateOptions {
  readonly to: string;
  readonly allowDataLoss?: boolean;
  readonly unclean?: boolean;
  readonly yes?: boolean;
  readonly cluster?: string;
  readonly input?: boolean;
}

/** Adds `baton failover`. */
export function addFailoverCommand(program: Command, terminal: Terminal): void {
  withOperation(withTarget(program.command("failover")))
    .description("make a node the leader without the present one; for a leader that is gone or does not hand over")
    .requiredOption("--to <node>", "the next leader")
    .option("--allow-data-loss", "also when it is not in sync: committed records may be lost")
    .option("--unclean", "the same as --allow-data-loss")
    .option("--yes", "do not ask (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .action(async (options: FailoverOptions) => {
      const client = await clientOf(options, terminal);
      const view = await client.cluster();
      if (options.id === undefined) checkState(view, options.to);
      const allowDataLoss = options.allowDataLoss === true || options.unclean === true;
      const isInSync = view.insync?.members.some((node) => node === options.to) ?? false;
      const isLossy = allowDataLoss && !isInSync;
      const plan = planOf(view, options.to, { isInSync, allowDataLoss });
      const { name } = view.cluster;
      if (isLossy && options.dryRun !== true) {
        for (const step of plan.steps) terminal.err(step);
        await confirm(terminal, name, options);
      }
      const asked = {
        what: "failover",
        to: id<NodeId>(options.to),
        reason: options.reason,
        ...(isLossy && { allowDataLoss: true, cluster: name, ...journalOf(view, options.to) }),
      } as const;
      await operate(client, terminal, options, asked, plan);
    });
}

function checkState(view: ClusterView, to: string): void {
  if (view.leader?.node === to) throw new CliEnd("conflict", `${to} leads already.`);
  if (view.members.some((member) => member.node === to)) return;
  const known = view.members.map((member) => member.node).join(", ");
  throw new CliEnd("usage", `no node ${to} publishes itself in etcd; those that do: ${known}.`, { field: "to" });
}

/** The journal whose loss the plan states: with another one on its disk the node refuses. */
function journalOf(view: ClusterView, to: string): { readonly journal?: JournalId } {
  const journal = view.leaderless?.losses.find((each) => each.node === to)?.journal;
  return journal === undefined ? {} : { journal };
}

function planOf(
  view: ClusterView,
  to: string,
  how: { readonly isInSync: boolean; readonly allowDataLoss: boolean },
): Plan {
  const member = view.members.find((each) => each.node === to);
  const lossy = new Set<string>(how.allowDataLoss ? ["not-in-sync", "other-journal", "lag"] : []);
  const barred = (member?.reasons ?? []).filter((one) => one.bars === "everyone" && !lossy.has(one.code));
  const refusals = barred.map((one) => `${to}: ${one.sentence} (${one.code})`);
  const epoch = `epoch ${view.epoch + 1}`;
  if (how.isInSync) {
    const old =
      view.leader === null ? [] : [`${view.leader.node} cannot commit from then on and stops by its deadline`];
    return { steps: [`${to} is in sync and takes ${epoch}; nothing is lost`, ...old], refusals };
  }
  const leaderless = view.leaderless ?? null;
  const loss = leaderless?.losses.find((each) => each.node === to)?.sentence;
  if (leaderless === null)
    refusals.push(`${view.leader?.node ?? "a node"} holds the leader key: an unclean failover waits until it is gone`);
  else if (leaderless.forMs < leaderless.uncleanAfterMs) {
    const left = span(leaderless.uncleanAfterMs - leaderless.forMs);
    refusals.push(`the leader key must be absent for ${span(leaderless.uncleanAfterMs)}: another ${left}`);
  }
  return {
    steps: [
      loss ?? `${to} is not in sync: what the in-sync set committed and ${to} does not hold is lost`,
      `${to} takes ${epoch} alone; a node that knows more as committed stops as forked, and joins again with an empty disk`,
      "no new order leaves before the venue's orders and trades have been reconciled",
      "parent orders that work are paused, and strategies are off, until you have looked at the account (a stop still gets out)",
    ],
    refusals,
  };
}
