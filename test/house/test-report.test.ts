/** The count at the end of `scripts/test` cannot flatter: what could not be counted is a failure. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { countTests, type Count } from "../../scripts/test-report.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-report-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function count(report: unknown, exitStatus: number): Count {
  const path = join(folder, "report.json");
  writeFileSync(path, typeof report === "string" ? report : JSON.stringify(report));
  return countTests(path, exitStatus);
}

function file(status: string, ...tests: readonly string[]): unknown {
  return { name: "x.test.ts", status, message: "why", assertionResults: tests.map((test) => ({ status: test })) };
}

describe("a report of tests", () => {
  it("counts passed and failed tests of all files", () => {
    const report = { testResults: [file("passed", "passed", "passed"), file("failed", "failed", "passed")] };
    expect(count(report, 1)).toEqual({ passed: 3, failed: 1, skipped: 0, problems: [] });
  });

  it("names skipped tests apart", () => {
    const report = { testResults: [file("passed", "passed", "skipped", "pending", "todo")] };
    expect(count(report, 0)).toEqual({ passed: 1, failed: 0, skipped: 3, problems: [] });
  });

  it("counts a file that could not be loaded as a failure", () => {
    const report = { testResults: [file("passed", "passed"), file("failed")] };
    expect(count(report, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("counts a file whose set-up failed as a failure though its tests were only skipped", () => {
    expect(count({ testResults: [file("failed", "skipped", "skipped")] }, 1)).toMatchObject({ passed: 0, failed: 1 });
  });

  it("counts an error outside of any test as a failure", () => {
    expect(count({ testResults: [file("passed", "passed")] }, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("counts a run that found nothing as a failure", () => {
    expect(count({ testResults: [] }, 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it("counts a torn, foreign or missing report as a failure", () => {
    expect(count('{"testResults": [', 0)).toMatchObject({ failed: 1 });
    expect(count({}, 0)).toMatchObject({ failed: 1 });
    expect(countTests(join(folder, "none.json"), 139)).toMatchObject({ passed: 0, failed: 1 });
  });
});
