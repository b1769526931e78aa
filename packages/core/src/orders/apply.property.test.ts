/**
 * What holds for every history: events are made at random from what the state offers (and from what it should refuse),
 * and whatever `refusalOf` lets through is applied. Nothing here knows how `apply.ts` or `indexes.ts` do it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { add, compare, decimal, maximum, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { decodeEvent } from "../formats/events.ts";
import type { JournalEvent } from "../formats/events.ts";
import type { FillRecorded } from "../formats/order-events.ts";
import type { IntentId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { attemptEvent } from "./intent.ts";
import { noExposure, recentAttempts, recentCancels, venueOrderKey } from "./indexes.ts";
import type { Exposure } from "./indexes.ts";
import { isOrderEnded, isReissuable, isReplacing, isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import { refusalOf } from "./refusal.ts";
import { nextReplacementStep, replaceEnded } from "./replacement.ts";
import {
  accepted,
  answer,
  btc,
  epochOpened,
  eth,
  fill,
  inDoubt,
  notSent,
  povRecorded,
  provedAbsent,
  rejected,
  stamp,
  Story,
  tag,
  twapRecorded,
  updated,
  wanted,
} from "./sample-events.ts";
import { copyState, marketKey, rowsOf } from "./state.ts";
import { stateOf } from "./state-of-rows.ts";
import type { EngineState } from "./state.ts";

/** A choice of what happens next: which kind, to which order, how much. */
const choices = fc.array(fc.tuple(fc.nat(32), fc.nat(7), fc.nat(20)), { minLength: 1, maxLength: 140, size: "max" });
type Choice = readonly [kind: number, which: number, amount: number];

const endings = ["cancelled", "expired", "filled"] as const;
const passing = ["limiter", "connect-failed", "permit-ended"] as const;

function eventOf(state: EngineState, [kind, which, amount]: Choice): JournalEvent | undefined {
  const now = 10_000 + state.applied * 7;
  const quantity = decimal(`${amount + 1}`);
  if (kind === 0) return epochOpened(state, state.engine.epoch + 1);
  if (kind <= 3) {
    const side = which % 2 === 0 ? "buy" : "sell";
    const symbol = which % 3 === 0 ? eth : btc;
    const slice = kind === 3 && state.parents.size > 0 ? (amount % 4) + 1 : undefined;
    return wanted(
      state,
      { side, symbol, quantity },
      {
        atWallMs: wallMs(now),
        sendWithinMs: 500,
        ...(which === 1 && { request: { principal: "p", key: `${amount}`, digest: "d" } }),
        ...(slice !== undefined && { parent: [...state.parents.keys()][which % state.parents.size] as never, slice }),
      },
    );
  }
  if (kind === 4) return which % 2 === 0 ? twapRecorded(state) : povRecorded(state);
  if (kind >= 25) return replaceEvent(state, amount, now);
  if (kind >= 23) return bustEvent(state, which, now);
  if (kind >= 18) return outerEvent(state, [kind, which, amount], now);
  if (kind === 5 && state.parents.size > 0)
    return {
      kind: "slice.skipped",
      parent: [...state.parents.keys()][which % state.parents.size] as never,
      slice: (amount % 4) + 1,
      reason: "window-passed",
      atWallMs: wallMs(now),
    };
  const order = orderFor(state, kind, which);
  return order === undefined ? undefined : orderEvent(order, kind, amount, now, state);
}

/** One of the newest orders; a proof and a new attempt go to one that can have them, which chance alone would hardly meet. */
function orderFor(state: EngineState, kind: number, which: number): OrderRow | undefined {
  const { unsettled, reissuable } = state.indexes;
  const isWanted = (intent: IntentId): boolean => state.orders.get(intent)?.cancel === undefined;
  const fit = kind === 14 ? [...unsettled] : kind === 15 ? [...reissuable].filter(isWanted) : [];
  const among = fit.length > 0 ? fit : [...state.orders.keys()].slice(-5);
  const intent = among[which % Math.max(1, among.length)];
  return intent === undefined ? undefined : state.orders.get(intent);
}

/** The venue takes a trade back, one of those that are still in the tables. */
function bustEvent(state: EngineState, which: number, now: number): JournalEvent | undefined {
  const fills = [...state.fills.values()];
  const of = fills[which % Math.max(1, fills.length)];
  if (of === undefined) return undefined;
  const { venue, symbol, tradeId, intent } = of;
  const event = { kind: "fill.busted", venue, symbol, tradeId, evidence: "gone", atWallMs: wallMs(now) } as const;
  return intent === undefined ? event : { ...event, intent };
}

