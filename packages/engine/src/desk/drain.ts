/**
 * How a switchover empties the desk, and how the desk goes on where there was none: nothing new is taken, what was
 * recorded is sent while there is time for it, what has left is waited for, and then the journal is sealed. What has not
 * left by then is taken back, on record; what is still unanswered is inherited as doubt.
 */
import type { Sequence } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { Ledger } from "../ledger.ts";
import type { Parts } from "./parts.ts";
import { pause } from "./pause.ts";

/** How long a switchover goes on sending what was recorded before it; what has not left by then is taken back. */
const sendMs = 60;
/** How long it waits for answers that are still out; what is out then is inherited as doubt. */
const settleMs = 120;

/**
 * Holds the term, drains and seals it; gives the journal's last sequence. `isHeld` turns false when that is given up
 * meanwhile: then nothing is sealed by this drain, and it gives undefined.
 */
export async function drain(parts: Parts, ledger: Ledger, isHeld: () => boolean): Promise<Sequence | undefined> {
  const { term, placements } = parts;
  term.hold();
  const start = monoNow();
  // What was recorded must be committed before it can be sent and answered.
  await Promise.race([ledger.whenCommitted(term.state.applied), pause(sendMs)]);
  await placements.settle(Math.max(1, start + sendMs - monoNow()));
  if (!isHeld()) return undefined;
  placements.stop();
  await placements.settle(Math.max(1, start + settleMs - monoNow()));
  return isHeld() ? term.seal() : undefined;
}

/** The switchover did not happen: what was kept is recorded, and all that waited is driven on. */
export function goOn({ term, kills, placements, replacements }: Parts): void {
  term.resume();
  kills.goOn();
  placements.goOn();
  const { unsettled, reissuable } = term.state.indexes;
  for (const intent of [...unsettled, ...reissuable]) placements.drive(intent);
  replacements.driveAll();
}
