/**
 * What is held back when an epoch begins on a loss. The history that was given up may have executed slices which the rows
 * of this journal show as waiting; a parent that simply went on would execute them a second time (I13). Nobody but the
 * account can tell, and it tells of orders, not of slices. So every working parent is paused, in the frame that opens the
 * epoch, until a person has looked at the account and resumes, amends or cancels it; beside each pause is counted what the
 * account traded since that no order here explains. Nothing of a paused parent rests, but for brackets and OCOs: what
 * stands at the venue for them stays, and a stop still protects (`exits.ts`). Saved states of strategies are as old as the
 * rows, so strategies are switched off in the same way. Runbook: unclean-failover. Decision 32.
 */
import { hasLegs } from "../formats/algorithms.ts";
import type { EpochOpened, JournalEvent } from "../formats/events.ts";
import { followsOnLoss } from "../orders/numbering.ts";
import type { EngineState, LossRow, ParentRow } from "../orders/state.ts";
import { cancelsOf, openChildren } from "./child.ts";
import { stoppedFor } from "./ending.ts";

/** Who pauses, in records. */
const by = "baton";

/**
 * The facts to record right after an opening, in the frame with it; none where no history was given up. `strategies`: those
 * that are configured, also ones that the journal does not know: their first steps may be what is lost.
 */
export function heldByLoss(
  state: EngineState,
  opening: EpochOpened,
  strategies: readonly string[],
): readonly JournalEvent[] {
  if (!followsOnLoss(opening)) return [];
  const { atWallMs } = opening;
  const parents = [...state.parents.values()].filter(
    (parent) => parent.status === "working" && stoppedFor(parent) === undefined && lossOf(parent) === undefined,
  );
  const pauses = parents.flatMap((parent): readonly JournalEvent[] => {
    const resting = hasLegs(parent.algorithm) ? [] : openChildren(state, parent);
    const pause = { kind: "parent.paused", parent: parent.id, by, cause: "history-lost", atWallMs } as const;
    return [pause, ...cancelsOf(resting, by, atWallMs, "history-lost")];
  });
  const known = new Set([...strategies, ...state.strategies.keys()]);
  const switches = [...known]
    .map((strategy) => ({ strategy, row: state.strategies.get(strategy) }))
    .filter(({ row }) => row?.cause === undefined)
    .map(({ strategy, row }): JournalEvent => {
      const before = row?.enabled === false ? `; it was off before: ${row.reason}` : "";
      const reason = `its saved state may lack what the lost history did${before}`;
      return { kind: "strategy.switched", strategy, enabled: false, reason, cause: "history-lost", atWallMs };
    });
  return [...pauses, ...switches];
}

/** What the account traded beside a parent that a loss has paused; undefined: none has, or a person has resumed it. */
export function lossOf(parent: ParentRow): LossRow | undefined {
  return parent.status === "working" ? parent.paused?.loss : undefined;
}

/** Parents that wait for a person since a loss, oldest first. */
export function parentsHeldByLoss(state: EngineState): readonly ParentRow[] {
  return [...state.parents.values()].filter((parent) => lossOf(parent) !== undefined);
}

/** Strategies that wait for a person since a loss. */
export function strategiesHeldByLoss(state: EngineState): readonly string[] {
  return [...state.strategies.values()].filter((row) => row.cause !== undefined).map((row) => row.strategy);
}
