/**
 * Reads a runbook and does what it says, as the operator would at 3 a.m.: every `console` block is run in a shell, and
 * its output must be what the page promises. `$ ` starts a command, the lines below it are what must be seen, in order:
 * spaces match any spaces, `…` anything, `$NAME` the variable. `[exit 4]` names another status than 0. A block marked
 * `until=30s` is repeated until it holds. `<!-- rehearsed: NAME -->` makes the trouble that the page is about.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export type Step =
  | { readonly kind: "trouble"; readonly name: string; readonly line: number }
  | {
      readonly kind: "block";
      readonly line: number;
      readonly untilMs: number;
      readonly commands: readonly Command[];
    };

export interface Command {
  readonly line: number;
  readonly text: string;
  readonly expected: readonly string[];
  readonly status: number;
}

export interface Runbook {
  readonly headings: readonly string[];
  readonly steps: readonly Step[];
}

/** Every runbook has these parts, in this order. */
export const parts: readonly string[] = [
  "Danger",
  "What you see",
  "Impact",
  "Stop conditions",
  "Checks",
  "Action",
  "Verify",
  "Roll back",
  "Escalate",
  "Last drilled",
];

/** Reads a page. Throws where a fenced block is of a kind that would not be run. */
export function readRunbook(text: string): Runbook {
  const headings: string[] = [];
  const steps: Step[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const heading = /^## (.+)$/.exec(line)?.[1];
    if (heading !== undefined) headings.push(heading);
    const trouble = /^<!-- rehearsed: (\S+) -->$/.exec(line)?.[1];
    if (trouble !== undefined) steps.push({ kind: "trouble", name: trouble, line: at + 1 });
    if (!line.startsWith("```")) continue;
    const [, untilSeconds] = /^```console(?: until=(\d+)s)?$/.exec(line) ?? [];
    if (!line.startsWith("```console")) throw new Error(`line ${at + 1}: a ${line} block is never run; use console.`);
    const end = lines.indexOf("```", at + 1);
    if (end === -1) throw new Error(`line ${at + 1}: this block does not end.`);
    const commands = readCommands(lines.slice(at + 1, end), at + 2);
    steps.push({ kind: "block", line: at + 1, untilMs: Number(untilSeconds ?? 0) * 1_000, commands });
    at = end;
  }
  return { headings, steps };
}

function readCommands(lines: readonly string[], first: number): Command[] {
  const commands: (Omit<Command, "expected" | "status"> & { expected: string[]; status: number })[] = [];
  for (const [at, line] of lines.entries()) {
    const last = commands.at(-1);
    const status = /^\[exit (\d+)\]$/.exec(line)?.[1];
    if (line.startsWith("$ ")) commands.push({ line: first + at, text: line.slice(2), expected: [], status: 0 });
    else if (last === undefined) throw new Error(`line ${first + at}: output without a command.`);
    else if (status !== undefined) last.status = Number(status);
    else if (line.trim() !== "") last.expected.push(line);
  }
  if (commands.length === 0) throw new Error(`line ${first}: a block without a command.`);
  return commands;
}

/** What a runbook is run against. */
export interface Stage {
  readonly environment: Readonly<Record<string, string>>;
  /** Makes the trouble; may give variables that the page's later lines use. */
  readonly troubles: Readonly<Record<string, () => Promise<Readonly<Record<string, string>>>>>;
}

/** Runs every step of a page in order; throws at the first that is not as the page says. */
export async function runRunbook(page: Runbook, stage: Stage): Promise<void> {
  let environment = stage.environment;
  for (const step of page.steps) {
    if (step.kind === "trouble") {
      const make = stage.troubles[step.name];
      if (make === undefined) throw new Error(`line ${step.line}: nobody knows how to make "${step.name}".`);
      environment = { ...environment, ...(await make()) };
    } else {
      await runBlock(step, environment);
    }
  }
}

async function runBlock(block: Extract<Step, { kind: "block" }>, environment: Stage["environment"]): Promise<void> {
  const until = performance.now() + block.untilMs;
  for (;;) {
    const fault = await firstFault(block.commands, environment);
    if (fault === undefined) return;
    if (performance.now() >= until) throw new Error(fault);
    await sleep(200);
  }
}

async function firstFault(
  commands: readonly Command[],
  environment: Stage["environment"],
): Promise<string | undefined> {
  for (const command of commands) {
    const { status, out, err } = await runShell(command.text, environment);
    const fault =
      status === command.status
        ? missing(command.expected, out, environment)
        : `it ended with ${status}, not with ${command.status}`;
    if (fault !== undefined) {
      return `line ${command.line}: $ ${command.text}\n${fault}.\nstdout:\n${out}\nstderr:\n${err}`;
    }
  }
  return undefined;
}

/** The first expected line that the output does not have after those before it; undefined when all are there. */
export function missing(
  expected: readonly string[],
  out: string,
  environment: Readonly<Record<string, string>>,
): string | undefined {
  const lines = out.split("\n");
  let from = 0;
  for (const line of expected) {
    const pattern = patternOf(line, environment);
    const found = lines.findIndex((each, at) => at >= from && pattern.test(each));
    if (found === -1) return `"${line}" is not in its output`;
    from = found + 1;
  }
  return undefined;
}

function patternOf(line: string, environment: Readonly<Record<string, string>>): RegExp {
  const filled = line.trim().replace(/\$([A-Z_]+)/g, (whole, name: string) => environment[name] ?? whole);
  const escaped = filled.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  // A gap before or after an ellipsis belongs to it, so that "yes …" also fits a line that ends with "yes".
  return new RegExp(`^\\s*${escaped.replace(/\s*…\s*/g, ".*").replace(/\s+/g, String.raw`\s+`)}`);
}

async function runShell(
  text: string,
  environment: Stage["environment"],
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const child = spawn("bash", ["-c", text], { env: { ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const status = await new Promise<number>((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => ended(code ?? -1));
  });
  return { status, out, err };
}
