/**
 * What makes a venue this venue: its addresses, its words, its money, its messages. Everything else (the book, the
 * faults, the audit, the passage of a request) is one and the same for all. A personality is made anew for each exchange,
 * because it may hold state (the futures venue's positions, its dead man's switch).
 */
import type { Desk, Call } from "./gateway/call.ts";
import type { ApiError } from "./gateway/api-error.ts";
import type { Limits, OrderWindow } from "./gateway/limits.ts";
import type { MakeClearing } from "./matching/clearing.ts";
import type { Instrument } from "./matching/instrument.ts";
import type { Refusals } from "./matching/refusals.ts";
import type { AccountForms } from "./streams/account-streams.ts";
import type { MarketForms } from "./streams/market-streams.ts";

/** Which venue an exchange speaks: Binance spot, or Binance USDT-margined futures. */
export type PersonalityName = "spot" | "usdm";

/** What a handshake's address asks for. A listen key is a stream's name. */
export type Door =
  | { readonly kind: "api" }
  | {
      readonly kind: "streams";
      readonly isCombined: boolean;
      readonly streams: readonly string[];
      /** Whether the address has this stream; one that it has not is taken, listed, and never told. Absent: all. */
      readonly carries?: (stream: string) => boolean;
    };

/** One venue. */
export interface Personality {
  readonly name: PersonalityName;
  /** The call of each REST `METHOD /path`. */
  readonly routes: ReadonlyMap<string, Call>;
  /** The call of each method of the WebSocket API. */
  readonly methods: ReadonlyMap<string, Call>;
  /** An account may be subscribed on the WebSocket API by signature. */
  readonly subscribesBySignature: boolean;
  /** Undefined: 404. */
  readonly door: (path: string, query: string) => Door | undefined;
  /** How often a stream connection is pinged, and within what time a pong has to come. */
  readonly heartbeat: { readonly pingEveryMs: number; readonly pongWithinMs: number };
  readonly market: MarketForms;
  readonly account: AccountForms;
  readonly refusals: Refusals;
  readonly makeClearing: MakeClearing;
  /** An account may lose more than it has: nobody is liquidated here. */
  readonly mayOwe: boolean;
  /** What the second validity check answers, right before matching. */
  readonly tooLate: () => ApiError;
  readonly limits: Limits;
  readonly orderWindow: OrderWindow;
  readonly instruments: readonly Instrument[];
  readonly fees: { readonly maker: string; readonly taker: string };
  /** What each account starts with when nothing is said, as decimal texts per asset. */
  readonly deposits: (instruments: readonly Instrument[]) => Readonly<Record<string, string>>;
  /** Called once when the exchange is put together; the end of what it starts is returned. */
  readonly start: (desk: Desk) => () => void;
}
