/**
 * What an incident works on, and how one is written: a kind, how likely it is, how long it lasts, and what it does. It gives
 * back how it ends; what is over at once gives nothing back. Times, places and strength are drawn with the schedule.
 */
import type { Clients } from "../outside/clients.ts";
import type { Operators } from "../outside/operators.ts";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import type { Incident } from "./schedule.ts";

/** The name of a kind, as the catalogue has it. */
export type FaultKind = string;

export interface Stage {
  readonly world: World;
  readonly clients: Clients;
  readonly operators: Operators;
}

type Inflict = (stage: Stage, incident: Incident) => (() => void) | void;

export interface Entry {
  readonly kind: FaultKind;
  /** 0: drawn apart, not with the others. */
  readonly weight: number;
  /** Shortest and longest, in ms; absent: over at once. */
  readonly forMs?: readonly [number, number];
  readonly inflict: Inflict;
}

export function entry(kind: FaultKind, weight: number, inflict: Inflict, forMs?: readonly [number, number]): Entry {
  return { kind, weight, inflict, ...(forMs !== undefined && { forMs }) };
}

/** The node that it is meant for; two times in three, whoever leads then. */
export function target({ world }: Stage, incident: Incident): Host {
  const leader =
    incident.much < 0.66 ? world.boots().find((boot) => boot.leadership?.leading !== undefined) : undefined;
  return world.host(leader?.node ?? (incident.on as never));
}

/** Cuts these directions; answers how to heal them. */
export function cut(world: World, pairs: readonly (readonly [string, string])[]): () => void {
  for (const [from, to] of pairs) world.network.cut(from, to);
  return () => {
    for (const [from, to] of pairs) world.network.heal(from, to);
    for (const boot of world.boots()) for (const stream of boot.links?.all ?? []) stream.resume();
  };
}

/** Both directions between two places. */
export const both = (a: string, b: string): readonly (readonly [string, string])[] => [
  [a, b],
  [b, a],
];

/** The other machines. */
export const others = (node: string): string[] => ["a", "b", "c"].filter((one) => one !== node);
