/** `archive`: the journal over months, off site and on the disk. */
import { z } from "zod";
import type { ArchiveConfig } from "../config.ts";
import { allDefaults, httpUrl, path, text, whole } from "./forms.ts";

/** What is kept, where, and for how long. */
export const archive: z.ZodType<ArchiveConfig> = z
  .strictObject({
    to: z.exactOptional(
      text(
        "where the journal is copied to, off site",
        /^(?:file:\/\/\/\S+|s3:\/\/[a-z0-9.-]{3,63}(?:\/\S*)?)$/,
        "file:///folder or s3://bucket/prefix; without it there is no copy",
      ),
    ),
    endpoint: z.exactOptional(text("address of an S3-compatible service", httpUrl, "an http or https URL")),
    region: z.exactOptional(text("region of the bucket", /^[a-z0-9-]{2,32}$/, "such as eu-central-1")),
    accessKeyFile: z.exactOptional(path("file that holds the id of the access key to the bucket")),
    secretFile: z.exactOptional(path("file that holds the secret of that key")),
    segmentMs: whole("the leader copies what was committed at most so often", 100, 600_000, 1_000),
    snapshotHours: whole("a whole copy is made so often", 1, 720, 24),
    retainDays: whole(
      "records of ended orders are kept on every node for so long; with a copy, no less than it was proved to hold",
      2,
      3_650,
      30,
    ),
    reserveMiB: whole(
      "space held back on each node so that cancels and outcomes can be recorded on a full disk; 0: none",
      0,
      4_096,
      16,
    ),
  })
  .describe("the journal over months; {to, endpoint, region, accessKeyFile, secretFile, segmentMs, …}")
  .prefault(allDefaults);
