/**
 * What the first record of an epoch says: what its leader inherits in doubt, and, where others may have recorded what this
 * journal lacks, from which number on its intents and parents are counted (`numbering.ts`). Invariants I6, I9.
 */
import type { EpochOpened } from "../formats/events.ts";
import { numbersFromOf } from "./numbering.ts";
import { inheritedDoubts } from "./placement.ts";
import type { EngineState } from "./state.ts";

/** The first record of an epoch. */
export function openingOf(
  state: EngineState,
  start: Omit<EpochOpened, "kind" | "inDoubt" | "isReconcileDue" | "numbersFrom"> & {
    /** An unclean failover or a re-anchoring came before, and the account has not been reconciled since. */
    readonly isReconcileDue: boolean;
  },
): EpochOpened {
  const { epoch, node, boot, reason, atWallMs, inheritedSendByWallMs, isReconcileDue } = start;
  const numbersFrom = numbersFromOf(state.engine, start);
  return {
    kind: "epoch.opened",
    ...{ epoch, node, boot, reason, atWallMs, inheritedSendByWallMs },
    inDoubt: inheritedDoubts(state),
    ...(isReconcileDue && { isReconcileDue }),
    ...(numbersFrom !== undefined && { numbersFrom }),
  };
}
