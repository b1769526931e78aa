import Database from "better-sqlite3";
import { emptyState, id, intentEvent, tagOf, wallMs } from "@baton/core";
import { expect, test } from "vitest";
import { openJournal } from "../open.ts";
import { durable, journalOptions, notes, scratch } from "../testing/rig.ts";
import { readQuarantine } from "./quarantine.ts";

const terms = { venue: "sim", symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "1", price: "9" } as never;

test("what was cut can be read: from where to where, when, why, and which orders it spoke of", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a", { frameEventsMax: 10 }));
  await durable(journal, journal.append(1, notes(20)));
  journal.commit(10);
  const wish = { terms, sendWithinMs: 1, atWallMs: wallMs(5), by: "test" };
  const intent = intentEvent(emptyState(), tagOf(journal.identity.cluster), wish);
  await durable(journal, journal.append(1, [intent]));
  await journal.cut(10, "epoch 2 of b continues after 10");
  await durable(journal, journal.append(2, notes(10, 500)));
  await journal.cut(10, "epoch 3 of c continues after 10");
  const tails = readQuarantine(journal.file);
  expect(
    tails.map(({ first, last, epochs, reason, intents, fault }) => ({ first, last, epochs, reason, intents, fault })),
  ).toEqual([
    {
      first: 11,
      last: 21,
      epochs: [1],
      reason: "epoch 2 of b continues after 10",
      intents: [id("i-1")],
      fault: undefined,
    },
    { first: 11, last: 20, epochs: [2], reason: "epoch 3 of c continues after 10", intents: [], fault: undefined },
  ]);
  expect(tails[0]?.after).toEqual({ sequence: 10, hash: journal.last.hash });
  expect(tails[0]?.events.map((event) => event.sequence)).toEqual(Array.from({ length: 11 }, (_, n) => n + 11));
  expect(await journal.verify()).toMatchObject({ sound: true, quarantined: { frames: 3, events: 21 } });
});

test("a quarantined frame that was changed since says so", async () => {
  using folder = scratch();
  await using journal = await openJournal(journalOptions(folder.dir, "a"));
  await durable(journal, journal.append(1, notes(5)));
  await journal.cut(0, "cut");
  const forger = new Database(journal.file);
  forger.exec("UPDATE quarantine SET body = replace(body, 'a fact', 'a lie.')");
  forger.close();
  expect(readQuarantine(journal.file)[0]?.fault).toBe("the frame 1–5 its hash does not match its bytes");
});
