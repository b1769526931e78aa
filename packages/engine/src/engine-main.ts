/** Entry of the engine's own process; see `engine-process.ts`. Told later, it learns its arguments from its supervisor. */
import { flushCompileCache } from "node:module";
import { argumentsTold, toldLater } from "@baton/cluster/prepared-engine";
import { prepareThreads } from "./threads.ts";

const given = process.argv.slice(2);
const told = given[0] === toldLater ? argumentsTold() : given;
const threads = prepareThreads();
const { runEngineProcess } = await import("./engine-process.ts");
// Where NODE_COMPILE_CACHE names a folder, the next start finds there what this one compiled. Usually that is kept at the
// end of a process, but engines end by surprise.
flushCompileCache();
const [configFile] = await told;
if (configFile === undefined) {
  process.stderr.write("usage: engine-main CONFIG\n");
  process.exit(2);
}
process.exitCode = await runEngineProcess(configFile, threads);
// A last resort: nothing that was let go of may keep a dead engine's process alive.
setTimeout(() => process.exit(), 1_000).unref();
