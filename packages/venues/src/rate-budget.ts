/**
 * Who may use what is left of a venue's rate limits. Fixed windows as the venue counts them (weight per minute and
 * address, new orders per ten seconds and account), corrected by its answer headers. New orders may use 70 % of the
 * weight; the rest is a lane for cancel, resolve and recovery, which also go first. `Retry-After` freezes everything.
 * A place in the queue is given up at its own instant, so nothing waits here longer than its caller allows; the right to
 * send is checked after this, at the socket.
 */
import type { Clock, MonoMs } from "@baton/core";
import type { IncomingHttpHeaders } from "node:http";
import type { RateLimits } from "./venue.ts";

/** `new` for placements; `reserved` for cancel, resolve, recovery and the reads that keep the node fit. */
export type Lane = "new" | "reserved";

/** What one request costs. */
export interface Cost {
  readonly weight: number;
  readonly orders: number;
}

const reservedShare = 0.3;

interface Waiter {
  readonly lane: Lane;
  readonly cost: Cost;
  readonly untilMonoMs: number;
  readonly settle: (granted: boolean) => void;
}

class Window {
  readonly #lengthMs: number;
  limit: number;
  #index = Number.NEGATIVE_INFINITY;
  used = 0;

  constructor(lengthMs: number, limit: number) {
    this.#lengthMs = lengthMs;
    this.limit = limit;
  }

  /** Moves to the window that `venueMs` lies in. A little back is the clock's error; far back, the venue's clock was set. */
  turn(venueMs: number): void {
    const index = Math.floor(venueMs / this.#lengthMs);
    if (index === this.#index || index === this.#index - 1) return;
    if (index > this.#index) this.used = 0;
    this.#index = index;
  }

  msToNext(venueMs: number): number {
    return (this.#index + 1) * this.#lengthMs - venueMs;
  }
}

export class RateBudget {
  readonly #clock: Clock;
  readonly #venueMs: () => number;
  readonly #weight: Window;
  readonly #orders: Window;
  readonly #waiting: Record<Lane, Waiter[]> = { new: [], reserved: [] };
  #frozenUntilMonoMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `venueMs` is the venue's time, late by its error rather than early: a window must not begin here before it does there. */
  constructor(clock: Clock, venueMs: () => number, limits: RateLimits) {
    this.#clock = clock;
    this.#venueMs = venueMs;
    this.#weight = new Window(60_000, limits.weightPerMinute);
    this.#orders = new Window(10_000, limits.ordersPerTenSeconds);
  }

  /** Takes `cost` as soon as its lane allows; false when that is not before `untilMonoMs`, with nothing taken. */
  take(lane: Lane, cost: Cost, untilMonoMs: MonoMs): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#waiting[lane].push({ lane, cost, untilMonoMs, settle });
      this.#serve();
    });
  }

  /** Corrects the counts by an answer's headers; the venue also sees what others on this address and account use. */
  correct(headers: IncomingHttpHeaders): void {
    this.#turn();
    const weight = count(headers["x-mbx-used-weight-1m"]);
    const orders = count(headers["x-mbx-order-count-10s"]);
    if (weight !== undefined) this.#weight.used = Math.max(this.#weight.used, weight);
    if (orders !== undefined) this.#orders.used = Math.max(this.#orders.used, orders);
  }

  /** The venue said "too many": nothing leaves for `forMs`. */
  freeze(forMs: number): void {
    this.#frozenUntilMonoMs = Math.max(this.#frozenUntilMonoMs, this.#clock.mono() + forMs);
  }

  /** The venue counts too many orders: none in the rest of this window. */
  exhaustOrders(): void {
    this.#turn();
    this.#orders.used = Math.max(this.#orders.used, this.#orders.limit);
  }

  /** The limits that an answer published; larger or smaller ones count at once. */
  setLimits(limits: Partial<RateLimits>): void {
    this.#weight.limit = limits.weightPerMinute ?? this.#weight.limit;
    this.#orders.limit = limits.ordersPerTenSeconds ?? this.#orders.limit;
  }

  /** The share of the tightest window that is left; 0 while frozen. */
  ratio(): number {
    if (this.#clock.mono() < this.#frozenUntilMonoMs) return 0;
    this.#turn();
    const left = (window: Window): number => Math.max(0, 1 - window.used / window.limit);
    return Math.min(left(this.#weight), left(this.#orders));
  }

  /** Sends everyone who waits away. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const lane of ["reserved", "new"] as const) {
      for (const waiter of this.#waiting[lane].splice(0)) waiter.settle(false);
    }
  }

  /** Grants in order, reserved lane first, and sets the alarm for the next instant at which anything can change. */
  #serve(): void {
    clearTimeout(this.#timer);
    const now = this.#clock.mono();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const lane of ["reserved", "new"] as const) {
      const queue = this.#waiting[lane];
      while (queue[0] !== undefined) {
        const head = queue[0];
        const waitMs = this.#waitMs(head, now);
        // At its end a waiter is sent away rather than served: its caller's time is up.
        if (head.untilMonoMs <= now || now + waitMs >= head.untilMonoMs) head.settle(false);
        else if (waitMs === 0) this.#charge(head);
        else {
          nextMs = Math.min(nextMs, waitMs);
          break;
        }
        queue.shift();
      }
    }
    // Rounded up: an alarm that rings a fraction early would find nothing changed.
    if (nextMs !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#serve(), Math.ceil(nextMs));
  }

  #charge(waiter: Waiter): void {
    this.#weight.used += waiter.cost.weight;
    this.#orders.used += waiter.cost.orders;
    waiter.settle(true);
  }

  #waitMs(waiter: Waiter, now: MonoMs): number {
    if (now < this.#frozenUntilMonoMs) return this.#frozenUntilMonoMs - now;
    this.#turn();
    const share = waiter.lane === "new" ? 1 - reservedShare : 1;
    const { weight, orders } = waiter.cost;
    const venueMs = this.#venueMs();
    let waitMs = 0;
    if (this.#weight.used + weight > this.#weight.limit * share) waitMs = this.#weight.msToNext(venueMs);
    if (orders > 0 && this.#orders.used + orders > this.#orders.limit) {
      waitMs = Math.max(waitMs, this.#orders.msToNext(venueMs));
    }
    return waitMs;
  }

  #turn(): void {
    const venueMs = this.#venueMs();
    this.#weight.turn(venueMs);
    this.#orders.turn(venueMs);
  }
}

function count(header: string | string[] | undefined): number | undefined {
  const value = Number(Array.isArray(header) ? header[0] : (header ?? Number.NaN));
  return Number.isFinite(value) ? value : undefined;
}
