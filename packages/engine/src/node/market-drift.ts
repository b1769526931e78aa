/**
 * Is the market that this node sees the one that the leader trades on? A standby asks the leader for its marks and compares
 * them with its own (`core/market/drift.ts`), because each node listens by itself and a takeover goes on with what the
 * standby has. A difference is told, shown and measured; it bars nothing, since nobody knows which of the two is right.
 */
import type { FeedDrift, MonoMs, NodeId, SymbolId } from "@baton/core";
import { compareMarks } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { FeedMarks } from "./markets.ts";

export interface MarketDriftPorts {
  /** The node that leads; undefined where none is known or this one does. */
  readonly leader: () => NodeId | undefined;
  readonly request: (to: NodeId, payload: unknown, withinMs: number) => Promise<unknown>;
  readonly marks: () => readonly FeedMarks[];
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
}

interface Question {
  readonly market: "marks";
}

interface Found {
  readonly feed: string;
  readonly symbol: SymbolId;
  readonly leader: NodeId;
  readonly updateId: number;
  readonly isEqual: boolean;
  readonly comparedMono: MonoMs;
}

const everyMs = 5_000;
const answerWithinMs = 2_000;

/** Compares each `everyMs` from its construction on, until `close`. */
export class MarketDrift {
  readonly #o: MarketDriftPorts;
  readonly #found = new Map<string, Found>();
  readonly #timer: NodeJS.Timeout;

  constructor(o: MarketDriftPorts) {
    this.#o = o;
    this.#timer = setInterval(() => void this.compare(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A standby's question, if the payload is one; undefined for everything else. */
  answer(payload: unknown): Promise<unknown> | undefined {
    if ((payload as Partial<Question> | null)?.market !== "marks") return undefined;
    return Promise.resolve(this.#o.marks());
  }

  /** One comparison, now. Never rejects: a leader that does not answer leaves what was found before. */
  async compare(): Promise<void> {
    const leader = this.#o.leader();
    for (const [key, found] of this.#found) if (found.leader !== leader) this.#found.delete(key);
    if (leader === undefined) return;
    const question: Question = { market: "marks" };
    let theirs: readonly FeedMarks[];
    try {
      const answer = await this.#o.request(leader, question, answerWithinMs);
      // A leader of an older version knows no such question, and answers it as a request that it cannot read.
      theirs = Array.isArray(answer) ? (answer as readonly FeedMarks[]) : [];
    } catch {
      return;
    }
    if (this.#o.leader() !== leader) return;
    for (const { feed, symbol, marks } of this.#o.marks()) {
      const other = theirs.find((one) => one.feed === feed && one.symbol === symbol);
      const compared = other === undefined ? undefined : compareMarks(marks, other.marks);
      if (compared !== undefined) this.#note({ feed, symbol, leader, ...compared, comparedMono: monoNow() });
    }
  }

  /** What was found of one book; null where nothing was compared. */
  of(feed: string, symbol: SymbolId): FeedDrift | null {
    const found = this.#found.get(keyOf(feed, symbol));
    if (found === undefined) return null;
    const { leader, updateId, isEqual, comparedMono } = found;
    return { leader, updateId, isEqual, comparedAgoMs: Math.round(monoNow() - comparedMono) };
  }

  get figures(): readonly { readonly feed: string; readonly symbol: string; readonly isEqual: boolean }[] {
    return [...this.#found.values()];
  }

  get warnings(): readonly string[] {
    return [...this.#found.values()].filter(({ isEqual }) => !isEqual).map(sentenceOf);
  }

  #note(found: Found): void {
    const key = keyOf(found.feed, found.symbol);
    const wasEqual = this.#found.get(key)?.isEqual ?? true;
    this.#found.set(key, found);
    if (wasEqual === found.isEqual) return;
    if (found.isEqual) this.#o.say("feed.drift-ended", `${sentenceOf(found)}.`);
    else this.#o.warn("feed.drift", `${sentenceOf(found)}.`);
  }
}

function keyOf(feed: string, symbol: SymbolId): string {
  return `${feed} ${symbol}`;
}

function sentenceOf({ feed, symbol, leader, updateId, isEqual }: Found): string {
  const verdict = isEqual ? "is again" : "is not";
  return `the book of ${symbol} in feed ${feed} ${verdict} the one of ${leader} at update ${updateId}`;
}
