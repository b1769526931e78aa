/**
 * Frames that could not be understood: counted by reason, with the newest few kept for people to look at. What a venue
 * sends is bounded here in both ways, in number and in size.
 */
import type { WallMs } from "@baton/core";

export interface QuarantinedFrame {
  readonly reason: string;
  /** Its first characters; what cannot be printed is replaced. */
  readonly sample: string;
  readonly bytes: number;
  readonly line: string;
  readonly atWall: WallMs;
}

export interface Quarantine {
  add(frame: Omit<QuarantinedFrame, "sample" | "bytes">, data: Buffer): void;
  readonly count: number;
  /** How often each reason came; reasons beyond the first few count as "other". */
  reasons(): Readonly<Record<string, number>>;
  /** The newest, oldest first. */
  samples(): readonly QuarantinedFrame[];
}

const samplesMax = 16;
const sampleCharsMax = 200;
const reasonsMax = 32;

/** An empty quarantine. */
export function openQuarantine(): Quarantine {
  const reasons = new Map<string, number>();
  const samples: QuarantinedFrame[] = [];
  let count = 0;
  return {
    add(frame, data) {
      count += 1;
      const reason = reasons.has(frame.reason) || reasons.size < reasonsMax ? frame.reason : "other";
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      // A UTF-8 character has at most four bytes.
      const sample = data
        .subarray(0, sampleCharsMax * 4)
        .toString("utf8")
        .slice(0, sampleCharsMax);
      samples.push({ ...frame, sample, bytes: data.length });
      if (samples.length > samplesMax) samples.shift();
    },
    get count() {
      return count;
    },
    reasons: () => Object.fromEntries(reasons),
    samples: () => [...samples],
  };
}
