/** Runs one strategy's handlers in a thread of its own, so that a slow or endless one costs the leader nothing. */
import { parentPort, workerData } from "node:worker_threads";
import type { Strategy, StrategyContext, StrategyInput } from "./strategy.ts";

/** From the runner: decide on this input from this state (none yet: the initial one). */
export interface StrategyCall {
  readonly id: number;
  readonly state: unknown;
  readonly input: StrategyInput;
  readonly context: StrategyContext;
}

/** To the runner: what it decided, or why it could not. */
export type StrategyAnswer =
  | { readonly id: number; readonly state: unknown; readonly intents: unknown }
  | { readonly id: number; readonly error: string };

const { module, params } = workerData as { module: string; params: Readonly<Record<string, unknown>> };
const loaded = (await import(module)) as Strategy<unknown> & { readonly default?: Strategy<unknown> };
const strategy = loaded.default ?? loaded;
const port = parentPort;
if (port === null) throw new Error("a strategy runs in a worker thread");
port.on("message", (call: StrategyCall) => {
  port.postMessage(answer(call));
});
port.postMessage("ready");

function answer(call: StrategyCall): StrategyAnswer {
  try {
    const state = call.state ?? strategy.initial(params);
    const decided = strategy.decide(state, call.input, call.context);
    return { id: call.id, state: decided.state, intents: decided.intents };
  } catch (error) {
    return { id: call.id, error: error instanceof Error ? error.message : String(error) };
  }
}
