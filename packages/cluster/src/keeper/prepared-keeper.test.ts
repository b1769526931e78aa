import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../fixtures/cluster.ts";

test("what a keeper's thread compiled is kept while it runs: an engine that is killed leaves it to the next one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "baton-compiled-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [cache, program] = [join(folder, "cache"), join(folder, "engine.mjs")];
  await mkdir(cache);
  const door = new URL("./prepared-keeper.ts", import.meta.url).href;
  await writeFile(
    program,
    `const { PreparedKeeper } = await import("${door}"); globalThis.kept = new PreparedKeeper();`,
  );
  const engine = spawn(process.execPath, [program], {
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
    stdio: "inherit",
  });
  onTestFinished(() => void engine.kill("SIGKILL"));
  const files = async (): Promise<number> => (await readdir(cache, { recursive: true })).length;
  // More than the few modules of the door: the thread's, etcd's client among them.
  await until("the thread's modules are in the folder", async () => (await files()) > 100, 60_000);
  engine.kill("SIGKILL");
  await once(engine, "exit");
  expect(await files()).toBeGreaterThan(100);
});
