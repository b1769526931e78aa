/**
 * Keeps strategies: one warm worker thread each on every node, fed only while this node trades. One call at a time;
 * prices that arrive meanwhile are conflated to the newest per symbol, trades and busts are kept in the journal's order.
 * What a strategy has heard of trades is journaled with its state, so that each is told once over any takeover: when
 * trading begins, whatever the journal holds beyond that is told first. A handler over its budget, or one that throws,
 * switches its strategy off, on record; an operator switches it on again, and a trade that it failed on comes again.
 */
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { DecidedOn, Sequence, StrategyConfig, SymbolId } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import { checkedIntents } from "./checked-answer.ts";
import type { StrategyInput, StrategyIntent } from "./strategy.ts";
import type { StrategyAnswer, StrategyCall } from "./worker.ts";

/** A trade or a bust at its place in the journal. */
export interface StrategyTrade {
  readonly sequence: Sequence;
  readonly input: Extract<StrategyInput, { readonly kind: "fill" | "bust" }>;
}

/** Where decisions go, and what a strategy is told besides prices. */
export interface StrategyPorts {
  /** The strategy's last journaled state, undefined before its first decision; whether it may decide now; what it has heard. */
  stateOf(strategy: string): {
    readonly state: unknown;
    readonly isEnabled: boolean;
    readonly toldSequence: Sequence | undefined;
  };
  /** The last event that is committed here. */
  committed(): Sequence;
  /** The first so many committed trades and busts of its symbols after an event, oldest first. */
  tradesAfter(symbols: readonly SymbolId[], after: Sequence, most: number): readonly StrategyTrade[];
  /** Journals state and intents together, with the price that was decided on and what has been told. False: not now. */
  decided(
    strategy: string,
    state: unknown,
    intents: readonly StrategyIntent[],
    decidedOn: DecidedOn | undefined,
    toldSequence: Sequence,
  ): boolean;
  failed(strategy: string, reason: string): void;
}

/** An input, and since when it waits for its decision; `sequence`: of a trade or a bust. */
interface Waiting {
  readonly input: StrategyInput;
  readonly sinceMono: number;
  readonly sequence?: Sequence;
}

interface Call {
  readonly id: number;
  readonly timer: NodeJS.Timeout;
  readonly waiting: Waiting;
  /** Trading ended meanwhile: whatever it answers is not recorded. */
  isVoid: boolean;
}

export class StrategyRunner {
  readonly #config: StrategyConfig;
  readonly #ports: StrategyPorts;
  readonly #tradesMax: number;
  #worker: Worker | undefined;
  #isReady = false;
  #isTrading = false;
  #call: Call | undefined;
  #nextId = 1;
  /** What the state has heard of. */
  #told: Sequence = 0;
  /** Trades and busts after `#told`, oldest first, up to `#queued`; `hasMore`: the journal has later ones. */
  readonly #trades: Waiting[] = [];
  #queued: Sequence = 0;
  #hasMore = false;
  readonly #tops = new Map<string, Waiting>();

  /** `tradesMax`: how many trades are held here; the journal has those beyond them. */
  constructor(config: StrategyConfig, ports: StrategyPorts, tradesMax = 10_000) {
    this.#config = config;
    this.#ports = ports;
    this.#tradesMax = tradesMax;
    this.#start();
  }

