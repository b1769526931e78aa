/**
 * What is done to the three nodes of a run, drawn whole from its seed before it begins: faults of links, disks, processes
 * and etcd, planned changes of the leader, pruning, and ambushes, which wait for a follower to enter a phase. Leaving one
 * incident out changes nothing else of the plan; how the threads and sockets of the machine run between is not in it.
 */
import { Dice } from "../simulation/world/dice.ts";

export const nodeNames = ["a", "b", "c"] as const;
export type NodeName = (typeof nodeNames)[number];

/** Whom it meets: a node by its name, or whoever leads at that moment. */
export type Whom = NodeName | "leader";

const phases = ["promising", "greeting", "cutting", "snapshot", "following"] as const;
export type Phase = (typeof phases)[number];

/** One harm, or one order of an operator. */
export type Blow =
  /** The connection on which `from` follows `to` is reset after so many more bytes of either side. */
  | { readonly kind: "break"; readonly from: NodeName; readonly to: NodeName; readonly afterBytes: number }
  /** Nothing passes between them on that link, one way or both; open sockets stay open. */
  | {
      readonly kind: "silence";
      readonly from: NodeName;
      readonly to: NodeName;
      readonly way: "out" | "back" | "both";
      readonly forMs: number;
    }
  /** Nothing passes between it and the two others, while etcd is there: what it records then is its own. */
  | { readonly kind: "cut-off"; readonly node: Whom; readonly forMs: number }
  /** One byte of the next frame on that link is another one. */
  | { readonly kind: "flip"; readonly from: NodeName; readonly to: NodeName }
  /** The node's requests to etcd fail, or arrive and are not answered, or arrive late. */
  | { readonly kind: "etcd-away"; readonly node: Whom; readonly forMs: number }
  | { readonly kind: "lease-lost"; readonly node: Whom }
  | { readonly kind: "switchover" }
  /** The process ends in order and starts again. */
  | { readonly kind: "stop"; readonly node: Whom; readonly downMs: number }
  /** The process dies: what its writer had not begun is gone. */
  | { readonly kind: "kill"; readonly node: Whom; readonly downMs: number }
  /** The file is gone, and the node starts with an empty one; not where it holds the last copy. */
  | { readonly kind: "new-disk"; readonly node: NodeName; readonly downMs: number }
  /** Each order reaches the disk so much later. */
  | { readonly kind: "slow-disk"; readonly node: Whom; readonly lateMs: number; readonly forMs: number }
  /** One record of the file is another one when the node comes back; `place`: 0 the oldest, 1 the newest. */
  | { readonly kind: "rot"; readonly node: Whom; readonly place: number; readonly downMs: number }
  /** The leader forgets all but the newest. */
  | { readonly kind: "prune"; readonly keep: number }
  /** So many events at once. */
  | { readonly kind: "burst"; readonly events: number }
  /** All that runs on the main thread stands still. */
  | { readonly kind: "freeze"; readonly forMs: number };

/** Strikes when a follower enters a phase, at itself or at the node that it follows. */
export interface Ambush {
  readonly kind: "ambush";
  readonly phase: Phase;
  readonly afterMs: number;
  readonly strike: (typeof strikes)[number];
  readonly afterBytes: number;
}

export interface Incident {
  /** Of the schedule, from 1. */
  readonly number: number;
  readonly atMs: number;
  readonly what: Blow | Ambush;
}

export type Favour = Blow["kind"] | Ambush["strike"];

/** How long harm is done, and about how much time lies between two incidents. */
const harmMs = 2_500;
const betweenMs = 90;

/** `favours`: kinds of blows and strikes of which there is more, so that what is broken shows sooner. */
export function scheduleOf(seed: number, favours: readonly Favour[] = []): readonly Incident[] {
  const dice = new Dice(`shells/${seed}`);
  const incidents: Incident[] = [];
  // Some runs begin with the harm, others with a cluster in sync.
  let atMs = dice.chance(0.3) ? 0 : 500;
  while (atMs < harmMs) {
    incidents.push({ number: incidents.length + 1, atMs: Math.round(atMs), what: drawn(dice, favours) });
    atMs += dice.skewed(5, 3 * betweenMs);
  }
  return incidents;
}

