import { id } from "@baton/core";
import type { VenueId } from "@baton/core";
import { expect, test } from "vitest";
import { onClockAhead } from "./stood-still.ts";

test("a venue that is ahead of this machine's clock voids the deadline before anything is said", () => {
  const done: string[] = [];
  const tell = onClockAhead({
    keeper: { doubt: () => void done.push("doubt") },
    warn: (event, sentence) => void done.push(`${event}: ${sentence}`),
  });
  tell(id<VenueId>("sim"), 1_234.4);
  expect(done).toEqual(["doubt", expect.stringMatching(/^clock\.stood-still: 1234 ms more have passed at sim /)]);
});
