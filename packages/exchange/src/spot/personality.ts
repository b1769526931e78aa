/** Binance spot, by its own documents (github.com/binance/binance-spot-api-docs). */
import { tooOld } from "../gateway/credentials.ts";
import { usualLimits } from "../gateway/limits.ts";
import { usualInstruments } from "../matching/instrument.ts";
import { spotRefusals } from "../matching/refusals.ts";
import { Settlement } from "../matching/settlement.ts";
import type { Personality } from "../personality.ts";
import { isStreamPath, streamsOfPath } from "../streams/stream-protocol.ts";
import { spotAccountForms } from "./account-forms.ts";
import { spotMarketForms } from "./market-forms.ts";
import { spotMethods, spotRoutes } from "./routes.ts";

const PLENTY = "1000000";
const PLENTY_OF_QUOTE = "10000000000";

/** The spot venue; it holds no state of its own. */
export function spotPersonality(): Personality {
  return {
    name: "spot",
    routes: spotRoutes,
    methods: spotMethods,
    subscribesBySignature: true,
    door: (path, query) => {
      if (path === "/ws-api/v3") return { kind: "api" };
      if (!isStreamPath(path)) return undefined;
      return { kind: "streams", isCombined: path === "/stream", streams: streamsOfPath(path, query) };
    },
    heartbeat: { pingEveryMs: 20_000, pongWithinMs: 60_000 },
    market: spotMarketForms,
    account: spotAccountForms,
    refusals: spotRefusals,
    makeClearing: (parts) => new Settlement(parts),
    mayOwe: false,
    tooLate: tooOld,
    limits: usualLimits,
    orderWindow: {
      interval: "DAY",
      lengthMs: 86_400_000,
      limit: "ordersPerDay",
      header: "x-mbx-order-count-1d",
      countsUnfilledOnly: true,
    },
    instruments: usualInstruments,
    fees: { maker: "0.001", taker: "0.001" },
    deposits: (instruments) => ({
      ...Object.fromEntries(instruments.map(({ base }) => [base, PLENTY])),
      ...Object.fromEntries(instruments.map(({ quote }) => [quote, PLENTY_OF_QUOTE])),
    }),
    start: () => () => undefined,
  };
}
