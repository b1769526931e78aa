/** `baton op`: the verdict of an operation, also long after the command that asked for it has gone. */
import type { Command } from "commander";
import { durationMs } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { finish, operationText } from "../operate.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton op`. */
export function addOperationCommands(program: Command, terminal: Terminal): void {
  const op = program.command("op").description("how far an operation is, and how it ended");
  withTarget(op.command("show"))
    .description("one operation; exit status 0 whatever its phase")
    .argument("<id>", "operation id")
    .action(async (id: string, options: TargetOptions) => {
      const operation = await (await clientOf(options, terminal)).operation(id);
      print(terminal, options, { version: 1, operation }, () => operationText(terminal, operation));
    });
  withTarget(op.command("wait"))
    .description("wait for an operation's verdict and end with it")
    .argument("<id>", "operation id")
    .option("--timeout <span>", "how long to wait", durationMs, 30_000)
    .action(async (id: string, options: TargetOptions & { readonly timeout: number }) => {
      const client = await clientOf(options, terminal);
      await client.operation(id);
      const last = await client.settled(id, { timeoutMs: options.timeout, signal: terminal.detached });
      if (last === undefined) throw new CliEnd("timed-out", "no node told of it in time.", { operation: id });
      finish(terminal, options, last);
    });
}
