/**
 * How much a client may ask: request weight per IP address and fixed minute, orders per account in two fixed windows
 * (ten seconds, and a day on spot or a minute on futures). Beyond the weight the answer is 429 with Retry-After; who goes on asking is banned with 418, for
 * longer each time. Pure: the time is given.
 */
import { ApiError } from "./api-error.ts";

/** The published limits; the defaults are wide enough for a demo and a benchmark on one address, not Binance's. */
export interface Limits {
  readonly weightPerMinute: number;
  readonly ordersPerTenSeconds: number;
  /** Spot. */
  readonly ordersPerDay: number;
  /** Futures. */
  readonly ordersPerMinute: number;
  /** Requests inside one minute after the first 429 that are forgiven before the ban. */
  readonly violationsBeforeBan: number;
  readonly banSeconds: number;
  /** Messages a stream connection may send per second. */
  readonly streamMessagesPerSecond: number;
  readonly streamsPerConnection: number;
  readonly connectionsPerFiveMinutes: number;
  /** How old a stream connection may become before it is cut. */
  readonly connectionLifeMs: number;
  /** How long a listen key lives when nobody asks for more. */
  readonly listenKeyLifeMs: number;
}

/** The longer of the two windows that orders are counted in; the shorter is ten seconds everywhere. */
export interface OrderWindow {
  readonly interval: "MINUTE" | "DAY";
  readonly lengthMs: number;
  readonly limit: "ordersPerMinute" | "ordersPerDay";
  /** The header that tells the count. */
  readonly header: string;
  /** A filled order no longer counts. */
  readonly countsUnfilledOnly: boolean;
}

/** What holds when nothing is said. */
export const usualLimits: Limits = {
  weightPerMinute: 600_000,
  ordersPerTenSeconds: 50_000,
  ordersPerDay: 100_000_000,
  ordersPerMinute: 250_000,
  violationsBeforeBan: 20,
  banSeconds: 120,
  streamMessagesPerSecond: 5,
  streamsPerConnection: 1_024,
  connectionsPerFiveMinutes: 3_000,
  connectionLifeMs: 24 * 3_600_000,
  listenKeyLifeMs: 3_600_000,
};

const MINUTE = 60_000;
const TEN_SECONDS = 10_000;

interface AddressUse {
  minute: number;
  used: number;
  violations: number;
  bans: number;
  bannedUntilMs: number;
  fiveMinutes: number;
  connections: number;
}

interface AccountUse {
  tenSeconds: number;
  inTenSeconds: number;
  long: number;
  inLong: number;
}

/** How many orders count in the ten seconds and in the longer window. */
export interface OrderCounts {
  readonly tenSeconds: number;
  readonly long: number;
}

/** Counts the use of one exchange. */
export class LimitCounters {
  readonly limits: Limits;
  /** The longer window of this venue's orders. */
  readonly window: OrderWindow;
  readonly #addresses = new Map<string, AddressUse>();
  readonly #accounts = new Map<string, AccountUse>();

  constructor(limits: Limits, window: OrderWindow) {
    this.limits = limits;
    this.window = window;
  }

  /** Weight, orders per ten seconds, orders per longer window; with what is `used` of them where that is asked. */
  published(used?: { readonly weight: number; readonly orders: OrderCounts }): readonly object[] {
    const { limits, window } = this;
    const rows = [
      { rateLimitType: "REQUEST_WEIGHT", interval: "MINUTE", intervalNum: 1, limit: limits.weightPerMinute },
      { rateLimitType: "ORDERS", interval: "SECOND", intervalNum: 10, limit: limits.ordersPerTenSeconds },
      { rateLimitType: "ORDERS", interval: window.interval, intervalNum: 1, limit: limits[window.limit] },
    ];
    if (used === undefined) return rows;
    const counts = [used.weight, used.orders.tenSeconds, used.orders.long];
    return rows.map((row, index) => ({ ...row, count: counts[index] }));
  }

