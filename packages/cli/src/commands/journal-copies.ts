/**
 * `baton journal export`, `snapshot` and `restore`: a journal's content elsewhere, and back from its archive. A restore says
 * what it reached and what is missing before anybody acts on it: whether that is enough only an operator decides.
 */
import type { Command } from "commander";
import { engineDoor } from "../engine-door.ts";
import type { RestoreVerdict } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { configEnd, print, withJson } from "../session.ts";
import { facts, instant, paint } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface RestoreOptions {
  readonly from?: string;
  readonly to: string;
  readonly config?: string;
  readonly endpoint?: string;
  readonly cluster?: string;
  readonly node?: string;
  readonly json?: boolean;
}

/** Adds them to `baton journal`. */
export function addJournalCopies(journal: Command, terminal: Terminal): void {
  journal
    .command("export")
    .description("print each record of a journal file, one JSON text a line")
    .argument("<file>", "the SQLite file of a node's journal")
    .option("--after <sequence>", "begin after this record", "0")
    .action(async (file: string, options: { readonly after: string }) => {
      if (!/^\d{1,15}$/u.test(options.after)) {
        throw new CliEnd("usage", "--after takes the number of a record.", { field: "after" });
      }
      const engine = await engineDoor();
      try {
        for (const record of await engine.exportJournal(file, Number(options.after))) {
          terminal.out(JSON.stringify(record));
        }
      } catch (error) {
        throw failed(`${file} cannot be read`, error);
      }
    });
  withJson(journal.command("snapshot"))
    .description("make a proved copy of a journal file, also while its node runs")
    .argument("<file>", "the SQLite file of a node's journal")
    .requiredOption("--to <file>", "where the copy goes; it must not exist")
    .action(async (file: string, options: { readonly to: string; readonly json?: boolean }) => {
      const engine = await engineDoor();
      const label = await engine.copyJournal(file, options.to).catch((error: unknown) => {
        throw failed(`${file} was not copied`, error);
      });
      print(terminal, options, { version: 1, file: options.to, ...label }, () =>
        facts([
          ["copy", options.to],
          ["head", `${label.sequence} ${label.hash}`],
          ["sha256", label.sha256],
          ["bytes", `${label.bytes}`],
        ]),
      );
    });
  withJson(journal.command("restore"))
    .description("make a journal from its archive, verify it, and say what is missing")
    .option("--from <url>", "file:///folder or s3://bucket/prefix; default: the archive of --config")
    .requiredOption("--to <file>", "the journal to make; it must not exist")
    .option("-c, --config <file>", "a node's configuration, for the archive's address and key")
    .option("--endpoint <url>", "an S3-compatible service that is not AWS")
    .option("--cluster <id>", "which cluster, where the archive holds several")
    .option("--node <id>", "the node that the file is for; default: the one that wrote the copy")
    .action((options: RestoreOptions) => restore(options, terminal));
}

async function restore(options: RestoreOptions, terminal: Terminal): Promise<void> {
  const { from, config, endpoint, cluster, node } = options;
  if (from === undefined && config === undefined) {
    throw new CliEnd("usage", "from where? Give --from URL or --config FILE.", { field: "from" });
  }
  const engine = await engineDoor();
  const verdict = await engine
    .restoreJournal({
      toFile: options.to,
      ...(from !== undefined && { from }),
      ...(config !== undefined && { configFile: config }),
      ...(endpoint !== undefined && { endpoint }),
      ...(cluster !== undefined && { cluster }),
      ...(node !== undefined && { node }),
    })
    .catch((error: unknown) => {
      throw configEnd(error) ?? failed("nothing was restored", error);
    });
  print(terminal, options, { version: 1, ...verdict }, () => verdictText(terminal, verdict));
  // The file is whole and is there; that it does not hold all is a fact that a script must not miss.
  if (verdict.faults.length > 0 || (verdict.missing ?? 0) > 0) {
    throw new CliEnd("not-healthy", `the journal was restored up to ${verdict.reached.sequence}, not to its end.`);
  }
}

function verdictText(terminal: Terminal, verdict: RestoreVerdict): string {
  const { reached, known, missing } = verdict;
  const made = reached.madeAtWallMs === undefined ? "at an unknown time" : instant(reached.madeAtWallMs);
  const rpo =
    known === undefined
      ? "unknown: the cluster left no sign of what it had committed"
      : missing === 0
        ? paint(terminal, "green", `nothing that was committed by ${instant(known.atWallMs)}, its last sign of life`)
        : paint(
            terminal,
            "red",
            `${missing ?? 0} records, committed by ${instant(known.atWallMs)} up to ${known.sequence}`,
          );
  return facts([
    ["restored", verdict.file],
    ["cluster", `${verdict.cluster}, for node ${verdict.node}`],
    ["from", `the copy at ${verdict.snapshot} of line ${verdict.line} and ${verdict.segments} segments`],
    ["head", `${reached.sequence} ${reached.hash}`],
    ["reached", `record ${reached.sequence} of epoch ${reached.epoch}, made ${made}`],
    ["lost (RPO)", rpo],
    ...verdict.faults.map((fault) => ["fault", paint(terminal, "red", fault)] as const),
    ["next", "Put it in the node's data folder as journal.db, then baton cluster re-anchor."],
  ]);
}

function failed(what: string, error: unknown): CliEnd {
  return new CliEnd("failed", `${what}: ${error instanceof Error ? error.message : String(error)}`);
}
