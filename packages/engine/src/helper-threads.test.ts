import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const module = new URL("./helper-threads.ts", import.meta.url).href;

/** In a process of its own: the niceness of its threads by their names, after `script` has run there. */
async function nicenessAfter(script: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const program = `
    import { readFileSync, readdirSync } from "node:fs";
    import { lowerHelperThreads } from "${module}";
    ${script}
    const seen = {};
    for (const task of readdirSync("/proc/self/task")) {
      const [, name, rest] = /^\\d+ \\((.*)\\) (.*)$/s.exec(readFileSync("/proc/self/task/" + task + "/stat", "utf8"));
      (seen[name] ??= []).push(Number(rest.split(" ")[16]));
    }
    console.log(JSON.stringify(seen));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  return JSON.parse(stdout) as Record<string, number[]>;
}

describe.runIf(process.platform === "linux")("V8's helper threads", () => {
  test("are as dear as the thread that trades, unless they are lowered", async () => {
    const before = await nicenessAfter("");
    expect(before["V8Worker"]?.length).toBeGreaterThan(0);
    expect(new Set(before["V8Worker"])).toEqual(new Set(before["MainThread"]));
  });

  test("are lowered, all of them and no other", async () => {
    const before = await nicenessAfter("");
    const after = await nicenessAfter(
      "const said = lowerHelperThreads(); if (said !== undefined) throw new Error(said);",
    );
    expect(after).toEqual({ ...before, V8Worker: before["V8Worker"]?.map(() => 19) });
  });

  test("that may not be lowered are told of, and nothing ends", async () => {
    const program = `import { lowerHelperThreads } from "${module}"; console.log(lowerHelperThreads());`;
    // Node itself refuses the look at the threads here; a filter of system calls would refuse the call.
    const flags = ["--permission", `--allow-fs-read=${import.meta.dirname}`, "--input-type=module"];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, "--eval", program]);
    expect(stdout).toContain("keep their priority");
  });
});
