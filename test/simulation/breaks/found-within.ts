/**
 * Within how many seeds each broken rule is found, and by which invariant as a rule. Twice what was seen, and never below
 * ten, since a change anywhere gives every seed another course. The table in README.md is made of this. `last` is the seed that
 * found it last: the test asks it first, and all the others only where it finds nothing any more.
 */
import type { InvariantName } from "../checks/invariants.ts";
import type { BreakName } from "./bent.ts";

export const foundWithin: Readonly<
  Record<BreakName, { readonly seeds: number; readonly by: readonly InvariantName[]; readonly last: number }>
> = {
  "vow-dropped": { seeds: 10, by: ["I5"], last: 1 },
  "vow-times-out": { seeds: 10, by: ["I5"], last: 1 },
  "shrink-before-etcd": { seeds: 10, by: ["I7"], last: 2 },
  "grow-unwaited": { seeds: 10, by: ["I7"], last: 1 },
  "grow-early": { seeds: 40, by: ["I6", "I4"], last: 4 },
  "read-resolves": { seeds: 30, by: ["I4"], last: 2 },
  "guard-dropped": { seeds: 10, by: ["I8"], last: 2 },
  "elect-outside-set": { seeds: 10, by: ["I6"], last: 2 },
  "old-disk-ignored": { seeds: 40, by: ["I6"], last: 7 },
  "commit-on-majority": { seeds: 10, by: ["I4"], last: 1 },
  "volatile-promises": { seeds: 10, by: ["I5"], last: 1 },
  "epoch-unpersisted": { seeds: 10, by: ["I5"], last: 1 },
  "ack-before-fsync": { seeds: 10, by: ["I5"], last: 1 },
  "synchronous-normal": { seeds: 10, by: ["I5"], last: 1 },
  "fsync-error-ignored": { seeds: 10, by: ["I4", "I5"], last: 1 },
  "stale-acks": { seeds: 20, by: ["I4"], last: 2 },
  "cut-by-length": { seeds: 10, by: ["I6", "healing"], last: 1 },
  "deadline-ignored": { seeds: 20, by: ["I2"], last: 4 },
  "deadline-from-answer": { seeds: 10, by: ["I2"], last: 1 },
  "keepalive-alone": { seeds: 10, by: ["I2"], last: 1 },
  "permit-not-rechecked": { seeds: 60, by: ["I3", "I2"], last: 5 },
  "fenced-acts": { seeds: 10, by: ["I2", "core"], last: 1 },
  "held-sends": { seeds: 100, by: ["I3"], last: 40 },
  "resume-without-bump": { seeds: 60, by: ["I6", "I3"], last: 8 },
  "inherited-sent": { seeds: 10, by: ["I6"], last: 2 },
  "blind-resend": { seeds: 10, by: ["I9"], last: 1 },
  "not-found-is-proof": { seeds: 10, by: ["I10", "I9"], last: 1 },
  "fill-counted-twice": { seeds: 10, by: ["I11", "I12", "healing"], last: 1 },
  "risk-on-committed": { seeds: 20, by: ["I12"], last: 1 },
  "doubt-uncounted": { seeds: 20, by: ["I12"], last: 6 },
  "slice-forgotten": { seeds: 10, by: ["I13"], last: 2 },
  "key-forgotten": { seeds: 20, by: ["I9"], last: 5 },
  "pause-ignored": { seeds: 20, by: ["I16"], last: 1 },
  "yield-unguarded": { seeds: 10, by: ["I16"], last: 1 },
  "stale-price": { seeds: 20, by: ["I18"], last: 2 },
  "promise-forgotten": { seeds: 20, by: ["I2"], last: 1 },
  "promise-ignored": { seeds: 20, by: ["I2"], last: 1 },
  "pin-ignored": { seeds: 20, by: ["I1", "I6"], last: 6 },
  "reconcile-forgotten": { seeds: 20, by: ["reconciling"], last: 2 },
  "reconcile-skipped": { seeds: 20, by: ["reconciling"], last: 2 },
  "old-lease-kept": { seeds: 40, by: ["healing"], last: 3 },
  "hash-unchecked": { seeds: 10, by: ["I20", "core"], last: 6 },
  "openings-uncounted": { seeds: 50, by: ["I6", "I4"], last: 26 },
  "verdict-forgotten": { seeds: 20, by: ["I14"], last: 4 },
  "own-member-only": { seeds: 20, by: ["I15"], last: 1 },
  "apply-reads-clock": { seeds: 10, by: ["I19"], last: 1 },
  "clock-trusted": { seeds: 30, by: ["I10", "I9"], last: 1 },
  "orphan-unrecorded": { seeds: 70, by: ["I4"], last: 35 },
  "unclean-hasty": { seeds: 10, by: ["losing"], last: 2 },
  "loss-unsaid": { seeds: 10, by: ["losing"], last: 2 },
  "ids-reused": { seeds: 10, by: ["I9"], last: 2 },
  "death-guessed": { seeds: 10, by: ["I10"], last: 1 },
};
