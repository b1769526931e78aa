/** Entry of the engine's own process; see `engine-process.ts`. */
import { runEngineProcess } from "./engine-process.ts";

const [configFile] = process.argv.slice(2);
if (configFile === undefined) {
  process.stderr.write("usage: engine-main CONFIG\n");
  process.exit(2);
}
process.exitCode = await runEngineProcess(configFile);
// A last resort: nothing that was let go of may keep a dead engine's process alive.
setTimeout(() => process.exit(), 1_000).unref();
