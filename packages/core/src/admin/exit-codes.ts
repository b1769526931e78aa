/**
 * The exit statuses of `baton`: one table for the program, its documentation and its tests. Scripts depend on them, so a
 * number never changes its meaning. Which status an HTTP answer becomes is decided here too.
 */

export type ExitName =
  "done" | "failed" | "usage" | "refused" | "not-healthy" | "timed-out" | "conflict" | "configuration";

export interface ExitStatus {
  readonly name: ExitName;
  readonly status: number;
  readonly means: string;
}

/** Every status `baton` ends with, in order. */
export const exitTable: readonly ExitStatus[] = [
  { name: "done", status: 0, means: "done" },
  { name: "failed", status: 1, means: "failed" },
  { name: "usage", status: 2, means: "usage" },
  { name: "refused", status: 3, means: "refused by a safety check (the reason is printed)" },
  { name: "not-healthy", status: 4, means: "not healthy" },
  { name: "timed-out", status: 5, means: "timed out; the outcome is readable under the printed operation id" },
  { name: "conflict", status: 6, means: "conflict with the present state" },
  { name: "configuration", status: 78, means: "configuration error" },
];

/** The number of a status. */
export function exitStatus(name: ExitName): number {
  const row = exitTable.find((each) => each.name === name);
  return row?.status ?? 1;
}

/** How a refusal over HTTP ends the program: by the problem's code where that says more than the HTTP status. */
export function exitOfProblem(problem: { readonly status: number; readonly code: string }): ExitName {
  switch (problem.code) {
    case "invalid":
      return "usage";
    case "key-reused":
    case "conflict":
      return "conflict";
    case "unknown":
      return "timed-out";
    default:
      break;
  }
  if (problem.status === 400) return "usage";
  if (problem.status === 409) return "conflict";
  if (problem.status === 422) return "refused";
  if (problem.status === 503) return "not-healthy";
  return "failed";
}
