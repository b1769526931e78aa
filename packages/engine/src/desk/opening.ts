/**
 * The first records of a term: that its epoch is open, with all whose fate is; and what may not go on by itself because
 * the epoch began on a loss. Which that is, core decides (`orders/opening.ts`, `algorithms/lost-history.ts`).
 */
import type { BootId, Epoch, Sequence, TakeoverReason, WallMs } from "@baton/core";
import { heldByLoss, openingOf } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

/** How a term begins. */
export interface TermStart {
  readonly epoch: Epoch;
  readonly boot: BootId;
  readonly reason: TakeoverReason;
  /** Until when an earlier leader may still have sent what it had journaled. */
  readonly inheritedSendByWallMs: WallMs;
  /** The journal may lack records: nothing is ordered at a venue before its orders and trades were read. */
  readonly isReconcileDue: boolean;
}

/** Records the opening; nothing of the term leaves for a venue before that is committed. Gives its last sequence. */
export function recordOpening(context: DeskContext, term: Term, start: TermStart): Sequence {
  const opening = openingOf(term.state, { ...start, node: context.node, atWallMs: wallNow() });
  const strategies = context.config.strategies.map((strategy) => strategy.id);
  const held = heldByLoss(term.state, opening, strategies);
  const sequence = term.decide([opening, ...held]);
  if (held.length > 0) {
    const ids = held.flatMap((event) =>
      event.kind === "parent.paused" ? event.parent : event.kind === "strategy.switched" ? event.strategy : [],
    );
    const sentence = `Epoch ${start.epoch} began on a loss: until somebody has looked at the account, ${ids.join(", ")} wait.`;
    context.warn("history.lost", sentence, { epoch: start.epoch });
  }
  return sequence;
}
