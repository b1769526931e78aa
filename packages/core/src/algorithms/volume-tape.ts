/**
 * The public volume of one symbol as this node's feed delivered it: what traded after a given trade, and when. A parent
 * order that counts volume journals the id of the last trade that it counted; whoever leads next counts on from there on
 * its own tape, so no trade is counted twice. What this tape never had (it began later, or a hole was flagged) is not
 * counted at all: less volume means smaller children, never larger ones.
 */
import { add, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { TradeEvent } from "../market/trade-sequence.ts";

/** Changed in place; the newest trades, at most `tapeKept`. */
export interface VolumeTape {
  readonly ids: number[];
  readonly tradedWallMs: number[];
  /** Volume of all trades up to and with this one. */
  readonly sums: Decimal[];
  /** Volume of the trades that have left the tape. */
  gone: Decimal;
  /** The last id before the venue's ids began anew. */
  restartedAfter: number | undefined;
}

/** Volume after a trade, up to and with `lastTradeId`. */
export interface VolumeAfter {
  readonly lastTradeId: number;
  readonly volume: Decimal;
  /** The ids began anew in between: what was left of the old ones is not counted. */
  readonly isRestart?: true;
}

/** How many trades a tape holds at least, once it has had them. */
export const tapeKept = 20_000;

export function emptyTape(): VolumeTape {
  return { ids: [], tradedWallMs: [], sums: [], gone: zero, restartedAfter: undefined };
}

/** Takes what the feed delivers, in its order. */
export function noteTrade(tape: VolumeTape, event: TradeEvent): void {
  if (event.type === "hole") return;
  if (event.type === "restart") {
    tape.ids.length = tape.tradedWallMs.length = tape.sums.length = 0;
    tape.gone = zero;
    tape.restartedAfter = event.lastId;
    return;
  }
  const { id, quantity, tradedWallMs } = event.trade;
  tape.sums.push(add(tape.sums.at(-1) ?? tape.gone, quantity));
  tape.ids.push(id);
  tape.tradedWallMs.push(tradedWallMs);
  if (tape.ids.length < 2 * tapeKept) return;
  tape.gone = tape.sums[tapeKept - 1] ?? tape.gone;
  for (const column of [tape.ids, tape.tradedWallMs, tape.sums]) column.splice(0, tapeKept);
}

/** The newest trade's id; undefined before the first. */
export function newestTrade(tape: VolumeTape): number | undefined {
  return tape.ids.at(-1);
}

/** What traded after `tradeId`; undefined: nothing that this tape knows of. */
export function volumeAfter(tape: VolumeTape, tradeId: number): VolumeAfter | undefined {
  const newest = newestTrade(tape);
  if (newest === undefined) return undefined;
  const isRestart = tape.restartedAfter !== undefined && tradeId <= tape.restartedAfter && tradeId >= newest;
  if (newest <= tradeId && !isRestart) return undefined;
  const first = isRestart ? 0 : firstAbove(tape.ids, tradeId);
  return {
    lastTradeId: newest,
    volume: subtract(tape.sums.at(-1) ?? zero, sumBefore(tape, first)),
    ...(isRestart && { isRestart: true }),
  };
}

/**
 * How much traded in each of `parts` equal parts of the `durationMs` before `nowWallMs`, oldest first: a volume profile
 * that takes the time ahead to be like the time behind. Undefined when the tape does not reach back that far.
 */
export function profileOf(
  tape: VolumeTape,
  o: { readonly nowWallMs: number; readonly durationMs: number; readonly parts: number },
): readonly Decimal[] | undefined {
  const start = o.nowWallMs - o.durationMs;
  if ((tape.tradedWallMs[0] ?? Number.POSITIVE_INFINITY) > start) return undefined;
  const edges = Array.from({ length: o.parts + 1 }, (_, part) =>
    firstAbove(tape.tradedWallMs, start + Math.floor((o.durationMs * part) / o.parts)),
  );
  const volumes = edges
    .slice(1)
    .map((edge, part) => subtract(sumBefore(tape, edge), sumBefore(tape, edges[part] ?? 0)));
  return volumes.some((volume) => volume !== zero) ? volumes : undefined;
}

/** Of all trades before the one at `index`. */
function sumBefore(tape: VolumeTape, index: number): Decimal {
  return index === 0 ? tape.gone : (tape.sums[index - 1] ?? tape.gone);
}

function firstAbove(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
