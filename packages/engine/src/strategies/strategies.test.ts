import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { id } from "@baton/core";
import type { DecidedOn, StrategyConfig, SymbolId, VenueId } from "@baton/core";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { StrategyRunner } from "./runner.ts";
import type { StrategyPorts, StrategyTrade } from "./runner.ts";
import type { Strategy, StrategyInput, StrategyIntent } from "./strategy.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-strategies-"));
const examples = join(import.meta.dirname, "..", "..", "..", "..", "infra", "config", "strategies");
afterAll(() => rmSync(folder, { recursive: true }));

const btc = id<SymbolId>("BTC/USDT");
const top = (bid: string, ask: string, updateId = 1): Extract<StrategyInput, { readonly kind: "top" }> => ({
  ...{ kind: "top", symbol: btc, bid, ask, feed: "f", updateId, ageMs: 7 },
});
const fill = (side: "buy" | "sell", price: string, quantity: string): StrategyTrade["input"] => ({
  ...{ kind: "fill", symbol: btc, tradeId: "7", side, price, quantity },
});
const bust = (side: "buy" | "sell", price: string, quantity: string): StrategyTrade["input"] => ({
  ...fill(side, price, quantity),
  kind: "bust",
});

interface Decided {
  readonly told: number;
  readonly state: unknown;
  readonly intents: readonly StrategyIntent[];
  readonly decidedOn: DecidedOn | undefined;
}

const heldMax = 4;

/** What a journal holds of a strategy and for it. */
interface Journaled {
  state?: unknown;
  toldSequence?: number;
  readonly trades: StrategyTrade[];
}

/** A strategy's thread over a journal in memory. */
class Kept {
  readonly decided: Decided[] = [];
  readonly failed: string[] = [];
  isEnabled = true;
  isRecording = true;
  unrecorded = 0;
  readonly journal: Journaled;
  readonly runner: StrategyRunner;

  /** A budget that no loaded machine overruns, unless it is to be overrun. */
  constructor(
    module: string,
    journal: Partial<Journaled> = {},
    { budgetMs = 30_000, params = {} }: Partial<Pick<StrategyConfig, "budgetMs" | "params">> = {},
  ) {
    const journaled: Journaled = { trades: [], ...journal };
    this.journal = journaled;
    const config: StrategyConfig = {
      ...{ id: "s", module, venue: id<VenueId>("sim"), symbols: [btc], budgetMs, params },
    };
    const ports: StrategyPorts = {
      stateOf: () => ({ state: journaled.state, isEnabled: this.isEnabled, toldSequence: journaled.toldSequence }),
      committed: () => journaled.trades.at(-1)?.sequence ?? 0,
      tradesAfter: (_symbols, after, most) =>
        journaled.trades.filter(({ sequence }) => sequence > after).slice(0, most),
      decided: (_strategy, state, intents, decidedOn, told) => {
        if (!this.isRecording) {
          this.unrecorded += 1;
          return false;
        }
        journaled.state = state;
        journaled.toldSequence = told;
        this.decided.push({ state, intents, decidedOn, told });
        return true;
      },
      failed: (_strategy, reason) => {
        this.isEnabled = false;
        this.failed.push(reason);
      },
    };
    this.runner = new StrategyRunner(config, ports, heldMax);
    this.runner.setTrading(true);
  }

  /** A trade or bust is committed. */
  commit(input: StrategyTrade["input"]): void {
    const trade = { input, sequence: (this.journal.trades.at(-1)?.sequence ?? 0) + 1 };
    this.journal.trades.push(trade);
    this.runner.offerTrade(trade);
  }

  /**
   * It has decided so often, the last time on this. A thread that gets no processor for a small budget is switched off, which
   * is right, and is switched on again here.
   */
  async untilDecided(count: number, input: Extract<StrategyInput, { readonly kind: "top" }>): Promise<void> {
    this.isEnabled = true;
    this.runner.offer(input);
    await this.until(() => {
      if (!this.isEnabled) {
        this.isEnabled = true;
        this.runner.offer(input);
      }
      return this.decided.length === count;
    });
  }

