/**
 * What is left of a venue's rate limits, and when the next request may leave. One bucket per limit, counted the way the
 * venue counts it: fixed windows of its clock, windows that roll, or a counter that sinks. New orders may use 70 % of a
 * weight and 90 % of a count of orders. What takes no risk may use half of the rest of the weight and all orders; all
 * of the weight is for cancel, resolve and kill. `Retry-After` freezes everything. Answers only ever raise a
 * count: the venue also sees what others on this address and account use. A successor starts from what its predecessor
 * had used (`usageOf`, `adoptUsage`), so that a takeover spends no window twice.
 */
import type { RateLimitRule } from "./profile.ts";

/**
 * `new` for placements, `ahead` for those that only reduce a position; `reserved` for cancel, resolve, kill, recovery and the
 * reads that keep a node fit.
 */
export type Lane = "new" | "ahead" | "reserved";

/** What one request costs. */
export interface Cost {
  readonly weight: number;
  readonly orders: number;
}

/** Now, on the venue's clock (for windows) and on ours (for `Retry-After`). */
export interface BudgetTime {
  readonly venueMs: number;
  readonly monoMs: number;
}

/** One limit and what is used of it. `slots[0]` is the slot with number `slot`, then the one before it, and so on. */
interface Bucket {
  readonly rule: RateLimitRule;
  readonly slot: number;
  readonly slots: readonly number[];
  /** Of a decaying counter: when `slots[0]` was its level. */
  readonly atVenueMs: number;
}

export interface Budget {
  readonly buckets: readonly Bucket[];
  readonly frozenUntilMonoMs: number;
}

/** What a node has used, by limit, for its successor: meaningful on the venue's clock only. */
export interface Usage {
  readonly venueMs: number;
  readonly used: Readonly<Record<string, number>>;
}

/** The share of every weight that new orders leave to cancel, resolve and kill. */
export const reservedShare = 0.3;

/** The share of every count of orders that new ones leave to those that only reduce a position; of few orders none. */
const aheadOrdersShare = 0.1;

/** A rolling window is kept in parts of a tenth, and one part more, so that it never counts too little. */
const rollingParts = 10;

/** A configured rate of a limit, in any interval. */
interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** Configured rates in the intervals of a venue's rules, rounded down: limits to put in the place of its own. */
export function limitsFrom(
  rules: readonly RateLimitRule[],
  rates: { readonly requestWeight: Rate; readonly orderRate: Rate },
): { readonly weight: number; readonly orders: number } {
  const scaled = (counts: RateLimitRule["counts"], { count, perMs }: Rate): number => {
    const rule = rules.find((one) => one.counts === counts);
    return rule === undefined ? count : Math.floor((count * rule.perMs) / perMs);
  };
  return { weight: scaled("weight", rates.requestWeight), orders: scaled("orders", rates.orderRate) };
}

/** Nothing used yet. */
export function newBudget(rules: readonly RateLimitRule[]): Budget {
  return { buckets: rules.map((rule) => emptyBucket(rule)), frozenUntilMonoMs: Number.NEGATIVE_INFINITY };
}

/** How long until `cost` may be spent in `lane`; 0: now. Infinity: it is more than the whole limit. */
export function waitMsOf(budget: Budget, lane: Lane, cost: Cost, at: BudgetTime): number {
  let waitMs = Math.max(0, budget.frozenUntilMonoMs - at.monoMs);
  for (const bucket of budget.buckets) {
    const amount = amountOf(bucket.rule, cost);
    if (amount === 0) continue;
    waitMs = Math.max(waitMs, bucketWaitMs(turned(bucket, at.venueMs), amount, roomOf(bucket.rule, lane), at.venueMs));
  }
  return waitMs;
}

/** The budget after `cost` was spent. */
export function spend(budget: Budget, cost: Cost, at: BudgetTime): Budget {
  return mapBuckets(budget, (bucket) => raised(turned(bucket, at.venueMs), amountOf(bucket.rule, cost)));
}

/** What the venue says is used: counts only rise by it. */
export function observeUsed(budget: Budget, used: Readonly<Record<string, number>>, at: BudgetTime): Budget {
  return mapBuckets(budget, (bucket) => {
    const now = turned(bucket, at.venueMs);
    const told = used[bucket.rule.name];
    return told === undefined ? now : raised(now, Math.max(0, told - usedIn(now)));
  });
}

/** The venue said "too many": nothing leaves before then. A shorter word does not shorten a longer one. */
export function freezeUntil(budget: Budget, monoMs: number): Budget {
  return { ...budget, frozenUntilMonoMs: Math.max(budget.frozenUntilMonoMs, monoMs) };
}

/** The venue counts too many orders: none before a window has passed. */
export function exhaustOrders(budget: Budget, at: BudgetTime): Budget {
  return mapBuckets(budget, (bucket) => {
    const now = turned(bucket, at.venueMs);
    return bucket.rule.counts === "orders" ? raised(now, Math.max(0, bucket.rule.limit - usedIn(now))) : now;
  });
}

