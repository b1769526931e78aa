/** Which transitions of the protocol took part in a run; the names are those of the model, the counts are for people. */
import type { Succession, SuccessionEffect, SuccessionInput } from "@baton/core";
import type { Watch } from "./watch.ts";

/** Every transition that a full run has to show. */
export const transitions: readonly string[] = [
  "append",
  "commit",
  "send",
  "send cancel",
  "follow",
  "ack",
  "vow",
  "vow told",
  "vow lifted",
  "shrink",
  "grow",
  "bump",
  "set-insync refused",
  "set-insync unknown",
  "pending settled anew",
  "takeover: expired",
  "takeover: pre-emption",
  "takeover: crash-release",
  "takeover: unclean",
  "takeover: unclean by one that missed another",
  "record lost as declared",
  "parent held by a loss",
  "parent resumed after a loss",
  "parent taken back after a loss",
  "rejoin: forked",
  "takeover refused",
  "takeover unknown",
  "takeover withheld",
  "won",
  "won by reading",
  "win overtaken",
  "handoff: switchover",
  "handoff: yield",
  "handoff: handed off",
  "handoff: resumed",
  "handoff refused",
  "handoff unknown",
  "handoff found in etcd",
  "handoff killed by a bump",
  "switchover refused",
  "held",
  "step down",
  "fenced: a later epoch",
  "fenced: the key is gone",
  "fenced: another holds the key",
  "fenced: the deadline passed",
  "fenced: a clock jump",
  "fenced: the lease is gone",
  "fenced: the journal failed",
  "superseded on the link",
  "crash",
  "power loss",
  "started",
  "cut",
  "snapshot installed",
  "rejoin: in-sync",
  "rejoin: catching-up",
  "rejoin: tail-divergent",
  "rejoin: needs-snapshot",
  "rejoin: newer-epoch",
  "placed: accepted",
  "placed: rejected",
  "placed: in-doubt",
  "placed: duplicate",
  "placed: permit-ended",
  "placed: expired",
  "placed: validity-too-short",
  "placed: withdrawn",
  "doubt: accepted",
  "doubt: not-accepted",
  "reissue",
  "late answer",
  "read answered",
  "read refused",
  "replace asked",
  "replaced",
  "successor accepted",
  "replacement driven by a successor",
  "not replaced: executed",
  "cancel: cancelled",
  "cancel: unknown-order",
  "promises asked",
  "promised",
  "promise refused",
  "extended",
  "failover won",
  "failover refused",
  "etcd restored",
  "re-anchored",
  "clock stood still",
  "venue time stepped",
  "reconciliation due",
  "reconciliation passed on",
  "reconciled",
  "frame refused: its bytes are others",
  "disk refused: rolled back",
  "disk refused: a record is not as it was written",
  "start refused: the id is in use",
  "stopped in order",
  "receive",
  "adopted by reading",
  "shrink: the disk is gone",
  "takeover committed",
  "set-insync committed",
  "handoff committed",
  "pause",
  "extension ended",
  "promise ended",
  "disk replaced",
  "held start",
  "held start lifted",
  "operation done",
  "operation aborted",
  "operation failed",
];

/** Transitions that no run of the true system shows; stories or breaks do. */
export const neverInTruth: Readonly<Record<string, string>> = {
  "rejoin: newer-epoch": "a node says hello only under the epoch that it has promised",
  "fenced: another holds the key": "the epoch moves with the key, and is read first",
  "placed: duplicate": "an id is sent once; the second sending is a break (blind-resend)",
};

/**
 * The steps of the model (`test/model`) by what they are counted as here: each step is shown by at least one of them. What
 * stands as a sentence is not played in this world.
 */
export const stepsOfTheModel: Readonly<Record<string, readonly string[] | string>> = {
  append: ["append"],
  fsync: ["append"],
  commit: ["commit"],
  send: ["send"],
  adopt: ["adopted by reading"],
  stepDown: ["fenced: a later epoch", "fenced: the key is gone"],
  deadlinePasses: ["fenced: the deadline passed"],
  shrink: ["shrink"],
  shrinkGone: ["shrink: the disk is gone"],
  grow: ["grow"],
  bump: ["bump"],
  outcomeUnknown: ["set-insync unknown"],
  handOver: ["handoff: switchover", "handoff: yield"],
  answered: ["takeover committed", "set-insync committed", "handoff committed"],
  appliedUnseen: ["won by reading", "adopted by reading", "handoff found in etcd"],
  takeover: ["takeover: expired", "takeover: pre-emption", "takeover: crash-release"],
  won: ["won"],
  follow: ["follow"],
  receive: ["receive"],
  acknowledge: ["ack"],
  crash: ["crash", "power loss"],
  leaseEnds: ["fenced: the key is gone", "takeover: expired"],
  pause: ["pause"],
  promise: ["promised"],
  extend: ["extended"],
  extensionEnds: ["extension ended"],
  promiseEnds: ["promise ended"],
  uncleanTakeover: ["takeover: unclean"],
  reconcile: ["reconciled"],
  backUp: ["etcd restored"],
  restoreEtcd: ["etcd restored"],
  reAnchor: ["re-anchored"],
  newDisk: ["disk replaced"],
  takeImage: ["disk refused: rolled back"],
  rollBack: ["disk refused: rolled back"],
};

export function noteStep(watch: Watch, before: Succession, after: Succession, input: SuccessionInput): void {
  const was = before.role;
  const is = after.role;
  if (was.role === "leader" && is.role === "leader" && input.kind === "view") {
    if (is.known.record.version > was.known.record.version) watch.note("adopted by reading");
  }
  const isEnded = is.role === "fenced" && /no renewal was confirmed/.test(is.reason);
  if (was.role === "leader" && isEnded && was.extendedUntilMonoMs !== undefined) watch.note("extension ended");
  const wasHeld = was.role === "leader" && was.heldStart !== undefined;
  const isHeld = is.role === "leader" && is.heldStart !== undefined;
  if (!wasHeld && isHeld) watch.note("held start");
  if (wasHeld && is.role === "leader" && !isHeld) watch.note("held start lifted");
  if (is.role === "winner" && was.role !== "winner") {
    if (was.role !== "candidate" || was.phase !== "asking") watch.note("won by reading");
  }
  if (was.role === "winner" && is.role === "standby") watch.note("win overtaken");
  if (was.role === "leader" && is.role === "leader") {
    const phase = is.hold?.phase;
    if (was.hold?.phase !== "killing" && phase === "killing") watch.note("handoff killed by a bump");
    if (is.pending.length > 1 && is.inFlight !== was.inFlight && is.inFlight !== undefined)
      watch.note("pending settled anew");
    if (was.inFlight === undefined && is.inFlight !== undefined && was.pending.length > 0)
      watch.note("pending settled anew");
  }
  if (was.role === "leader" && was.hold?.phase === "killing" && is.role === "standby")
    watch.note("handoff found in etcd");
}

export function noteEffect(watch: Watch, effect: SuccessionEffect): void {
  if (effect.kind === "acknowledge-again") watch.note("vow lifted");
  if (effect.kind === "send-vowed") watch.note("vow told");
  if (effect.kind === "say" && effect.event === "takeover.vowed") watch.note("vow");
  if (effect.kind === "say" && effect.event === "takeover.withheld") watch.note("takeover withheld");
}
