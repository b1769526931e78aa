/** `baton sla`: each provider's availability, latency and errors by month, beside what it promised. */
import type { SlaView } from "@baton/core";
import type { Command } from "commander";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { paint, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton sla`. */
export function addSlaCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("sla"))
    .description("each provider's months as the answering node met them, beside what was promised")
    .action(async (options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).sla();
      print(terminal, options, view, () => slaText(terminal, view));
    });
}

function slaText(terminal: Terminal, view: SlaView): string {
  const rows = view.providers.flatMap(({ venue, title, promise, months }) =>
    months.map(({ month, requests, availabilityPercent, latencyP99Ms, errorPercent, broken }) => [
      venue,
      title,
      month,
      `${requests}`,
      percent(availabilityPercent),
      latencyP99Ms === null ? "–" : `≤ ${latencyP99Ms} ms`,
      percent(errorPercent),
      broken.length > 0
        ? paint(terminal, "red", broken.join("; "))
        : Object.keys(promise).length === 0
          ? "none on record (venues[].sla)"
          : "kept",
    ]),
  );
  if (rows.length === 0) return `${view.node} has asked no provider anything yet.`;
  const heads = ["VENUE", "PROVIDER", "MONTH", "REQUESTS", "AVAILABLE", "P99", "ERRORS", "PROMISES"];
  return `as ${view.node} met them\n\n${table(heads, rows)}`;
}

function percent(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(3)} %`;
}
