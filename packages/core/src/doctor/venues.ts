/**
 * Does each venue take what this node would send: its time, the rules of each symbol, the key. A wall clock that is surely
 * further off than `risk.clockErrorMaxMs` stops a node at its start, so it is a failure here. A key that may withdraw is a
 * warning wherever the venue tells: Baton never needs it, and whoever gets at the key does not either.
 */
import type { InstrumentRules } from "../orders/terms.ts";
import type { Finding } from "./report.ts";
import { Judge } from "./report.ts";

/** What the venue says that a key may do. */
export interface KeyRights {
  readonly canTrade: boolean;
  readonly canWithdraw: boolean;
  /** Whether it counts from certain addresses only; absent: the venue does not tell. */
  readonly isBoundToAddress?: boolean;
  /** When it ends; absent: never, or the venue does not tell. */
  readonly expiresWallMs?: number;
}

/** What one venue answered. Steps after one that failed were not asked and are `unasked`. */
export interface VenueCheckFacts {
  readonly id: string;
  readonly account: string;
  readonly title: string;
  readonly mode: "paper" | "sandbox" | "live";
  readonly time:
    | { readonly kind: "answered"; readonly reading?: { readonly offsetMs: number; readonly errorMs: number } }
    | { readonly kind: "silent"; readonly cause: string }
    | Unasked;
  readonly instruments:
    | { readonly kind: "known"; readonly rules: readonly InstrumentRules[] }
    | { readonly kind: "unknown"; readonly cause: string }
    | Unasked;
  readonly key: { readonly kind: "signs" } | { readonly kind: "refused"; readonly cause: string } | Unasked;
  readonly rights: { readonly kind: "told"; readonly rights: KeyRights } | Unasked;
}

export interface Unasked {
  readonly kind: "unasked";
  readonly why: string;
}

/** What the configuration wants of it. */
export interface VenueWants {
  readonly clockErrorMaxMs: number;
  readonly validityMs: number;
  readonly minValidityMs: number;
  readonly nowWallMs: number;
}

/** All findings on one venue account. */
export function judgeVenue(facts: VenueCheckFacts, wants: VenueWants): readonly Finding[] {
  const about = `${facts.id}/${facts.account}`;
  const judge = new Judge("venue.time", about);
  // Why, another check says.
  if (facts.time.kind === "unasked") return [judge.skipped(`${facts.title} was not asked: ${facts.time.why}.`)];
  if (facts.time.kind === "silent") {
    const sentence = `${facts.title} (${facts.mode}) does not answer: ${facts.time.cause}.`;
    return [judge.failure(sentence, "look at the network and at restUrl; is it in maintenance?")];
  }
  return [
    judge.ok(`${facts.title} (${facts.mode}) answers.`),
    ...clockOf(about, facts.time.reading, wants),
    instrumentsOf(about, facts.instruments),
    keyOf(about, facts),
    ...rightsOf(about, facts, wants.nowWallMs),
  ];
}

function clockOf(
  about: string,
  reading: { readonly offsetMs: number; readonly errorMs: number } | undefined,
  { clockErrorMaxMs, validityMs, minValidityMs }: VenueWants,
): readonly Finding[] {
  const clock = new Judge("venue.clock", about);
  const window = new Judge("venue.window", about);
  if (reading === undefined) return [clock.skipped("Its time was not measured, because it refused what came next.")];
  const { offsetMs, errorMs } = reading;
  const offBy = Math.abs(offsetMs);
  const read = `The wall clock is ${Math.round(offBy)} ms ${offsetMs > 0 ? "behind" : "ahead of"} its time (± ${errorMs.toFixed(1)} ms)`;
  const limit = `allowed are ${clockErrorMaxMs} ms (risk.clockErrorMaxMs)`;
  const advice = "see that the clock is kept (machine.ntp); the node does not start beyond the limit.";
  const clockFinding =
    offBy - errorMs > clockErrorMaxMs
      ? clock.failure(`${read}; ${limit}.`, advice)
      : offBy > clockErrorMaxMs / 2 || errorMs > clockErrorMaxMs
        ? clock.warning(`${read}; ${limit}.`, advice)
        : clock.ok(`${read}; ${limit}.`);
  const needed = minValidityMs + 2 * errorMs;
  const lives = `A signed order lives ${validityMs} ms (validityMs); the clock's error and minValidityMs take ${Math.ceil(needed)} ms`;
  const windowFinding =
    needed >= validityMs
      ? window.failure(`${lives}: none would be sent.`, "raise validityMs, or move the node nearer to the venue.")
      : needed * 2 > validityMs
        ? window.warning(`${lives}: half of it at most is wanted.`, "raise validityMs, or move the node nearer.")
        : window.ok(`${lives}.`);
  return [clockFinding, windowFinding];
}

function instrumentsOf(about: string, instruments: VenueCheckFacts["instruments"]): Finding {
  const judge = new Judge("venue.instruments", about);
  if (instruments.kind === "unasked") return judge.skipped(`${instruments.why}.`);
  if (instruments.kind === "unknown")
    return judge.failure(`${instruments.cause}.`, "compare venues[].symbols with what the venue trades.");
  const [first, ...more] = instruments.rules;
  if (first === undefined) return judge.failure("No symbol is configured.", "name one in venues[].symbols.");
  const { symbol, tickSize, lotSize, notionalMin } = first;
  const others = more.length === 0 ? "" : `, and those of ${more.length} more`;
  return judge.ok(`It tells the rules of ${symbol} (tick ${tickSize}, lot ${lotSize}, least ${notionalMin})${others}.`);
}

function keyOf(about: string, { key, title }: VenueCheckFacts): Finding {
  const judge = new Judge("venue.key", about);
  if (key.kind === "signs") return judge.ok("The account can be read with the key.");
  if (key.kind === "unasked") return judge.skipped(`${key.why}.`);
  return judge.failure(
    `The account cannot be read with the key: ${key.cause}.`,
    `compare apiKeyFile and secretFile with the key at ${title}: its rights, and from which addresses it counts.`,
  );
}

const expiresSoonMs = 14 * 86_400_000;

function rightsOf(
  about: string,
  { rights: told, title, mode }: VenueCheckFacts,
  nowWallMs: number,
): readonly Finding[] {
  const judge = new Judge("venue.rights", about);
  if (told.kind === "unasked")
    return [
      judge.skipped(
        `What the key may do is not told: ${told.why}.${mode === "live" ? ` Look at it at ${title}.` : ""}`,
      ),
    ];
  const { canTrade, canWithdraw, isBoundToAddress, expiresWallMs } = told.rights;
  const found: Finding[] = [];
  if (!canTrade) found.push(judge.failure("The key may not trade.", "give it the right to trade in this market."));
  if (canWithdraw)
    found.push(judge.warning("The key may withdraw, which Baton never does.", "take that right from it."));
  if (isBoundToAddress === false)
    found.push(judge.warning("The key counts from every address.", "bind it to the addresses of the nodes."));
  if (expiresWallMs !== undefined && expiresWallMs - nowWallMs < expiresSoonMs) {
    const days = Math.floor((expiresWallMs - nowWallMs) / 86_400_000);
    found.push(
      judge.warning(`The key ends in ${days} days.`, "make a new one; keys that are bound to addresses last."),
    );
  }
  if (found.length > 0) return found;
  const bound = isBoundToAddress === true ? ", from certain addresses only" : "";
  return [judge.ok(`The key may trade${bound}, and may not withdraw.`)];
}
