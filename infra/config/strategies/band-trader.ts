/**
 * Buys when the price has fallen a band below its own slow average, and sells what it has bought when the price is a band
 * above what that cost. What it holds it knows by the fills of its symbol and by the busts that undo them, which come with the
 * journal's guarantee (each once), so its state is right after any takeover. It never sells more than it bought, and holds at most `lots` lots.
 */
import type { Strategy } from "@baton/engine";

interface State {
  lot: string;
  lots: number;
  band: number;
  average: number;
  held: number;
  cost: number;
  /** Bought or sold since the last fill told of it: nothing new until it is known what came of it, or for a while. */
  waitsUntil: number;
}

/** What it trades at a time, how many of that it holds at most, and how wide the band is. */
const usual = { lot: "0.001", lots: 3, band: 0.001 };
/** Longer than an order may take to leave and to be answered. */
const waitMs = 5_000;
/** Weight of a new price in the average. */
const slow = 0.02;

const strategy: Strategy<State> = {
  // The figures are in the state: a successor goes on from the journaled one and never makes a first one.
  initial: (params) => ({
    ...usual,
    ...(params as Partial<typeof usual>),
    average: 0,
    held: 0,
    cost: 0,
    waitsUntil: 0,
  }),
  decide(state, input, { now }) {
    const lot = Number(state.lot);
    if (input.kind !== "top") {
      // A trade that the venue took back is undone: what was bought is held no more, what was sold is held again.
      const quantity = Number(input.quantity) * (input.kind === "bust" ? -1 : 1);
      const isBuy = input.side === "buy";
      const held = Math.max(0, state.held + (isBuy ? quantity : -quantity));
      const cost = isBuy && held > 0 ? (state.held * state.cost + quantity * Number(input.price)) / held : state.cost;
      return { state: { ...state, held, cost, waitsUntil: 0 }, intents: [] };
    }
    const [bid, ask] = [Number(input.bid), Number(input.ask)];
    const middle = (bid + ask) / 2;
    const average = state.average === 0 ? middle : state.average + slow * (middle - state.average);
    const watching = { ...state, average };
    if (now < state.waitsUntil) return { state: watching, intents: [] };
    const common = { symbol: input.symbol, type: "limit", quantity: state.lot, timeInForce: "IOC" } as const;
    const waiting = { ...watching, waitsUntil: now + waitMs };
    if (state.held >= lot * 0.999 && bid > state.cost * (1 + state.band))
      return { state: waiting, intents: [{ ...common, side: "sell", price: input.bid }] };
    if (state.held < lot * (state.lots - 0.5) && ask < average * (1 - state.band))
      return { state: waiting, intents: [{ ...common, side: "buy", price: input.ask }] };
    return { state: watching, intents: [] };
  },
};

export default strategy;
