/**
 * `baton op`: the verdict of an operation, also long after the command that asked for it has gone, and the giving up of one
 * that has not passed its point of no return.
 */
import { id as idOf, isSettled } from "@baton/core";
import type { OperationId } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient } from "../client.ts";
import { durationMs } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { RefusedError, UnreachableError } from "../failures.ts";
import { finish, operate, operationText, withOperation } from "../operate.ts";
import type { OperateOptions, Plan } from "../operate.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import type { Terminal } from "../terminal.ts";

async function abortPlan(client: BatonClient, target: string): Promise<Plan> {
  const { what, phase, detail } = await client.operation(target);
  const isOver = isSettled(phase);
  return {
    steps: [`${target} is ${what}, ${phase}: ${detail}`, "it is given up, unless its handoff has been asked of etcd"],
    refusals: isOver ? [`operation ${target} has ended`] : [],
  };
}

/** Ends the program where there is no such operation to wait for; who does not answer now may do so in time. */
async function known(client: BatonClient, operation: string): Promise<void> {
  await client.operation(operation).catch((error: unknown) => {
    const isPassing = error instanceof RefusedError && error.problem.status === 503;
    if (!isPassing && !(error instanceof UnreachableError)) throw error;
  });
}

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
      await known(client, id);
      const last = await client.settled(id, { timeoutMs: options.timeout, signal: terminal.detached });
      if (last === undefined) throw new CliEnd("timed-out", "no node told of it in time.", { operation: id });
      finish(terminal, options, last);
    });
  withOperation(withTarget(op.command("abort")), { reason: "optional" })
    .description("give up a switchover or a drain before its handoff, or what nobody has taken up yet")
    .argument("<id>", "id of the operation that is to be given up")
    .action(async (target: string, options: OperateOptions) => {
      const client = await clientOf(options, terminal);
      const plan = await abortPlan(client, target);
      const asked = { what: "abort", target: idOf<OperationId>(target), reason: options.reason } as const;
      await operate(client, terminal, options, asked, plan).catch((error: unknown) => {
        // Past its point of no return: that is no fault of anybody's, the state is another than was hoped.
        const isPast = error instanceof CliEnd && error.exit === "failed" && error.operation !== undefined;
        throw isPast ? new CliEnd("conflict", error.message, { operation: error.operation ?? target }) : error;
      });
    });
}
