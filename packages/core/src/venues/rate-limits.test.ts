import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { ClientOrderId, IntentId, SymbolId, VenueId } from "../ids.ts";
import { decimal } from "../decimal.ts";
import { beginDoubt, nextDoubtStep, noteFinal, noteQuery } from "../orders/resolution.ts";
import type { Doubt, DoubtProgress } from "../orders/resolution.ts";
import { wallMs } from "../time.ts";
import type { RateLimitRule } from "./profile.ts";
import { venueProfiles } from "./profiles/index.ts";
import {
  adoptUsage,
  exhaustOrders,
  freezeUntil,
  limitsFrom,
  newBudget,
  observeUsed,
  reservedShare,
  shareLeft,
  spend,
  usageOf,
  waitMsOf,
} from "./rate-limits.ts";
import type { Budget, BudgetTime, Lane } from "./rate-limits.ts";

const fixed: RateLimitRule = {
  name: "weight",
  scope: "address",
  counts: "weight",
  kind: "fixed",
  perMs: 60_000,
  limit: 100,
};
const orders: RateLimitRule = { ...fixed, name: "orders", scope: "account", counts: "orders", perMs: 10_000, limit: 5 };
const at = (ms: number): BudgetTime => ({ venueMs: ms, monoMs: ms });
const weigh = (weight: number): { readonly weight: number; readonly orders: number } => ({ weight, orders: 0 });

describe("a fixed window", () => {
  test("frees all at the venue's own minute, whenever it was used", () => {
    const budget = spend(newBudget([fixed]), weigh(100), at(59_000));
    expect(waitMsOf(budget, "reserved", weigh(1), at(59_400))).toBe(600);
    expect(waitMsOf(budget, "reserved", weigh(100), at(60_000))).toBe(0);
  });

  test("leaves 30 % of the weight, and no orders, to the reserved lane", () => {
    const budget = spend(newBudget([fixed, orders]), { weight: 70, orders: 5 }, at(0));
    expect(waitMsOf(budget, "new", weigh(1), at(0))).toBe(60_000);
    expect(waitMsOf(budget, "reserved", weigh(100 * reservedShare), at(0))).toBe(0);
    expect(waitMsOf(budget, "reserved", { weight: 1, orders: 1 }, at(0))).toBe(10_000);
  });

  test("leaves a tenth of the orders, and 15 % of the weight beside the reserved, to what only reduces", () => {
    const many = { ...orders, limit: 20 };
    const full = spend(newBudget([fixed, many]), { weight: 70, orders: 18 }, at(0));
    expect(waitMsOf(full, "new", { weight: 0, orders: 1 }, at(0))).toBe(10_000);
    expect(waitMsOf(full, "ahead", { weight: 15, orders: 2 }, at(0))).toBe(0);
    expect(waitMsOf(full, "ahead", { weight: 0, orders: 3 }, at(0))).toBe(10_000);
    expect(waitMsOf(full, "ahead", weigh(16), at(0))).toBe(60_000);
    // Of so few there is no tenth: none is kept from those who use them.
    const last = spend(newBudget([orders]), { weight: 0, orders: 4 }, at(0));
    expect(waitMsOf(last, "new", { weight: 0, orders: 1 }, at(0))).toBe(0);
  });

  test("never grants what is more than the whole of it", () => {
    expect(waitMsOf(newBudget([fixed]), "reserved", weigh(101), at(0))).toBe(Number.POSITIVE_INFINITY);
  });
});

test("a rolling window never lets more through in any stretch of its length, wherever that begins", () => {
  const rule: RateLimitRule = { ...fixed, kind: "rolling", perMs: 5_000, limit: 60 };
  let budget = newBudget([rule]);
  const sent: number[] = [];
  for (let ms = 0; ms < 30_000; ms += 7) {
    while (waitMsOf(budget, "reserved", weigh(1), at(ms)) === 0) {
      budget = spend(budget, weigh(1), at(ms));
      sent.push(ms);
    }
  }
  for (const start of sent) {
    expect(sent.filter((ms) => ms >= start && ms < start + 5_000).length).toBeLessThanOrEqual(60);
  }
  expect(sent.length).toBeGreaterThan(60 * 5); // and does not starve either
});