  /** From now on (or no more) inputs lead to decisions. What the journal holds and the state has not heard of comes first. */
  setTrading(isTrading: boolean): void {
    if (isTrading === this.#isTrading) return this.#next();
    this.#isTrading = isTrading;
    if (isTrading) {
      this.#told = this.#ports.stateOf(this.#config.id).toldSequence ?? this.#ports.committed();
      this.#readTrades();
      return this.#next();
    }
    if (this.#call !== undefined) this.#call.isVoid = true;
    this.#trades.length = 0;
    this.#tops.clear();
  }

  /** Offers a price; a newer one of a symbol replaces one that has not been decided on. */
  offer(input: Extract<StrategyInput, { readonly kind: "top" }>): void {
    if (!this.#isTrading || !this.#watches(input.symbol)) return;
    this.#tops.set(input.symbol, { input, sinceMono: monoNow() });
    this.#next();
  }

  /** Offers a trade or a bust that was committed now. */
  offerTrade({ input, sequence }: StrategyTrade): void {
    if (!this.#isTrading || !this.#watches(input.symbol)) return;
    if (sequence > this.#queued && !this.#hasMore) this.#queue({ input, sequence });
    this.#next();
  }

  async close(): Promise<void> {
    this.#isTrading = false;
    if (this.#call !== undefined) clearTimeout(this.#call.timer);
    await this.#worker?.terminate();
  }

  #watches(symbol: string): boolean {
    return this.#config.symbols.some((each) => each === symbol);
  }

  #queue({ input, sequence }: StrategyTrade): void {
    this.#trades.push({ input, sequence, sinceMono: monoNow() });
    this.#queued = sequence;
    this.#hasMore = this.#trades.length >= this.#tradesMax;
  }

  /** Everything after what was told, as far as it is held here; later ones come by `offerTrade`. */
  #readTrades(): void {
    this.#trades.length = 0;
    this.#queued = this.#told;
    this.#hasMore = false;
    for (const trade of this.#ports.tradesAfter(this.#config.symbols, this.#told, this.#tradesMax)) this.#queue(trade);
  }

  #start(): void {
    this.#isReady = false;
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: { module: pathToFileURL(this.#config.module).href, params: this.#config.params },
    });
    this.#worker = worker;
    worker.on("message", (message: StrategyAnswer | "ready") => {
      if (worker !== this.#worker) return;
      if (message === "ready") {
        this.#isReady = true;
        this.#next();
      } else this.#answered(message);
    });
    worker.on("error", (error: unknown) => {
      if (worker === this.#worker) this.#fail(error instanceof Error ? error.message : String(error));
    });
    worker.unref();
  }

  #next(): void {
    if (!this.#isTrading || !this.#isReady || this.#call !== undefined) return;
    const { state, isEnabled } = this.#ports.stateOf(this.#config.id);
    if (!isEnabled) return;
    if (this.#trades.length === 0 && this.#hasMore) this.#readTrades();
    const waiting = this.#trades.shift() ?? this.#takeTop();
    if (waiting === undefined) return;
    const id = this.#nextId;
    this.#nextId += 1;
    const budget = this.#config.budgetMs;
    // If it was this thread that stood still, the answer is here already: it is read before anybody is blamed.
    const overrun = (): void => {
      if (this.#call?.id === id) this.#fail(`took longer than its ${budget} ms`);
    };
    const timer = setTimeout(() => setImmediate(overrun), budget);
    this.#call = { id, timer, waiting, isVoid: false };
    const now = wallNow();
    const call: StrategyCall = {
      id,
      state,
      input: waiting.input,
      context: { now, random: (now % 1_000_003) / 1_000_003 },
    };
    this.#worker?.postMessage(call);
  }

  #takeTop(): Waiting | undefined {
    for (const [symbol, input] of this.#tops) {
      this.#tops.delete(symbol);
      return input;
    }
    return undefined;
  }

  #answered(answer: StrategyAnswer): void {
    if (this.#call?.id !== answer.id) return;
    if ("error" in answer) return this.#fail(answer.error);
    const intents = checkedIntents(answer);
    if (typeof intents === "string") return this.#fail(intents);
    const { timer, waiting, isVoid } = this.#call;
    clearTimeout(timer);
    this.#call = undefined;
    if (!isVoid) {
      const told = waiting.sequence ?? this.#told;
      const isRecorded = this.#ports.decided(this.#config.id, answer.state, intents, decidedOn(waiting), told);
      // It decides on it again when something can be recorded: the next input asks.
      if (!isRecorded) return this.#putBack(waiting);
      this.#told = told;
    }
    this.#next();
  }

  #putBack(waiting: Waiting): void {
    if (waiting.sequence !== undefined) this.#trades.unshift(waiting);
  }

  /** Off, on record; the thread is replaced, since the old one may never come back. */
  #fail(reason: string): void {
    if (this.#call !== undefined) {
      clearTimeout(this.#call.timer);
      if (!this.#call.isVoid) this.#putBack(this.#call.waiting);
    }
    this.#call = undefined;
    const old = this.#worker;
    this.#worker = undefined;
    void old?.terminate();
    if (this.#isTrading) this.#ports.failed(this.#config.id, reason);
    this.#start();
  }
}

/** The price of an input as it is now: older by what it has waited and by what the decision took. */
function decidedOn({ input, sinceMono }: Waiting): DecidedOn | undefined {
  if (input.kind !== "top") return undefined;
  const { feed, updateId, ageMs } = input;
  return { feed, updateId, ageMs: ageMs + Math.max(0, Math.round(monoNow() - sinceMono)) };
}