  async until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 45_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error("the thread has not answered in time");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function moduleOf(name: string, text: string): string {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return file;
}

const counting = moduleOf(
  "counting",
  `export const initial = () => ({ seen: 0 });
   export const decide = (state, input) => ({
     state: { seen: state.seen + 1 },
     intents: [{ symbol: input.symbol, side: "buy", type: "market", quantity: "1" }],
   });`,
);

describe("a strategy's thread", () => {
  let kept: Kept | undefined;
  afterEach(() => kept?.runner.close());

  test("decides from its journaled state, and names the price that it was told with its age by then", async () => {
    kept = new Kept(counting, { state: { seen: 41 } });
    kept.runner.offer(top("99", "100", 17));
    await kept.until(() => kept?.decided.length === 1);
    const [decided] = kept.decided;
    expect(decided).toMatchObject({ state: { seen: 42 }, decidedOn: { feed: "f", updateId: 17 } });
    expect(decided?.decidedOn?.ageMs).toBeGreaterThanOrEqual(7);
    kept.commit(fill("buy", "100", "1"));
    await kept.until(() => kept?.decided.length === 2);
    expect(kept.decided[1]).toMatchObject({ state: { seen: 43 }, decidedOn: undefined });
  });

  test("that overruns its budget is switched off, and can decide again in a new thread when it is switched on", async () => {
    const endless = moduleOf(
      "endless",
      `export const initial = () => 0;
       export const decide = (state, input) => { while (input.bid === "13") ; return { state: state + 1, intents: [] }; };`,
    );
    kept = new Kept(endless, {}, { budgetMs: 500 });
    kept.runner.offer(top("13", "100"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.failed[0]).toContain("took longer than its 500 ms");
    kept.runner.offer(top("14", "100"));
    expect(kept.decided).toEqual([]);
    await kept.untilDecided(1, top("14", "100"));
  });

  test("that has answered in time while the node's own thread stood still is not blamed for it", async () => {
    const answers = new Int32Array(new SharedArrayBuffer(4));
    const answering = moduleOf(
      "answering",
      `let answers;
       export const initial = (params) => ((answers = params.answers), 0);
       export const decide = (state) => {
         // The answer is posted when this has returned.
         setImmediate(() => { Atomics.add(answers, 0, 1); Atomics.notify(answers, 0); });
         return { state: state + 1, intents: [] };
       };`,
    );
    kept = new Kept(answering, {}, { budgetMs: 500, params: { answers } });
    await kept.untilDecided(1, top("1", "2"));
    const failures = kept.failed.length;
    while (Atomics.load(answers, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    const before = Atomics.load(answers, 0);
    // From here the loop comes to its timers before it comes to what was sent meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
    kept.runner.offer(top("2", "3"));
    // This thread stands still until the answer is here, and then beyond the budget.
    expect(Atomics.wait(answers, 0, before, 30_000)).not.toBe("timed-out");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    await kept.until(() => kept?.decided.length === 2 || kept?.isEnabled === false);
    expect([kept.decided.length, kept.failed.length]).toEqual([2, failures]);
  });

  test("that throws is switched off with its reason", async () => {
    kept = new Kept(
      moduleOf("throwing", `export const initial = () => 0; export const decide = () => { throw new Error("odd"); };`),
    );
    kept.runner.offer(top("1", "2"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.failed).toEqual(["odd"]);
  });

  test.each([
    ["BUY is no side", `[{ symbol: "BTC/USDT", side: "BUY", type: "limit", quantity: "1", price: "1" }]`, /side "BUY"/],
    ["a number is no amount", `[{ symbol: "BTC/USDT", side: "buy", type: "market", quantity: 1 }]`, /quantity 1/],
    [
      "a text is no time",
      `[{ symbol: "BTC/USDT", side: "buy", type: "market", quantity: "1", sendWithinMs: "9" }]`,
      /sendWithinMs "9"/,
    ],
    ["nothing is no intent", `[null]`, /intent 1 is no object/],
    ["no list is no list", `undefined`, /no list of intents/],
  ])("that breaks its contract is switched off, with nothing recorded: %s", async (name, intents, reason) => {
    const source = `export const initial = () => 0; export const decide = () => ({ state: 1, intents: ${intents} });`;
    kept = new Kept(moduleOf(name.replaceAll(" ", "-"), source));
    kept.runner.offer(top("1", "2"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.failed[0]).toMatch(reason);
    expect(kept.decided).toEqual([]);
  });

  test("whose state no journal can hold is switched off", async () => {
    kept = new Kept(
      moduleOf(
        "big",
        `export const initial = () => 0; export const decide = () => ({ state: { n: 1n }, intents: [] });`,
      ),
    );
    kept.runner.offer(top("1", "2"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.failed).toEqual(["its state does not survive JSON"]);
    expect(kept.decided).toEqual([]);
  });
});

/** Remembers what it was told of trades, and in which order. */
const listing = moduleOf(
  "listing",
  `export const initial = () => [];
   export const decide = (state, input) => {
     if (input.kind === "top") return { state, intents: [] };
     if (input.price === "13") throw new Error("odd");
     return { state: [...state, input.kind + " " + input.quantity], intents: [] };
   };`,
);

describe("a trade and its bust", () => {
  let kept: Kept | undefined;
  afterEach(() => kept?.runner.close());

  test("are told in the journal's order, each once, also by the next leader of a journal that holds more than was told", async () => {
    kept = new Kept(listing);
    kept.commit(fill("buy", "100", "1"));
    kept.commit(bust("buy", "100", "1"));
    await kept.until(() => kept?.journal.toldSequence === 2);
    // What the first leader did not live to decide on is in the journal only.
    const { state, trades } = kept.journal;
    const later = { sequence: 4, input: bust("buy", "101", "2") };
    const next = new Kept(listing, {
      ...{ state: state ?? [], toldSequence: 2 },
      trades: [...trades, { sequence: 3, input: fill("buy", "101", "2") }, later],
    });
    // Told as committed a second time: it is on its way already.
    next.runner.offerTrade(later);
    next.commit(fill("sell", "102", "3"));
    await next.until(() => next.journal.toldSequence === 5);
    await next.runner.close();
    expect(next.journal.state).toEqual(["fill 1", "bust 1", "fill 2", "bust 2", "fill 3"]);
    expect(next.decided.map(({ told }) => told)).toEqual([3, 4, 5]);
  });

  test("are not told of the time before it first decided", async () => {
    kept = new Kept(listing, { trades: [{ sequence: 9, input: fill("buy", "100", "1") }] });
    kept.runner.offer(top("99", "100"));
    await kept.until(() => kept?.journal.toldSequence === 9);
    kept.commit(fill("buy", "100", "2"));
    await kept.until(() => kept?.journal.toldSequence === 10);
    expect(kept.journal.state).toEqual(["fill 2"]);
  });

  test("come again after a pause of trading, a decision that nobody could record, or a handler that threw", async () => {
    kept = new Kept(listing, { state: [], toldSequence: 0 });
    kept.runner.setTrading(false);
    kept.commit(fill("buy", "100", "1"));
    kept.runner.setTrading(true);
    kept.isRecording = false;
    await kept.until(() => kept?.unrecorded === 1);
    kept.isRecording = true;
    kept.runner.offer(top("99", "100"));
    await kept.until(() => kept?.journal.toldSequence === 1);
    kept.commit(fill("buy", "13", "2"));
    kept.commit(fill("buy", "100", "3"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.journal.toldSequence).toBe(1);
    kept.isEnabled = true;
    kept.runner.offer(top("99", "100"));
    await kept.until(() => kept?.failed.length === 2);
    expect(kept.journal.state).toEqual(["fill 1"]);
  });

  test("wait in the journal beyond what is held in memory, and none is missed or told twice", async () => {
    kept = new Kept(listing, { state: [], toldSequence: 0 });
    kept.isEnabled = false;
    for (let count = 1; count <= 3 * heldMax; count += 1) kept.commit(fill("buy", "100", `${count}`));
    kept.isEnabled = true;
    kept.runner.offer(top("99", "100"));
    await kept.until(() => kept?.journal.toldSequence === 3 * heldMax);
    const told = kept.decided.slice(0, 3 * heldMax).map((each) => each.told);
    expect(told).toEqual(Array.from({ length: 3 * heldMax }, (_, at) => at + 1));
  });
});

describe.each(["dip-buyer.ts", "band-trader.ts"])("the example %s", (name) => {
  const inputs: readonly StrategyInput[] = [
    ...Array.from({ length: 40 }, () => top("99.9", "100.1")),
    top("98", "98.2"),
    fill("buy", "98.2", "0.001"),
    ...Array.from({ length: 20 }, (_, at) => top(`${98 + at / 4}`, `${98.2 + at / 4}`)),
  ];

  test("decides the same of the same, and from a state that was journaled in between", async () => {
    const strategy = await loaded(name);
    const whole = run(strategy, inputs, (state) => state);
    const journaled = run(strategy, inputs, (state) => JSON.parse(JSON.stringify(state)) as unknown);
    expect(journaled).toEqual(whole);
    expect(whole.length).toBeGreaterThan(0);
    for (const intent of whole) expect(intent).toMatchObject({ symbol: btc, quantity: "0.001" });
  });
});

test("the band trader buys below its average, waits for what comes of it, and sells no more than it bought", async () => {
  const strategy = await loaded("band-trader.ts");
  const flat = Array.from({ length: 40 }, () => top("99.9", "100.1"));
  const fall = [top("98", "98.2"), top("97.9", "98.1")];
  const rise = Array.from({ length: 5 }, () => top("99", "99.2"));
  expect(run(strategy, [...flat, ...fall]).map((intent) => intent.side)).toEqual(["buy"]);
  expect(run(strategy, [...flat, ...fall, ...rise]).map((intent) => intent.side)).toEqual(["buy"]);
  const traded = run(strategy, [...flat, ...fall, fill("buy", "98.2", "0.001"), ...rise]);
  expect(traded.map(({ side, price }) => `${side} ${price}`)).toEqual(["buy 98.2", "sell 99"]);
  // What the venue took back it has not got to sell.
  const bought = fill("buy", "98.2", "0.001");
  const undone = run(strategy, [...flat, ...fall, bought, bust("buy", "98.2", "0.001"), ...rise]);
  expect(undone.map(({ side }) => side)).not.toContain("sell");
});

async function loaded(name: string): Promise<Strategy<unknown>> {
  const module = (await import(pathToFileURL(join(examples, name)).href)) as { readonly default: Strategy<unknown> };
  return module.default;
}

function run(
  strategy: Strategy<unknown>,
  inputs: readonly StrategyInput[],
  journaled: (state: unknown) => unknown = (state) => state,
): readonly StrategyIntent[] {
  let state = strategy.initial({});
  const intents: StrategyIntent[] = [];
  for (const [at, input] of inputs.entries()) {
    const decided = strategy.decide(state, input, { now: 1_000_000 + at * 100, random: 0 });
    state = journaled(decided.state);
    intents.push(...decided.intents);
  }
  return intents;
}