/** Other limits, by name; they count at once, with what is used already. */
export function withLimits(budget: Budget, limits: Readonly<Record<string, number>>): Budget {
  return mapBuckets(budget, (bucket) => {
    const limit = limits[bucket.rule.name];
    return limit === undefined ? bucket : { ...bucket, rule: { ...bucket.rule, limit } };
  });
}

/** The share that is left of the tightest limit, 0 to 1; 0 while frozen. */
export function shareLeft(budget: Budget, at: BudgetTime): number {
  if (at.monoMs < budget.frozenUntilMonoMs) return 0;
  const left = budget.buckets.map((bucket) => 1 - usedIn(turned(bucket, at.venueMs)) / bucket.rule.limit);
  return Math.max(0, Math.min(1, ...left));
}

/** What this node has used, for its successor. */
export function usageOf(budget: Budget, venueMs: number): Usage {
  const used = budget.buckets.map((bucket) => [bucket.rule.name, Math.ceil(usedIn(turned(bucket, venueMs)))] as const);
  return { venueMs, used: Object.fromEntries(used) };
}

/**
 * A successor's budget after what its predecessor said: the account's limits are shared by all nodes, the address's only
 * where they share one (`isSharedAddress`). The usage lies at the instant it was told for, so an old one counts for
 * nothing. Being a floor, it may be told again and again.
 */
export function adoptUsage(budget: Budget, usage: Usage, isSharedAddress: boolean, at: BudgetTime): Budget {
  return mapBuckets(budget, (bucket) => {
    const now = turned(bucket, at.venueMs);
    const told = usage.used[bucket.rule.name];
    if (told === undefined || (bucket.rule.scope === "address" && !isSharedAddress)) return now;
    const stillUsed = usedIn(turned(raised(turned(emptyBucket(bucket.rule), usage.venueMs), told), at.venueMs));
    return raised(now, Math.max(0, stillUsed - usedIn(now)));
  });
}

/** How much of a limit this lane may use. */
function roomOf({ counts, limit }: RateLimitRule, lane: Lane): number {
  if (lane === "reserved") return limit;
  if (counts === "weight") return limit * (1 - (lane === "new" ? reservedShare : reservedShare / 2));
  return lane === "new" ? limit - Math.floor(limit * aheadOrdersShare) : limit;
}

function mapBuckets(budget: Budget, change: (bucket: Bucket) => Bucket): Budget {
  return { ...budget, buckets: budget.buckets.map(change) };
}

function emptyBucket(rule: RateLimitRule): Bucket {
  const count = rule.kind === "rolling" ? rollingParts + 1 : 1;
  return { rule, slot: Number.NEGATIVE_INFINITY, slots: Array.from({ length: count }, () => 0), atVenueMs: 0 };
}

function amountOf(rule: RateLimitRule, cost: Cost): number {
  return rule.counts === "weight" ? cost.weight : cost.orders;
}

function slotMsOf(rule: RateLimitRule): number {
  return rule.kind === "rolling" ? rule.perMs / rollingParts : rule.perMs;
}

function usedIn(bucket: Bucket): number {
  return bucket.slots.reduce((sum, one) => sum + one, 0);
}

function raised(bucket: Bucket, by: number): Bucket {
  return by === 0 ? bucket : { ...bucket, slots: [(bucket.slots[0] ?? 0) + by, ...bucket.slots.slice(1)] };
}

/** The bucket as it stands at `venueMs`. One slot back is the clocks' error; further back, the venue's clock was set. */
function turned(bucket: Bucket, venueMs: number): Bucket {
  const { rule, slots } = bucket;
  if (rule.kind === "decaying") {
    const sunk = (Math.max(0, venueMs - bucket.atVenueMs) * rule.limit) / rule.perMs;
    return { ...bucket, slots: [Math.max(0, (slots[0] ?? 0) - sunk)], atVenueMs: venueMs };
  }
  const slot = Math.floor(venueMs / slotMsOf(rule));
  const steps = slot - bucket.slot;
  if (steps === 0 || steps === -1) return bucket;
  if (steps < 0) return { ...bucket, slot };
  const passed = Math.min(steps, slots.length);
  return {
    ...bucket,
    slot,
    slots: [...Array.from({ length: passed }, () => 0), ...slots.slice(0, slots.length - passed)],
  };
}

function bucketWaitMs(bucket: Bucket, amount: number, limit: number, venueMs: number): number {
  const over = usedIn(bucket) + amount - limit;
  if (over <= 0) return 0;
  if (amount > limit) return Number.POSITIVE_INFINITY;
  if (bucket.rule.kind === "decaying") return (over * bucket.rule.perMs) / bucket.rule.limit;
  const slotMs = slotMsOf(bucket.rule);
  let freed = 0;
  // The oldest part goes first; each leaves one part's length after the one before.
  for (let gone = 1; gone <= bucket.slots.length; gone += 1) {
    freed += bucket.slots[bucket.slots.length - gone] ?? 0;
    if (freed >= over) return (bucket.slot + gone) * slotMs - venueMs;
  }
  return (bucket.slot + bucket.slots.length) * slotMs - venueMs;
}
