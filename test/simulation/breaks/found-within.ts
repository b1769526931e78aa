/**
 * Within how many seeds each broken rule is found, and by which invariant as a rule. Twice what was seen, and never below
 * ten, since a change anywhere gives every seed another course. The table in README.md is made of this.
 */
import type { InvariantName } from "../checks/invariants.ts";
import type { BreakName } from "./bent.ts";

export const foundWithin: Readonly<
  Record<BreakName, { readonly seeds: number; readonly by: readonly InvariantName[] }>
> = {
  "vow-dropped": { seeds: 10, by: ["I5"] },
  "vow-times-out": { seeds: 10, by: ["I5"] },
  "shrink-before-etcd": { seeds: 10, by: ["I7"] },
  "grow-unwaited": { seeds: 10, by: ["I7"] },
  "grow-early": { seeds: 40, by: ["I6", "I4"] },
  "read-resolves": { seeds: 30, by: ["I4"] },
  "guard-dropped": { seeds: 10, by: ["I8"] },
  "elect-outside-set": { seeds: 10, by: ["I6"] },
  "old-disk-ignored": { seeds: 40, by: ["I6"] },
  "commit-on-majority": { seeds: 10, by: ["I4"] },
  "volatile-promises": { seeds: 10, by: ["I5"] },
  "epoch-unpersisted": { seeds: 10, by: ["I5"] },
  "ack-before-fsync": { seeds: 10, by: ["I5"] },
  "synchronous-normal": { seeds: 10, by: ["I5"] },
  "fsync-error-ignored": { seeds: 10, by: ["I4", "I5"] },
  "stale-acks": { seeds: 20, by: ["I4"] },
  "cut-by-length": { seeds: 10, by: ["I6", "healing"] },
  "deadline-ignored": { seeds: 20, by: ["I2"] },
  "deadline-from-answer": { seeds: 10, by: ["I2"] },
  "keepalive-alone": { seeds: 10, by: ["I2"] },
  "permit-not-rechecked": { seeds: 60, by: ["I3", "I2"] },
  "fenced-acts": { seeds: 10, by: ["I2", "core"] },
  "held-sends": { seeds: 100, by: ["I3"] },
  "resume-without-bump": { seeds: 60, by: ["I6", "I3"] },
  "inherited-sent": { seeds: 10, by: ["I6"] },
  "blind-resend": { seeds: 10, by: ["I9"] },
  "not-found-is-proof": { seeds: 10, by: ["I10", "I9"] },
  "fill-counted-twice": { seeds: 10, by: ["I11", "I12", "healing"] },
  "risk-on-committed": { seeds: 20, by: ["I12"] },
  "doubt-uncounted": { seeds: 20, by: ["I12"] },
  "slice-forgotten": { seeds: 10, by: ["I13"] },
  "key-forgotten": { seeds: 20, by: ["I9"] },
  "pause-ignored": { seeds: 20, by: ["I16"] },
  "yield-unguarded": { seeds: 10, by: ["I16"] },
  "stale-price": { seeds: 20, by: ["I18"] },
  "promise-forgotten": { seeds: 20, by: ["I2"] },
  "promise-ignored": { seeds: 20, by: ["I2"] },
  "pin-ignored": { seeds: 20, by: ["I1", "I6"] },
  "reconcile-forgotten": { seeds: 20, by: ["reconciling"] },
  "reconcile-skipped": { seeds: 20, by: ["reconciling"] },
  "old-lease-kept": { seeds: 40, by: ["healing"] },
  "hash-unchecked": { seeds: 10, by: ["I20", "core"] },
  "openings-uncounted": { seeds: 50, by: ["I6", "I4"] },
  "clock-trusted": { seeds: 30, by: ["I10", "I9"] },
  "death-guessed": { seeds: 10, by: ["I10"] },
};
