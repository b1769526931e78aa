/**
 * Asks each venue what the doctor wants to know, over a connection of its own that has no right to place or cancel:
 * its time, the rules of the symbols, the account (without looking at what is in it), and what the key may do. Some 45 of
 * the request weight at Binance, of 6,000 a minute.
 */
import type { Unasked, VenueCheckFacts, VenueConfig } from "@baton/core";
import { venueProfiles } from "@baton/core";
import { VenueSetupError, VenueUnavailable } from "@baton/venues";
import type { Venue } from "@baton/venues";
import { ConfigError } from "../config/load.ts";
import { openConfiguredVenue } from "../node/venue-doors.ts";

/** One venue's answers. `mayBeRunning`: an engine that signs with the same key may be at work. Never rejects. */
export async function askVenue(config: VenueConfig, mayBeRunning: boolean): Promise<VenueCheckFacts> {
  const { title } = venueProfiles[config.exchange];
  const whose = { id: config.id, account: config.account, title, mode: config.mode };
  let venue: Venue;
  try {
    // Nothing is ever asked of it that needs one; and no permit is ever there.
    venue = await openConfiguredVenue(config, { permits: { current: () => undefined }, isKilled: () => true });
  } catch (error) {
    return { ...whose, ...refusedOpening(error) };
  }
  try {
    const reading = venue.clock();
    return {
      ...whose,
      time: { kind: "answered", ...(reading !== undefined && { reading }) },
      instruments: { kind: "known", rules: [...venue.instruments.values()] },
      ...(await askKey(config, venue, mayBeRunning)),
    };
  } finally {
    await venue.close();
  }
}

async function askKey(
  config: VenueConfig,
  venue: Venue,
  mayBeRunning: boolean,
): Promise<Pick<VenueCheckFacts, "key" | "rights">> {
  if (mayBeRunning && venueProfiles[config.exchange].countsNonces === true) {
    const why =
      "its nonces only grow, and the engine that runs with this key must not be overtaken; baton status tells";
    return { key: unasked(why), rights: unasked(why) };
  }
  try {
    await venue.balances();
  } catch (error) {
    return { key: { kind: "refused", cause: causeOf(error) }, rights: unasked("the key does not sign") };
  }
  if (venue.keyRights === undefined)
    return { key: { kind: "signs" }, rights: unasked("the venue has no call for it that Baton knows") };
  try {
    return { key: { kind: "signs" }, rights: { kind: "told", rights: await venue.keyRights() } };
  } catch (error) {
    return { key: { kind: "signs" }, rights: unasked(causeOf(error)) };
  }
}

/** How far an opening came, by what it threw. */
function refusedOpening(error: unknown): Pick<VenueCheckFacts, "time" | "instruments" | "key" | "rights"> {
  const cause = causeOf(error);
  const later = {
    key: unasked("the connection could not be opened"),
    rights: unasked("the connection could not be opened"),
  };
  if (error instanceof ConfigError) {
    return { time: unasked("its key cannot be read here"), instruments: unasked("it was not asked"), ...later };
  }
  if (error instanceof VenueSetupError && error.code === "unknown-symbol")
    return { time: { kind: "answered" }, instruments: { kind: "unknown", cause }, ...later };
  if (error instanceof VenueUnavailable && error.call !== "time")
    return { time: { kind: "answered" }, instruments: { kind: "unknown", cause }, ...later };
  return { time: { kind: "silent", cause }, instruments: unasked("it was not asked"), ...later };
}

function unasked(why: string): Unasked {
  return { kind: "unasked", why };
}

function causeOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ").replace(/\.$/, "");
}
