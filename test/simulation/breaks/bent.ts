/**
 * Rules that can be broken on purpose, one at a time, to prove that the checks bite. Each is a switch that the simulated
 * shell asks at the one place where the rule is kept; with none set the world is the true system.
 */

export const breaks = {
  "vow-dropped": "a vow keeps nobody from acknowledging",
  "vow-times-out": "a vow ends after a second",
  "shrink-before-etcd": "a member leaves the wait set when its removal is asked for, not when it is committed",
  "grow-unwaited": "a member is not waited for while its grow is on its way",
  "grow-early": "a member is taken in before it holds the inherited log and the commit point",
  "read-resolves": "a read that shows nothing new settles a membership change",
  "guard-dropped": "changes of the set are not guarded on its revision",
  "elect-outside-set": "a node outside the in-sync set takes over",
  "old-disk-ignored": "a replaced disk counts as the member that it replaces",
  "commit-on-majority": "a majority of the set is enough for a commit",
  "volatile-promises": "promises are not written to the disk",
  "epoch-unpersisted": "a winner leads before its epoch is durable",
  "ack-before-fsync": "a frame is acknowledged when it is received",
  "synchronous-normal": "the disk says that it has what it only holds in memory",
  "fsync-error-ignored": "a failed fsync counts as done",
  "read-unasked": "a leader answers a read without a word of its standbys",
  "stale-acks": "acknowledgements of another leadership count",
  "cut-by-length": "tails are compared by length only",
  "deadline-ignored": "a permit has no end",
  "deadline-from-answer": "the deadline counts from the keepalive's answer",
  "keepalive-alone": "the deadline moves without a read that shows the leadership",
  "permit-not-rechecked": "the permit is asked when the order is decided, not at the socket",
  "fenced-acts": "a fenced boot goes on",
  "held-sends": "a leader whose journal is sealed for a handoff goes on sending",
  "sent-taken-back": "a switchover takes back orders that have left already",
  "resume-without-bump": "a handoff whose answer is unknown is given up after a read",
  "inherited-sent": "a successor sends what it inherits",
  "blind-resend": "an order in doubt is sent again",
  "not-found-is-proof": "the first 'not found' ends a doubt",
  "fill-counted-twice": "a trade that is read again counts again",
  "risk-on-committed": "risk is asked on the committed state",
  "room-for-all": "what opens a position uses the room in the order rate that is kept for what reduces one",
  "doubt-uncounted": "orders in doubt take no room in the limits",
  "slice-forgotten": "a successor starts a parent anew",
  "key-forgotten": "idempotency keys are remembered in memory only",
  "pause-ignored": "a standby takes over in pause",
  "yield-unguarded": "a yield's handoff is not guarded on pause and autofailover",
  "stale-price": "an order is priced on whatever was last seen",
  "promise-forgotten": "a failsafe promise is not written to the disk",
  "promise-ignored": "a peer that has promised takes over all the same",
  "pin-ignored": "an etcd that was put back is believed",
  "reconcile-forgotten": "a successor does not see that reconciliation is due",
  "reconcile-skipped": "a leader says that the account is reconciled before it has read it",
  "old-lease-kept": "a lease of an etcd that was put back is led on, and its answer is taken for another leader's",
  "hash-unchecked": "a frame is taken though its bytes do not match its hash",
  "openings-uncounted": "a disk that was rolled back is used",
  "verdict-forgotten": "what became of a switchover that was refused or given up is not written down",
  "own-member-only": "a node asks the etcd member of its own machine and no other",
  "apply-reads-clock": "a row is made of the clock of the machine that applies the event",
  "clock-trusted": "a leader goes by its own clock though the venue's shows that it has stood still",
  "orphan-unrecorded": "an open order of ours that the journal does not know is taken back before that is on record",
  "cancel-sent-is-end": "an order counts as ended when it is asked back, before the venue has said so",
  "cancel-unknown-is-end": "an order that a cancel does not find counts as ended, and nobody asks what it has executed",
  "unclean-hasty": "an unclean failover does not wait until nobody can act any more",
  "loss-unsaid": "what may be lost is declared without what others were seen to hold",
  "ids-reused": "after an unclean failover numbers are given out that a lost record had",
  "ids-skipped-alike":
    "after an unclean failover as many numbers are left out as after another that this node has missed",
  "loss-unheld": "after an unclean failover parents go on from what the journal shows of them",
  "id-shared": "a second process starts under an id that another has",
  "lease-adopted": "a boot goes on with the lease that its predecessor's record hangs on",
  "validity-whole": "an order is signed for the venue's whole window, however little is left of the right to send",
  "rot-unchecked": "a journal is opened without a look at its chain",
  "rot-sent-on": "a leader sends records on without a look at their hashes",
  "death-guessed": "a supervisor that does not hear its engine says that it is dead",
} as const;

