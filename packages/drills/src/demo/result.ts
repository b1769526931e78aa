/** The demo's result object, as scripts read it: stable names, one line of JSON, exit status 0 only for a pass. */
import type { Verdict } from "../checker/check.ts";

export interface DemoResult {
  readonly verdict: "pass" | "fail";
  readonly fault: string;
  readonly rtoMs: number | null;
  readonly blockedMs: number | null;
  readonly rpo: Verdict["rpo"];
  readonly orders: Verdict["orders"];
  readonly parent: Verdict["parent"];
  readonly epochs: Verdict["epochs"];
  readonly phases: Verdict["phases"];
  /** How long doubts lasted, and how long the venue heard nothing around each takeover. */
  readonly doubts: Verdict["doubts"];
  readonly gaps: Verdict["gaps"];
  readonly seed: number;
  readonly uniqueness: string;
  /** What broke, rule by rule, the first of them; empty for a pass. */
  readonly findings: readonly { readonly rule: string; readonly sentence: string }[];
}

/** More would only say the same again. */
const findingsShown = 40;

/** The result of one run. */
export function resultOf(verdict: Verdict, run: { fault: string; seed: number; uniqueness: string }): DemoResult {
  return {
    verdict: verdict.verdict,
    fault: run.fault,
    rtoMs: verdict.rtoMs,
    blockedMs: verdict.blockedMs,
    rpo: verdict.rpo,
    orders: verdict.orders,
    parent: verdict.parent,
    epochs: verdict.epochs,
    phases: verdict.phases,
    doubts: verdict.doubts,
    gaps: verdict.gaps,
    seed: run.seed,
    uniqueness: run.uniqueness,
    findings: verdict.findings.slice(0, findingsShown).map(({ rule, sentence }) => ({ rule, sentence })),
  };
}
