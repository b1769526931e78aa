/**
 * A difference between the account and the journal, before it goes on record: trades of ours that could explain it are
 * looked for in the venue's own lists, and what core makes of that is recorded, either as trades that were taken back or as
 * drift. Both are told to an operator; neither number is ever changed to fit the other (I11).
 */
import type { BustVerdict, DriftFound, SymbolId, TradeId } from "@baton/core";
import { assertNever, bustSuspects, driftKey, fillKey, id, judgeBusts } from "@baton/core";
import { tradeNames, VenueUnavailable, type Venue } from "@baton/venues";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

const page = 1_000;
const pagesMax = 10;

export class Differences {
  readonly #context: DeskContext;
  readonly #term: Term;
  /** By venue and subject: what is being looked into. */
  readonly #open = new Set<string>();

  constructor(context: DeskContext, term: Term) {
    this.#context = context;
    this.#term = term;
    // A series that begins with its first event has no rise that a rule could see.
    for (const venue of context.config.venues) context.metrics.bustedFills.inc({ venue: venue.id }, 0);
  }

  /** Takes a difference that has lasted. Where nothing of ours could explain it, it is recorded at once. */
  take(venue: Venue, drift: DriftFound): void {
    const suspects = bustSuspects(this.#term.state, drift, drift.atWallMs);
    if (suspects.size === 0) return this.#record(venue, drift, { kind: "drift", unlisted: 0 });
    const key = `${venue.id} ${driftKey(drift.subject)}`;
    if (this.#open.has(key)) return;
    this.#open.add(key);
    void this.#look(venue, drift, [...suspects.keys()]).finally(() => this.#open.delete(key));
  }

  async #look(venue: Venue, drift: DriftFound, symbols: readonly SymbolId[]): Promise<void> {
    const before = bustSuspects(this.#term.state, drift, drift.atWallMs);
    const listed = new Map<SymbolId, ReadonlySet<TradeId>>();
    try {
      for (const symbol of symbols) {
        // By each of its names: the list may have another than the one it was recorded under.
        const names = (before.get(symbol) ?? []).flatMap((fill) => tradeNames(venue.exchange, fill.tradeId));
        const known = names.map((name) => BigInt(name));
        const from = known.reduce((least, each) => (each < least ? each : least), known[0] ?? 0n);
        const ids = await listedFrom(venue, symbol, from);
        // An account that trades so much cannot be looked through: the difference is told all the same.
        if (ids === undefined) return this.#record(venue, drift, { kind: "drift", unlisted: 0 });
        listed.set(symbol, ids);
      }
    } catch (error) {
      if (!(error instanceof VenueUnavailable)) throw error;
      return; // it lasts, if it is one, and is found again
    }
    if (this.#term.isOver) return;
    // Another look was faster: what it took back is in this difference no more.
    const tradesBefore = [...before.values()].flat();
    const { fills } = this.#term.state;
    const isBusted = ({ venue: at, symbol, tradeId }: (typeof tradesBefore)[number]): boolean =>
      fills.get(fillKey(at, symbol, tradeId))?.bustedWallMs !== undefined;
    if (tradesBefore.some(isBusted)) return;
    const isListed = (symbol: SymbolId, tradeId: TradeId): boolean => listed.get(symbol)?.has(tradeId) === true;
    const look = { suspects: before, isListed, settledMs: this.#context.bustSettledMs };
    this.#record(venue, drift, judgeBusts(this.#term.state, drift, look));
  }

  #record({ id: venue }: Venue, drift: DriftFound, verdict: BustVerdict): void {
    switch (verdict.kind) {
      case "too-early":
        return;
      case "busted":
        for (const bust of verdict.busts) {
          this.#term.note(bust);
          const { symbol, tradeId, evidence } = bust;
          const sentence = `${venue} took trade ${tradeId} of ${symbol} back: it is ${evidence}. It is subtracted, and not traded again; a bracket or OCO that works gets out of what is held now.`;
          this.#context.metrics.bustedFills.inc({ venue });
          this.#context.warn("fill.busted", sentence, { venue, symbol, tradeId });
        }
        return;
      case "drift": {
        this.#term.note(drift);
        const { subject, journal, told } = drift;
        const beside =
          verdict.unlisted === 0 ? "" : ` ${verdict.unlisted} trades are not listed any more and do not add up to it.`;
        const sentence = `${driftKey(subject)} at ${venue}: ${told} by the venue, ${journal} by the journal; neither was changed.${beside}`;
        this.#context.warn("account.drift", sentence, { venue, subject: driftKey(subject), journal, told });
        return;
      }
      default:
        assertNever(verdict, "verdict on a difference");
    }
  }
}

/** The ids of all trades that the venue lists from one on, under every name each may have; undefined: they are too many. */
async function listedFrom(venue: Venue, symbol: SymbolId, first: bigint): Promise<ReadonlySet<TradeId> | undefined> {
  const listed = new Set<TradeId>();
  let from = first;
  for (let turn = 0; turn < pagesMax; turn += 1) {
    const trades = await venue.trades(symbol, { fromId: id<TradeId>(`${from}`), limit: page });
    for (const { tradeId } of trades) for (const name of tradeNames(venue.exchange, tradeId)) listed.add(name);
    const last = trades.at(-1);
    if (last === undefined || trades.length < page) return listed;
    from = BigInt(last.tradeId) + 1n;
  }
  return undefined;
}
