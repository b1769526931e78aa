import type { Strategy } from "@baton/engine";

interface State {
  high: number;
  bought: number;
}

const strategy: Strategy<State> = {
  initial: () => ({ high: 0, bought: 0 }),
  decide(state, input) {
    if (input.kind !== "top") return { state, intents: [] };
    const ask = Number(input.ask);
    const high = Math.max(state.high, ask);
    if (ask > high * 0.999 || state.bought >= 5) return { state: { ...state, high }, intents: [] };
    const intent = { symbol: input.symbol, side: "buy", type: "market", quantity: "0.001" } as const;
    return { state: { high: ask, bought: state.bought + 1 }, intents: [intent] };
  },
};

export default strategy;