  /** Counts a request; the used weight of this minute, or throws −1003. */
  countWeight(address: string, weight: number, nowMs: number): number {
    const use = this.#address(address, nowMs);
    if (nowMs < use.bannedUntilMs) throw banned(use.bannedUntilMs, nowMs);
    use.used += weight;
    if (use.used <= this.limits.weightPerMinute) return use.used;
    use.violations += 1;
    if (use.violations > this.limits.violationsBeforeBan) {
      use.bannedUntilMs = nowMs + this.limits.banSeconds * 1_000 * 2 ** use.bans;
      use.bans += 1;
      throw banned(use.bannedUntilMs, nowMs);
    }
    throw new ApiError(
      429,
      -1003,
      `Too much request weight used; current limit is ${this.limits.weightPerMinute} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.`,
      Math.ceil((MINUTE - (nowMs % MINUTE)) / 1_000),
    );
  }

  /** Used weight without counting. */
  usedWeight(address: string, nowMs: number): number {
    return this.#address(address, nowMs).used;
  }

  /** True when one more connection is allowed. */
  countConnection(address: string, nowMs: number): boolean {
    const use = this.#address(address, nowMs);
    use.connections += 1;
    return use.connections <= this.limits.connectionsPerFiveMinutes;
  }

  /** Throws −1015 when the account may not place an order now. */
  checkOrders(account: string, nowMs: number): void {
    const use = this.#account(account, nowMs);
    if (use.inTenSeconds >= this.limits.ordersPerTenSeconds) {
      throw new ApiError(
        429,
        -1015,
        `Too many new orders; current limit is ${this.limits.ordersPerTenSeconds} orders per 10 SECOND.`,
        Math.ceil((TEN_SECONDS - (nowMs % TEN_SECONDS)) / 1_000),
      );
    }
    const { limit, interval, lengthMs } = this.window;
    if (use.inLong >= this.limits[limit]) {
      throw new ApiError(
        429,
        -1015,
        `Too many new orders; current limit is ${this.limits[limit]} orders per 1 ${interval}.`,
        Math.ceil((lengthMs - (nowMs % lengthMs)) / 1_000),
      );
    }
  }

  /** Counts an accepted order. */
  countOrder(account: string, nowMs: number): void {
    const use = this.#account(account, nowMs);
    use.inTenSeconds += 1;
    use.inLong += 1;
  }

  /** An order traded: where only unfilled ones count, it no longer does. */
  uncountOrder(account: string, nowMs: number): void {
    if (!this.window.countsUnfilledOnly) return;
    const use = this.#account(account, nowMs);
    use.inTenSeconds = Math.max(0, use.inTenSeconds - 1);
    use.inLong = Math.max(0, use.inLong - 1);
  }

  /** Orders that count, in both windows. */
  orderCounts(account: string, nowMs: number): OrderCounts {
    const use = this.#account(account, nowMs);
    return { tenSeconds: use.inTenSeconds, long: use.inLong };
  }

  #address(address: string, nowMs: number): AddressUse {
    let use = this.#addresses.get(address);
    if (use === undefined) {
      use = { minute: 0, used: 0, violations: 0, bans: 0, bannedUntilMs: 0, fiveMinutes: 0, connections: 0 };
      this.#addresses.set(address, use);
    }
    const minute = Math.floor(nowMs / MINUTE);
    if (use.minute !== minute) Object.assign(use, { minute, used: 0, violations: 0 });
    const fiveMinutes = Math.floor(nowMs / (5 * MINUTE));
    if (use.fiveMinutes !== fiveMinutes) Object.assign(use, { fiveMinutes, connections: 0 });
    return use;
  }

  #account(account: string, nowMs: number): AccountUse {
    let use = this.#accounts.get(account);
    if (use === undefined) {
      use = { tenSeconds: 0, inTenSeconds: 0, long: 0, inLong: 0 };
      this.#accounts.set(account, use);
    }
    const tenSeconds = Math.floor(nowMs / TEN_SECONDS);
    if (use.tenSeconds !== tenSeconds) Object.assign(use, { tenSeconds, inTenSeconds: 0 });
    const long = Math.floor(nowMs / this.window.lengthMs);
    if (use.long !== long) Object.assign(use, { long, inLong: 0 });
    return use;
  }
}

function banned(untilMs: number, nowMs: number): ApiError {
  return new ApiError(
    418,
    -1003,
    `Way too much request weight used; IP banned until ${untilMs}. Please use WebSocket Streams for live updates to avoid bans.`,
    Math.ceil((untilMs - nowMs) / 1_000),
  );
}
