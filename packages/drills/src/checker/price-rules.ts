/**
 * What an order was decided on: every intent and every further attempt names the price that risk was asked with. It is
 * held against the engine's own word (its age) and, where the exchange's log has prices, against that: it must be the
 * exchange's own at the update that is named (a book with a hole in it shows another one), and must not have been replaced
 * longer ago than a price may be old. Invariant I18.
 */
import type { AttemptRecorded, Decimal, IntentRecorded } from "@baton/core";
import { compare } from "@baton/core";
import type { Finding } from "./evidence.ts";
import type { AuditOf, Story } from "./story.ts";
import { venueSymbol } from "./story.ts";

/** What a machine that is busy with a whole cluster may take to read what was sent, beyond the bound. */
const readWithinMs = 1_000;

/** A price that became another one; `untilWallMs` is when that in turn was replaced. */
interface Shown {
  readonly updateId: number;
  readonly bid: Decimal | undefined;
  readonly ask: Decimal | undefined;
  readonly untilWallMs: number;
}

type Priced = IntentRecorded | AttemptRecorded;

/** Every price that was decided on is the venue's, and fresh. */
export function pricedFresh(story: Story): Finding[] {
  const { staleAfterMs, clockErrorMs } = story.evidence.times;
  if (staleAfterMs === undefined) return [];
  const markets = shownPrices(story);
  const replacedMaxMs = staleAfterMs + clockErrorMs + readWithinMs;
  return [...story.intents].flatMap(([intent, { recorded, events }]): Finding[] =>
    events.flatMap((event): Finding[] => {
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") return [];
      const what =
        wrongByItself(event, staleAfterMs) ??
        wrongByTheVenue(event, markets.get(venueSymbol(recorded.terms.symbol)) ?? [], replacedMaxMs);
      return what === undefined ? [] : [{ rule: "priced-fresh", sentence: `${intent} ${what}`, records: [event] }];
    }),
  );
}

function wrongByItself({ basis }: Priced, staleAfterMs: number): string | undefined {
  if (basis === undefined) return "names no price";
  return basis.ageMs <= staleAfterMs ? undefined : `was decided on a price that was ${basis.ageMs} ms old`;
}

function wrongByTheVenue({ basis, atWallMs }: Priced, shown: readonly Shown[], mostMs: number): string | undefined {
  // What the exchange showed before its first record is not known here.
  const true_ = basis === undefined ? undefined : shownAt(shown, basis.updateId);
  if (basis === undefined || true_ === undefined) return undefined;
  const isIts = [true_.bid, true_.ask].every((price, side) => {
    const named = side === 0 ? basis.bid : basis.ask;
    return price !== undefined && compare(price, named) === 0;
  });
  if (!isIts) {
    const at = `${true_.bid ?? "none"}/${true_.ask ?? "none"}`;
    return `was decided on ${basis.bid}/${basis.ask} at update ${basis.updateId}, where the exchange had ${at}`;
  }
  const replacedMs = Math.round(atWallMs - true_.untilWallMs);
  return replacedMs <= mostMs ? undefined : `was decided on a price that had been replaced for ${replacedMs} ms`;
}

/** The newest that is no newer than the update. */
function shownAt(shown: readonly Shown[], updateId: number): Shown | undefined {
  let [from, to] = [0, shown.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((shown[middle]?.updateId ?? 0) <= updateId) from = middle + 1;
    else to = middle;
  }
  return shown[from - 1];
}

/** The exchange's best prices by market, in order of their updates. */
function shownPrices(story: Story): ReadonlyMap<string, readonly Shown[]> {
  const markets = new Map<string, AuditOf<"price">[]>();
  for (const record of story.evidence.audit) {
    if (record.type !== "price" || record.symbol === undefined) continue;
    const known = markets.get(record.symbol);
    if (known === undefined) markets.set(record.symbol, [record]);
    else known.push(record);
  }
  return new Map(
    [...markets].map(([symbol, records]) => [
      symbol,
      records.map(({ updateId, bid, ask }, at) => ({
        ...{ updateId, bid, ask },
        untilWallMs: records[at + 1]?.wallMs ?? Infinity,
      })),
    ]),
  );
}
