/** A strategy for tests: it trades nothing, and keeps what it was told of trades. */
import type { Strategy } from "@baton/engine";

interface State {
  readonly told: readonly string[];
}

const strategy: Strategy<State> = {
  initial: () => ({ told: [] }),
  decide: (state, input) => ({
    state: input.kind === "top" ? state : { told: [...state.told, `${input.kind} ${input.tradeId}`] },
    intents: [],
  }),
};

export default strategy;
