/** What a journal holds after the power came back, as the node that starts on it would find it: `node reader-main.ts FOLDER`. */
import { writeSync } from "node:fs";
import { openJournal, verifyJournal } from "@baton/journal";
import { optionsOf } from "./journal-options.ts";

const options = { ...optionsOf(process.argv[2] ?? ""), create: false };
try {
  const { sound } = verifyJournal(options.file);
  const journal = await openJournal(options);
  const intents = [...journal.opened.state.orders.keys()].length;
  const tail = journal.opened.tail.reduce((sum, frame) => sum + frame.last - frame.first + 1, 0);
  tell({ sound, last: journal.last.sequence, intents: intents + tail });
  await journal.close();
} catch (error) {
  tell({ sound: false, last: 0, intents: 0, error: String(error) });
}

function tell(found: object): void {
  writeSync(1, JSON.stringify(found));
}
