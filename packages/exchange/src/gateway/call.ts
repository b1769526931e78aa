/**
 * What a call is: one thing a client can ask for, over REST or over the WebSocket API, named as the WebSocket API names
 * it. A call reads its parameters, does its work on the trading floor and returns the body; it throws an `ApiError` to
 * refuse. Everything around it (weight, signature, validity, faults, audit, answer) is the gateway's.
 */
import type { TradingFloor } from "../market/trading-floor.ts";
import type { FaultBoard } from "../faults/fault-board.ts";
import type { ApiError } from "./api-error.ts";
import type { ApiKey } from "./credentials.ts";
import type { LimitCounters } from "./limits.ts";
import type { ListenKeys } from "../streams/listen-keys.ts";
import type { Parameters } from "./parameters.ts";

/** The parts of the exchange that calls work on. */
export interface Desk {
  readonly floor: TradingFloor;
  readonly faults: FaultBoard;
  readonly limits: LimitCounters;
  readonly listenKeys: ListenKeys;
  /** The exchange's time in ms. */
  readonly now: () => number;
  /** The machine's monotonic time in ms. */
  readonly mono: () => number;
  /** A fresh id where a client gave none. */
  readonly newId: () => string;
  readonly fees: { readonly maker: bigint; readonly taker: bigint };
  /** What a request is answered that was valid on arrival and is no longer right before matching. */
  readonly tooLate: () => ApiError;
}

/** A public request. */
export interface PublicScope {
  readonly desk: Desk;
  readonly parameters: Parameters;
  /** How old an answer a fault makes this question get; 0 without. */
  readonly lagMs: number;
}

/** A request that showed an API key. */
export interface KeyedScope extends PublicScope {
  readonly key: ApiKey;
}

/** A request whose signature was checked. */
export interface SignedScope extends KeyedScope {
  readonly source: string;
  /** `n` of the request's `recv`; 0 for calls that change no order. */
  readonly recvN: number;
  /** A fault has orders forgotten so long after they closed; undefined without. */
  readonly purgedAfterMs: number | undefined;
  /** The second validity check; a call that changes orders makes it right before matching. */
  readonly checkValidity: () => void;
  /** Tells the audit whether the order asked for was found. */
  readonly found: (isFound: boolean, orderId?: number) => void;
}

export type Call = {
  readonly name: string;
  readonly weight: (parameters: Parameters) => number;
} & (
  | { readonly kind: "public"; readonly run: (scope: PublicScope) => unknown }
  /** Needs an API key and no signature. */
  | { readonly kind: "keyed"; readonly run: (scope: KeyedScope) => unknown }
  | { readonly kind: "query"; readonly run: (scope: SignedScope) => unknown }
  /** Changes orders: audited from `recv` to the fate of its answer. */
  | { readonly kind: "change"; readonly run: (scope: SignedScope) => unknown }
);
