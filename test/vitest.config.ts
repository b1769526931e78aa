/**
 * Which tests there are, and which may run beside each other.
 *
 * Two groups, one after the other. `rooms` holds everything that is content with half a core: unit tests beside the
 * code, transcripts, the simulation, the checks on the checks. `processes` holds what starts whole engines, kills them
 * and measures how long that took: one file at a time, with nothing else running, because a neighbour that eats the
 * processor looks exactly like a slow takeover.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";

const processes = ["test/{cluster,chaos,demo,runbooks}/**/*.test.ts", "packages/drills/src/**/*.test.ts"];

const config: ViteUserConfig = {
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    watch: false,
    pool: "forks",
    maxWorkers: Math.max(1, Math.min(availableParallelism(), 4)),
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: "rooms",
          include: ["packages/**/src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...processes],
          // A bound for what hangs, not a measure: on a machine that does other things a start of Node takes seconds.
          testTimeout: 60_000,
          hookTimeout: 60_000,
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
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
};

export default config;
