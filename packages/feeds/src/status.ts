/** What the feed shows: of one symbol its price, its book and its facts; of the whole its status. */
import type { DisconnectCause, MonoMs } from "@baton/core";
import { decimalOfKey, disconnectCauses, levelsOf, lineState } from "@baton/core";
import type { Instrument } from "./instrument.ts";
import { bestBook } from "./instrument.ts";
import type { Lines } from "./lines.ts";
import type { BookView, FeedStatus, SymbolStatus, Top } from "./market-view.ts";
import type { Quarantine } from "./quarantine.ts";

/** What has ended the connections so far. */
export interface LossCounts {
  readonly reconnects: Record<DisconnectCause, number>;
  last: FeedStatus["lastLoss"];
}

/** Nothing has ended yet. */
export function newLossCounts(): LossCounts {
  const none = disconnectCauses.map((cause) => [cause, 0] as const);
  return { reconnects: Object.fromEntries(none) as Record<DisconnectCause, number>, last: undefined };
}

/** Everything that is counted. The quality of each symbol has been judged at `nowMono`. */
export function feedStatus(
  o: Pick<
    FeedStatus,
    "id" | "venue" | "frames" | "heldUpMs" | "restErrors" | "lastRestError" | "restBreaker" | "delivery"
  > & {
    readonly nowMono: MonoMs;
    readonly lines: Lines;
    readonly losses: LossCounts;
    readonly quarantine: Quarantine;
    readonly instruments: readonly Instrument[];
  },
): FeedStatus {
  const { nowMono, lines, losses, quarantine, instruments, ...counted } = o;
  const best = lines.best();
  const symbols = instruments.map((instrument) => symbolStatus(instrument, nowMono));
  const ages = symbols.map(({ ageMs }) => ageMs);
  const samples = quarantine.samples();
  const last = samples.at(-1);
  const lineStatuses = lines.status(nowMono);
  return {
    ...counted,
    url: best.driver.url(),
    state: lineState(best.driver.line()),
    reason: best.driver.line().sentence,
    sinceMono: best.sinceMono,
    ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map((age) => age ?? 0)),
    connections: lines.connections(),
    failuresInRow: Math.max(...lineStatuses.map((line) => line.failuresInRow)),
    reconnects: { ...losses.reconnects },
    lastLoss: losses.last,
    badFrames: quarantine.count,
    lastBadFrame: last === undefined ? undefined : { reason: last.reason, sample: last.sample },
    quarantine: { reasons: quarantine.reasons(), samples },
    lines: lineStatuses,
    rotations: lines.rotations(),
    symbols,
  };
}

/** The price, as exact decimals; undefined before the first. Its quality has just been judged. */
export function topView(feed: string, instrument: Instrument): Top | undefined {
  const { symbol, price, currentMono, quality } = instrument;
  if (price === undefined || currentMono === undefined) return undefined;
  return {
    feed,
    symbol,
    bid: decimalOfKey(price.bid),
    bidQuantity: decimalOfKey(price.bidQuantity),
    ask: decimalOfKey(price.ask),
    askQuantity: decimalOfKey(price.askQuantity),
    updateId: price.updateId,
    quality,
    currentMono,
    ageMs: (nowMono) => nowMono - currentMono,
  };
}

/** The best levels of the book that is believed; undefined while none is. What is older than `oldMono` is stale. */
export function bookView(
  feed: string,
  instrument: Instrument,
  { depth, oldMono }: { readonly depth: number; readonly oldMono: number },
): BookView | undefined {
  const shown = bestBook(instrument);
  if (shown?.bookCurrentMono === undefined) return undefined;
  const { sync, bookCurrentMono } = shown;
  return {
    feed,
    symbol: instrument.symbol,
    updateId: sync.updateId,
    bids: levelsOf(sync.book, "bids", depth),
    asks: levelsOf(sync.book, "asks", depth),
    // The price may be kept fresh by its own stream; the book is only as fresh as its differences.
    quality: bookCurrentMono < oldMono ? "stale" : instrument.quality,
    currentMono: bookCurrentMono,
  };
}

/** The facts of one symbol as people and metrics see them. Its quality has been judged at `nowMono`. */
function symbolStatus(instrument: Instrument, nowMono: MonoMs): SymbolStatus {
  const { symbol, quality, reason, books, trades, currentMono, price, snapshots, lagMs } = instrument;
  let [gaps, distrusts] = [instrument.pastGaps, instrument.pastDistrusts];
  for (const { sync } of books) {
    gaps += sync.gaps;
    distrusts += sync.distrusts;
  }
  return {
    symbol,
    quality,
    reason,
    ageMs: price === undefined || currentMono === undefined ? undefined : nowMono - currentMono,
    updateId: price?.updateId,
    line: price?.book.line,
    book: bestBook(instrument)?.sync.phase ?? "void",
    gaps,
    distrusts,
    snapshots,
    lastTradeId: trades.lastId,
    tradeHoles: trades.holes,
    tradesRepaired: trades.repaired,
    tradesFlagged: trades.flagged,
    tradeDuplicates: trades.duplicates,
    lagMs,
  };
}
