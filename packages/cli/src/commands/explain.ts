/**
 * `baton explain order`: an order's life in sentences. `baton explain node`: everything that speaks for and against one
 * node leading, each reason with its code, what it means and whom it bars: the answer that the election and a switchover
 * get, from the same function. `baton explain alert`: what a page means and where its runbook is; it asks no node, since
 * there may be none.
 */
import { alertNamed, alerts, promotabilityCodes, runbookUrl } from "@baton/core";
import type { ClusterView, MemberView } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withJson, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { facts, paint } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { explainedOrder } from "./explain-order.ts";

/** Adds `baton explain`. */
export function addExplainCommands(program: Command, terminal: Terminal): void {
  const explain = program.command("explain").description("why something is as it is");
  withTarget(explain.command("node"))
    .description("could this node lead, and if not, why not")
    .argument("<id>", "node id")
    .action(async (node: string, options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).cluster();
      const member = view.members.find((each) => each.node === node);
      if (member === undefined) {
        const known = view.members.map((each) => each.node).join(", ");
        throw new CliEnd("usage", `no node ${node} publishes itself in etcd; those that do: ${known}.`, {
          field: "id",
        });
      }
      const { role, isInSync, lagRecords, reasons } = member;
      const document = { version: 1, node, role, isInSync, lagRecords, reasons, control: view.control };
      print(terminal, options, document, () => explained(terminal, view, member));
    });
  withTarget(explain.command("order"))
    .description("where an order stands, why, and what (not) to do about it")
    .argument("<id>", "i-42, or p-1 for a parent order")
    .action(async (id: string, options: TargetOptions) => {
      const order = await (await clientOf(options, terminal)).order(id);
      const sentences = explainedOrder(order);
      print(terminal, options, { version: 1, id, status: order.status, sentences, order }, () =>
        [`${id} is ${order.status}.`, ...sentences].join("\n"),
      );
    });
  withJson(explain.command("alert"))
    .description("what an alert means, what to do first, and its runbook; asks no node")
    .argument("<name>", "as the page names it, such as BatonNoLeader")
    .action((asked: string, options: { readonly json?: boolean }) => explainAlert(asked, options, terminal));
}

function explainAlert(asked: string, options: { readonly json?: boolean }, terminal: Terminal): void {
  const found = alertNamed(asked);
  if (found === undefined) {
    throw new CliEnd("usage", `there is no alert ${asked}; there is ${Object.keys(alerts).join(", ")}.`, {
      field: "name",
    });
  }
  const { name, alert } = found;
  const { severity, means, action, rule, edge } = alert;
  const runbook = runbookUrl(alert.runbook);
  const document = { version: 1, name, severity, means, action, runbook, rule: rule ?? null, edge: edge ?? [] };
  const held = rule === undefined || rule.forSeconds === 0 ? "" : `, for ${rule.forSeconds} s`;
  print(terminal, options, document, () =>
    facts([
      ["alert", `${name} (${severity})`],
      ["means", means],
      ["do", action],
      ["runbook", runbook],
      ...(rule === undefined ? [] : [["rule", `${rule.expr}${held}`] as const]),
      ...(edge === undefined ? [] : [["events", edge.join(", ")] as const]),
    ]),
  );
}

function explained(terminal: Terminal, view: ClusterView, member: MemberView): string {
  const { pause, autofailover } = view.control;
  const head = facts([
    ["node", `${member.node} (${member.role}, ${member.site})`],
    ["verdict", verdict(terminal, view, member)],
    ["in sync", member.isInSync ? "yes" : "no"],
    ["lag", member.lagRecords === null ? "not known" : `${member.lagRecords} records`],
    ["takeovers", pause === null ? `autofailover is ${autofailover}` : `paused by ${pause.by}: ${pause.reason}`],
    ["seen by", view.node.id],
  ]);
  const reasons = member.reasons.map((reason) => {
    const row = (promotabilityCodes as Readonly<Record<string, { readonly means: string }>>)[reason.code];
    return `  ${reason.code}: ${reason.sentence}\n    ${row?.means ?? ""} It bars ${barred[reason.bars]}.`;
  });
  return [head, ...reasons].join("\n");
}

const barred = {
  everyone: "everyone",
  automatic: "takeovers by itself; an operator may name the node",
  "while-better": "nobody, it waits a moment for the better one",
} as const;

function verdict(terminal: Terminal, view: ClusterView, member: MemberView): string {
  if (view.leader?.node === member.node) return paint(terminal, "green", "it leads");
  const isBarred = member.reasons.some((reason) => reason.bars !== "while-better");
  if (!isBarred) return paint(terminal, "green", "it could lead");
  const isForEveryone = member.reasons.some((reason) => reason.bars === "everyone");
  return paint(terminal, "red", isForEveryone ? "it cannot lead now" : "it leads only if an operator names it");
}
