/**
 * The soak as a person starts it, with few orders: real processes under faults that overlap, one takeover after another,
 * and the checker's verdict. The long ones, for each uniqueness rule, are for who has the minutes: `scripts/soak`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DemoResult } from "@baton/drills";
import { expect, onTestFinished, test } from "vitest";

const program = fileURLToPath(new URL("../../scripts/soak", import.meta.url));

test("1,500 acknowledged orders in bad weather: none is lost, none is doubled, and each ends as the venue says", async () => {
  const weather = ["--orders", "1500", "--uniqueness", "none", "--seed", "12"];
  const child = spawn(program, ["--json", ...weather], { stdio: ["ignore", "pipe", "pipe"] });
  // A test that runs out of time must not leave a cluster behind: at SIGTERM the soak ends all that it started.
  onTestFinished(() => void child.kill("SIGTERM"));
  let [out, story] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (part: string) => (out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (story += part));
  const [status] = (await once(child, "close")) as [number | null];
  const last = out.trimEnd().split("\n").at(-1) ?? "";
  expect(last, story).toMatch(/^\{.*\}$/);
  const result = JSON.parse(last) as DemoResult;
  expect(result.findings, story).toEqual([]);
  expect(result).toMatchObject({ verdict: "pass", rpo: { lost: 0 }, orders: { duplicates: 0, unexplained: 0 } });
  expect(status).toBe(0);
  expect(result.rpo.acknowledged).toBeGreaterThanOrEqual(1_500);
  expect(result.epochs.length, story).toBeGreaterThanOrEqual(2);
});
