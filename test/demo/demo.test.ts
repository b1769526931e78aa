/**
 * The demo as a person starts it, with few orders: real processes, real faults, and the checker's verdict on what is on
 * record. Times are told by the demo and judged by the benchmarks; here only what may never happen is asserted.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DemoResult } from "@baton/drills";
import { expect, onTestFailed, onTestFinished, test } from "vitest";

const program = fileURLToPath(new URL("../../scripts/demo", import.meta.url));

async function demo(
  ...parameters: readonly string[]
): Promise<{ status: number | null; result: DemoResult; story: string }> {
  const child = spawn(program, ["--json", ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
  // A test that runs out of time must not leave a cluster behind: at SIGTERM the demo ends all that it started.
  onTestFinished(() => void child.kill("SIGTERM"));
  let [out, story] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (part: string) => (out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (story += part));
  onTestFailed(() => void process.stdout.write(story));
  const [status] = (await once(child, "close")) as [number | null];
  const last = out.trimEnd().split("\n").at(-1) ?? "";
  expect(last, story).toMatch(/^\{.*\}$/);
  return { status, result: JSON.parse(last) as DemoResult, story };
}

const runs = [
  ["leader-kill", "open-only"],
  ["leader-freeze", "forever"],
  ["leader-cut", "none"],
  ["switchover", "open-only"],
  ["standby-kill", "none"],
] as const;

test.each(runs)(
  "%s, with ids unique %s: nothing acknowledged is lost and no order is doubled",
  async (fault, uniqueness) => {
    const { status, result, story } = await demo("--fault", fault, "--uniqueness", uniqueness, "--orders", "700");
    expect(result.findings, story).toEqual([]);
    expect(result).toMatchObject({
      verdict: "pass",
      fault,
      rpo: { lost: 0 },
      orders: { duplicates: 0, unexplained: 0 },
      parent: { slices: 20, repeated: 0 },
    });
    expect(status).toBe(0);
    expect(result.rpo.acknowledged).toBeGreaterThan(300);
    expect(result.rtoMs).toBeGreaterThan(0);
    expect(result.epochs.length).toBeGreaterThanOrEqual(fault === "standby-kill" ? 1 : 2);
  },
);
