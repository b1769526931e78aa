/**
 * Until when somebody else may still send what a new leader finds in its journal: the proof times of inherited doubts start
 * there (I10). An old lease may live on for its whole TTL after the takeover; a process that was reaped, or one that was
 * held and sealed before it handed over, sends nothing more. That is known of the leader right before only: one that died
 * before it opened its epoch may itself have pre-empted a leader whose lease still lives.
 */
import type { Epoch, TakeoverReason } from "@baton/core";

/** How long after the takeover, in ms. `opened`: the last epoch whose opening stands in this journal. */
export function inheritedSendForMs(o: {
  readonly reason: TakeoverReason;
  readonly epoch: Epoch;
  readonly opened: Epoch;
  readonly ttlMs: number;
}): number {
  const isOver = o.reason === "crash-release" || o.reason === "switchover" || o.reason === "yield";
  return isOver && o.opened === o.epoch - 1 ? 0 : o.ttlMs;
}
