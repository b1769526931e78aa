/**
 * Which tests there are, and which may run beside each other.
 *
 * Two groups, one after the other. `rooms` holds everything that is content with half a core: unit tests beside the
 * code, transcripts, the simulation, the checks on the checks. Half of its time is spent waiting (for a lease to end, a
 * stream to be stale), so more files run than there are cores, and those that keep a core busy longest begin first, so
 * that none is left to run alone at the end. `processes` holds what starts whole engines, kills them
 * and measures how long that took: one file at a time, with nothing else running, because a neighbour that eats the
 * processor looks exactly like a slow takeover. Two at a time are no faster either: what a cluster takes to start is
 * the processor.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import type { TestSpecification } from "vitest/node";

const processes = [
  "test/{cluster,chaos,demo,runbooks}/**/*.test.ts",
  "packages/drills/src/**/*.test.ts",
  "test/venues-orders/futures-node.test.ts",
];

/** Longest first, by what they took on two cores; among them those that mostly wait. */
const longest = [
  "test/model/model",
  "test/simulation/simulation",
  "test/shells/shells",
  "packages/cluster/src/keeper/keeper",
  "packages/journal/src/replication/replication",
  "test/feeds/",
  "packages/venues/src/venue-streams",
  "packages/feeds/src/venue-stories",
  "packages/cluster/src/supervisor/supervise",
  "test/cli/program",
  "test/operating/runbook-commands",
  "packages/venues/src/dialects/wire",
];

/** Starts the longest files first; the rest keeps vitest's order. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((part) => moduleId.includes(`/${part}`));
      return at === -1 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

const config: ViteUserConfig = {
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    watch: false,
    // A bound for what hangs, as those of the tests are: a fact that is polled for comes when the machine lets it.
    expect: { poll: { timeout: 20_000 } },
    pool: "forks",
    maxWorkers: Math.min(2 * availableParallelism() + 1, 8),
    allowOnly: false,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "rooms",
          include: ["packages/**/src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...processes],
          // A bound for what hangs, not a measure: on a machine that does other things a start of Node takes seconds.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "processes",
          include: processes,
          exclude: ["**/node_modules/**"],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
};

export default config;
