/** `baton history`: one timeline of epochs, operations and kills, oldest first. */
import type { HistoryEntry } from "@baton/core";
import { assertNever, killText, scopesOf } from "@baton/core";
import type { Command } from "commander";
import { sinceWallMs } from "../durations.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { instant, span, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton history`. */
export function addHistoryCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("history"))
    .description("who led when and why, what operators did")
    .option("--since <when>", "a span (2h) or an ISO time", sinceWallMs)
    .action(async (options: TargetOptions & { readonly since?: number }) => {
      const page = await (await clientOf(options, terminal)).history(options.since);
      print(terminal, options, page, () =>
        page.entries.length === 0
          ? "nothing has happened."
          : table(
              ["WHEN", "WHAT", "EPOCH", "WHO", "WHY"],
              page.entries.map((entry) => [instant(entry.atWallMs), ...told(entry)]),
            ),
      );
    });
}

/** What is killed since this record, all of it: etcd keeps the newest. */
function killed(entry: Extract<HistoryEntry, { kind: "kill" }>): string {
  const scopes = scopesOf(entry);
  return scopes.length === 0 ? "kill lifted" : `kill ${scopes.map(killText).join(", ")}`;
}

function told(entry: HistoryEntry): readonly string[] {
  switch (entry.kind) {
    case "epoch": {
      const phases = Object.entries(entry.phases ?? {}).map(([phase, ms]) => `${phase} ${span(ms)}`);
      return [
        "leader",
        `${entry.epoch}`,
        entry.node,
        [entry.reason, entry.operation ?? "", ...phases].filter(Boolean).join(", "),
      ];
    }
    case "operation":
      return [
        `${entry.what} ${entry.phase}`,
        entry.epoch === undefined ? "" : `${entry.epoch}`,
        entry.by,
        `${entry.reason}: ${entry.detail}`,
      ];
    case "kill":
      return [killed(entry), "", entry.by, entry.reason];
    default:
      return assertNever(entry, "history entry");
  }
}
