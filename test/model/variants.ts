/**
 * Which models are checked: the protocol as it is, in worlds of several sizes, and the protocol with one guard missing, each
 * in the smallest world found in which that is noticed. `README.md` has the same list with what was measured.
 */

/** Switches of the model by name (sizes.pml, guards.pml); what is not named has its default there. */
export type Switches = Readonly<Record<string, number>>;

/** One model. `breaks`: the promise that the counterexample must break; undefined where no step may break any. */
export interface Variant {
  readonly name: string;
  readonly switches: Switches;
  readonly breaks?: string;
  /** What is left out, or what the world is. */
  readonly what: string;
}

const three: Switches = { NODES: 3 };
const grown: Switches = { NODES: 3, FIRST_SET: 3 };
const two: Switches = { NODES: 2, RECORDS: 2, VERSIONS: 3, SENDS: 1, EXPIRY: 1 };
const paused: Switches = { NODES: 3, RECORDS: 0, EPOCHS: 2, VERSIONS: 2, CRASHES: 0, PAUSES: 1 };
const failsafe: Switches = { ...grown, RECORDS: 0, EPOCHS: 2, SWITCHOVER: 0, EXPIRY: 1, FAILSAFE: 1 };
const unclean: Switches = { NODES: 2, VERSIONS: 5, LOST: 0, SENDS: 1, SWITCHOVER: 0, EXPIRY: 1, UNCLEAN: 1 };
const restored: Switches = { NODES: 2, EPOCHS: 4, VERSIONS: 5, CRASHES: 0, LOST: 0, RESTORES: 1 };
const disks: Switches = { NODES: 3, EPOCHS: 2, VERSIONS: 3, LOST: 0, SWITCHOVER: 0 };

/** The protocol: nothing may break, and together these worlds take every step there is. */
export const whole: readonly Variant[] = [
  { name: "three", switches: three, what: "three nodes, all in sync" },
  { name: "grown", switches: grown, what: "three nodes, the third has to be taken into the set" },
  { name: "two", switches: two, what: "two nodes, two records, with sends and leases that end" },
  { name: "pauses", switches: paused, what: "a pause, and handoffs that no operator asked for" },
  { name: "failsafe", switches: failsafe, what: "peers promise while etcd is away" },
  { name: "unclean", switches: unclean, what: "an operator takes a node that is not in sync" },
  { name: "restore", switches: restored, what: "etcd comes back from a backup and is re-anchored" },
  { name: "new-disk", switches: { ...disks, NEW_DISKS: 1 }, what: "a disk is replaced by an empty one" },
  { name: "rollback", switches: { ...disks, ROLLBACKS: 1 }, what: "a disk is set back to an image of an earlier boot" },
];

const I1 = "I1_one_leader_per_epoch";
const I3 = "I3_handed_on_is_over";
const I4 = "I4_durable_before_sent";
const I5 = "I5_nothing_under_a_vow";
const I6 = "I6_committed_is_inherited";
const I7 = "I7_waits_for_the_set";
const I8 = "I8_takeover_or_change";
const I9 = "I9_sent_by_one_epoch";
const I16 = "I16_quiet_in_pause";
const I19 = "I19_committed_is_never_cut";
const S = "S_successor_holds_everything";
const F = "F_promise_keeps_the_epoch";
const U = "U_reconciled_before_orders";

function without(guards: string, world: Switches, breaks: string, what: string): Variant {
  const [first = ""] = guards.split(" ");
  const name = first.toLowerCase().replaceAll("_", "-");
  const off = Object.fromEntries(guards.split(" ").map((guard) => [guard, guard.startsWith("WAIVE") ? 1 : 0]));
  return { name: `without-${name}`, switches: { ...world, ...off }, breaks, what };
}

