/**
 * A client of the API under load: so many orders a second to any node in turn, each under its own Idempotency-Key, asked
 * again under the same key, not before it was told to, until it is acknowledged, refused for good, or given up. What it was told, and nothing else, is
 * what the checker holds the cluster to.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RefusedError, StrangeAnswerError, UnreachableError } from "@baton/cli";
import type { BatonClient } from "@baton/cli";
import { decimal, refusalCodes } from "@baton/core";
import type { PlaceOrderAnswer, PlaceOrderRequest, SymbolId } from "@baton/core";
import type { Acknowledged } from "../checker/evidence.ts";
import type { MadeOrder, OrderMaker, Quote } from "./order-maker.ts";

export interface FlowOptions {
  /** One per node. */
  readonly clients: readonly BatonClient[];
  readonly maker: OrderMaker;
  readonly symbols: readonly SymbolId[];
  readonly perSecond: number;
  /** Names the run in its keys. */
  readonly run: string;
}

export interface FlowCount {
  asked: number;
  acknowledged: number;
  /** Refused for good by a check (422). */
  refused: number;
  givenUp: number;
  /** Asked and not answered yet. */
  waiting: number;
  /** Answers that told to ask again later, since the leader has more to send than it can. */
  overloaded: number;
}

/**
 * How long one order is asked for again before it is given up: longer than a leader may be without a second copy, since a
 * standby that falls behind again and again is taken in up to 30 s later each time.
 */
const giveUpMs = 90_000;
/** How long every symbol's first quote is waited for. */
const quotesWithinMs = 60_000;
const waitingMax = 300;
/** Before it asks again: at random between half of it and the whole, longer each time, as a client that means well does. */
const pauseMs = { first: 60, most: 480 };

export class OrderFlow {
  readonly acknowledged: Acknowledged[] = [];
  readonly count: FlowCount = { asked: 0, acknowledged: 0, refused: 0, givenUp: 0, waiting: 0, overloaded: 0 };
  /** Why orders were refused for good, by code. */
  readonly refusals: Map<string, number> = new Map();
  readonly #options: FlowOptions;
  readonly #quotes = new Map<SymbolId, Quote>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #cancels = new Set<NodeJS.Timeout>();
  readonly #epochListeners = new Set<(epoch: number) => void>();
  /** The first answer that no client should get; it ends the flow. */
  #failure: Error | undefined;
  /** Each kind of answer but an acknowledgement: how often, and when last. */
  readonly #without = new Map<string, { times: number; lastMono: number }>();
  #epoch = 0;
  #turn = 0;
  #isRunning = false;
  #loop: Promise<unknown> | undefined;

  constructor(options: FlowOptions) {
    this.#options = options;
  }

  /** Starts to send, once every symbol has a quote. */
  async start(): Promise<void> {
    this.#isRunning = true;
    const end = performance.now() + quotesWithinMs;
    while (this.#quotes.size < this.#options.symbols.length) {
      if (performance.now() > end) throw new Error("no node shows a book of every symbol");
      await this.#readQuotes();
    }
    this.#loop = Promise.all([this.#send(), this.#watchQuotes()]);
  }

