/** All configured strategies of a node: warm on every node, fed only where and while the node trades. */
import type { EngineState, JournalEvent, StrategyConfig } from "@baton/core";
import type { Top } from "@baton/feeds";
import { monoNow, wallNow } from "../clock.ts";
import type { Desk } from "../desk/desk.ts";
import { StrategyRunner } from "./runner.ts";

export class Strategies {
  readonly #runners: readonly StrategyRunner[];

  constructor(configs: readonly StrategyConfig[], desk: Desk, state: () => EngineState) {
    this.#runners = configs.map(
      (config) =>
        new StrategyRunner(config, {
          stateOf: (strategy) => {
            const row = state().strategies.get(strategy);
            // What it decides while nothing can be recorded would be lost, and its state would not know.
            return { state: row?.state, isEnabled: (row?.enabled ?? true) && desk.isReadyFor(config.venue) };
          },
          decided: (strategy, decided, intents, on) => desk.strategy(strategy, decided, intents, on),
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

  onCommitted(event: JournalEvent): void {
    if (event.kind !== "fill.recorded") return;
    const { symbol, side, price, quantity } = event;
    for (const runner of this.#runners) runner.offer({ kind: "fill", symbol, side, price, quantity });
  }

  async close(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.close()));
  }
}
