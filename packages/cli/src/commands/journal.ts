/** `baton journal verify`: checks a journal file's hash chain without a cluster, read-only. */
import type { Command } from "commander";
import { engineDoor } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { print, withJson } from "../session.ts";
import { facts, paint } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton journal`. */
export function addJournalCommands(program: Command, terminal: Terminal): void {
  const journal = program.command("journal").description("look at a journal file");
  withJson(journal.command("verify"))
    .description("check every frame of a journal file against the hash chain")
    .argument("<file>", "the SQLite file of a node's journal")
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const engine = await engineDoor();
      const verdict = await engine.verifyJournal(file).catch((error: unknown) => {
        throw new CliEnd(
          "failed",
          `${file} cannot be verified: ${error instanceof Error ? error.message : String(error)}`,
        );
      });
      const { fault } = verdict;
      print(terminal, options, { version: 1, ...verdict }, () =>
        facts([
          ["journal", verdict.file],
          ["chain", verdict.sound ? paint(terminal, "green", "sound") : paint(terminal, "red", "broken")],
          ["holds", `${verdict.events} records in ${verdict.frames} frames, up to epoch ${verdict.epoch}`],
          ["committed", `${verdict.committed}`],
          ["head", `${verdict.last} ${verdict.lastHash}`],
          ...(fault === undefined ? [] : [["fault", `at ${fault.sequence}: ${fault.sentence}`] as const]),
        ]),
      );
      if (!verdict.sound) {
        throw new CliEnd("failed", `the journal is broken${fault === undefined ? "." : ` at ${fault.sequence}.`}`);
      }
    });
}
