/** The one door of the simulated exchange: the whole of it over sockets, and its matching engine alone for simulations. */
export { startExchange, type ExchangeOptions, type RunningExchange } from "./exchange.ts";
export type { Fault, FaultMatch, FaultName, FaultPoint, FaultRequest } from "./faults/fault.ts";
export type { ApiKey } from "./gateway/credentials.ts";
export type { Limits } from "./gateway/limits.ts";
export { amountDecimal, units } from "./amounts.ts";
export { HOUSE, OrderFlow, usualFlow, type FlowOptions } from "./flow/order-flow.ts";
export { instrument, usualInstruments, type Instrument } from "./matching/instrument.ts";
export { MatchingEngine, type MatchingEvent, type MatchingOptions, type Placed } from "./matching/matching-engine.ts";
export type { NewOrder } from "./matching/new-order.ts";
export type { Refusal } from "./matching/refusals.ts";
export type { MirrorOptions } from "./mirror/live-venue.ts";
export type { PersonalityName } from "./personality.ts";
export type { Uniqueness } from "./matching/order-index.ts";
export { isOpen, type OrderState, type Trade } from "./matching/order.ts";
