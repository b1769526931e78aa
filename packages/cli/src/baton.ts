#!/usr/bin/env node
/**
 * The program `baton`. Ctrl-C once stops waiting (what was asked goes on); twice ends the program. `baton node` handles
 * its signals itself: there, a signal asks the engine to hand over and stop. It has its engine load while it loads itself.
 */
const args = process.argv.slice(2);
const isEngineAsked = args[0] === "node" && !args.some((arg) => ["--no-supervisor", "--help", "-h"].includes(arg));
using prepared = isEngineAsked ? (await import("@baton/engine/prepared-engine")).prepareEngine() : undefined;
const [{ runBaton }, { processTerminal }] = await Promise.all([import("./program.ts"), import("./terminal.ts")]);
const detach = new AbortController();
if (args[0] !== "node") {
  process.on("SIGINT", () => {
    if (detach.signal.aborted) process.exit(130);
    detach.abort();
  });
}
// A reader that has seen enough (`baton orders list | head`) closes the pipe; that is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = await runBaton(args, processTerminal(detach.signal), prepared);
