/**
 * What a benchmark tells: one number with its unit and samples, and, where it has one, the peer that was measured beside it
 * in the same run. Absolute numbers belong to one machine and one hour; ratios travel.
 */
import { build } from "hdr-histogram-js";

/** A goal on the figure's ratio if it has a peer, else on its value. */
export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** What the command line says to a benchmark; those that have no use for it ignore it. */
export interface BenchOptions {
  /** Instead of the usual number, for each kind. */
  readonly samples?: number;
  /** Ends each kind after so long, with what it has. */
  readonly seconds?: number;
  /** Only this kind of what is measured. */
  readonly kind?: string;
  /** A file of samples: what is measured is added, and the figures are of all that it holds. */
  readonly keep?: string;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly samples: number;
  readonly peer?: { readonly name: string; readonly value: number };
  /** value / peer.value. */
  readonly ratio?: number;
  readonly goal?: Goal;
}

/** A figure beside its peer. */
export function besidePeer(figure: Omit<Figure, "ratio"> & Required<Pick<Figure, "peer">>): Figure {
  return { ...figure, ratio: figure.value / figure.peer.value };
}

/** Whether a figure meets its goal; true without one. */
export function meetsGoal(figure: Figure): boolean {
  const measured = figure.ratio ?? figure.value;
  const { atMost = Infinity, atLeast = -Infinity } = figure.goal ?? {};
  return measured <= atMost && measured >= atLeast;
}

/** The middle of some rounds' values; a round that a neighbour disturbed does not move it. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Times in ms, kept as whole microseconds with three digits. */
export class Timings {
  readonly #histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });

  add(ms: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(ms * 1000)));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** A percentile in ms. */
  at(percentile: number): number {
    return this.#histogram.getValueAtPercentile(percentile) / 1000;
  }
}
