/** `feeds[]`: where prices come from, over which lines, and from what age they count as stale. */
import { z } from "zod";
import type { VenueId } from "../../ids.ts";
import type { FeedConfig } from "../config.ts";
import { httpUrl, ipAddress, named, symbols, text, whole, wsUrl } from "./forms.ts";

/** One venue's market data. */
export const feed: z.ZodType<FeedConfig> = z.strictObject({
  id: named("the feed's name"),
  venue: named<VenueId>("id of the venue it comes from"),
  symbols: symbols("what it carries"),
  staleAfterMs: whole("age of the newest data from which a symbol counts as stale", 50, 600_000, 2_000),
  wsUrl: z.exactOptional(text("WebSocket address instead of the venue's", wsUrl, "a ws or wss URL")),
  restUrl: z.exactOptional(
    text("REST address for book snapshots instead of the venue's", httpUrl, "an http or https URL"),
  ),
  lines: z.exactOptional(
    z
      .array(
        z.strictObject({
          wsUrl: z.exactOptional(text("this line's WebSocket address", wsUrl, "a ws or wss URL")),
          localAddress: z.exactOptional(text("this line's uplink", ipAddress, "an IP address of this host")),
        }),
      )
      .min(1)
      .max(2)
      .describe("connections that carry the same data; a list of one or two {wsUrl, localAddress}; default one"),
  ),
  fallback: z.exactOptional(named("id of the feed whose prices stand in while this one is stale, if they are sane")),
});
