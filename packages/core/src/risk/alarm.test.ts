import { expect, test } from "vitest";
import { id } from "../ids.ts";
import type { VenueId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { accountStop } from "./alarm.ts";

const venue = (name: string): VenueId => id<VenueId>(name);

test("a stop takes every venue on the account with it, and no other", () => {
  const accounts = [
    { id: venue("spot"), account: "main" },
    { id: venue("futures"), account: "main" },
    { id: venue("elsewhere"), account: "other" },
  ];
  expect(accountStop(accounts, venue("spot"), "a hand of somebody else", wallMs(1))).toMatchObject({
    level: "account",
    id: "main",
    venues: ["spot", "futures"],
  });
});