test("a decaying counter sinks evenly, and says when there is room", () => {
  const rule: RateLimitRule = { ...fixed, kind: "decaying", perMs: 45_000, limit: 15 };
  const budget = spend(newBudget([rule]), weigh(15), at(1_000));
  expect(waitMsOf(budget, "reserved", weigh(1), at(1_000))).toBe(3_000);
  expect(waitMsOf(budget, "reserved", weigh(1), at(4_000))).toBe(0);
  expect(shareLeft(budget, at(1_000 + 45_000))).toBe(1);
});

test("what an answer tells only raises a count; Retry-After stops everything until its end", () => {
  let budget = observeUsed(newBudget([fixed]), { weight: 80 }, at(1_000));
  budget = observeUsed(budget, { weight: 10 }, at(2_000)); // an answer that was overtaken
  expect(waitMsOf(budget, "reserved", weigh(21), at(2_000))).toBe(58_000);
  budget = freezeUntil(freezeUntil(budget, 90_000), 70_000);
  expect(waitMsOf(budget, "reserved", weigh(1), at(60_000))).toBe(30_000);
  expect(shareLeft(budget, at(89_999))).toBe(0);
});

test("too many orders by the venue's word stops orders for their window, and nothing else", () => {
  const budget = exhaustOrders(newBudget([fixed, orders]), at(3_000));
  expect(waitMsOf(budget, "new", { weight: 1, orders: 1 }, at(3_000))).toBe(7_000);
  expect(waitMsOf(budget, "reserved", weigh(1), at(3_000))).toBe(0);
});

test("configured rates count in each limit's own interval", () => {
  const rates = { requestWeight: { count: 1_000, perMs: 30_000 }, orderRate: { count: 1, perMs: 3_000 } };
  expect(limitsFrom([fixed, orders], rates)).toEqual({ weight: 2_000, orders: 3 });
});

describe("what a predecessor had used", () => {
  const used = spend(newBudget([fixed, orders]), { weight: 60, orders: 4 }, at(30_000));

  test("counts for the account always, for the address only where it is shared", () => {
    const usage = usageOf(used, 31_000);
    const own = adoptUsage(newBudget([fixed, orders]), usage, false, at(32_000));
    expect(waitMsOf(own, "reserved", { weight: 1, orders: 2 }, at(32_000))).toBe(8_000);
    expect(waitMsOf(own, "reserved", weigh(100), at(32_000))).toBe(0);
    const shared = adoptUsage(newBudget([fixed, orders]), usage, true, at(32_000));
    expect(waitMsOf(shared, "reserved", weigh(41), at(32_000))).toBe(28_000);
  });

  test("is a floor that may be told twice, and is worth nothing once its window has passed", () => {
    const usage = usageOf(used, 31_000);
    let budget = newBudget([fixed, orders]);
    for (let told = 0; told < 3; told += 1) budget = adoptUsage(budget, usage, true, at(32_000));
    expect(waitMsOf(budget, "reserved", weigh(40), at(32_000))).toBe(0);
    expect(shareLeft(adoptUsage(newBudget([fixed, orders]), usage, true, at(61_000)), at(61_000))).toBe(1);
  });
});

