/**
 * How `baton` ends: every command returns or throws one of the statuses of core's exit table; nothing else decides a
 * number. Thrown ends carry the sentence that the operator reads.
 */
import { exitStatus } from "@baton/core";
import type { ExitName } from "@baton/core";

/** Ends the program with the status of `exit`. `operation` is printed, so that the outcome can be read later. */
export class CliEnd extends Error {
  override readonly name = "CliEnd";
  readonly exit: ExitName;
  readonly field: string | undefined;
  readonly operation: string | undefined;

  constructor(exit: ExitName, sentence: string, facts: { readonly field?: string; readonly operation?: string } = {}) {
    super(sentence);
    this.exit = exit;
    this.field = facts.field;
    this.operation = facts.operation;
  }

  get status(): number {
    return exitStatus(this.exit);
  }
}
