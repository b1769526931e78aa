/** A strategy for tests: its nth order is for n thousandths, a quarter of a second apart, so that a repeated or forgotten one shows. */
import type { Strategy } from "@baton/engine";

interface State {
  readonly made: number;
  readonly lastWallMs: number;
}

const everyMs = 250;
const most = 200;

const strategy: Strategy<State> = {
  initial: () => ({ made: 0, lastWallMs: 0 }),
  decide(state, input, { now }) {
    if (input.kind !== "top" || state.made >= most || now - state.lastWallMs < everyMs) return { state, intents: [] };
    const made = state.made + 1;
    const quantity = (made / 1_000).toFixed(3);
    return {
      state: { made, lastWallMs: now },
      intents: [{ symbol: input.symbol, side: made % 2 === 1 ? "buy" : "sell", type: "market", quantity }],
    };
  },
};

export default strategy;