/** Who was just asked to go is to be replaced; who is, gets its successor where it has ended, or never will. */
function replaceEvent(state: EngineState, amount: number, now: number): JournalEvent | undefined {
  const at = wallMs(now);
  const asked = [...state.orders.values()].find((order) => order.cancel?.sequence === state.applied);
  if (asked !== undefined) {
    const figures = { quantity: decimal(`${amount + 1}`), price: decimal("99"), sendWithinMs: 500 };
    return { kind: "replace.requested", intent: asked.id, ...figures, by: "trader", atWallMs: at };
  }
  const [intent] = state.indexes.replacing;
  const order = intent === undefined ? undefined : state.orders.get(intent);
  if (order === undefined) {
    const rests = ({ status, cancel }: OrderRow): boolean => status === "new" && cancel === undefined;
    const resting = [...state.orders.values()].find(rests);
    return resting && { kind: "cancel.requested", intent: resting.id, by: "trader", atWallMs: at };
  }
  const step = nextReplacementStep(state.engine, order, at);
  if (step.kind === "wait" && amount % 4 > 0) return updated(order, { status: "cancelled", executed: order.executed });
  if (step.kind !== "place" || amount % 4 === 0) return replaceEnded(order, "cancelled", at);
  return wanted(state, step.terms, { atWallMs: at, sendWithinMs: step.sendWithinMs, replaces: order.id });
}

/** Of parents that are directed, of kills, of controls. */
function outerEvent(state: EngineState, [kind, which, amount]: Choice, now: number): JournalEvent | undefined {
  const at = { by: "op", reason: "drill", atWallMs: wallMs(now) };
  const parent = [...state.parents.keys()][which % Math.max(1, state.parents.size)];
  if (kind === 18) {
    const level = amount % 3 === 0 ? "strategy" : "off";
    const scopes = level === "off" ? [] : [{ level: "strategy" as const, id: "trader", ...at }];
    return { kind: "kill.set", level, ...at, scopes };
  }
  if (kind === 19) {
    const control = which % 2 === 0 ? "loss-limit" : "repeated-execution";
    return { kind: "control.switched", control, subject: "maker", enabled: amount % 2 === 0, ...at };
  }
  if (parent === undefined) return undefined;
  const directed = { parent, by: "op", atWallMs: wallMs(now) };
  if (kind === 20 && amount % 4 === 0) return { kind: "parent.paused", ...directed, cause: "history-lost" };
  if (kind === 20) return { kind: amount % 2 === 0 ? "parent.paused" : "parent.resumed", ...directed };
  if (kind === 21)
    return { kind: "volume.counted", ...directed, lastTradeId: 100 + state.applied, volume: decimal(`${amount}`) };
  return { kind: "parent.ended", parent, reason: "failed", detail: "drill", atWallMs: wallMs(now) };
}

function orderEvent(
  order: OrderRow,
  kind: number,
  amount: number,
  now: number,
  state: EngineState,
): JournalEvent | undefined {
  const executed = decimal(`${amount % (Number(order.terms.quantity) + 1)}`);
  switch (kind) {
    case 6:
      return accepted(order, { executed });
    case 7:
      return amount % 2 === 0 ? inDoubt(order) : answer(order, { kind: "duplicate", message: "twice", stamp });
    case 8:
      return notSent(order, passing[amount % 3] ?? "limiter");
    case 9:
      return rejected(order);
    case 10:
      return updated(order, { status: amount % 2 === 0 ? "open" : "partially-filled", executed });
    case 11: {
      const status = endings[amount % 3] ?? "cancelled";
      return updated(order, { status, executed: status === "filled" ? order.terms.quantity : executed });
    }
    case 12:
    case 13: {
      const trade = fill(order, amount + 20 * (state.applied % 40), `${(amount % 3) + 1}`, `${90 + amount}`);
      if (kind === 12 || order.venueOrderId !== undefined) return trade;
      // Told before anybody could say whose it is.
      const { intent: _intent, ...unnamed } = trade;
      return unnamed;
    }
    case 14:
      return provedAbsent(order, now);
    case 15:
      return attemptEvent(tag, isReissuable(order) ? order : asIfAbsent(order), wallMs(now), undefined);
    case 16:
      if (amount % 3 === 0) return deniedEvent(order, now);
      return { kind: "intent.ended", intent: order.id, reason: "expired", atWallMs: wallMs(now) };
    default:
      return { kind: "cancel.requested", intent: order.id, by: "trader", atWallMs: wallMs(now) };
  }
}