describe("a takeover with 200 orders in doubt", () => {
  /** Weights of Binance spot: the query by id; and the open orders and trades, which those who ask together share. */
  const cost = { query: 4, lists: 6 + 20 } as const;

  /** The venue counts by its own minutes, whoever asks; `usedBefore` is the predecessor's share of the first. */
  function takeOver(usedBefore: number, takeoverMs: number): { readonly peak: number; readonly tookMs: number } {
    const rules = venueProfiles.binance.limits;
    const limit = rules.find((rule) => rule.name === "weight")?.limit ?? 0;
    const predecessor = spend(newBudget(rules), weigh(usedBefore), at(takeoverMs - 1_000));
    let budget: Budget = newBudget(rules);
    budget = adoptUsage(budget, usageOf(predecessor, takeoverMs - 500), true, at(takeoverMs));
    const minutes = new Map<number, number>([[Math.floor(takeoverMs / 60_000), usedBefore]]);
    const open = Array.from({ length: 200 }, (_, order) => ({
      doubt: doubtAt(order, takeoverMs),
      progress: beginDoubt(wallMs(takeoverMs)),
    }));
    let now = takeoverMs;
    let hasLists = false;
    const payLists = (): boolean => (hasLists ||= pay("reserved", cost.lists));
    const pay = (lane: Lane, weight: number): boolean => {
      if (waitMsOf(budget, lane, weigh(weight), at(now)) > 0) return false;
      budget = spend(budget, weigh(weight), at(now));
      const minute = Math.floor(now / 60_000);
      minutes.set(minute, (minutes.get(minute) ?? 0) + weight);
      return true;
    };
    const ended = new Set<Doubt>();
    for (; ended.size < open.length && now < takeoverMs + 600_000; now += 10) {
      // New orders want everything that is left, all the time.
      while (pay("new", 1));
      hasLists = false;
      const company = open.length - ended.size;
      for (const entry of open) {
        if (!ended.has(entry.doubt) && turn({ entry, now, company, pay, payLists })) ended.add(entry.doubt);
      }
    }
    expect(ended.size).toBe(200);
    expect(Math.max(...minutes.values())).toBeLessThanOrEqual(limit);
    return { peak: Math.max(...minutes.values()), tookMs: now - takeoverMs };
  }

  function doubtAt(order: number, takeoverMs: number): Doubt {
    return {
      intent: id<IntentId>(`i${order}`),
      attempt: 1,
      clientOrderId: id<ClientOrderId>(`${order}`.padStart(32, "0")),
      terms: {
        venue: id<VenueId>("v"),
        symbol: id<SymbolId>("BTC/USDT"),
        side: "buy",
        type: "limit",
        quantity: decimal("1"),
        price: decimal("1"),
        timeInForce: "GTC",
      },
      sinceWallMs: wallMs(takeoverMs - 2_000),
      proofWallMs: wallMs(takeoverMs + 13_750),
      reckoning: "",
      isInherited: true,
    };
  }

  /** One look at a doubt by core's own schedule; nothing is ever found. True when it has ended. */
  function turn(o: {
    readonly entry: { readonly doubt: Doubt; progress: DoubtProgress };
    readonly now: number;
    readonly company: number;
    readonly pay: (lane: Lane, weight: number) => boolean;
    readonly payLists: () => boolean;
  }): boolean {
    const { entry, now, company, pay, payLists } = o;
    const step = nextDoubtStep(entry.doubt, entry.progress, wallMs(now), company);
    if (step.kind === "resolved") return true;
    if (step.kind === "mismatch" || step.atWallMs > now) return false;
    if (step.kind === "query") {
      if (pay("reserved", cost.query)) entry.progress = noteQuery(entry.progress, wallMs(now), { kind: "not-found" });
      return false;
    }
    if (!payLists() || !pay("reserved", cost.query)) return false;
    entry.progress = noteFinal(entry.progress, {
      askedWallMs: wallMs(now),
      query: { kind: "not-found" },
      openOrders: [],
      unexplained: [],
    });
    return false;
  }

  test.each([
    ["early in a minute that is little used", 500, 5_000],
    ["late in a minute that is nearly used up", 5_900, 50_000],
    ["right before a minute ends", 3_000, 59_900],
  ])("%s never exceeds the budget, with new orders asking for all of it", (_when, usedBefore, intoMinute) => {
    const { tookMs } = takeOver(usedBefore, 1_800_000_000_000 + intoMinute);
    // Not before the proof time, and not a minute more than the budget makes it wait.
    expect(tookMs).toBeGreaterThan(13_750);
    expect(tookMs).toBeLessThan(90_000);
  });
});