/** One line of a printed schedule. */
export function told({ number, atMs, what }: Incident): string {
  const { kind, ...how } = what;
  const words = Object.entries(how).map(([name, value]) => `${name} ${String(value)}`);
  return `${String(number).padStart(3)}  ${String(atMs).padStart(5)} ms  ${kind} ${words.join(", ")}`;
}

const strikes = [
  "kill-follower",
  "kill-leader",
  "stop-follower",
  "break",
  "switchover",
  "slow-follower",
  // What is installed is under way for long, and the link ends meanwhile.
  "slow-install",
  "lease-lost",
] as const;
/** So many times as likely. */
const favoured = 5;

function drawn(dice: Dice, favours: readonly Favour[]): Blow | Ambush {
  const from = dice.pick(nodeNames);
  const to = dice.pick(nodeNames.filter((name) => name !== from));
  const node: Whom = dice.chance(0.4) ? "leader" : dice.pick(nodeNames);
  const downMs = Math.round(dice.skewed(0, 400));
  const weigh = <W extends string>(kind: W, weight: number): number =>
    favours.some((one) => one === kind) ? weight * favoured : weight;
  const make = dice.weighted<() => Blow | Ambush>([
    [weigh("break", 14), () => ({ kind: "break", from, to, afterBytes: Math.round(dice.skewed(0, 30_000)) })],
    [
      weigh("silence", 10),
      () => ({
        kind: "silence",
        from,
        to,
        way: dice.pick(["out", "back", "both"]),
        forMs: Math.round(dice.between(50, 700)),
      }),
    ],
    [weigh("cut-off", 8), () => ({ kind: "cut-off", node, forMs: Math.round(dice.between(200, 900)) })],
    [weigh("flip", 6), () => ({ kind: "flip", from, to })],
    [weigh("etcd-away", 4), () => ({ kind: "etcd-away", node, forMs: Math.round(dice.between(50, 900)) })],
    [weigh("lease-lost", 3), () => ({ kind: "lease-lost", node })],
    [weigh("switchover", 12), () => ({ kind: "switchover" })],
    [weigh("stop", 4), () => ({ kind: "stop", node, downMs })],
    [weigh("kill", 9), () => ({ kind: "kill", node, downMs })],
    [weigh("new-disk", 6), () => ({ kind: "new-disk", node: from, downMs })],
    [
      weigh("slow-disk", 6),
      () => ({
        kind: "slow-disk",
        node,
        lateMs: Math.round(dice.between(2, 60)),
        forMs: Math.round(dice.between(50, 600)),
      }),
    ],
    [weigh("rot", 3), () => ({ kind: "rot", node, place: dice.skewed(0, 1), downMs })],
    [weigh("prune", 8), () => ({ kind: "prune", keep: Math.round(dice.skewed(0, 400)) })],
    [weigh("burst", 6), () => ({ kind: "burst", events: Math.round(dice.skewed(20, 400)) })],
    [weigh("freeze", 2), () => ({ kind: "freeze", forMs: Math.round(dice.skewed(20, 400)) })],
    [14, () => ambush(dice, favours)],
  ]);
  return make();
}

function ambush(dice: Dice, favours: readonly Favour[]): Ambush {
  const wanted = strikes.filter((strike) => favours.includes(strike));
  const strike = wanted.length > 0 && dice.chance(0.7) ? dice.pick(wanted) : dice.pick(strikes);
  return {
    kind: "ambush",
    phase: strike === "slow-install" ? "snapshot" : dice.pick(phases),
    afterMs: Math.round(dice.skewed(0, 40)),
    strike,
    afterBytes: Math.round(dice.skewed(0, 20_000)),
  };
}
