/**
 * The unit as systemd reads it. `systemd-analyze verify` ends with 0 even for keys that it does not know, so that any
 * word it says is a failure; `security` must rate the unit among the well closed ones.
 */
import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const unitText = readFileSync(new URL("../../infra/systemd/baton@.service", import.meta.url), "utf8");
let folder: string;
let unit: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-systemd-"));
  const program = join(folder, "baton");
  writeFileSync(program, "#!/bin/sh\n");
  chmodSync(program, 0o755);
  unit = join(folder, "baton@metro.service");
  writeFileSync(unit, unitText.replaceAll("/usr/bin/baton", program));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function analyze(...args: readonly string[]): Promise<{ readonly out: string; readonly status: number }> {
  try {
    const { stdout, stderr } = await promisify(execFile)("systemd-analyze", args);
    return { out: stdout + stderr, status: 0 };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (code === "ENOENT") {
      throw new Error("systemd-analyze is missing: install systemd (Debian: apt-get install systemd).", {
        cause: error,
      });
    }
    return { out: stdout + stderr, status: Number(code) };
  }
}

test("systemd has nothing to say about the unit", async () => {
  expect(await analyze("verify", "--man=no", unit)).toEqual({ out: "", status: 0 });
});

test("systemd does speak when a key is misspelt, so that its silence means something", async () => {
  const broken = join(folder, "broken@metro.service");
  writeFileSync(broken, readFileSync(unit, "utf8").replace("WatchdogSec=", "WatchdogSecs="));
  expect((await analyze("verify", "--man=no", broken)).out).toContain("WatchdogSecs");
});

test("the unit's exposure is at most 2.0 of 10", async () => {
  const { out, status } = await analyze("security", "--offline=true", "--threshold=20", unit);
  expect(status, out).toBe(0);
});

test("with the drop-in for a real-time thread the unit permits that and is no less closed in all else", async () => {
  const dropIn = readFileSync(new URL("../../infra/systemd/baton@.service.d/realtime.conf", import.meta.url), "utf8");
  const instance = join(folder, "realtime");
  mkdirSync(join(instance, "baton@metro.service.d"), { recursive: true });
  copyFileSync(unit, join(instance, "baton@metro.service"));
  writeFileSync(join(instance, "baton@metro.service.d", "realtime.conf"), dropIn);
  const extended = join(instance, "baton@metro.service");
  expect(await analyze("verify", "--man=no", extended)).toEqual({ out: "", status: 0 });
  const { out, status } = await analyze("security", "--offline=true", "--threshold=22", extended);
  expect(status, out).toBe(0);
  // The drop-in was read: nothing else of the unit lets it be real time.
  expect(out).toMatch(/✗ RestrictRealtime=/);
});

test("the unit fits the engine: Node can start in it, a faulty configuration is not retried, the watchdog is faster than the shortest lease", () => {
  const keys = new Map(
    unitText.split("\n").flatMap((line) => (/^[A-Z]\w+=/.test(line) ? [line.split("=") as [string, string]] : [])),
  );
  expect(keys.has("MemoryDenyWriteExecute")).toBe(false);
  // What is denied as a group comes first; what comes last is allowed again.
  expect(unitText.split("\n").findLast((line) => line.startsWith("SystemCallFilter="))).toMatch(/=setpriority$/);
  expect(keys.get("Type")).toBe("notify");
  expect(keys.get("NotifyAccess")).toBe("all");
  expect(keys.get("RestartPreventExitStatus")).toBe("78");
  expect(Number.parseInt(keys.get("WatchdogSec") ?? "", 10)).toBeLessThan(2_000);
});
