import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { orphanedExitCode } from "./engine-link.ts";
import { supervisorVariable } from "./messages.ts";

test("an engine whose supervisor has gone before it was loaded ends at once: nobody would reap it", async () => {
  const module = fileURLToPath(new URL("../fixtures/late-engine.ts", import.meta.url));
  const child = fork(module, { env: { ...process.env, [supervisorVariable]: String(process.pid) } });
  const exit = once(child, "exit");
  await once(child, "message");
  child.disconnect();
  expect(await exit).toEqual([orphanedExitCode, null]);
});
