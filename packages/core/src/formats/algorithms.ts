/**
 * What a parent order asks for, as it is journaled: one form per algorithm. Everything that its schedule depends on is in
 * here (a volume profile too), so that each leader makes the same slices of it. Quantities are in the base currency.
 */
import type { Decimal } from "../decimal.ts";
import type { SymbolId, VenueId } from "../ids.ts";

interface Common {
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly side: "buy" | "sell";
  readonly quantity: Decimal;
}

/** How children that take from the book are priced. */
interface Taking {
  /** Children are IOC limits this many basis points through the far side of the book. */
  readonly aggressionBps: number;
  /** No child is priced beyond it. */
  readonly limitPrice?: Decimal;
}

interface Scheduled {
  readonly slices: number;
  readonly durationMs: number;
  /** All children together are never more than this share of the volume that was counted since the start; 0 to 1. */
  readonly participationMax?: Decimal;
}

/** TWAP: `slices` equal children (lot-rounded, the last takes the rest), one every `durationMs / slices`. */
export interface TwapParameters extends Common, Taking, Scheduled {
  readonly name: "twap";
}

/** VWAP: as TWAP, with slices in the proportions of a volume profile. */
export interface VwapParameters extends Common, Taking, Scheduled {
  readonly name: "vwap";
  /** One weight per slice, none negative, not all zero. */
  readonly weights: readonly Decimal[];
  /** Said by whoever asked, or measured by the leader's feed over the time before the start. */
  readonly profile: "configured" | "feed";
}

/** POV: children follow the volume that trades, own trades included, until the quantity or the time is used up. */
export interface PovParameters extends Common, Taking {
  readonly name: "pov";
  /** Share of the counted volume, above 0, at most 1. */
  readonly participation: Decimal;
  readonly durationMs: number;
  /** Time between two children, at least. */
  readonly intervalMs: number;
  /** No child is smaller, but for the last. */
  readonly sliceMin: Decimal;
}

/** Iceberg: one resting child of `display` at a time at `limitPrice`, the next when it has gone. */
export interface IcebergParameters extends Common {
  readonly name: "iceberg";
  readonly display: Decimal;
  readonly limitPrice: Decimal;
  readonly timeInForce: "GTC" | "GTX";
}

/** The two ways out of a position: a resting limit, and a stop that the leader watches. */
interface Exits {
  readonly takePrice: Decimal;
  readonly stopPrice: Decimal;
  /** The stop's children are IOC limits this many basis points through the far side of the book. */
  readonly aggressionBps: number;
}

/** One cancels the other; `side` is the side of the exits. */
export interface OcoParameters extends Common, Exits {
  readonly name: "oco";
}

/** An entry, and an OCO of what it executed. `side` is the side of the entry; without `entryPrice` it is a market order. */
export interface BracketParameters extends Common, Exits {
  readonly name: "bracket";
  readonly entryPrice?: Decimal;
  readonly timeInForce: "GTC" | "IOC" | "FOK" | "GTX";
}

export type AlgorithmParameters =
  TwapParameters | VwapParameters | PovParameters | IcebergParameters | OcoParameters | BracketParameters;

/** Those whose slices are known from the start. */
export type ScheduledParameters = TwapParameters | VwapParameters;

/** How many slices it has from the start; undefined: they come one by one. */
export function fixedSlices(algorithm: AlgorithmParameters): number | undefined {
  return isScheduled(algorithm) ? algorithm.slices : undefined;
}

/** True where slices are legs with tasks of their own: an entry, a way out. */
export function hasLegs(algorithm: AlgorithmParameters): algorithm is OcoParameters | BracketParameters {
  return algorithm.name === "oco" || algorithm.name === "bracket";
}

/** The side on which the ways out are: an OCO's own, the other one of a bracket's entry. */
export function exitSideOf(algorithm: OcoParameters | BracketParameters): "buy" | "sell" {
  if (algorithm.name === "oco") return algorithm.side;
  return algorithm.side === "buy" ? "sell" : "buy";
}

/** True where every slice has its window and its quantity from the start. */
export function isScheduled(algorithm: AlgorithmParameters): algorithm is ScheduledParameters {
  return algorithm.name === "twap" || algorithm.name === "vwap";
}
