/**
 * How a command that changes something runs: it prints its plan, stops there with `--dry-run`, asks under an operation id
 * (one that was given may be repeated: nothing happens twice), and waits for the verdict. Ctrl-C and the timeout detach:
 * the operation goes on, its outcome stays readable under the printed id.
 */
import { randomUUID } from "node:crypto";
import { id as idOf, isSettled } from "@baton/core";
import type { OperationId, OperationRequest, OperationView } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient } from "./client.ts";
import { durationMs } from "./durations.ts";
import { CliEnd } from "./exit.ts";
import { isOutcomeUnknown } from "./failures.ts";
import { print } from "./session.ts";
import type { TargetOptions } from "./session.ts";
import { facts, instant, paint } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

export interface OperateOptions extends TargetOptions {
  readonly reason: string;
  readonly id?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout: number;
}

/**
 * Adds the options of `OperateOptions` to a command. A change of the leader has to be accounted for; what stops something,
 * or takes a stop back, must not fail in a hurry for want of a sentence.
 */
export function withOperation(
  command: Command,
  o: { readonly reason?: "required" | "optional"; readonly timeout?: string } = {},
): Command {
  const { reason = "required", timeout = "30s" } = o;
  const why = ["--reason <text>", "why; it stands in the history"] as const;
  return (reason === "required" ? command.requiredOption(...why) : command.option(...why, "none given"))
    .option("--id <id>", "operation id; repeat it and nothing happens twice")
    .option("--dry-run", "print the plan and what speaks against it, do nothing")
    .option("--wait", "wait for the verdict (the default)")
    .option("--no-wait", "return as soon as the operation is accepted")
    .option("--timeout <span>", "how long to wait for the verdict", durationMs, durationMs(timeout));
}

/** What will be done, step by step, and what speaks against it. */
export interface Plan {
  readonly steps: readonly string[];
  /** Sentences of safety checks that would refuse it now. */
  readonly refusals: readonly string[];
}

/** A request as the command knows it; the id is added here. */
export type Asked = OperationRequest extends infer One ? (One extends unknown ? Omit<One, "id"> : never) : never;

/** Runs an operation to the end that the options ask for; returns where it is done. */
export async function operate(
  client: BatonClient,
  terminal: Terminal,
  options: OperateOptions,
  asked: Asked,
  plan: Plan,
): Promise<void> {
  if (options.dryRun === true) {
    const document = { version: 1, dryRun: true, what: asked.what, plan: plan.steps, refusals: plan.refusals };
    print(terminal, options, document, () => planText(terminal, plan));
    if (plan.refusals.length > 0) throw new CliEnd("refused", "this would be refused now.");
    return;
  }
  const id = idOf<OperationId>(options.id ?? randomUUID());
  // The plan speaks of the cluster as it is now: beside what was done long ago under this id it would mislead.
  const isRepeat = options.id !== undefined && (await isOnRecord(client, id));
  terminal.err(isRepeat ? "this operation is on record already: nothing happens twice" : planText(terminal, plan));
  terminal.err(`operation ${id}`);
  const accepted = await request(client, { ...asked, id });
  if (options.wait === false || isSettled(accepted.phase)) return finish(terminal, options, accepted);
  const last = await client.settled(id, {
    timeoutMs: options.timeout,
    signal: terminal.detached,
    onChange: (view) => terminal.err(`  ${view.phase}: ${view.detail}`),
  });
  finish(terminal, options, last ?? accepted);
}

/** Ends with the status of an operation's phase; prints it. Not settled: timed out, with the id. */
export function finish(
  terminal: Terminal,
  options: { readonly json?: boolean; readonly wait?: boolean },
  view: OperationView,
): void {
  print(terminal, options, { version: 1, operation: view }, () => operationText(terminal, view));
  if (view.phase === "done") return;
  if (view.phase === "aborted") throw new CliEnd("refused", `aborted: ${view.detail}`, { operation: view.id });
  if (view.phase === "failed") throw new CliEnd("failed", `failed: ${view.detail}`, { operation: view.id });
  if (options.wait === false) return;
  throw new CliEnd("timed-out", `it goes on; read its outcome with: baton op show ${view.id}`, { operation: view.id });
}

/** An operation for people. */
export function operationText(terminal: Terminal, view: OperationView): string {
  const color =
    view.phase === "done" ? "green" : view.phase === "failed" || view.phase === "aborted" ? "red" : "yellow";
  return facts([
    ["operation", view.id],
    ["what", whatText(view)],
    ["phase", paint(terminal, color, view.phase)],
    ["detail", view.detail],
    ...(view.epoch === undefined ? [] : [["epoch", `${view.epoch}`] as const]),
    ["by", view.by],
    ["reason", view.reason],
    ["updated", instant(view.updatedWallMs)],
  ]);
}

function whatText({ what, to, node, target }: OperationView): string {
  const about = to === undefined ? (node ?? target) : `to ${to}`;
  return about === undefined ? what : `${what} ${about}`;
}

/** It decides only what is printed: whatever keeps it from knowing must not keep a kill from being asked for. */
async function isOnRecord(client: BatonClient, id: OperationId): Promise<boolean> {
  return await client.operation(id).then(
    () => true,
    () => false,
  );
}

async function request(
  client: BatonClient,
  body: OperationRequest & { readonly id: OperationId },
): Promise<OperationView> {
  try {
    return await client.operate(body);
  } catch (error) {
    if (!isOutcomeUnknown(error) || !(error instanceof Error)) throw error;
    throw new CliEnd(
      "timed-out",
      `${error.message} Whether it was accepted is readable with: baton op show ${body.id}`,
      {
        operation: body.id,
      },
    );
  }
}

function planText(terminal: Terminal, plan: Plan): string {
  const steps = plan.steps.map((step, at) => `  ${at + 1}. ${step}`);
  const refusals = plan.refusals.map((sentence) => paint(terminal, "red", `  refused: ${sentence}`));
  return ["plan:", ...steps, ...refusals].join("\n");
}
