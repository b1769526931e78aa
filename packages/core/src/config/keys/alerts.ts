/** `alerts`: who is told at once of what happens. What is told stands in `admin/alerts.ts`. */
import { z } from "zod";
import type { AlertsConfig } from "../config.ts";
import { allDefaults, httpUrl, text } from "./forms.ts";

/** Direct posts beside the rules over the metrics. */
export const alerts: z.ZodType<AlertsConfig> = z
  .strictObject({
    alertmanagerUrl: z.exactOptional(
      text(
        "Alertmanager that is told at once of a lost leader, a stopped account, drift, states that differ and a feed that gave up",
        httpUrl,
        "an http or https URL, its API is below it; default: none, rules over the metrics tell, seconds later",
      ),
    ),
  })
  .describe("who is told at once; {alertmanagerUrl}")
  .prefault(allDefaults);
