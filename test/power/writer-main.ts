/**
 * A node's journal under a flow of intents, each told on stdout once it is durable: `node writer-main.ts FOLDER`. Paced,
 * because a flat-out writer is nearly always inside an fsync, which hides what a power loss takes.
 */
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { applyEvent, intentEvent, tagOf, wallMs } from "@baton/core";
import { openJournal } from "@baton/journal";
import { optionsOf, terms } from "./journal-options.ts";

const journal = await openJournal(optionsOf(process.argv[2] ?? ""));
const { state } = journal.opened;
const tag = tagOf(journal.identity.cluster);
journal.onDurable.on((sequence) => {
  journal.commit(sequence);
  writeSync(1, `${sequence}\n`);
});
for (;;) {
  const intent = intentEvent(state, tag, { terms, sendWithinMs: 1_000, atWallMs: wallMs(Date.now()), by: "test" });
  applyEvent(state, state.applied + 1, intent);
  const sequence = journal.append(1, [intent]);
  while (journal.durable < sequence) await delay(1);
  await delay(3);
}
