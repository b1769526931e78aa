/**
 * How much a client may ask: request weight per IP address and fixed minute, unfilled orders per account and fixed ten
 * seconds and day. Beyond the weight the answer is 429 with Retry-After; who goes on asking is banned with 418, for
 * longer each time. Pure: the time is given.
 */
import { ApiError } from "./api-error.ts";

/** The published limits; the defaults are wide enough for a demo and a benchmark on one address, not Binance's. */
export interface Limits {
  readonly weightPerMinute: number;
  readonly ordersPerTenSeconds: number;
  readonly ordersPerDay: number;
  /** Requests inside one minute after the first 429 that are forgiven before the ban. */
  readonly violationsBeforeBan: number;
  readonly banSeconds: number;
  /** Messages a stream connection may send per second. */
  readonly streamMessagesPerSecond: number;
  readonly streamsPerConnection: number;
  readonly connectionsPerFiveMinutes: number;
  /** How old a stream connection may become before it is cut. */
  readonly connectionLifeMs: number;
}

/** What holds when nothing is said. */
export const usualLimits: Limits = {
  weightPerMinute: 600_000,
  ordersPerTenSeconds: 50_000,
  ordersPerDay: 100_000_000,
  violationsBeforeBan: 20,
  banSeconds: 120,
  streamMessagesPerSecond: 5,
  streamsPerConnection: 1_024,
  connectionsPerFiveMinutes: 3_000,
  connectionLifeMs: 24 * 3_600_000,
};

const MINUTE = 60_000;
const TEN_SECONDS = 10_000;
const DAY = 86_400_000;

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
  day: number;
  inDay: number;
}

/** Counts the use of one exchange. */
export class LimitCounters {
  readonly limits: Limits;
  readonly #addresses = new Map<string, AddressUse>();
  readonly #accounts = new Map<string, AccountUse>();

  constructor(limits: Limits) {
    this.limits = limits;
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
    if (use.inDay >= this.limits.ordersPerDay) {
      throw new ApiError(
        429,
        -1015,
        `Too many new orders; current limit is ${this.limits.ordersPerDay} orders per 1 DAY.`,
        Math.ceil((DAY - (nowMs % DAY)) / 1_000),
      );
    }
  }

  /** Counts an accepted order. */
  countOrder(account: string, nowMs: number): void {
    const use = this.#account(account, nowMs);
    use.inTenSeconds += 1;
    use.inDay += 1;
  }

  /** An order filled: it no longer counts as unfilled. */
  uncountOrder(account: string, nowMs: number): void {
    const use = this.#account(account, nowMs);
    use.inTenSeconds = Math.max(0, use.inTenSeconds - 1);
    use.inDay = Math.max(0, use.inDay - 1);
  }

  /** Unfilled orders of this window. */
  orderCounts(account: string, nowMs: number): { readonly tenSeconds: number; readonly day: number } {
    const use = this.#account(account, nowMs);
    return { tenSeconds: use.inTenSeconds, day: use.inDay };
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
      use = { tenSeconds: 0, inTenSeconds: 0, day: 0, inDay: 0 };
      this.#accounts.set(account, use);
    }
    const tenSeconds = Math.floor(nowMs / TEN_SECONDS);
    if (use.tenSeconds !== tenSeconds) Object.assign(use, { tenSeconds, inTenSeconds: 0 });
    const day = Math.floor(nowMs / DAY);
    if (use.day !== day) Object.assign(use, { day, inDay: 0 });
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
