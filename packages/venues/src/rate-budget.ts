/**
 * The queue in front of a venue's rate limits: whoever wants to send waits here until core's budget lets it, lane by lane:
 * reserved, then what takes no risk, then what does. A place in the queue is given up at its own instant, so nothing waits longer than its caller allows; the
 * right to send is checked after this, at the socket. What is used, and what is left to whom, is decided in
 * `core/src/venues/rate-limits.ts`.
 */
import {
  adoptUsage,
  exhaustOrders,
  freezeUntil,
  newBudget,
  observeUsed,
  shareLeft,
  spend,
  usageOf,
  waitMsOf,
  withLimits,
  type Budget,
  type BudgetTime,
  type Clock,
  type Cost,
  type Lane,
  type MonoMs,
  type RateLimitRule,
  type Usage,
} from "@baton/core";
import type { IncomingHttpHeaders } from "node:http";
import type { RateLimits } from "./dialects/dialect.ts";

interface Waiter {
  readonly lane: Lane;
  readonly cost: Cost;
  readonly untilMonoMs: number;
  readonly settle: (granted: boolean) => void;
}

/** Who goes first. */
const lanes = ["reserved", "ahead", "new"] as const;

export class RateBudget {
  readonly #clock: Clock;
  readonly #venueMs: () => number;
  readonly #waiting: Record<Lane, Waiter[]> = { new: [], ahead: [], reserved: [] };
  #budget: Budget;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `venueMs` is the venue's time, late by its error rather than early: a window must not begin here before it does there. */
  constructor(clock: Clock, venueMs: () => number, rules: readonly RateLimitRule[]) {
    this.#clock = clock;
    this.#venueMs = venueMs;
    this.#budget = newBudget(rules);
  }

  /**
   * Takes `cost` as soon as its lane allows; false when that is not before `untilMonoMs`, with nothing taken. Who aborts
   * `givenUp` while it waits takes nothing and is told nothing: what is spent counts for a successor too.
   */
  take(lane: Lane, cost: Cost, untilMonoMs: MonoMs, givenUp?: AbortSignal): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = (): void => {
        const queue = this.#waiting[lane];
        const at = queue.indexOf(waiter);
        if (at < 0) return;
        queue.splice(at, 1);
        // Who was behind it may have its turn now, unless it gives up with it.
        if (at === 0) queueMicrotask(() => this.#serve());
      };
      const settle = (granted: boolean): void => {
        givenUp?.removeEventListener("abort", leave);
        resolve(granted);
      };
      const waiter: Waiter = { lane, cost, untilMonoMs, settle };
      this.#waiting[lane].push(waiter);
      givenUp?.addEventListener("abort", leave, { once: true });
      this.#serve();
    });
  }

  /** Corrects the counts by an answer's headers; the venue also sees what others on this address and account use. */
  correct(headers: IncomingHttpHeaders): void {
    const used: Record<string, number> = {};
    for (const { rule } of this.#budget.buckets) {
      const told = rule.usedHeader === undefined ? undefined : count(headers[rule.usedHeader]);
      if (told !== undefined) used[rule.name] = told;
    }
    this.#budget = observeUsed(this.#budget, used, this.#at());
  }

  /** The venue said "too many": nothing leaves for `forMs`. */
  freeze(forMs: number): void {
    this.#budget = freezeUntil(this.#budget, this.#clock.mono() + forMs);
  }

  /** The venue counts too many orders: none before a window has passed. */
  exhaustOrders(): void {
    this.#budget = exhaustOrders(this.#budget, this.#at());
  }

  /** Other limits, which count at once. */
  setLimits(limits: RateLimits): void {
    const named = this.#budget.buckets.flatMap(({ rule }) => {
      const limit = limits[rule.counts];
      return limit === undefined ? [] : [[rule.name, limit] as const];
    });
    this.#budget = withLimits(this.#budget, Object.fromEntries(named));
  }

  /** The share of the tightest limit that is left; 0 while frozen. */
  ratio(): number {
    return shareLeft(this.#budget, this.#at());
  }

  /** What this node has used, for its successor. */
  usage(): Usage {
    return usageOf(this.#budget, this.#venueMs());
  }

  /** What the predecessor had used counts here too, as far as the limits are shared. */
  adopt(usage: Usage, isSharedAddress: boolean): void {
    this.#budget = adoptUsage(this.#budget, usage, isSharedAddress, this.#at());
  }

  /** Sends everyone who waits away. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const lane of lanes) {
      for (const waiter of this.#waiting[lane].splice(0)) waiter.settle(false);
    }
  }

  /** Grants in order, lane by lane, and sets the alarm for the next instant at which anything can change. */
  #serve(): void {
    clearTimeout(this.#timer);
    const at = this.#at();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const lane of lanes) {
      const queue = this.#waiting[lane];
      while (queue[0] !== undefined) {
        const head = queue[0];
        const waitMs = waitMsOf(this.#budget, head.lane, head.cost, at);
        // At its end a waiter is sent away rather than served: its caller's time is up.
        if (head.untilMonoMs <= at.monoMs || at.monoMs + waitMs >= head.untilMonoMs) head.settle(false);
        else if (waitMs === 0) {
          this.#budget = spend(this.#budget, head.cost, at);
          head.settle(true);
        } else {
          nextMs = Math.min(nextMs, waitMs);
          break;
        }
        queue.shift();
      }
    }
    // Rounded up: an alarm that rings a fraction early would find nothing changed.
    if (nextMs !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#serve(), Math.ceil(nextMs));
  }

  #at(): BudgetTime {
    return { venueMs: this.#venueMs(), monoMs: this.#clock.mono() };
  }
}

function count(header: string | string[] | undefined): number | undefined {
  const value = Number(Array.isArray(header) ? header[0] : (header ?? Number.NaN));
  return Number.isFinite(value) ? value : undefined;
}
