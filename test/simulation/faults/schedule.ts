/**
 * What is done to a world, and when: drawn whole from the seed before the run begins, so that any part of it can be left
 * out and the rest stays as it was. Faults overlap as they like. What clients and operators do stands in it too.
 */
import { Dice } from "../world/dice.ts";
import { catalogue } from "./catalogue.ts";
import type { FaultKind } from "./stage.ts";

/** One thing that is done. `forMs` is how long it lasts; 0 for what is over at once. */
export interface Incident {
  /** Its place in the whole schedule of the seed. */
  readonly n: number;
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly forMs: number;
  readonly on: string;
  readonly other: string;
  /** How much, as the kind understands it, in 0 … 1. */
  readonly much: number;
}

/** How a world is, drawn from its seed. */
export interface Setting {
  readonly nodes: readonly string[];
  readonly durability: "strict" | "available";
  readonly preempt: boolean;
  readonly uniqueness: "open-only" | "forever" | "none";
  readonly positionMax: number;
  readonly ordersMax: number;
  readonly failsafe: boolean;
  readonly clocks: readonly { readonly rate: number; readonly wallOffsetMs: number }[];
  /** When the last fault ends. */
  readonly faultsUntilMs: number;
  /** Only faults of single etcd members: then no epoch may change. */
  readonly isEtcdMemberOnly: boolean;
  readonly schedule: readonly Incident[];
}

const places = ["a", "b", "c"];

/** Favoured like a kind of fault: a world whose leaders go on by promises. */
const failsafeOn = "failsafe-on";
/** The same: a world in which nothing but single etcd members fails. */
const membersOnly = "etcd-members-only";

/** The world and the schedule of one seed; `favoured` kinds are ten times as likely. */
export function settingOf(seed: number, favoured: readonly FaultKind[] = []): Setting {
  const dice = new Dice(`setting ${seed}`);
  const isPair = dice.chance(0.2);
  const nodes = isPair ? ["a", "b"] : [...places];
  const isEtcdMemberOnly = dice.chance(0.05) || favoured.includes(membersOnly);
  const faultsUntilMs = dice.between(40_000, 70_000);
  return {
    nodes,
    durability: isPair ? dice.pick(["strict", "available"] as const) : "strict",
    preempt: dice.chance(0.85),
    uniqueness: dice.pick(["open-only", "forever", "none"] as const),
    positionMax: dice.pick([0.6, 2, 50]),
    // Some are held to so few that bursts reach it; drawn by itself, so that nothing else of a seed hangs on it.
    ordersMax: new Dice(`rate ${seed}`).pick([60, 60, 60, 12]),
    failsafe: dice.chance(0.3) || favoured.includes(failsafeOn),
    clocks: nodes.map(() => ({
      rate: 1 + dice.between(-300, 300) / 1e6,
      wallOffsetMs: dice.chance(0.1) ? dice.between(-400, 400) : dice.between(-40, 40),
    })),
    faultsUntilMs,
    isEtcdMemberOnly,
    schedule: isEtcdMemberOnly ? memberFaults(dice, faultsUntilMs) : faults(dice, nodes, faultsUntilMs, favoured),
  };
}

function faults(dice: Dice, nodes: readonly string[], untilMs: number, favoured: readonly FaultKind[]): Incident[] {
  const harm = dice.pick([0.5, 1, 2, 3]);
  // Each seed has its own taste, so that some worlds are all etcd and others all venue.
  const tastes = new Map(
    catalogue.map(({ kind, weight }) => {
      const taste = dice.pick([0, 0.5, 1, 1, 3]);
      return [kind, weight * (favoured.includes(kind) ? 10 : taste)] as const;
    }),
  );
  const incidents: Omit<Incident, "n">[] = [
    incident(dice, "orders", 0, untilMs, nodes),
    incident(dice, "cancels", 0, untilMs, nodes),
    incident(dice, "replaces", 0, untilMs, nodes),
    ...Array.from({ length: 1 + dice.below(3) }, () =>
      incident(dice, "twap", dice.between(1_500, untilMs * 0.7), 0, nodes),
    ),
  ];
  let at = 3_000;
  while (at < untilMs - 500) {
    const kind = dice.weighted(catalogue.map((one) => [tastes.get(one.kind) ?? 0, one.kind] as const));
    incidents.push(incident(dice, kind, at, untilMs - at, nodes));
    // Clusters of faults, and pauses in which the cluster finds itself again.
    at += dice.chance(0.5) ? dice.between(0, 900 / harm) : dice.between(500, 6_000 / harm);
  }
  return incidents.sort((a, b) => a.atMs - b.atMs).map((one, n) => ({ n, ...one }));
}

function memberFaults(dice: Dice, untilMs: number): Incident[] {
  const incidents: Omit<Incident, "n">[] = [incident(dice, "orders", 0, untilMs, places)];
  let at = 5_000;
  while (at < untilMs - 4_000) {
    const kind = dice.pick(["etcd-member-kill", "etcd-member-freeze", "etcd-member-cut"] as const);
    const forMs = dice.between(500, 6_000);
    incidents.push({ ...incident(dice, kind, at, untilMs - at, places), forMs: Math.min(forMs, untilMs - at) });
    at += forMs + dice.between(4_000, 7_000);
  }
  return incidents.map((one, n) => ({ n, ...one }));
}

function incident(
  dice: Dice,
  kind: FaultKind,
  atMs: number,
  leftMs: number,
  nodes: readonly string[],
): Omit<Incident, "n"> {
  const [shortest, longest] = catalogue.find((one) => one.kind === kind)?.forMs ?? [leftMs, leftMs];
  const on = dice.pick(nodes);
  const others = places.filter((place) => place !== on);
  return {
    atMs: Math.round(atMs),
    kind,
    forMs: Math.round(Math.min(leftMs, dice.skewed(shortest, longest))),
    on,
    other: dice.pick(others),
    much: dice.next(),
  };
}

/** One incident in words. */
export function told(incident_: Incident): string {
  const { n, atMs, kind, forMs, on, other, much } = incident_;
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
  const length = forMs === 0 ? "" : ` for ${seconds(forMs)}`;
  return `#${n} at ${seconds(atMs)}: ${kind} on ${on} (other ${other}, much ${much.toFixed(2)})${length}`;
}
