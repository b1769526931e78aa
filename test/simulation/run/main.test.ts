/** `scripts/simulate` as it is started: what it prints, and with which status it ends. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { foundWithin } from "../breaks/found-within.ts";

const program = fileURLToPath(new URL("./main.ts", import.meta.url));

function simulate(...options: string[]): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, [program, ...options], { encoding: "utf8", timeout: 300_000 });
  return { status, stdout };
}

test("a run that holds prints what took part, and ends with 0", { timeout: 310_000 }, () => {
  const { status, stdout } = simulate("--seeds", "4", "--json");
  const result = JSON.parse(stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ version: 1, seeds: 4, failures: [] });
  for (const key of ["simulatedHours", "epochs", "takeovers", "intents", "faults", "transitions", "invariants"]) {
    expect(result).toHaveProperty(key);
  }
  expect(result["transitions"]).toHaveProperty("missing");
  expect(status).toBe(0);
});

test(
  "a rule that is broken is printed with the command that replays it, which shows it again",
  { timeout: 610_000 },
  () => {
    const { status, stdout } = simulate(
      ...["--seeds", "1", "--from", `${foundWithin["blind-resend"].last}`, "--break", "blind-resend"],
    );
    expect(status).toBe(1);
    const replay = /replay: scripts\/simulate (.*)/.exec(stdout)?.[1]?.split(" ") ?? [];
    expect(simulate(...replay).stdout).toContain("I9 is broken");
  },
);

test("what it does not know it refuses", () => {
  expect(simulate("--break", "nonsense").status).toBe(2);
  expect(simulate("--nonsense").status).toBe(2);
});