export type BreakName = keyof typeof breaks;

/** Faults under which a broken rule shows; a world with that rule broken has more of them. */
const favours: Readonly<Partial<Record<BreakName, readonly string[]>>> = {
  "vow-dropped": ["ambush-takeover"],
  "vow-times-out": ["ambush-takeover"],
  "read-resolves": ["ambush-grow", "process-kill"],
  "grow-unwaited": ["process-kill", "pair-cut"],
  "grow-early": ["disk-slow", "process-kill", "delay", "power-loss"],
  "old-disk-ignored": ["disk-replaced", "process-kill"],
  "permit-not-rechecked": ["slow-sockets", "switchover", "ambush-handoff"],
  "held-sends": ["ambush-handoff", "slow-sockets", "switchover", "burst"],
  "sent-taken-back": ["slow-sockets", "switchover", "burst"],
  "resume-without-bump": ["ambush-handoff"],
  "pause-ignored": ["pause", "autofailover-off", "process-kill"],
  "key-forgotten": ["process-kill", "switchover"],
  "yield-unguarded": ["ambush-yield"],
  "verdict-forgotten": ["switchover"],
  "own-member-only": ["etcd-members-only"],
  "clock-trusted": ["ambush-standstill"],
  "orphan-unrecorded": ["node-cut"],
  "cancel-unknown-is-end": ["venue-newsLost", "venue-newsScrambled", "venue-cut"],
  "unclean-hasty": ["set-lost"],
  "loss-unsaid": ["set-lost"],
  "ids-reused": ["set-lost"],
  "ids-skipped-alike": ["set-lost-twice"],
  "loss-unheld": ["set-lost"],
  "id-shared": ["second-of-one-id"],
  "rot-unchecked": ["disk-rots", "process-kill"],
  "rot-sent-on": ["disk-rots", "process-kill", "disk-replaced"],
  "death-guessed": ["process-freeze", "main-loop-stall"],
  "stale-price": ["feed-stands-still"],
  "not-found-is-proof": ["venue-acceptLate", "venue-queryLag", "venue-ackStall", "process-kill"],
  "blind-resend": ["venue-ackLost", "venue-ackStall"],
  "risk-on-committed": ["burst"],
  "room-for-all": ["burst"],
  "fsync-error-ignored": ["fsync-fails", "disk-full"],
  "promise-forgotten": ["failsafe-on", "etcd-quorum-loss", "process-kill"],
  "promise-ignored": ["failsafe-on", "etcd-quorum-loss", "etcd-unreachable"],
  "pin-ignored": ["etcd-restored"],
  "reconcile-forgotten": ["etcd-restored"],
  "reconcile-skipped": ["etcd-restored"],
  "old-lease-kept": ["etcd-restored"],
  "hash-unchecked": ["bytes-rot"],
  "openings-uncounted": ["disk-rolled-back"],
  "cut-by-length": ["process-kill", "node-cut"],
};

/** The rule that is broken in a world, if any. */
export class Bent {
  readonly name: BreakName | undefined;

  constructor(name?: BreakName) {
    this.name = name;
  }

  get favours(): readonly string[] {
    return this.name === undefined ? [] : (favours[this.name] ?? []);
  }

  is(name: BreakName): boolean {
    return this.name === name;
  }
}
