/** Every kind of thing that can be done to a world. */
import { ambushes } from "./ambushes.ts";
import { disks } from "./disks.ts";
import { etcds } from "./etcds.ts";
import { machines } from "./machines.ts";
import { networks } from "./networks.ts";
import { people } from "./people.ts";
import type { Entry } from "./stage.ts";
import { unclean } from "./unclean.ts";
import { venues } from "./venues.ts";

export const catalogue: readonly Entry[] = [
  ...people,
  ...machines,
  ...networks,
  ...disks,
  ...etcds,
  ...ambushes,
  ...unclean,
  ...venues,
];
