/** `baton journal verify` and `quarantine`: what can be said of a journal file without a cluster, reading only. */
import type { Command } from "commander";
import { engineDoor } from "../engine-door.ts";
import type { CutTail, JournalVerdict } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { print, withJson } from "../session.ts";
import { facts, paint } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { addJournalCopies } from "./journal-copies.ts";

/** Adds `baton journal`. */
export function addJournalCommands(program: Command, terminal: Terminal): void {
  const journal = program.command("journal").description("look at a journal file");
  withJson(journal.command("verify"))
    .description("check every frame of a journal file against the hash chain and the heads that others countersigned")
    .argument("<file>", "the SQLite file of a node's journal")
    .option("--with <files...>", "files of other nodes, whose countersigned heads this one must hold too", [])
    .action(async (file: string, options: { readonly json?: boolean; readonly with: readonly string[] }) => {
      const engine = await engineDoor();
      const verdict = await engine.verifyJournal(file, options.with).catch((error: unknown) => {
        throw unreadable(file, "verified", error);
      });
      print(terminal, options, { version: 1, ...verdict }, () => verdictText(terminal, verdict));
      if (!verdict.sound) {
        const { fault } = verdict;
        throw new CliEnd("failed", `the journal is broken${fault === undefined ? "." : ` at ${fault.sequence}.`}`);
      }
    });
  withJson(journal.command("quarantine"))
    .description("show the tails that were cut from a journal file: none of them was committed there")
    .argument("<file>", "the SQLite file of a node's journal")
    .option("--events", "print each record that was cut, one JSON text a line")
    .action(async (file: string, options: { readonly json?: boolean; readonly events?: boolean }) => {
      const engine = await engineDoor();
      const tails = await engine.readQuarantine(file).catch((error: unknown) => {
        throw unreadable(file, "read", error);
      });
      print(terminal, options, { version: 1, file, tails }, () =>
        tails.length === 0
          ? "Nothing was ever cut from this journal."
          : tails.map((tail) => tailText(terminal, tail, options.events === true)).join("\n\n"),
      );
    });
  addJournalCopies(journal, terminal);
}

function verdictText(terminal: Terminal, verdict: JournalVerdict): string {
  const { fault, heads, quarantined } = verdict;
  return facts([
    ["journal", verdict.file],
    ["chain", verdict.sound ? paint(terminal, "green", "sound") : paint(terminal, "red", "broken")],
    ["holds", `${verdict.events} records in ${verdict.frames} frames, up to epoch ${verdict.epoch}`],
    ["committed", `${verdict.committed}`],
    ["head", `${verdict.last} ${verdict.lastHash}`],
    [
      "vouched",
      heads.count === 0 ? "by nobody" : `up to ${heads.highest} by ${heads.by.join(", ")} (${heads.count} heads)`,
    ],
    ...(quarantined.frames === 0
      ? []
      : [["cut", `${quarantined.events} records are in quarantine: baton journal quarantine FILE`] as const]),
    ...(fault === undefined ? [] : [["fault", `at ${fault.sequence}: ${fault.sentence}`] as const]),
  ]);
}

function tailText(terminal: Terminal, tail: CutTail, withEvents: boolean): string {
  const text = facts([
    ["cut", `${new Date(tail.cutWallMs).toISOString()}: ${tail.reason}`],
    ["records", `${tail.first} to ${tail.last}, of epoch ${tail.epochs.join(", ")}`],
    ["common up to", `${tail.after.sequence} ${tail.after.hash}`],
    ["ended at", tail.lastHash],
    ["chain", tail.fault === undefined ? paint(terminal, "green", "sound") : paint(terminal, "red", tail.fault)],
    ["orders", tail.intents.length === 0 ? "none" : tail.intents.join(", ")],
  ]);
  return withEvents ? [text, ...tail.events.map((event) => JSON.stringify(event))].join("\n") : text;
}

function unreadable(file: string, verb: string, error: unknown): CliEnd {
  return new CliEnd("failed", `${file} cannot be ${verb}: ${error instanceof Error ? error.message : String(error)}`);
}
