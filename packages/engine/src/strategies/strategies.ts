/** All configured strategies of a node: warm on every node, fed only where and while the node trades. */
import type { FillRow, JournalEvent, Sequence, StrategyConfig, ToldTrade } from "@baton/core";
import { assert, fillKey, tradesToTell } from "@baton/core";
import type { Top } from "@baton/feeds";
import { monoNow, wallNow } from "../clock.ts";
import type { Desk } from "../desk/desk.ts";
import type { Ledger } from "../ledger.ts";
import { StrategyRunner } from "./runner.ts";
import type { StrategyTrade } from "./runner.ts";

export class Strategies {
  readonly #runners: readonly StrategyRunner[];
  readonly #ledger: Pick<Ledger, "committed" | "speculative">;

  constructor(configs: readonly StrategyConfig[], desk: Desk, ledger: Pick<Ledger, "committed" | "speculative">) {
    this.#ledger = ledger;
    this.#runners = configs.map(
      (config) =>
        new StrategyRunner(config, {
          stateOf: (strategy) => {
            const row = ledger.speculative.strategies.get(strategy);
            // What it decides while nothing can be recorded would be lost, and its state would not know.
            const isEnabled = (row?.enabled ?? true) && desk.isReadyFor(config.venue);
            return { state: row?.state, isEnabled, toldSequence: row?.toldSequence };
          },
          committed: () => ledger.committed.applied,
          tradesAfter: (symbols, after, most) =>
            tradesToTell(ledger.committed, { symbols, after, most }).map((trade) => tradeOf(trade)),
          decided: (strategy, decided, intents, on, told) => desk.strategy(strategy, decided, intents, on, told),
          failed: (strategy, reason) =>
            desk.note({ kind: "strategy.switched", strategy, enabled: false, reason, atWallMs: wallNow() }),
        }),
    );
  }

  setTrading(isTrading: boolean): void {
    for (const runner of this.#runners) runner.setTrading(isTrading);
  }

  onTop(top: Top): void {
    if (this.#runners.length === 0 || top.quality === "stale") return;
    const { symbol, bid, ask, feed, updateId } = top;
    const ageMs = Math.max(0, Math.round(top.ageMs(monoNow())));
    for (const runner of this.#runners) runner.offer({ kind: "top", symbol, bid, ask, feed, updateId, ageMs });
  }

  /** Called for each committed event, when the committed state has it. */
  onCommitted(event: JournalEvent, sequence: Sequence): void {
    if (this.#runners.length === 0 || (event.kind !== "fill.recorded" && event.kind !== "fill.busted")) return;
    const fill = this.#ledger.committed.fills.get(fillKey(event.venue, event.symbol, event.tradeId));
    assert(fill !== undefined, "a trade that was committed now is known");
    const trade = tradeOf({ kind: event.kind === "fill.busted" ? "bust" : "fill", sequence, fill });
    for (const runner of this.#runners) runner.offerTrade(trade);
  }

  async close(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.close()));
  }
}

function tradeOf({ kind, sequence, fill }: ToldTrade): StrategyTrade {
  const { symbol, tradeId, side, price, quantity }: FillRow = fill;
  return { sequence, input: { kind, symbol, tradeId, side, price, quantity } };
}
