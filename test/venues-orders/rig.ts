/** What the tests of this folder share: an exchange on a free port, a venue connection to it, and the exchange's own log. */
import {
  decimal,
  id,
  issuePermit,
  monoMs,
  wallMs,
  type AuditRecord,
  type Clock,
  type MonoMs,
  type OrderTerms,
  type Permit,
  type PermitSource,
  type PlaceOutcome,
  type SymbolId,
  type VenueId,
} from "@baton/core";
import { startExchange, type FaultRequest } from "@baton/exchange";
import { openVenue, type Venue, type VenueOptions } from "@baton/venues";

export const clock: Clock = {
  mono: () => monoMs(Number(process.hrtime.bigint()) / 1e6),
  wall: () => wallMs(Date.now()),
};
export const btc: SymbolId = id<SymbolId>("BTC/USDT");
export const btcPerpetual: SymbolId = id<SymbolId>("BTC/USDT:USDT");
const venueId = id<VenueId>("binance");
/** How long an answer is waited for, and an order may wait to leave, unless a test is about just that: none takes so long. */
const patienceMs = 20_000;

/** A permit whose deadline a test may move. */
export class TestPermits implements PermitSource {
  readonly epoch = 3;
  deadlineMonoMs: MonoMs = inMs(600_000);

  current(now: MonoMs): Permit | undefined {
    const ground = { role: "leader", epoch: this.epoch, isEpochOpen: true, isHeld: false } as const;
    return issuePermit(ground, this.deadlineMonoMs, now);
  }

  permit(): Permit {
    const permit = this.current(clock.mono());
    if (permit === undefined) throw new Error("this test has no permit");
    return permit;
  }
}

export function inMs(ms: number): MonoMs {
  return monoMs(clock.mono() + ms);
}

/** One exchange, one venue connection, and what a test asks of both. */
export interface Rig {
  readonly venue: Venue;
  readonly permits: TestPermits;
  readonly late: [string, PlaceOutcome][];
  /** Another node's connection to the same account, with its own key, from the same address. */
  successor(): Promise<Venue>;
  /** Arms a fault of the exchange; gives the way to clear it. */
  fault(fault: FaultRequest): () => void;
  /** The exchange's log so far. */
  audit(): readonly AuditRecord[];
  /** Places a limit order far below the market, so that it stays open, unless `over` says otherwise. */
  place(clientOrderId: string, over?: Partial<OrderTerms>): Promise<PlaceOutcome>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startRig(
  options: {
    readonly uniqueness?: "open-only" | "forever" | "none";
    /** Spot by default. */
    readonly personality?: "spot" | "usdm";
    readonly limits?: { readonly weightPerMinute?: number; readonly ordersPerTenSeconds?: number };
    readonly venue?: Partial<VenueOptions>;
  } = {},
): Promise<Rig> {
  const isPerpetual = options.personality === "usdm";
  const symbol = isPerpetual ? btcPerpetual : btc;
  const exchange = await startExchange({
    port: 0,
    personality: options.personality ?? "spot",
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    seed: 7,
    uniqueness: options.uniqueness ?? "open-only",
    keys: ["a", "b"].map((node) => ({ key: `node-${node}`, secret: `secret-${node}`, account: "desk" })),
  });
  const permits = new TestPermits();
  const late: [string, PlaceOutcome][] = [];
  const opening: VenueOptions = {
    id: venueId,
    exchange: isPerpetual ? "binanceusdm" : "binance",
    account: "desk",
    mode: "sandbox",
    apiKey: "node-a",
    secret: "secret-a",
    restUrl: exchange.url,
    wsUrl: exchange.url.replace(/^http/, "ws"),
    symbols: [symbol],
    validityMs: 20_000,
    minValidityMs: 50,
    deadlineMs: patienceMs,
    clock,
    permits,
    onLateAnswer: (clientOrderId, outcome) => late.push([clientOrderId, outcome]),
    ...options.venue,
  };
  const venue = await openVenue(opening);
  const successors: Venue[] = [];
  return {
    venue,
    permits,
    late,
    successor: async () => {
      const opened = await openVenue({ ...opening, apiKey: "node-b", secret: "secret-b" });
      successors.push(opened);
      return opened;
    },
    fault: (fault) => {
      const armed = exchange.arm(fault);
      return () => exchange.clearFaults(armed);
    },
    audit: () => [...exchange.audit()],
    place: async (clientOrderId, over = {}) => {
      const path = isPerpetual ? "/fapi/v1" : "/api/v3";
      const ticker = (await (await fetch(`${exchange.url}${path}/ticker/bookTicker?symbol=BTCUSDT`)).json()) as {
        readonly bidPrice: string;
      };
      const low = decimal(`${Math.floor(Number(ticker.bidPrice) * 0.9)}`);
      const terms: OrderTerms = {
        venue: venueId,
        symbol,
        side: "buy",
        type: "limit",
        quantity: decimal("0.01"),
        price: low,
        timeInForce: "GTC",
        ...over,
      };
      return await venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(patienceMs) }, permits.permit());
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([venue, ...successors].map((each) => each.close()));
      await exchange.close();
    },
  };
}

/** An order that takes what is there: filled at once, as far as the book goes. */
export const taking: Partial<OrderTerms> = { type: "market", timeInForce: "IOC" };

/** The records of one type about one client order id. */
export function of(
  records: readonly AuditRecord[],
  type: AuditRecord["type"],
  clientOrderId: string,
): readonly AuditRecord[] {
  return records.filter(
    (record) => record.type === type && "clientOrderId" in record && record.clientOrderId === clientOrderId,
  );
}

/** Waits until `fact` holds; fails with its sentence after `withinMs`. */
export async function until(
  sentence: string,
  fact: () => boolean | Promise<boolean>,
  withinMs = 50_000,
): Promise<void> {
  const end = clock.mono() + withinMs;
  while (!(await fact())) {
    if (clock.mono() > end) throw new Error(`waited in vain: ${sentence}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
