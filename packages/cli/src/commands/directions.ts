/** `baton orders pause|resume|amend`: what a person does to a parent order while it works. */
import type { Direction } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { viewText } from "./order-text.ts";

interface DirectOptions extends TargetOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** Adds them below `baton orders`. */
export function addDirectionCommands(orders: Command, terminal: Terminal): void {
  const direct = async (id: string, direction: Direction, plan: string, options: DirectOptions): Promise<void> => {
    const client = await clientOf(options, terminal);
    const isDry = options.dryRun === true;
    terminal.err(`plan:\n  1. ${plan}`);
    const view = isDry
      ? await client.order(id)
      : await client.directOrder(id, { ...direction, ...(options.reason && { reason: options.reason }) });
    print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
  };
  withTarget(orders.command("pause"))
    .description("no new slices of a parent order until it is resumed; its resting children are taken back")
    .argument("<id>", "p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the parent, change nothing")
    .action((id: string, options: DirectOptions) =>
      direct(id, { what: "pause" }, `${id} begins no new slice`, options),
    );
  withTarget(orders.command("resume"))
    .description("a paused parent order goes on, later by the length of its pause")
    .argument("<id>", "p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the parent, change nothing")
    .action((id: string, options: DirectOptions) => direct(id, { what: "resume" }, `${id} goes on`, options));
  withTarget(orders.command("amend"))
    .description("change figures of a parent order; what was scheduled before stays as it was")
    .argument("<id>", "p-1")
    .argument("<figures...>", "such as quantity=2 limitPrice=101.5")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the parent, change nothing")
    .action((id: string, figures: string[], options: DirectOptions) =>
      direct(id, { what: "amend", change: changeOf(figures) }, `${id} has ${figures.join(", ")} from now on`, options),
    );
}

function changeOf(figures: readonly string[]): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    figures.map((figure) => {
      const at = figure.indexOf("=");
      if (at <= 0) throw new CliEnd("usage", `${figure} is no NAME=VALUE.`, { field: "figures" });
      const [name, value] = [figure.slice(0, at), figure.slice(at + 1)];
      return [name, name === "aggressionBps" ? Number(value) : value];
    }),
  );
}
