/**
 * What a filling disk means, rung by rung. Equal journals fill equal disks, so a takeover is no way out: at 85 % somebody
 * is paged; at 92 % no new risk is taken while cancels, outcomes and the epoch record go on; when free space runs out a
 * preallocated reserve is released for exactly those. A rung is left only well below where it was entered, so that nothing
 * flaps. What pruning freed inside the file counts as free. Invariant I20; operators: `runbooks/disk-full.md`.
 */

/** `filling`: page. `no-new-risk`: cancels and outcomes only. `reserve`: the same, on the last space there is. */
export type DiskLevel = "ok" | "filling" | "no-new-risk" | "reserve";

/** Shares of the disk. `back`: so far below a rung it is left again. */
export const diskLadder = { filling: 0.85, noNewRisk: 0.92, back: 0.02 } as const;

/** What the disk under a journal looks like. */
export interface DiskFacts {
  readonly totalBytes: number;
  /** Free for this process. */
  readonly freeBytes: number;
  /** Unused pages inside the journal file. */
  readonly reusableBytes: number;
  /** The reserve was released and is not made again yet. */
  readonly isReserveReleased: boolean;
}

/** Share of the disk that the journal cannot use, 0 to 1. */
export function diskUsedShare(facts: Pick<DiskFacts, "totalBytes" | "freeBytes" | "reusableBytes">): number {
  if (facts.totalBytes <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (facts.freeBytes + facts.reusableBytes) / facts.totalBytes));
}

/** The rung a disk stands on, given the one it stood on. */
export function diskLevel(before: DiskLevel, facts: DiskFacts): DiskLevel {
  if (facts.isReserveReleased) return "reserve";
  const used = diskUsedShare(facts);
  const hadNoRisk = before === "no-new-risk" || before === "reserve";
  if (used >= diskLadder.noNewRisk - (hadNoRisk ? diskLadder.back : 0)) return "no-new-risk";
  return used >= diskLadder.filling - (before === "ok" ? 0 : diskLadder.back) ? "filling" : "ok";
}

/** May an order that opens risk be recorded? */
export function mayTakeRiskOnDisk(level: DiskLevel): boolean {
  return level === "ok" || level === "filling";
}

/** How large the reserve is: what was asked for, and never more than a sixteenth of the disk. */
export function reserveSize(askedBytes: number, totalBytes: number): number {
  return Math.min(askedBytes, Math.floor(totalBytes / 16));
}

/** Is there room enough to make the reserve, or to make a released one again? */
export function mayHoldReserve(freeBytes: number, reserveBytes: number): boolean {
  return freeBytes >= reserveBytes * 4;
}

/** The sentence of a rung; undefined when all is well. */
export function diskSentence(level: DiskLevel, usedShare: number): string | undefined {
  const used = `${Math.floor(usedShare * 1_000) / 10} %`;
  switch (level) {
    case "ok":
      return undefined;
    case "filling":
      return `the disk under the journal is ${used} full: at ${diskLadder.noNewRisk * 100} % no new order is taken`;
    case "no-new-risk":
      return `the disk under the journal is ${used} full: no new risk, cancels and outcomes are still recorded`;
    case "reserve":
      return "the disk under the journal is full: the reserve is in use, for cancels and outcomes only";
  }
}
