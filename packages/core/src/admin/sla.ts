/** `GET /v1/sla`: each provider's months beside what it promised, as the node that answers met them. */
import { z } from "zod";
import type { VenueId } from "../ids.ts";
import type { SlaFigures, SlaPromise } from "../venues/sla.ts";

export interface SlaView {
  readonly version: 1;
  /** Who measured: each node has its own way to a provider. */
  readonly node: string;
  readonly providers: readonly {
    readonly venue: VenueId;
    readonly title: string;
    readonly promise: SlaPromise;
    /** Newest first. */
    readonly months: readonly SlaFigures[];
  }[];
}

const figure = z.number().nullable();

export const slaViewSchema: z.ZodType<SlaView> = z.looseObject({
  version: z.literal(1),
  node: z.string(),
  providers: z.array(
    z.looseObject({
      venue: z.string(),
      title: z.string(),
      promise: z.looseObject({
        availabilityPercentMin: z.exactOptional(z.number()),
        latencyP99MsMax: z.exactOptional(z.number()),
        errorPercentMax: z.exactOptional(z.number()),
      }),
      months: z.array(
        z.looseObject({
          month: z.string(),
          requests: z.int(),
          availabilityPercent: figure,
          latencyP99Ms: figure,
          errorPercent: figure,
          broken: z.array(z.string()),
        }),
      ),
    }),
  ),
}) as unknown as z.ZodType<SlaView>;
