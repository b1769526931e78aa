/**
 * `baton risk`: what is killed, what a control has switched off, and how much room each control leaves; `baton risk enable`
 * switches on again what was switched off, with the cluster's name typed.
 */
import { killText } from "@baton/core";
import type { EnableRequest, RiskView } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { unlessLost } from "./keyed.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { confirm, instant, paint, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface EnableOptions extends TargetOptions {
  readonly reason: string;
  readonly yes?: boolean;
  readonly cluster?: string;
  readonly input?: boolean;
  readonly dryRun?: boolean;
}

const controls = ["repeated-execution", "loss-limit", "strategy"] as const;

/** Adds `baton risk` and `baton risk enable`. */
export function addRiskCommands(program: Command, terminal: Terminal): void {
  const risk = withTarget(program.command("risk"))
    .description("the headroom of every control, what is killed and what is switched off")
    .action(async (options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).risk();
      print(terminal, options, view, () => riskText(terminal, view));
    });
  withTarget(risk.command("enable"))
    .description("switch on again what a control, or a strategy's own fault, has switched off")
    .argument("<control>", controls.join(", "))
    .argument("<subject>", "the principal or strategy; for loss-limit the currency")
    .requiredOption("--reason <text>", "why; it stands on record")
    .option("--yes", "do not ask (needs --cluster)")
    .option("--cluster <name>", "name of the cluster, for --yes")
    .option("--no-input", "never ask")
    .option("--dry-run", "say what would be asked, do nothing")
    .action((control: string, subject: string, options: EnableOptions) => enable(control, subject, options, terminal));
}

async function enable(control: string, subject: string, options: EnableOptions, terminal: Terminal): Promise<void> {
  const known = controls.find((each) => each === control);
  if (known === undefined)
    throw new CliEnd("usage", `there is no ${control} to enable; there is ${controls.join(", ")}.`, {
      field: "control",
    });
  terminal.err(
    `plan:\n  1. ${known} lets ${subject} pass again${known === "loss-limit" ? "; the day's loss is counted anew from now on" : ""}`,
  );
  const client = await clientOf(options, terminal);
  // Risk said no before: whoever lets it pass again types where.
  const confirmed = async (): Promise<EnableRequest> => {
    const { name } = (await client.cluster()).cluster;
    await confirm(terminal, name, options);
    return { control: known, subject, reason: options.reason, cluster: name };
  };
  const isDry = options.dryRun === true;
  const advice = "See what came of it, and repeat it otherwise: baton risk";
  const enableIt = async (): Promise<RiskView> => {
    const request = await confirmed();
    return await unlessLost({ advice, operation: subject }, () => client.enableRisk(request));
  };
  const view = isDry ? await client.risk() : await enableIt();
  print(terminal, options, { ...view, dryRun: isDry }, () => riskText(terminal, view));
}

function riskText(terminal: Terminal, view: RiskView): string {
  const kills = view.kills.map((kill) => [killText(kill), kill.by, instant(kill.atWallMs), kill.reason]);
  const off = view.disabled.map((row) => [row.control, row.subject, instant(row.atWallMs), row.reason]);
  const rows = view.controls.map(({ control, scope, used, limit, headroom, note }) => [
    control,
    scope,
    used ?? "–",
    limit ?? "–",
    headroom === null ? "–" : paintRoom(terminal, headroom),
    note,
  ]);
  return [
    kills.length === 0 ? "nothing is killed." : table(["KILLED", "BY", "SINCE", "WHY"], kills),
    off.length === 0 ? "nothing is switched off." : table(["SWITCHED OFF BY", "WHOM", "SINCE", "WHY"], off),
    table(["CONTROL", "SCOPE", "USED", "LIMIT", "HEADROOM", ""], rows),
  ].join("\n\n");
}

function paintRoom(terminal: Terminal, headroom: string): string {
  return headroom === "0" || headroom.startsWith("-") ? paint(terminal, "red", headroom) : headroom;
}