/** What nobody has proved: an attempt after this one is to be refused. */
function asIfAbsent(order: OrderRow): OrderRow {
  const resolution = { kind: "not-accepted", by: "venue", proof: "none", atWallMs: wallMs(0) } as const;
  return { ...order, status: "pending-new", attempts: order.attempts.map((attempt) => ({ ...attempt, resolution })) };
}

/** An operator ends an order that its venue denies. */
function deniedEvent(order: OrderRow, now: number): JournalEvent {
  const said = { evidence: "not found", by: "operator", word: "op: lost" } as const;
  return {
    kind: "order.ended",
    intent: order.id,
    attempt: latestAttempt(order).number,
    ...said,
    atWallMs: wallMs(now),
  };
}

/** Plays the choices that the state lets pass. */
function play(choice: readonly Choice[], onEvent?: (story: Story, event: JournalEvent) => void): Story {
  const story = new Story();
  // Times run to and fro in these stories, so none is waited for.
  story.state.engine = { ...story.state.engine, kept: { orders: 3, fills: 6, parents: 2, keys: 2, forMs: -1_000_000 } };
  story.tell(epochOpened(story.state, 1));
  for (const each of choice) {
    const event = eventOf(story.state, each);
    if (event === undefined || refusalOf(story.state, event) !== undefined) continue;
    story.tell(event);
    onEvent?.(story, event);
  }
  return story;
}

test("the histories do not run dry: they have retries, ends, replacements, and all that is told of orders and parents", () => {
  const kinds = new Set<string>();
  const of = { retried: 0, ended: 0, replaced: 0, busted: 0 };
  for (const choice of fc.sample(choices, { numRuns: 300, seed: 1 })) {
    play(choice, (_story, event) => {
      kinds.add(event.kind);
      if (event.kind === "attempt.recorded") of.retried += 1;
      if (event.kind === "order.ended") of.ended += 1;
      if (event.kind === "intent.recorded" && event.replaces !== undefined) of.replaced += 1;
      if (event.kind === "fill.busted") of.busted += 1;
    });
  }
  expect([...kinds]).toEqual(
    expect.arrayContaining([
      ...["intent.recorded", "attempt.recorded", "attempt.answered", "doubt.resolved", "intent.ended"],
      ...["order.updated", "order.ended", "fill.recorded", "fill.busted", "cancel.requested"],
      ...["replace.requested", "replace.ended", "parent.recorded", "parent.paused", "parent.resumed", "parent.ended"],
      ...["slice.skipped", "volume.counted", "kill.set", "control.switched", "epoch.opened"],
    ]),
  );
  expect(Object.entries(of).filter(([, seen]) => seen < 20)).toEqual([]);
});

/** What the exposure of one market is by its definition, counted over all orders. */
function counted(state: EngineState, market: string): Exposure {
  const total: Record<keyof Exposure, Decimal | number> = { ...noExposure };
  const grow = (key: keyof Exposure, by: Decimal): void => {
    total[key] = add(total[key] as Decimal, by);
  };
  for (const order of state.orders.values()) {
    const { side, quantity, price } = order.terms;
    if (marketKey(order.terms.venue, order.terms.symbol) !== market) continue;
    const hasEnded = isOrderEnded(order);
    const whole = hasEnded ? order.executed : maximum(quantity, order.executed);
    const rest = maximum(zero, subtract(whole, order.filled));
    const isAccepted = hasEnded || order.venueOrderId !== undefined;
    grow(`${side}${isAccepted ? "Open" : "Doubt"}`, rest);
    grow(`${side}Notional`, multiply(rest, price ?? zero));
    if (!hasEnded) total.orders = (total.orders as number) + 1;
  }
  return total as unknown as Exposure;
}

const ids = (orders: Iterable<string>): readonly string[] => [...orders].toSorted();

test("the exposure of each market is always what a count over all orders gives, and never negative (I12)", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      play(choice, ({ state }) => {
        for (const [market, exposure] of state.indexes.exposure) {
          expect(exposure).toEqual(counted(state, market));
          for (const amount of Object.values(exposure)) expect(`${amount}`.startsWith("-")).toBe(false);
        }
      });
    }),
    { numRuns: 80 },
  );
});

