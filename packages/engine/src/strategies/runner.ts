/**
 * Keeps strategies: one warm worker thread each on every node, fed only while this node trades. One call at a time;
 * inputs that arrive meanwhile are conflated to the newest price per symbol, fills are kept in order. A handler over its
 * budget, or one that throws, switches its strategy off, on record; an operator switches it on again.
 */
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { DecidedOn, StrategyConfig } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import { checkedIntents } from "./checked-answer.ts";
import type { StrategyInput, StrategyIntent } from "./strategy.ts";
import type { StrategyAnswer, StrategyCall } from "./worker.ts";

/** Where decisions go. */
export interface StrategyPorts {
  /** The strategy's last journaled state, undefined before its first decision; and whether it may decide now. */
  stateOf(strategy: string): { readonly state: unknown; readonly isEnabled: boolean };
  /** Journals state and intents together, with the price that was decided on. */
  decided(strategy: string, state: unknown, intents: readonly StrategyIntent[], decidedOn: DecidedOn | undefined): void;
  failed(strategy: string, reason: string): void;
}

/** An input, and since when it waits for its decision. */
interface Waiting {
  readonly input: StrategyInput;
  readonly sinceMono: number;
}

const fillsMax = 10_000;

export class StrategyRunner {
  readonly #config: StrategyConfig;
  readonly #ports: StrategyPorts;
  #worker: Worker | undefined;
  #isReady = false;
  #isTrading = false;
  #call: { readonly id: number; readonly timer: NodeJS.Timeout; readonly input: Waiting } | undefined;
  #nextId = 1;
  readonly #fills: Waiting[] = [];
  readonly #tops = new Map<string, Waiting>();

  constructor(config: StrategyConfig, ports: StrategyPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#start();
  }

  get symbols(): readonly string[] {
    return this.#config.symbols;
  }

  /** From now on (or no more) inputs lead to decisions. */
  setTrading(isTrading: boolean): void {
    this.#isTrading = isTrading;
    if (!isTrading) {
      this.#fills.length = 0;
      this.#tops.clear();
    } else this.#next();
  }

  /** Offers an input; a newer price of a symbol replaces one that has not been decided on. */
  offer(input: StrategyInput): void {
    if (!this.#isTrading || !this.#config.symbols.some((s) => s === input.symbol)) return;
    const waiting = { input, sinceMono: monoNow() };
    if (input.kind === "top") this.#tops.set(input.symbol, waiting);
    else if (this.#fills.push(waiting) > fillsMax) return this.#fail(`more than ${fillsMax} fills wait for a decision`);
    this.#next();
  }

  async close(): Promise<void> {
    this.#isTrading = false;
    if (this.#call !== undefined) clearTimeout(this.#call.timer);
    await this.#worker?.terminate();
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
    const input = this.#fills.shift() ?? this.#takeTop();
    if (input === undefined) return;
    const id = this.#nextId;
    this.#nextId += 1;
    const budget = this.#config.budgetMs;
    const timer = setTimeout(() => this.#fail(`took longer than its ${budget} ms`), budget);
    this.#call = { id, timer, input };
    const now = wallNow();
    const call: StrategyCall = {
      id,
      state,
      input: input.input,
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
    const { timer, input } = this.#call;
    clearTimeout(timer);
    this.#call = undefined;
    if ("error" in answer) return this.#fail(answer.error);
    const intents = checkedIntents(answer);
    if (typeof intents === "string") return this.#fail(intents);
    if (this.#isTrading) {
      this.#ports.decided(this.#config.id, answer.state, intents, decidedOn(input));
    }
    this.#next();
  }

  /** Off, on record; the thread is replaced, since the old one may never come back. */
  #fail(reason: string): void {
    if (this.#call !== undefined) clearTimeout(this.#call.timer);
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
