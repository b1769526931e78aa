/**
 * Runs the checks and the tests, and counts them into one line: `N passed, N failed`.
 *
 * Each step of `npm run check` counts as one, and so does each test. What cannot be counted is a failure, never a zero:
 * a runner that crashed or wrote no report, a file that could not be loaded, an error outside of any test, a run that
 * found no tests at all. Skipped tests are named apart and are neither passed nor failed. Missing file snapshots fail
 * here instead of being written, as on a build machine.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, type Count } from "./test-report.ts";

const root = join(import.meta.dirname, "..");

/** The commands behind `npm run check`, by name: package.json is the one place that lists them. */
function checkSteps(): readonly { readonly name: string; readonly command: string }[] {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  return (scripts["check"] ?? "").split("&&").map((part) => {
    const name = part.trim().replace(/^npm run /, "");
    const command = scripts[name];
    if (command === undefined) throw new Error(`package.json: "check" names ${name}, which is no script.`);
    return { name, command };
  });
}

/**
 * Runs a shell command with the checkout's programs first on PATH; resolves to its exit status (128 when killed). `told`
 * gets what it writes; without, that goes where ours goes.
 */
async function run(
  command: string,
  o: { readonly environment?: Readonly<Record<string, string>>; readonly told?: (text: string) => void } = {},
): Promise<number> {
  const { environment, told } = o;
  const path = `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`;
  const out = told === undefined ? "inherit" : "pipe";
  const child = spawn("sh", ["-c", command], {
    cwd: root,
    stdio: ["ignore", out, out],
    env: { ...process.env, PATH: path, ...environment },
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => told?.(text));
  const forward = (): void => void child.kill("SIGTERM");
  process.on("SIGTERM", forward);
  const status = await new Promise<number>((resolve) => {
    child.on("error", () => resolve(127));
    child.on("close", (code) => resolve(code ?? 128));
  });
  process.off("SIGTERM", forward);
  return status;
}

async function runTests(long: boolean): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), "baton-test-"));
  const report = join(folder, "report.json");
  try {
    const status = await run(
      `exec vitest run --config test/vitest.config.ts --reporter=default --reporter=json --outputFile.json='${report}'`,
      { environment: { CI: "1", ...(long ? { BATON_LONG: "1" } : {}) } },
    );
    return countTests(report, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const unknown = process.argv.slice(2).filter((argument) => argument !== "--long");
  if (unknown.length > 0) {
    console.error(`unknown option ${unknown.join(" ")} (known: --long)`);
    process.exitCode = 2;
    return;
  }
  let passed = 0;
  let failed = 0;
  // The children share the terminal's process group and hear Ctrl-C themselves. We wait until the one that runs has
  // cleaned up; then there is no verdict to print.
  let interrupted = false;
  process.on("SIGINT", () => (interrupted = true));
  // Two at a time: most of them use one core only.
  const steps = checkSteps().values();
  const lane = async (): Promise<void> => {
    for (const { name, command } of steps) {
      let told = "";
      const status = await run(command, { told: (text) => (told += text) });
      if (interrupted) return;
      if (status === 0) passed += 1;
      else failed += 1;
      console.log(`check: ${name}${status === 0 ? "" : " failed"}\n${told.trimEnd()}`.trimEnd());
    }
  };
  await Promise.all([lane(), lane()]);
  if (interrupted) return void (process.exitCode = 130);
  const tests = await runTests(process.argv.includes("--long"));
  if (interrupted) return void (process.exitCode = 130);
  for (const problem of tests.problems) console.log(`tests: ${problem}`);
  if (tests.skipped > 0) console.log(`tests: ${tests.skipped} skipped`);
  passed += tests.passed;
  failed += tests.failed;
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
