/**
 * Which numbers intents and parents get. A history may be given up: by an unclean failover, or where etcd was restored. What
 * was lost with it had numbers too, and the venue may have their orders: under a number that is given out a second time an
 * order would have the id of a lost one (I9), and a client that asks for the lost one would be told of the other. So each
 * epoch has a range of its own. An epoch that follows on a loss begins at its range, beyond all that any earlier epoch may
 * give out, also one of a history that this journal has never seen; every other epoch goes on where the one before ended. One
 * that comes to the end of its range records no new order until the next begins. Decision 26.
 */
import type { EpochOpened } from "../formats/events.ts";
import type { Epoch, Sequence } from "../ids.ts";
import { refused } from "../risk/refusal-codes.ts";
import type { Refusal } from "../risk/refusal-codes.ts";
import type { EngineRow } from "./state.ts";

/** In decimal, so that a person sees the epoch in `i-70000000042`. At 500 a second they last for 230 days of one epoch. */
const numbersPerEpoch = 10_000_000_000;
/** An intent's number has 48 bits in the client order id: enough for the numbers of 28,000 epochs. */
const numbersEnd = 2 ** 48;
/** How many numbers an older record leaves out, which does not say from where they go on. */
const numbersSkipped = 1_000_000;

/** The next numbers once this record is applied. */
export function numbersAfter(
  { nextIntent, nextParent }: EngineRow,
  { numbersFrom, reason, isReconcileDue }: EpochOpened,
): Pick<EngineRow, "nextIntent" | "nextParent"> {
  if (numbersFrom !== undefined) return { nextIntent: numbersFrom, nextParent: numbersFrom };
  const skipped = reason === "unclean" || isReconcileDue === true ? numbersSkipped : 0;
  return { nextIntent: nextIntent + skipped, nextParent: nextParent + skipped };
}

/** Whether an intent or a parent of this number may be recorded in the epoch: the numbers after these are a later one's. */
export function isNumberOf(epoch: Epoch, number: number): boolean {
  return number < Math.min((epoch + 1) * numbersPerEpoch, numbersEnd);
}

/**
 * True for an opening before which a history may have been given up. Older records, which say no number, are read as they
 * were: as ones that leave every order as it is.
 */
export function followsOnLoss({ numbersFrom, reason, isReconcileDue }: EpochOpened): boolean {
  return numbersFrom !== undefined && (reason === "unclean" || isReconcileDue === true);
}

/**
 * True for an attempt, or a wish to replace an order, that is older than a loss: the lost history may have made the next
 * attempt, which has the same id here, or placed the successor. What became of those this journal cannot know, so it makes
 * none (I9).
 */
export function isOfLostHistory(
  { lossSequence }: Pick<EngineRow, "lossSequence">,
  recorded: { readonly sequence: Sequence },
): boolean {
  return lossSequence !== undefined && recorded.sequence < lossSequence;
}

/** Why no new order can have a number in this epoch; undefined when it can. */
export function whyNoNumber({ epoch, nextIntent, nextParent }: EngineRow): Refusal | undefined {
  const isLeft = isNumberOf(epoch, nextIntent) && isNumberOf(epoch, nextParent);
  return isLeft ? undefined : refused("numbers-used-up", { epoch });
}

/** Where an epoch that follows on a loss begins. At the end of all numbers there are none left, and nothing is given out. */
export function numbersFromOf({ nextIntent, nextParent }: EngineRow, epoch: Epoch): number {
  return Math.min(Math.max(epoch * numbersPerEpoch, nextIntent, nextParent), numbersEnd);
}