  /** The latest epoch in which an order was acknowledged; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Settles when an order is acknowledged in a later epoch than `epoch`; undefined after `withinMs`. */
  untilEpochAfter(epoch: number, withinMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const end = setTimeout(() => settle(undefined), withinMs);
      const listener = (acknowledged: number): void => {
        if (acknowledged > epoch) settle(acknowledged);
      };
      const settle = (value: number | undefined): void => {
        clearTimeout(end);
        this.#epochListeners.delete(listener);
        resolve(value);
      };
      this.#epochListeners.add(listener);
    });
  }

  /** Asks for a parent order as for any other, until it is acknowledged. */
  async placeParent(request: PlaceOrderRequest, key: string): Promise<string> {
    const answer = await this.#untilAnswered(request, key);
    if (answer === undefined || !("parentId" in answer)) throw new Error(`the parent order ${key} was not taken`);
    return answer.parentId;
  }

  /** As `placeParent`; undefined when it was refused or nobody took it in time. */
  async tryParent(request: PlaceOrderRequest, key: string): Promise<string | undefined> {
    const answer = await this.#untilAnswered(request, key);
    return answer !== undefined && "parentId" in answer ? answer.parentId : undefined;
  }

  /** The latest quote of a symbol. */
  quoteOf(symbol: SymbolId): Quote | undefined {
    return this.#quotes.get(symbol);
  }

  /** Why orders were refused for good, for the story: "price-stale 3, position 1", or "none". */
  refusalText(): string {
    return [...this.refusals].map(([code, count]) => `${code} ${count}`).join(", ") || "none";
  }

  /** What orders were answered in the last `withinMs` instead of being taken, for the story of a flow that came to a stop. */
  answersWithin(withinMs: number): string {
    const since = performance.now() - withinMs;
    const recent = [...this.#without].filter(([, { lastMono }]) => lastMono >= since);
    return `${this.count.waiting} wait; ${recent.map(([what, { times }]) => `${what} (${times} times)`).join(", ")}`;
  }

  /** Stops sending and waits for every answer and every cancel. Throws what no client should have met. */
  async finish(): Promise<void> {
    this.#isRunning = false;
    await this.#loop;
    while (this.#underWay.size > 0 || this.#cancels.size > 0) {
      await Promise.all(this.#underWay);
      await delay(50);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #send(): Promise<void> {
    const startedAt = performance.now();
    let due = 0;
    while (this.#isRunning) {
      const target = Math.floor(((performance.now() - startedAt) * this.#options.perSecond) / 1_000);
      for (; due < target; due++) {
        // Whoever is late is not helped by more: beyond the bound an order that was due is left out.
        if (this.count.waiting >= waitingMax) continue;
        const made = this.#options.maker.next(this.#quotes);
        if (made !== undefined) this.#track(this.#place(made, `${this.#options.run}-${due}`));
      }
      await delay(5);
    }
  }

  #track(work: Promise<void>): void {
    const watched = work.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#underWay.add(watched);
    void watched.finally(() => this.#underWay.delete(watched));
  }

  async #place(made: MadeOrder, key: string): Promise<void> {
    this.count.asked++;
    this.count.waiting++;
    try {
      const answer = await this.#untilAnswered(made.request, key);
      if (answer === undefined || !("intentId" in answer)) return;
      this.count.acknowledged++;
      const { intentId, clientOrderId } = answer;
      this.acknowledged.push({ intentId, clientOrderId, key, atWallMs: Date.now() });
      this.#epoch = Math.max(this.#epoch, answer.epoch);
      for (const listener of this.#epochListeners) listener(answer.epoch);
      if (made.cancelAfterMs !== undefined) this.#cancelLater(intentId, made.cancelAfterMs);
    } finally {
      this.count.waiting--;
    }
  }

  async #untilAnswered(request: PlaceOrderRequest, key: string): Promise<PlaceOrderAnswer | undefined> {
    const end = performance.now() + giveUpMs;
    for (let longestMs = pauseMs.first; performance.now() < end; longestMs = Math.min(2 * longestMs, pauseMs.most)) {
      let toldMs = 0;
      try {
        return await this.#nextClient().placeOrder(request, key);
      } catch (error) {
        this.#noteAnswer(error);
        if (isFinal(error)) {
          this.count.refused++;
          this.refusals.set(error.problem.code, (this.refusals.get(error.problem.code) ?? 0) + 1);
          return undefined;
        }
        if (!(error instanceof RefusedError || error instanceof UnreachableError)) throw error;
        if (error instanceof RefusedError && error.problem.retryAfterMs !== undefined) {
          toldMs = error.problem.retryAfterMs;
          this.count.overloaded++;
        }
      }
      await delay(toldMs + longestMs * (0.5 + Math.random() / 2));
    }
    this.count.givenUp++;
    return undefined;
  }

  #noteAnswer(error: unknown): void {
    const what =
      error instanceof RefusedError ? error.problem.code : String(error instanceof Error ? error.name : error);
    const { times } = this.#without.get(what) ?? { times: 0 };
    this.#without.set(what, { times: times + 1, lastMono: performance.now() });
  }

  #cancelLater(intentId: string, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#cancels.delete(timer);
      this.#track(this.#cancel(intentId));
    }, afterMs);
    this.#cancels.add(timer);
  }

  async #cancel(intentId: string): Promise<void> {
    const end = performance.now() + giveUpMs;
    while (performance.now() < end) {
      try {
        await this.#nextClient().cancelOrder(intentId);
        return;
      } catch (error) {
        // Ended already, or taken with an answer that nobody here reads.
        if (error instanceof RefusedError && error.problem.status < 500) return;
        if (error instanceof StrangeAnswerError) return;
        if (!(error instanceof RefusedError || error instanceof UnreachableError)) throw error;
      }
      await delay(100);
    }
  }

  #nextClient(): BatonClient {
    const client = this.#options.clients[this.#turn++ % this.#options.clients.length];
    if (client === undefined) throw new Error("the flow has no node to talk to");
    return client;
  }

  async #watchQuotes(): Promise<void> {
    while (this.#isRunning) {
      await this.#readQuotes();
      await delay(100);
    }
  }

  /** Any node shows the book; one that does not answer is passed over. */
  async #readQuotes(): Promise<void> {
    const client = this.#nextClient();
    await Promise.all(
      this.#options.symbols.map(async (symbol) => {
        const book = await client.book(symbol).catch(() => undefined);
        const [bid, ask] = [book?.bids[0]?.[0], book?.asks[0]?.[0]];
        if (bid !== undefined && ask !== undefined) this.#quotes.set(symbol, { bid: decimal(bid), ask: decimal(ask) });
      }),
    );
  }
}

/** True for a refusal that asking again will not change; the table of codes says which pass by themselves. */
function isFinal(error: unknown): error is RefusedError {
  if (!(error instanceof RefusedError) || error.problem.status >= 500) return false;
  const known: Readonly<Record<string, { readonly isPassing: boolean } | undefined>> = refusalCodes;
  return known[error.problem.code]?.isPassing !== true;
}
