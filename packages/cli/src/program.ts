/**
 * The program `baton`: its commands, and the one place where every end becomes an exit status. What a command throws is
 * told on stderr, and with `--json` as `error` in the one object on stdout too, so that a program never has to read prose.
 */
import { readFileSync } from "node:fs";
import { exitOfProblem, exitTable } from "@baton/core";
import type { PreparedEngine } from "@baton/engine/prepared-engine";
import { Command, CommanderError } from "commander";
import { RefusedError, StrangeAnswerError, UnreachableError, UntrustedError } from "./failures.ts";
import { addClusterCommands } from "./commands/cluster.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addControlCommands } from "./commands/control.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addExplainCommands } from "./commands/explain.ts";
import { addFailoverCommand } from "./commands/failover.ts";
import { addFeedsCommand } from "./commands/feeds.ts";
import { addHistoryCommand } from "./commands/history.ts";
import { addJournalCommands } from "./commands/journal.ts";
import { addKillCommands } from "./commands/kill.ts";
import { addMemberCommands } from "./commands/member.ts";
import { addNodeCommand } from "./commands/node.ts";
import { addOperationCommands } from "./commands/operation.ts";
import { addOrdersCommands } from "./commands/orders.ts";
import { addPositionsCommand } from "./commands/positions.ts";
import { addRiskCommands } from "./commands/risk.ts";
import { addSlaCommand } from "./commands/sla.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSwitchoverCommand } from "./commands/switchover.ts";
import { CliEnd } from "./exit.ts";
import { configEnd } from "./session.ts";
import { paint } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Runs `baton` with the arguments after the program's name; gives its exit status. Never throws for a known end. `prepared`: a
 * process that waits to be the engine of `baton node`.
 */
export async function runBaton(
  args: readonly string[],
  terminal: Terminal,
  prepared?: PreparedEngine,
): Promise<number> {
  let status = 0;
  const printed: { document?: object } = {};
  const held: Terminal = {
    ...terminal,
    document(content) {
      printed.document = content;
    },
  };
  const exitWith = (code: number): void => {
    status = code;
  };
  const program = batonProgram(held, { exitWith, prepared });
  try {
    await program.parseAsync([...args], { from: "user" });
    if (printed.document !== undefined) terminal.out(JSON.stringify(printed.document));
    return status;
  } catch (error) {
    const end = endOf(error);
    if (end === undefined) return 0;
    if (args.includes("--json")) {
      const { exit, message: detail, field, operation } = end;
      const told = { exit, status: end.status, detail, field, operation };
      terminal.out(JSON.stringify({ version: 1, ...printed.document, error: told }));
    }
    // The argument parser has told its complaints already, with a hint.
    if (!(error instanceof CommanderError)) terminal.err(`${paint(terminal, "red", "baton:")} ${end.message}`);
    return end.status;
  }
}

function batonProgram(terminal: Terminal, node: Parameters<typeof addNodeCommand>[2]): Command {
  const program = new Command("baton")
    .description("keeps one trading engine executing while machines, processes, networks and venues fail")
    .version(version, "-V, --version", "print the version of this build")
    .addHelpText(
      "after",
      `\nExit statuses:\n${exitTable.map((row) => `  ${`${row.status}`.padStart(2)}  ${row.means}`).join("\n")}`,
    )
    .showHelpAfterError("(baton --help lists the commands)")
    .enablePositionalOptions();
  addNodeCommand(program, terminal, node);
  addClusterCommands(program, terminal);
  addStatusCommand(program, terminal);
  addExplainCommands(program, terminal);
  addSwitchoverCommand(program, terminal);
  addFailoverCommand(program, terminal);
  addControlCommands(program, terminal);
  addMemberCommands(program, terminal);
  addOrdersCommands(program, terminal);
  addPositionsCommand(program, terminal);
  addRiskCommands(program, terminal);
  addSlaCommand(program, terminal);
  addFeedsCommand(program, terminal);
  addHistoryCommand(program, terminal);
  addOperationCommands(program, terminal);
  addKillCommands(program, terminal);
  addJournalCommands(program, terminal);
  addDoctorCommand(program, terminal);
  addConfigCommands(program, terminal);
  addCompletionCommand(program, terminal);
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    });
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** The end that an error means; undefined where nothing is wrong: somebody asked for help. */
function endOf(error: unknown): CliEnd | undefined {
  if (error instanceof CliEnd) return error;
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? undefined : new CliEnd("usage", error.message);
  }
  if (error instanceof RefusedError) {
    const { problem } = error;
    const facts = problem.field === undefined ? {} : { field: problem.field };
    return new CliEnd(exitOfProblem(problem), `${problem.detail} (${problem.code})`, facts);
  }
  if (error instanceof UnreachableError)
    return new CliEnd(error.mayHaveArrived ? "timed-out" : "not-healthy", error.message);
  if (error instanceof StrangeAnswerError || error instanceof UntrustedError)
    return new CliEnd("failed", error.message);
  const config = configEnd(error);
  if (config !== undefined) return config;
  return new CliEnd("failed", error instanceof Error ? (error.stack ?? error.message) : String(error));
}
