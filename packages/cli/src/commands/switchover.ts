/**
 * `baton switchover`: hands leadership to another in-sync node while both are well; nothing is lost and open orders stay
 * at the venue. The plan names the candidate and, of each other node, why it is not one.
 */
import { id } from "@baton/core";
import type { ClusterView, NodeId, Promotability } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions, Plan } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface SwitchoverOptions extends OperateOptions {
  readonly to?: string;
}

/** Adds `baton switchover`. */
export function addSwitchoverCommand(program: Command, terminal: Terminal): void {
  withOperation(withTarget(program.command("switchover")))
    .description("hand leadership to another in-sync node; nothing is lost")
    .option("--to <node>", "the next leader; default: the best candidate")
    .action(async (options: SwitchoverOptions) => {
      const client = await clientOf(options, terminal);
      const [view, { candidates }] = await Promise.all([client.cluster(), client.promotability()]);
      // A repeated id asks for the verdict of what was done already; the present leader is then no reason to refuse.
      if (options.id === undefined) checkState(view, options.to);
      const asked = {
        what: "switchover",
        reason: options.reason,
        ...(options.to && { to: id<NodeId>(options.to) }),
      } as const;
      await operate(client, terminal, options, asked, planOf(view, candidates, options.to));
    });
}

function checkState(view: ClusterView, to: string | undefined): void {
  if (view.leader === null) {
    throw new CliEnd("conflict", "nobody leads: a switchover needs a leader that hands over. See baton status.");
  }
  if (to === undefined) return;
  if (view.leader.node === to) throw new CliEnd("conflict", `${to} leads already.`);
  if (!view.members.some((member) => member.node === to)) {
    const known = view.members.map((member) => member.node).join(", ");
    throw new CliEnd("usage", `there is no node ${to}; there are ${known}.`, { field: "to" });
  }
}

function planOf(view: ClusterView, candidates: Promotability["candidates"], to: string | undefined): Plan {
  const leader = view.leader?.node ?? "the leader";
  const others = candidates.filter((candidate) => candidate.node !== view.leader?.node);
  const fit = others.filter((candidate) => candidate.isPromotable && candidate.isInSync);
  const target = to ?? (fit.length === 1 ? fit[0]?.node : undefined);
  const unfit = others
    .filter((candidate) => !fit.includes(candidate))
    .map((candidate) => {
      const why = [...(candidate.isInSync ? [] : ["not in sync"]), ...candidate.unfit];
      return `${candidate.node} cannot lead now: ${why.join(", ") || "not promotable"}`;
    });
  const isTargetFit = to === undefined ? fit.length > 0 : fit.some((candidate) => candidate.node === to);
  return {
    steps: [
      `${leader} holds: no new order leaves, what is in flight is settled`,
      `${target ?? `the best of ${fit.map((each) => each.node).join(", ") || "no candidates"}`} becomes durable to the last record`,
      `one transaction gives it the leader key in epoch ${view.epoch + 1}; ${leader} follows`,
    ],
    refusals: isTargetFit ? [] : unfit.length > 0 ? unfit : ["there is no other node"],
  };
}
