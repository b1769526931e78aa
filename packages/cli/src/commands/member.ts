/**
 * `baton member`: what an operator does to one node. Drained it follows and leads no more, for work on its host; its
 * priority says who goes first among equals; a journal that cannot be trusted is rebuilt from the leader's; a removed node
 * is kept out of the in-sync set, so that no commit waits for it. All but `reinit` lasts until it is taken back.
 */
import { id } from "@baton/core";
import type { ClusterView, NodeId } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton member` and what is below it. */
export function addMemberCommands(program: Command, terminal: Terminal): void {
  const member = program.command("member").description("drain, prioritise, rebuild or remove one node");
  const verb = (
    what: "drain" | "undrain" | "reinit" | "remove",
    o: { readonly says: string; readonly timeout?: string; readonly plan: (node: string, view: ClusterView) => Steps },
  ): void => {
    withOperation(withTarget(member.command(what)), {
      reason: "optional",
      ...(o.timeout !== undefined && { timeout: o.timeout }),
    })
      .description(o.says)
      .argument("<node>", "the node")
      .action(async (node: string, options: OperateOptions) => {
        const client = await clientOf(options, terminal);
        const view = await client.cluster();
        const { steps, refusals = [] } = o.plan(node, view);
        const asked = { what, node: id<NodeId>(node), reason: options.reason } as const;
        await operate(client, terminal, options, asked, { steps, refusals });
      });
  };
  verb("drain", {
    says: "the node takes no leadership until it is undrained; a leader hands over first",
    plan: (node, view) => ({
      steps: [
        ...(view.leader?.node === node ? [`${node} leads: it hands over to the best candidate, nothing is lost`] : []),
        `${node} follows and stays in sync, and takes no leadership until: baton member undrain ${node}`,
      ],
      refusals: view.leader?.node === node ? whyNobodyElse(node, view) : [],
    }),
  });
  verb("undrain", {
    says: "the node may lead again, and is taken into the in-sync set again where it was removed",
    plan: (node, view) => ({ steps: [`now: ${standingText(node, view)}`, `${node} may lead again`] }),
  });
  withOperation(withTarget(member.command("priority")), { reason: "optional" })
    .description(
      "of several that may lead, the one with the higher number goes first; it goes over the node's own file",
    )
    .argument("<node>", "the node")
    .argument("<priority>", "0 to 1000, or file: that of the node's own file again")
    .action(async (node: string, text: string, options: OperateOptions) => {
      const priority = priorityOf(text);
      const client = await clientOf(options, terminal);
      const asked = { what: "priority", node: id<NodeId>(node), reason: options.reason } as const;
      const then = priority === undefined ? "the priority of its own file" : `priority ${priority}`;
      const plan = { steps: [`${node} has ${then} from now on; nobody hands over because of it`], refusals: [] };
      await operate(client, terminal, options, { ...asked, ...(priority !== undefined && { priority }) }, plan);
    });
  verb("reinit", {
    says: "set a standby's journal aside as evidence, and rebuild it from the leader's",
    timeout: "10m",
    plan: (node, view) => ({
      steps: [
        `${node} asks to be taken out of the in-sync set and begins anew without a journal`,
        "the old journal stays in its data folder under set-aside/: the disk needs room for both",
        `${node} gets a copy of the leader's and is in sync again once it holds everything`,
      ],
      refusals: whyNotOut(node, view),
    }),
  });
  verb("remove", {
    says: "take a standby out of the in-sync set and keep it out until it is undrained",
    plan: (node, view) => ({
      steps: [
        `the leader takes ${node} out of the in-sync set: no order waits for it any more`,
        `${node} follows and is not taken in again until: baton member undrain ${node}`,
      ],
      refusals: whyNotOut(node, view),
    }),
  });
}

interface Steps {
  readonly steps: readonly string[];
  readonly refusals?: readonly string[];
}

/** What the cluster would say, as far as the view shows it: the node that is asked decides. */
function whyNotOut(node: string, view: ClusterView): readonly string[] {
  if (view.leader?.node === node) return [`${node} leads: switch over first`];
  const left = view.insync?.members.filter((one) => one !== node) ?? [];
  if (left.length >= 2) return [];
  return [`without ${node} the in-sync set is {${left.join(", ")}}: it would be left without a second copy`];
}

function whyNobodyElse(node: string, view: ClusterView): readonly string[] {
  const others = view.members.filter((one) => one.node !== node);
  if (others.some((one) => one.isInSync && one.unfit.length === 0)) return [];
  return others.map((one) => `${one.node} cannot lead: ${one.unfit.join(", ") || "not in sync"}`);
}

function standingText(node: string, view: ClusterView): string {
  const reasons = view.members.find((one) => one.node === node)?.reasons ?? [];
  const told = reasons.filter((one) => one.code === "drained" || one.code === "removed");
  return told.length === 0 ? "neither drained nor removed" : told.map((one) => one.sentence).join("; ");
}

function priorityOf(text: string): number | undefined {
  if (text === "file") return undefined;
  if (!/^\d{1,4}$/.test(text) || Number(text) > 1_000)
    throw new CliEnd("usage", `a priority is 0 to 1000, or file, not ${text}.`, { field: "priority" });
  return Number(text);
}
