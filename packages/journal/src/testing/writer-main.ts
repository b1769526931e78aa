/**
 * A process that writes a journal until it is killed or its disk is full: `node writer-main.ts FOLDER`. Each line on stdout
 * is a fact that was told to its caller; it is written before anything else happens.
 */
import { writeSync } from "node:fs";
import { openJournal } from "../open.ts";
import { journalOptions, notes } from "./rig.ts";

const [, , dir] = process.argv;
const journal = await openJournal(journalOptions(dir ?? "", "a"));
let next = journal.last.sequence + 1;

journal.onDurable.on((sequence) => {
  tell({ durable: sequence });
  journal.commit(sequence - 3);
  append();
});
journal.onFailed.on((failure) => {
  tell({ failed: failure.code, message: failure.message });
  // Anything that would still be told after the failure would be told within this time.
  setTimeout(() => process.exit(3), 300);
});
append();

function append(): void {
  const count = 1 + (next % 40);
  try {
    journal.append(1, notes(count, next));
  } catch (error) {
    tell({ refused: String(error) });
    return;
  }
  next += count;
}

function tell(fact: object): void {
  writeSync(1, `${JSON.stringify(fact)}\n`);
}
