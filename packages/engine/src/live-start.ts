/**
 * The gate before real money, past the first start. It stands in `baton node` (decision 36); but a supervised engine that
 * has died is started again by its supervisor, in the middle of the night, and reads its file anew. So the supervisor hands on what
 * its own start was let through for, and an engine whose file names other real money by then does not start. The
 * same file starts as often as it has to.
 */
import { liveSubject } from "@baton/core";
import type { Config } from "@baton/core";

const variable = "BATON_LIVE_SUBJECT";

/** What a supervisor puts into the environment of its engines. */
export function liveEnvironment(config: Config): Readonly<Record<string, string>> {
  return { [variable]: liveSubject(config) ?? "" };
}

/** Why an engine may not trade by this configuration; undefined: it may, or no supervisor has started it. */
export function whyNotLive(config: Config, environment: NodeJS.ProcessEnv): string | undefined {
  const passed = environment[variable];
  const subject = liveSubject(config);
  if (passed === undefined || subject === undefined || subject === passed) return undefined;
  const live = config.venues.filter((venue) => venue.mode === "live").map((venue) => `${venue.id}/${venue.account}`);
  return `the configuration was changed while this node ran, and names real money (${live.join(", ")}) that its start was not confirmed for: start baton node again, which asks.`;
}
