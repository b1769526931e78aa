import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../fixtures/cluster.ts";
import { serviceManager } from "./systemd.ts";

/** A `systemd-notify` that writes down what it is told. */
async function recorder(): Promise<{ environment: NodeJS.ProcessEnv; told: () => Promise<string[]> }> {
  const folder = await mkdtemp(join(tmpdir(), "baton-notify-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const log = join(folder, "told");
  await writeFile(log, "");
  await writeFile(join(folder, "systemd-notify"), `#!/bin/sh\necho "$@" >> ${log}\n`);
  await chmod(join(folder, "systemd-notify"), 0o755);
  return {
    environment: { PATH: `${folder}:${process.env["PATH"]}`, NOTIFY_SOCKET: "/run/none", WATCHDOG_USEC: "90000" },
    told: async () => (await readFile(log, "utf8")).split("\n").filter((line) => line !== ""),
  };
}

test("systemd is told once that the engine is ready, and the watchdog is fed only by progress", async () => {
  const { environment, told } = await recorder();
  const manager = serviceManager(environment);
  onTestFinished(() => manager.close());
  manager.ready();
  manager.ready();
  manager.status("leads epoch 4");
  await until("both are told", async () => (await told()).length === 2);
  // Several watchdog intervals pass while nothing progresses.
  const end = performance.now() + 200;
  await until("intervals pass", () => performance.now() > end);
  expect((await told()).toSorted()).toEqual(["--ready", "--status=leads epoch 4"]);
  manager.progress();
  await until("the watchdog is fed", async () => (await told()).includes("WATCHDOG=1"));
});

test("without systemd nothing is told", async () => {
  const { environment, told } = await recorder();
  const { NOTIFY_SOCKET: _, ...plain } = environment;
  const manager = serviceManager(plain);
  manager.ready();
  manager.progress();
  manager.close();
  // Who is told afterwards is told alone.
  const later = serviceManager(environment);
  onTestFinished(() => later.close());
  later.status("follows");
  await until("something is told", async () => (await told()).length > 0);
  expect(await told()).toEqual(["--status=follows"]);
});
