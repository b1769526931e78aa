/**
 * Reads vitest's JSON report into a count that cannot flatter.
 *
 * A report may be missing, torn, or at odds with the runner's exit status; each of these is at least one failure here,
 * with a sentence that says what was wrong.
 */
import { readFileSync } from "node:fs";

/** What a run of the tests came to. `failed` includes what could not be run; `problems` says what that was. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly problems: readonly string[];
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Counts the tests of the report at `file`, written by a runner that ended with `exitStatus`. Never throws. */
export function countTests(file: string, exitStatus: number): Count {
  let report: Report;
  try {
    const content = JSON.parse(readFileSync(file, "utf8")) as Partial<Report>;
    if (content.testResults === undefined) throw new Error("it has no testResults");
    report = { testResults: content.testResults };
  } catch (error) {
    const problem = `the runner ended with status ${exitStatus} and left no report (${String(error)})`;
    return { passed: 0, failed: 1, skipped: 0, problems: [problem] };
  }
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const problems: string[] = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    const failedHere = assertionResults.filter((test) => test.status === "failed").length;
    const passedHere = assertionResults.filter((test) => test.status === "passed").length;
    passed += passedHere;
    failed += failedHere;
    skipped += assertionResults.length - passedHere - failedHere;
    if (status === "failed" && failedHere === 0) {
      failed += 1;
      problems.push(`${name} failed outside of its tests: ${message ?? ""}`);
    }
  }
  if (passed + failed === 0) {
    failed = 1;
    problems.push("no test was found");
  }
  if (exitStatus !== 0 && failed === 0) {
    failed = 1;
    problems.push(
      `the runner ended with status ${exitStatus} though every test passed (an error outside of the tests)`,
    );
  }
  return { passed, failed, skipped, problems };
}
