/**
 * The account's events where no stream is used: the whole account is read again and again, by the same recovery that a
 * stream runs after each connection, and the ledger gives out what is new. Nothing is told sooner than the next reading;
 * the period stands in the venue's profile, and the capability matrix says so.
 */
import { assert } from "@baton/core";
import { newLedger, readAccount } from "./account-recovery.ts";
import type { AccountStream, AccountStreamOptions, AccountStreamState, StreamContext } from "./account-stream.ts";

/** Reads on the period of the profile until it is closed. */
export function followByReads(context: StreamContext, options: AccountStreamOptions): AccountStream {
  const { accountEvents } = context.line.dialect.profile;
  assert(accountEvents.kind === "reads", "a venue without a stream is read");
  const everyMs = options.sweepEveryMs ?? accountEvents.everyMs;
  let state: AccountStreamState = "connecting";
  let timer: NodeJS.Timeout | undefined;
  const isOver = (): boolean => state === "closed";
  const ledger = newLedger(context, (event) => {
    if (!isOver()) options.onEvent(event);
  });
  const move = (next: AccountStreamState, why: string): void => {
    if (next === state || isOver()) return;
    state = next;
    options.onState?.(next, why);
  };
  const turn = async (): Promise<void> => {
    if (state !== "ready") move("recovering", "");
    const found = await readAccount(context, ledger, options);
    if (isOver()) return;
    move(found === undefined ? "backing-off" : "ready", found === undefined ? "the account cannot be read" : "");
    timer = setTimeout(() => void turn(), everyMs);
  };
  const close = (): void => {
    move("closed", "closed");
    clearTimeout(timer);
  };
  context.closing.addEventListener("abort", close);
  void turn();
  return { state: () => state, close };
}
