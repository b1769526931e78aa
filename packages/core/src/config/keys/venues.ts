/** `venues[]`: the accounts that are traded on. What an exchange can do at all is in `venues/profiles/`. */
import { z } from "zod";
import type { VenueId } from "../../ids.ts";
import type { SwitchPolicy } from "../../risk/dead-mans-switch.ts";
import { exchangeIds } from "../../venues/profiles/index.ts";
import type { VenueConfig, VenueLimits } from "../config.ts";
import { choice, flag, httpUrl, named, path, percent, rate, symbols, text, whole, wsUrl } from "./forms.ts";

const limits: z.ZodType<VenueLimits> = z
  .strictObject({
    orderRate: rate("new orders of the account per interval"),
    requestWeight: rate("request weight of this address per interval"),
  })
  .describe(
    "used instead of what the venue publishes, where others share the account or the address; {orderRate, requestWeight}",
  );

function instant(what: string): z.ZodType<string> {
  return text(what, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "RFC 3339 in UTC, such as 2026-12-01T06:00:00Z");
}

/** One account at one exchange. */
export const venue: z.ZodType<VenueConfig> = z.strictObject({
  id: named<VenueId>("the venue's name in this file"),
  mode: choice(
    "paper fills from live books at a mirroring exchange, sandbox is the venue's test network, live is real money",
    ["paper", "sandbox", "live"],
    "sandbox",
  ),
  driver: z.exactOptional(choice("what speaks to the exchange; there is one, and it need not be said", ["ccxt"])),
  exchange: choice("which exchange it is; what each can do: packages/venues/CAPABILITIES.md", exchangeIds),
  account: text("your name of the account", /^[A-Za-z0-9._-]{1,64}$/, "1 to 64 of letters, digits, . _ -"),
  apiKeyFile: path("file that holds this node's API key"),
  secretFile: path("file that holds the secret of that key"),
  passphraseFile: z.exactOptional(path("file that holds the key's passphrase, where the exchange has one")),
  restUrl: z.exactOptional(text("REST address instead of the exchange's own", httpUrl, "an http or https URL")),
  wsUrl: z.exactOptional(text("WebSocket address instead of the exchange's own", wsUrl, "a ws or wss URL")),
  symbols: symbols("what may be traded here"),
  validityMs: whole("how long a signed request stays valid at the venue", 50, 60_000, 1_500),
  minValidityMs: whole("a request with less validity left at the socket is not sent", 10, 60_000, 100),
  deadlineMs: whole(
    "how long the engine waits for the venue's answer before it calls the outcome in doubt",
    50,
    60_000,
    3_000,
  ),
  uniqueness: choice(
    "how long the venue refuses a client order id it has seen",
    ["open-only", "forever", "none"],
    "none",
  ),
  limits: z.exactOptional(limits),
  deadMansSwitch: z.exactOptional(
    z
      .strictObject({
        policy: choice<SwitchPolicy>(
          "none; arm-on-lead: set while there is a leader, taken back when the last one stops in order; arm-always: never taken back, so that a cluster that stops leaves no order behind",
          ["none", "arm-on-lead", "arm-always"],
          "none",
        ),
        timeoutMs: whole("after how long without a leader the venue cancels every order", 5_000, 300_000, 30_000),
      })
      .describe("the venue's dead man's switch, where it has one; {policy, timeoutMs}; default none"),
  ),
  maintenance: z.exactOptional(
    z
      .array(z.strictObject({ from: instant("when it begins"), until: instant("when it is over") }))
      .describe(
        "planned maintenance of the venue; the dead man's switch is taken back a minute before and set again after; a list of {from, until}",
      ),
  ),
  sla: z.exactOptional(
    z
      .strictObject({
        availabilityPercentMin: z.exactOptional(percent("minutes of a month in which it answers")),
        latencyP99MsMax: z.exactOptional(whole("99 % of answers come within so many milliseconds", 1, 600_000)),
        errorPercentMax: z.exactOptional(percent("requests that fail by its fault")),
      })
      .describe("what the provider promised, to be held against it; {availabilityPercentMin, latencyP99MsMax, …}"),
  ),
  alternate: z.exactOptional(
    named<VenueId>("id of the venue that takes new orders while this one is ill; they are refused then without it"),
  ),
  sharedAddress: flag("true where all nodes reach the exchange from one address, and share what it allows it", false),
});
