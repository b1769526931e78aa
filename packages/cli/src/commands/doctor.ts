/**
 * `baton doctor`: is this node, and everything that it hangs on, fit to trade. One line a check: the result, what was
 * looked at, the number that was read and its limit, and what to do. Warnings fail nothing; a failure ends with `not-healthy`.
 */
import type { CheckResult, DoctorReport, Finding } from "@baton/core";
import { configRefused, doctorReport } from "@baton/core";
import type { Command } from "commander";
import { configProblems, engineDoor } from "../engine-door.ts";
import { CliEnd } from "../exit.ts";
import { configEnd, print, withJson } from "../session.ts";
import { paint } from "../terminal.ts";
import type { Color, Terminal } from "../terminal.ts";

interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds `baton doctor`. */
export function addDoctorCommand(program: Command, terminal: Terminal): void {
  withJson(program.command("doctor"))
    .description("look at a node's configuration, machine, disk, etcd, peers and venues; changes nothing anywhere")
    .option("-c, --config <file>", "the configuration file of the node")
    .action((options: DoctorOptions) => doctor(options, terminal));
}

async function doctor(options: DoctorOptions, terminal: Terminal): Promise<void> {
  const file = options.config ?? terminal.environment["BATON_CONFIG"];
  if (file === undefined) throw new CliEnd("usage", "which node? Give --config FILE.", { field: "config" });
  const { report, end } = await look(file);
  print(terminal, options, report, (shown) => reportText(terminal, shown));
  if (end !== undefined) throw end;
  const failed = report.findings.filter((each) => each.result === "failure");
  if (failed.length > 0) throw new CliEnd("not-healthy", `${failed.length} failed: ${namesOf(failed)}.`);
}

/** The report, and the end of the program where the file cannot even be read. */
async function look(file: string): Promise<{ readonly report: DoctorReport; readonly end?: CliEnd }> {
  const engine = await engineDoor();
  try {
    return { report: await engine.examine({ configFile: file, config: engine.loadConfig(file) }) };
  } catch (error) {
    const end = configEnd(error);
    if (end === undefined) throw error;
    const faults = (configProblems(error) ?? []).map(({ line, sentence }) => `line ${line}: ${sentence}`);
    const findings = [configRefused(file, faults)];
    return { report: doctorReport({ cluster: null, node: null, isRunning: null }, findings), end };
  }
}

/** The checks that findings are of, each once. */
export function namesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map(({ code, about }) => (about === undefined ? code : `${code} (${about})`)))].join(
    ", ",
  );
}

const colors: Readonly<Record<CheckResult, Color>> = {
  ok: "green",
  warning: "yellow",
  failure: "red",
  skipped: "dim",
};

/** One line a check; what to do stands under it. */
export function reportText(terminal: Terminal, report: DoctorReport): string {
  const width = Math.max(...report.findings.map(({ code }) => code.length));
  const lines = report.findings.flatMap(({ code, about, result, sentence, advice }) => {
    const what = `${paint(terminal, colors[result], result.padEnd(7))}  ${code.padEnd(width)}`;
    const line = `${what}  ${about === undefined ? "" : `${about}: `}${sentence}`;
    return advice === undefined ? [line] : [line, `${" ".repeat(9 + width)}  → ${advice}`];
  });
  const { ok, warning, failure, skipped } = report.counts;
  const running = {
    true: "its engine is running",
    false: "its engine is stopped",
    null: "whether its engine runs is not known",
  };
  const whose =
    report.node === null ? "" : `Node ${report.node} of ${report.cluster}; ${running[`${report.isRunning}`]}. `;
  return [...lines, "", `${whose}${ok} ok, ${warning} warnings, ${failure} failures, ${skipped} skipped.`].join("\n");
}
