/**
 * What `baton` prints and reads: data to stdout, talk to stderr, tables that line up, colour only for a terminal that
 * did not ask for none (NO_COLOR), and the one question it ever asks: the cluster's name, typed.
 */
import { createInterface } from "node:readline/promises";
import { CliEnd } from "./exit.ts";

/** The world as commands see it; tests put their own in its place. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** True where a person can be asked. */
  readonly isInteractive: boolean;
  readonly hasColor: boolean;
  out(text: string): void;
  err(text: string): void;
  /** The one object of `--json`: printed when the command ends, so that how it ended can be told in it. Absent: at once. */
  document?(content: object): void;
  ask(question: string): Promise<string>;
  /** Aborted by Ctrl-C: stop waiting, leave what was asked as it is. */
  readonly detached: AbortSignal;
}

/** The terminal of this process. */
export function processTerminal(detached: AbortSignal): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    environment: env,
    isInteractive: stdin.isTTY && stderr.isTTY,
    hasColor: stdout.isTTY && (env["NO_COLOR"] ?? "") === "",
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    ask: (question) => typedAt(stdin, stderr, question, detached),
    detached,
  };
}

/** What a person types. Ends the program with `refused` where they go away instead: Ctrl-C, or the end of the input. */
export async function typedAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
  detached: AbortSignal,
): Promise<string> {
  const lines = createInterface({ input, output });
  const gone = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  try {
    const asked = lines.question(question, { signal: detached });
    const typed = await Promise.race([asked.catch(() => undefined), gone]);
    if (typed !== undefined) return typed;
  } finally {
    lines.close();
  }
  output.write("\n");
  throw new CliEnd("refused", "nothing was typed: nothing was done.");
}

export type Color = "bold" | "dim" | "red" | "green" | "yellow";
const codes: Readonly<Record<Color, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** `text` in a colour where the terminal has any. */
export function paint(terminal: Terminal, color: Color, text: string): string {
  return terminal.hasColor ? `\u001B[${codes[color]}m${text}\u001B[0m` : text;
}

/** Rows under headings, columns lined up; numbers (all cells of a column) to the right. Cells hold no line breaks. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) =>
    Math.max(shownLength(heading), ...rows.map((row) => shownLength(row[at] ?? ""))),
  );
  const isNumeric = headings.map(
    (_, at) => rows.length > 0 && rows.every((row) => /^-?[\d.]*$|^–$/.test(row[at] ?? "")),
  );
  return [headings, ...rows]
    .map((row) =>
      widths
        .map((width, at) => {
          const cell = row[at] ?? "";
          const gap = " ".repeat(width - shownLength(cell));
          return isNumeric[at] === true ? gap + cell : cell + gap;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Labels and values in two columns. */
export function facts(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}

/** A span of time for people: `340 ms`, `2.1 s`, `12 min`, `3 h`, `5 d`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** A wall-clock time as ISO text, to the millisecond. */
export function instant(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/**
 * Something can be lost: asks for the cluster's name, typed; `--yes --cluster NAME` answers beforehand. Ends the program
 * with `refused` when the name is another, with `usage` when nobody can be asked.
 */
export async function confirm(
  terminal: Terminal,
  name: string,
  given: { readonly yes?: boolean; readonly cluster?: string; readonly input?: boolean },
): Promise<void> {
  if (given.yes === true) {
    if (given.cluster === undefined) throw new CliEnd("usage", `--yes needs --cluster ${name}.`, { field: "cluster" });
    if (given.cluster !== name) {
      throw new CliEnd("refused", `this is cluster ${name}, not ${given.cluster}: nothing was done.`);
    }
    return;
  }
  if (!terminal.isInteractive || given.input === false) {
    throw new CliEnd("usage", `nobody can be asked here: give --yes --cluster ${name}.`, { field: "yes" });
  }
  const typed = (await terminal.ask(`Type the name of the cluster to go on (${name}): `)).trim();
  if (typed !== name) throw new CliEnd("refused", `"${typed}" is not the name of the cluster: nothing was done.`);
}

// Colours take no room.
function shownLength(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
  return text.replace(/\u001B\[\d+m/g, "").length;
}
