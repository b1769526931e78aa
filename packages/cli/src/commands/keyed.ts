/**
 * A change of an order that is asked for under an id: one that was given may be repeated, and nothing happens twice. Where
 * the answer never came, the command ends by saying so, with the id to repeat it under; it never guesses.
 */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { isOutcomeUnknown } from "../failures.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `--id`. */
export function withKey(command: Command): Command {
  return command.option("--id <id>", "operation id; repeat it and nothing happens twice");
}

/** Asks under the id that was given, or a new one that is printed. */
export async function underKey<T>(
  options: { readonly id?: string },
  terminal: Terminal,
  ask: (key: string) => Promise<T>,
): Promise<T> {
  const key = options.id ?? randomUUID();
  terminal.err(`operation ${key}`);
  return await unlessUnknown(key, "happens", () => ask(key));
}

/** The answer; where it may have been lost, the end that says how to ask again. */
export async function unlessUnknown<T>(key: string, what: "happens" | "is placed", ask: () => Promise<T>): Promise<T> {
  return await unlessLost(
    { advice: `Repeat the command with --id ${key}: nothing ${what} twice.`, operation: key },
    ask,
  );
}

/** The answer; where it may have been lost, the end that says what to do. `operation`: what to look for, or to ask again under. */
export async function unlessLost<T>(
  { advice, operation }: { readonly advice: string; readonly operation: string },
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isOutcomeUnknown(error) || !(error instanceof Error)) throw error;
    throw new CliEnd("timed-out", `${error.message} ${advice}`, { operation });
  }
}