test("open, unsettled, reissuable and replaced orders are always those that a look at all orders finds", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      play(choice, ({ state }) => {
        const orders = [...state.orders.values()];
        const having = (has: (order: OrderRow) => boolean): readonly string[] =>
          ids(orders.filter((order) => has(order)).map((order) => order.id));
        const open = [...state.indexes.open.values()].flatMap((set) => [...set]);
        expect(ids(open)).toEqual(having((order) => !isOrderEnded(order)));
        expect(ids(state.indexes.unsettled)).toEqual(having(isUnsettled));
        expect(ids(state.indexes.reissuable)).toEqual(having(isReissuable));
        expect(ids(state.indexes.replacing)).toEqual(having(isReplacing));
        expect(state.indexes.closed.size).toBeLessThanOrEqual(3);
        expect(state.indexes.endedParents.size).toBeLessThanOrEqual(2);
        expect(state.keys.size).toBeLessThanOrEqual(2);
      });
    }),
    { numRuns: 60 },
  );
});

test("a trade is its order's, in the rows and in the sums, whether or not the order was known when it was told", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      play(choice, ({ state }) => {
        const fills = [...state.fills.values()];
        const owners = fills
          .filter((one) => one.intent !== undefined || one.bustedWallMs === undefined)
          .map(({ venue, symbol, venueOrderId, intent }) => {
            const owner = state.indexes.byVenueOrderId.get(venueOrderKey(venue, symbol, venueOrderId));
            return { intent, owner: owner ?? intent };
          });
        expect(owners.map((one) => one.intent)).toEqual(owners.map((one) => one.owner));
        const unnamed = fills.filter((one) => one.intent === undefined && one.bustedWallMs === undefined).length;
        const indexed = [...state.indexes.unclaimed.values()].reduce((sum, keys) => sum + keys.size, 0);
        expect(indexed).toBe(unnamed);
      });
    }),
    { numRuns: 60 },
  );
});

test("a state rebuilt from its rows equals the state that grew by the events, indexes included", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      const { state, tables } = play(choice);
      const rows = JSON.parse(JSON.stringify([...rowsOf(state)])) as ReturnType<typeof rowsOf> extends Iterable<infer R>
        ? R[]
        : never;
      const rebuilt = stateOf(rows.toReversed(), state.applied);
      const {
        recent: _recent,
        recentCancels: _cancels,
        exposure: _exposure,
        open: _open,
        ...indexes
      } = rebuilt.indexes;
      expect({ ...rebuilt, indexes }).toEqual({ ...state, indexes: expect.objectContaining(indexes) });
      for (const [market, exposure] of state.indexes.exposure)
        expect(rebuilt.indexes.exposure.get(market) ?? noExposure).toEqual(exposure);
      expect([...rebuilt.orders.keys()]).toEqual([...state.orders.keys()]);
      for (const name of ["closed", "endedParents", "fills", "keys"] as const)
        expect([...rebuilt.indexes[name]]).toEqual([...state.indexes[name]]);
      expect([...state.indexes.fills]).toEqual([...state.fills.keys()]);
      expect([...state.indexes.keys]).toEqual([...state.keys.keys()]);
      // The journal's tables, written row by row as touched, hold the same.
      const written = [...tables].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const held = rows.map(({ table, key, row }) => [`${table} ${key}`, JSON.stringify(row)] as const);
      expect(written).toEqual(held.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    }),
    { numRuns: 80 },
  );
});

test("the stored text of the events gives the same rows on another node (I19)", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      const first = play(choice);
      const second = new Story();
      second.state.engine = { ...second.state.engine, kept: first.state.engine.kept };
      for (const text of first.texts) second.tell(decodeEvent(text));
      expect(JSON.stringify([...rowsOf(second.state)])).toBe(JSON.stringify([...rowsOf(first.state)]));
    }),
    { numRuns: 60 },
  );
});

test("of cancels and of repetitions as many are counted as there are, also after a rebuild", () => {
  fc.assert(
    fc.property(choices, fc.nat(900), (choice, perMs) => {
      const { state } = play(choice);
      const now = 10_000 + state.applied * 7;
      const rebuilt = stateOf(rowsOf(state), state.applied);
      expect(rebuilt.indexes.wishes).toEqual(state.indexes.wishes);
      const cancels = [...state.orders.values()].filter((order) => (order.cancel?.atWallMs ?? 0) > now - perMs);
      expect(recentCancels(rebuilt.indexes, now, perMs)).toBe(cancels.length);
      expect(recentCancels(state.indexes, now, perMs)).toBeGreaterThanOrEqual(cancels.length);
    }),
    { numRuns: 60 },
  );
});

