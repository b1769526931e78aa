/**
 * Which numbers intents and parents get. No number is ever another's too, also not one of a record that is lost: the venue may
 * have its order, under whose id a second one would go (I9), and a client that asks for it would be told of the other. Two
 * things part histories. One is given up by an unclean failover, or where etcd was restored; and whoever takes over from a
 * leader that did not hand over does not know what that one had recorded last: those records lie on a disk that may lead again
 * one day. So each epoch has a range of its own, and begins there, beyond all that any earlier epoch may give out. Only one
 * that was handed its predecessor's whole journal goes on where that one ended, and the first, which has none. An epoch that
 * comes to the end of its range records no new order until the next begins. Decision 26.
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

/**
 * Where the numbers of an epoch begin; undefined: where those of the one before ended. At the end of all numbers an epoch that
 * follows on a loss gives out none. Any other goes on even there: what was recorded and not handed over reaches the cluster
 * again by a loss only, and after so many epochs a cluster that never trades again is the greater harm.
 */
export function numbersFromOf(
  { nextIntent, nextParent }: EngineRow,
  { epoch, reason, isReconcileDue }: Pick<EpochOpened, "epoch" | "reason"> & { readonly isReconcileDue: boolean },
): number | undefined {
  const follows =
    reason === "unclean" || isReconcileDue ? "a loss" : isWholeHandedOver(epoch, reason) ? "all" : "a part";
  if (follows === "all") return undefined;
  const from = Math.max(epoch * numbersPerEpoch, nextIntent, nextParent);
  if (from < numbersEnd) return from;
  return follows === "a loss" ? numbersEnd : undefined;
}

/** Nobody recorded anything that this epoch's leader does not hold. */
function isWholeHandedOver(epoch: Epoch, reason: EpochOpened["reason"]): boolean {
  return epoch === 1 || reason === "switchover" || reason === "yield";
}
