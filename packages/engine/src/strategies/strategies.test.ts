import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { id } from "@baton/core";
import type { DecidedOn, StrategyConfig, SymbolId, VenueId } from "@baton/core";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { StrategyRunner } from "./runner.ts";
import type { Strategy, StrategyInput, StrategyIntent } from "./strategy.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-strategies-"));
const examples = join(import.meta.dirname, "..", "..", "..", "..", "infra", "config", "strategies");
afterAll(() => rmSync(folder, { recursive: true }));

const btc = id<SymbolId>("BTC/USDT");
const top = (bid: string, ask: string, updateId = 1): StrategyInput => ({
  ...{ kind: "top", symbol: btc, bid, ask, feed: "f", updateId, ageMs: 7 },
});
const fill = (side: "buy" | "sell", price: string, quantity: string): StrategyInput => ({
  ...{ kind: "fill", symbol: btc, side, price, quantity },
});

interface Decided {
  readonly state: unknown;
  readonly intents: readonly StrategyIntent[];
  readonly decidedOn: DecidedOn | undefined;
}

/** A strategy's thread, its journaled state in memory. */
class Kept {
  readonly decided: Decided[] = [];
  readonly failed: string[] = [];
  isEnabled = true;
  readonly runner: StrategyRunner;

  constructor(module: string, state?: unknown, budgetMs = 5_000) {
    let journaled = state;
    const config: StrategyConfig = {
      ...{ id: "s", module, venue: id<VenueId>("sim"), symbols: [btc], budgetMs, params: {} },
    };
    this.runner = new StrategyRunner(config, {
      stateOf: () => ({ state: journaled, isEnabled: this.isEnabled }),
      decided: (_strategy, next, intents, decidedOn) => {
        journaled = next;
        this.decided.push({ state: next, intents, decidedOn });
      },
      failed: (_strategy, reason) => {
        this.isEnabled = false;
        this.failed.push(reason);
      },
    });
    this.runner.setTrading(true);
  }

  async until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 15_000;
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
    kept = new Kept(counting, { seen: 41 });
    kept.runner.offer(top("99", "100", 17));
    await kept.until(() => kept?.decided.length === 1);
    const [decided] = kept.decided;
    expect(decided).toMatchObject({ state: { seen: 42 }, decidedOn: { feed: "f", updateId: 17 } });
    expect(decided?.decidedOn?.ageMs).toBeGreaterThanOrEqual(7);
    kept.runner.offer(fill("buy", "100", "1"));
    await kept.until(() => kept?.decided.length === 2);
    expect(kept.decided[1]).toMatchObject({ state: { seen: 43 }, decidedOn: undefined });
  });

  test("that overruns its budget is switched off, and can decide again in a new thread when it is switched on", async () => {
    const endless = moduleOf(
      "endless",
      `export const initial = () => 0;
       export const decide = (state, input) => { while (input.bid === "13") ; return { state: state + 1, intents: [] }; };`,
    );
    kept = new Kept(endless, undefined, 500);
    kept.runner.offer(top("13", "100"));
    await kept.until(() => kept?.failed.length === 1);
    expect(kept.failed[0]).toContain("took longer than its 500 ms");
    kept.runner.offer(top("14", "100"));
    expect(kept.decided).toEqual([]);
    kept.isEnabled = true;
    kept.runner.offer(top("14", "100"));
    await kept.until(() => kept?.decided.length === 1);
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