test("no fact but a bust takes back the executed quantity, and none an end or an acceptance", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      let before = new Map<string, OrderRow>();
      play(choice, ({ state }, event) => {
        const least = event.kind === "fill.busted" ? -1 : 0;
        for (const order of state.orders.values()) {
          const old = before.get(order.id);
          if (old === undefined) continue;
          expect(compare(order.executed, old.executed)).toBeGreaterThanOrEqual(least);
          expect(compare(order.filled, old.filled)).toBeGreaterThanOrEqual(least);
          expect(order.filled.startsWith("-")).toBe(false);
          expect(order.venueOrderId).toBe(old.venueOrderId ?? order.venueOrderId);
          expect(isOrderEnded(old) ? [old.status, "filled"] : [order.status]).toContain(order.status);
        }
        before = new Map(state.orders);
      });
    }),
    { numRuns: 60 },
  );
});

test("a position is the sum of its fills that were not taken back, each trade once (I11)", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      const sums = new Map<string, Decimal>();
      const trades = new Map<string, FillRecorded>();
      const { state } = play(choice, (_story, event) => {
        if (event.kind === "fill.busted") {
          const market = marketKey(event.venue, event.symbol);
          const taken = trades.get(`${market} ${event.tradeId}`);
          if (taken === undefined) throw new Error("a bust has its trade");
          const back = taken.side === "buy" ? subtract : add;
          sums.set(market, back(sums.get(market) ?? zero, taken.quantity));
        }
        if (event.kind !== "fill.recorded") return;
        const market = marketKey(event.venue, event.symbol);
        expect(trades.has(`${market} ${event.tradeId}`)).toBe(false);
        trades.set(`${market} ${event.tradeId}`, event);
        const by = event.side === "buy" ? add : subtract;
        sums.set(market, by(sums.get(market) ?? zero, event.quantity));
      });
      expect(new Map([...state.positions].map(([market, row]) => [market, row.quantity]))).toEqual(sums);
    }),
    { numRuns: 60 },
  );
});

test("an order has a next attempt only after proof that the earlier one is not at the venue (I9, I10)", () => {
  fc.assert(
    fc.property(choices, (choice) => {
      // Looked at with every event: an order that has ended is soon forgotten.
      play(choice, ({ state }) => {
        for (const order of state.orders.values()) {
          for (const attempt of order.attempts.slice(0, -1)) expect(attempt.resolution?.kind).toBe("not-accepted");
          expect(order.attempts.map((attempt) => attempt.number)).toEqual(order.attempts.map((_, at) => at + 1));
          expect(latestAttempt(order).number).toBe(order.attempts.length);
        }
      });
    }),
    { numRuns: 60 },
  );
});

test("a copy is not changed by what happens to its original", () => {
  fc.assert(
    fc.property(choices, choices, (before, after) => {
      const story = play(before);
      const copy = copyState(story.state);
      const told = JSON.stringify([...rowsOf(copy)]);
      const sizes = indexSizes(copy);
      for (const each of after) {
        const event = eventOf(story.state, each);
        if (event !== undefined && refusalOf(story.state, event) === undefined) story.tell(event);
      }
      expect(JSON.stringify([...rowsOf(copy)])).toBe(told);
      expect(indexSizes(copy)).toEqual(sizes);
    }),
    { numRuns: 40 },
  );
});

test("the order rate counts each recorded attempt of the window, also after a rebuild", () => {
  fc.assert(
    fc.property(choices, fc.nat(900), (choice, perMs) => {
      const { state, texts } = play(choice);
      const now = 10_000 + state.applied * 7;
      const made = texts
        .map((text) => decodeEvent(text))
        .filter((event) => event.kind === "intent.recorded" || event.kind === "attempt.recorded")
        .filter((event) => event.atWallMs > now - perMs);
      expect(recentAttempts(state.indexes, now, perMs)).toBe(made.length);
    }),
    { numRuns: 60 },
  );
});

function indexSizes(state: EngineState): readonly unknown[] {
  const { open, unsettled, reissuable, closed, byClientOrderId, exposure, recent } = state.indexes;
  const opens = [...open].map(([market, orders]) => `${market} ${orders.size}`);
  return [opens, unsettled.size, reissuable.size, closed.size, byClientOrderId.size, [...exposure], recent.length];
}
