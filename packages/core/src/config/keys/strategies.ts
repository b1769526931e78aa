/** `strategies[]`: code that trades. */
import { z } from "zod";
import type { VenueId } from "../../ids.ts";
import type { Opened, StrategyConfig } from "../config.ts";
import { named, path, symbols, whole } from "./forms.ts";

/** One strategy; its module is loaded in a worker. */
export const strategy: z.ZodType<Opened<StrategyConfig, "venue">> = z.strictObject({
  id: named("the strategy's name"),
  module: path("TypeScript or JavaScript module of pure handlers"),
  venue: z.exactOptional(named<VenueId>("id of the venue it trades on; may be left out when there is one")),
  symbols: symbols("what it sees and trades"),
  budgetMs: whole("time one handler call may take; over it the strategy is switched off, on record", 1, 10_000, 50),
  params: z.record(z.string(), z.unknown()).describe("what the strategy is given, as it is").default({}),
});
