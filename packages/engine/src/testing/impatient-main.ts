/**
 * A node as in production, a supervisor with its engine, that waits a second where Baton waits a minute before it believes
 * that a trade was taken back: `node impatient-main.ts CONFIG`. For tests of whole nodes; nobody trades with it.
 */
import { runEngineProcess } from "../engine-process.ts";
import { startNode } from "../start-node.ts";
import { prepareThreads } from "../threads.ts";

const [, , configFile = ""] = process.argv;
// The supervisor forks this module again, as its engine.
const isEngine = process.send !== undefined;
process.exitCode = isEngine
  ? await runEngineProcess(configFile, prepareThreads(), { bustSettledMs: 1_000 })
  : await startNode({ configFile, supervised: true, engine: new URL(import.meta.url) });
if (isEngine) setTimeout(() => process.exit(), 1_000).unref();