/** The protocol with a guard missing: each breaks the promise that is named. */
export const broken: readonly Variant[] = [
  without("ALL_ACKNOWLEDGE", three, I4, "a commit waits for a majority of the nodes"),
  without("OWN_FSYNC_COUNTS", three, I4, "the leader's own disk is not waited for"),
  without("OWN_EPOCH_ONLY", two, I9, "inherited records are sent"),
  without("CUT_BY_HASH", { ...two, SWITCHOVER: 0 }, I4, "equal length is taken for equal content"),
  without("REFUSE_LOWER_EPOCHS", three, I4, "a leader of a lower epoch is followed"),
  without("ACK_AFTER_FSYNC", three, I6, "an acknowledgement leaves before the fsync"),
  without("VOW", three, I5, "a standby asks without a vow"),
  without("VOW_OUTLASTS_TIMEOUT", three, I5, "a timeout ends the vow"),
  without("VOW_IS_DURABLE", three, I5, "a restart forgets the vow"),
  without("EPOCH_IS_DURABLE", three, I6, "a restart forgets the highest epoch promised"),
  without("ACKS_NAME_LEADERSHIP", two, I4, "an acknowledgement outlives its leadership"),
  without("SHRINK_THEN_LEAVE", three, I4, "a member is not waited for once its shrink is asked"),
  without("JOIN_THEN_GROW", grown, I7, "a member is waited for once its grow has committed"),
  {
    ...without("JOIN_THEN_GROW WAIVE_I7", grown, I6, "the same, and what it loses"),
    name: "without-join-then-grow-lost",
  },
  without("GROW_HOLDS_COMMIT", grown, I6, "a member is grown below the commit point"),
  without("GROW_HOLDS_INHERITED", grown, I6, "a member is grown at the commit point, below what was inherited"),
  without("CHANGE_GUARDS_VERSION", three, I4, "shrink and grow are not guarded on the version"),
  without("CHANGE_GUARDS_LEADER", three, I8, "shrink and grow are not guarded on leader and epoch"),
  without("UNKNOWN_STAYS", three, I4, "a read that shows nothing new resolves an unknown outcome"),
  without("MEMBERS_ONLY", three, I6, "a node outside the set takes over"),
  without("TAKEOVER_GUARDS_VERSION", three, I8, "a takeover is not guarded on the version"),
  {
    ...without("TAKEOVER_GUARDS_VERSION WAIVE_I8", three, I6, "the same, and what it loses"),
    name: "without-takeover-guards-version-lost",
  },
  without("WINNER_IS_THIS_BOOT", three, I1, "a new boot takes an older boot's key for its own"),
  without("SUCCESSOR_HOLDS_ALL", { NODES: 2 }, S, "the key is handed to a member that lacks records"),
  {
    ...without("SUCCESSOR_IS_MEMBER SUCCESSOR_HOLDS_ALL WAIVE_S", grown, I6, "the key is handed to anybody"),
    name: "without-successor-guards",
  },
  without("RESUME_AFTER_BUMP", { NODES: 2, SENDS: 1 }, I3, "a read ends the hold"),
  without("HANDOFF_GUARDS_VERSION", { NODES: 2, SENDS: 1 }, I3, "the bump does not kill a late handoff"),
  without("TAKEOVER_GUARDS_CONTROL", paused, I16, "a takeover is not guarded on pause and autofailover"),
  without("YIELD_GUARDS_CONTROL", paused, I16, "a yield is not guarded on pause and autofailover"),
  without("ALL_PROMISE", failsafe, F, "one promise extends the deadline"),
  without("WAIT_SET_PROMISES", failsafe, F, "only the set last known is asked for promises"),
  without("PROMISE_IS_DURABLE", failsafe, F, "a restart forgets the promise"),
  without("PROMISE_STOPS_PREEMPTION", failsafe, F, "the promise covers acquiring, not pre-empting"),
  without("NO_PROMISE_UNDER_VOW", failsafe, F, "a candidate promises while its request is out"),
  without("GROW_HAS_PROMISED", failsafe, F, "a node that has promised nothing is grown under an extended deadline"),
  without("UNCLEAN_WAITS", unclean, I6, "an unclean failover does not wait for the end of every permit"),
  without("RECONCILE_FIRST", unclean, U, "orders leave before the reconciliation"),
  without("RECONCILE_IS_DURABLE", unclean, U, "that reconciliation is due is known in memory only"),
  without("PIN_ETCD CONNECTIONS_PIN_ETCD", restored, I1, "no journal knows which etcd it belongs to"),
  without("CONNECTIONS_PIN_ETCD", restored, I1, "only candidates look at etcd's id"),
  without("RESTORE_RENAMES", restored, I1, "the restored etcd keeps its id, and a node has slept"),
  without("ANCHOR_STOPS_LEADERS", restored, I6, "somebody still leads while etcd is re-anchored"),
  without("ANCHOR_FORGETS_REQUESTS", restored, I6, "an answer of the lost etcd counts after re-anchoring"),
  without("ANCHOR_RAISES_EPOCH", restored, I1, "re-anchoring goes on at the epoch of the backup"),
  without("ANCHOR_COMPARES_ALL", { ...restored, NODES: 3 }, I1, "re-anchoring leaves a journal out"),
  without("ANCHOR_BY_EPOCH", { ...restored, RECORDS: 3 }, I6, "the longest journal is taken, not the newest"),
  without("JOURNAL_ID WAIVE_I4", { ...disks, NEW_DISKS: 1 }, I6, "a member is a node, whatever its disk"),
  without(
    "BOOTS_ARE_COUNTED WAIVE_I4 WAIVE_I5",
    { ...disks, ROLLBACKS: 1 },
    I6,
    "a disk that was set back keeps its journal id",
  ),
];

/** What the protocol does not notice: known, and said in the README. */
export const limits: readonly Variant[] = [
  {
    name: "image-of-this-boot",
    switches: { ...disks, ROLLBACKS: 1, SAME_BOOT_IMAGES: 1, WAIVE_I4: 1, WAIVE_I5: 1 },
    breaks: I19,
    what: "a disk is set back to an image taken since its node last started: the boot counter shows nothing",
  },
];
