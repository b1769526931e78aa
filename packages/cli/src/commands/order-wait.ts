/**
 * `--wait` of the commands about orders: reads an order until its fate is known, or until it has ended, and says with
 * which exit status that is to be told. Ctrl-C and the timeout stop the waiting, never the order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { OrderView, ParentView } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient } from "../client.ts";
import { RefusedError, UnreachableError } from "../failures.ts";
import { durationMs, waitsUntil } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import type { Terminal } from "../terminal.ts";

export interface WaitOptions {
  readonly wait?: boolean;
  readonly timeout: number;
}

type AnyOrder = OrderView | ParentView;

/** Adds `--wait` and `--timeout`; `until` says what is waited for. */
export function withOrderWait(command: Command, until: string): Command {
  return command
    .option("--wait", `wait until ${until}`)
    .option("--timeout <span>", "how long to wait", durationMs, 30_000);
}

/** The order once `isReached` holds; ends the program with `timed-out` and its id where that comes too late. */
export async function waitForOrder(
  client: Pick<BatonClient, "order">,
  terminal: Pick<Terminal, "detached">,
  id: string,
  options: WaitOptions,
  isReached: (view: AnyOrder) => boolean,
): Promise<AnyOrder> {
  const end = waitsUntil(options.timeout, terminal.detached);
  while (!end.aborted) {
    try {
      const view = await client.order(id, end);
      if (isReached(view)) return view;
    } catch (error) {
      // In the middle of a takeover nobody may answer for a while.
      const isPassing = error instanceof RefusedError && error.problem.status === 503;
      if (!isPassing && !(error instanceof UnreachableError)) throw error;
    }
    await sleep(100, undefined, { signal: end }).catch(() => undefined);
  }
  throw new CliEnd("timed-out", `it goes on; look at it with: baton orders show ${id}`, { operation: id });
}

/** The venue has answered for an order, or it never will; a parent order has ended. */
export function isDecided(view: AnyOrder): boolean {
  if ("algorithm" in view) return hasEnded(view);
  return view.status !== "pending-new" && view.status !== "in-doubt";
}

/** Nothing of it moves any more. */
export function hasEnded(view: AnyOrder): boolean {
  const { status } = view;
  if ("algorithm" in view) return status !== "running" && status !== "paused";
  return !["pending-new", "in-doubt", "new", "partially-filled"].includes(status);
}

/** What comes in its place is on record, or nothing will come. */
export function isReplaceDecided(view: AnyOrder): boolean {
  return "algorithm" in view || view.replace?.status !== "pending";
}

/** Ends the program with `conflict` where nothing came in the place of an order. */
export function endUnlessReplaced(view: AnyOrder): void {
  if ("algorithm" in view || view.replace?.status !== "given-up") return;
  throw new CliEnd("conflict", `${view.id}: ${view.replace.detail ?? "nothing came in its place"}.`, {
    operation: view.id,
  });
}

/** Ends the program with `failed` where what was asked to be placed is not, and will not be. */
export function endUnlessPlaced(view: AnyOrder): void {
  if (view.status === "rejected" || view.status === "not-sent" || view.status === "failed") {
    throw new CliEnd("failed", `${view.id} is ${view.status}; see: baton explain order ${view.id}`, {
      operation: view.id,
    });
  }
}

/** Ends the program with `conflict` where an order that was to be taken back was executed before. */
export function endUnlessTakenBack(view: AnyOrder): void {
  if (view.status === "filled" || view.status === "done") {
    throw new CliEnd("conflict", `${view.id} was executed before it could be taken back.`, { operation: view.id });
  }
}
