/**
 * A history with every kind of event in it, from one seed: events are proposed by dice, and those that the present rules
 * refuse are left out. It is played once for a version that is released, by `record.ts`, and never again: what is kept is
 * the journal that came of it. The dice are not the rules: a later build may play another story from the same seed.
 */
import {
  applyEvent,
  attemptEvent,
  decimal,
  emptyState,
  id,
  intentEvent,
  isReissuable,
  latestAttempt,
  nextParentId,
  openingOf,
  refusalOf,
  tagOf,
  wallMs,
} from "@baton/core";
import type {
  AlgorithmParameters,
  BootId,
  ClusterId,
  EngineState,
  JournalEvent,
  NodeId,
  OperationId,
  OrderRow,
  ParentId,
  ParentRow,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrder,
  VenueOrderId,
} from "@baton/core";

export const cluster: ClusterId = id<ClusterId>("11111111-1111-4111-8111-111111111111");
export const node: NodeId = id<NodeId>("a");

const venue = id<VenueId>("sim");
const symbols = [id<SymbolId>("BTC/USDT"), id<SymbolId>("ETH/USDT")] as const;
const tag = tagOf(cluster);
const start = 1_790_000_000_000;

/** Gives events that can be applied one after another, until there are so many and every kind has come. */
export function story(count: number, seed: number): readonly JournalEvent[] {
  const dice = new Dice(seed);
  const state = emptyState();
  const events: JournalEvent[] = [];
  const kinds = new Set<string>();
  for (let tries = 0; events.length < count || kinds.size < allKinds.length; tries += 1) {
    if (tries > count * 200)
      throw new Error(`these kinds never came: ${allKinds.filter((kind) => !kinds.has(kind)).join()}`);
    const kind = events.length === 0 ? "epoch.opened" : dice.of(allKinds);
    const event = proposals[kind](state, dice, wallMs(start + events.length * 750));
    if (event === undefined || refusalOf(state, event) !== undefined) continue;
    applyEvent(state, state.applied + 1, event);
    events.push(event);
    kinds.add(kind);
  }
  return events;
}

type Kind = JournalEvent["kind"];
type Propose = (state: EngineState, dice: Dice, atWallMs: ReturnType<typeof wallMs>) => JournalEvent | undefined;

/** Small numbers from a seed. */
class Dice {
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  below(bound: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * bound);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  maybe(list: Iterable<OrderRow>): OrderRow | undefined {
    const all = [...list].slice(-20);
    return all.length === 0 ? undefined : this.of(all);
  }
}

function wish(dice: Dice): {
  readonly symbol: SymbolId;
  readonly side: "buy" | "sell";
  readonly quantity: ReturnType<typeof decimal>;
} {
  return { symbol: dice.of(symbols), side: dice.of(["buy", "sell"]), quantity: decimal(`${1 + dice.below(9)}.5`) };
}

function venueOrder(order: OrderRow, dice: Dice): VenueOrder {
  const { terms } = order;
  const status = dice.of(["open", "open", "partially-filled", "cancelled", "filled", "expired"] as const);
  return {
    venueOrderId: order.venueOrderId ?? id<VenueOrderId>(`v-${order.id}`),
    clientOrderId: latestAttempt(order).clientOrderId,
    symbol: terms.symbol,
    side: terms.side,
    status,
    quantity: terms.quantity,
    ...(terms.price !== undefined && { price: terms.price }),
    executed: status === "filled" ? terms.quantity : order.executed,
  };
}

function algorithm(dice: Dice): AlgorithmParameters {
  const common = { venue, ...wish(dice) };
  const slices = 2 + dice.below(3);
  const exits = { takePrice: decimal("120"), stopPrice: decimal("80"), aggressionBps: 10 };
  return dice.of<AlgorithmParameters>([
    { name: "twap", ...common, slices, durationMs: 60_000, aggressionBps: 5 },
    {
      name: "vwap",
      ...common,
      slices,
      durationMs: 60_000,
      aggressionBps: 5,
      profile: "configured",
      weights: Array.from({ length: slices }, () => decimal("1")),
    },
    {
      name: "pov",
      ...common,
      participation: decimal("0.1"),
      durationMs: 60_000,
      intervalMs: 1_000,
      sliceMin: decimal("0.1"),
      aggressionBps: 5,
    },
    { name: "iceberg", ...common, display: decimal("0.5"), limitPrice: decimal("100"), timeInForce: "GTC" },
    { name: "oco", ...common, ...exits },
    { name: "bracket", ...common, ...exits, timeInForce: "IOC" },
  ]);
}

const parentOf = (state: EngineState, dice: Dice): ParentRow | undefined => {
  const all = [...state.parents.values()].slice(-4);
  return all.length === 0 ? undefined : dice.of(all);
};

const basis = { feed: "f", updateId: 7, ageMs: 12, bid: decimal("99.9"), ask: decimal("100.1") };

const proposals: Readonly<Record<Kind, Propose>> = {
  "epoch.opened": (state, dice, atWallMs) => {
    if (state.engine.epoch > 0 && dice.below(4) > 0) return undefined;
    const who = { node: dice.of([node, id<NodeId>("b")]), boot: id<BootId>(`boot-${state.engine.epoch + 1}`) };
    const reason = dice.of(["expired", "crash-release", "pre-emption", "switchover", "unclean"] as const);
    const inheritedSendByWallMs = wallMs(atWallMs + 3_000);
    const isReconcileDue = reason === "unclean";
    return openingOf(state, {
      ...{ epoch: state.engine.epoch + 1, ...who, reason, atWallMs, inheritedSendByWallMs, isReconcileDue },
    });
  },
  "baseline.taken": (_state, _dice, atWallMs) => ({
    kind: "baseline.taken",
    venue,
    atWallMs,
    balances: { USDT: decimal("100000") },
    lastTradeIds: { [symbols[0]]: id<TradeId>("10") },
    externalOrders: [id<VenueOrderId>("77")],
  }),
  "intent.recorded": (state, dice, atWallMs) => {
    const { symbol, side, quantity } = wish(dice);
    const isLimit = dice.below(4) > 0;
    const terms = {
      venue,
      symbol,
      side,
      quantity,
      ...(isLimit
        ? { type: "limit" as const, price: decimal(`${90 + dice.below(20)}`), timeInForce: "GTC" as const }
        : { type: "market" as const, timeInForce: "IOC" as const }),
    };
    const parent = dice.below(3) === 0 ? parentOf(state, dice) : undefined;
    const slice =
      parent === undefined
        ? undefined
        : 1 + parent.slices.findIndex((each) => each.kind === "waiting") || parent.slices.length + 1;
    const request =
      parent === undefined && dice.below(2) === 0
        ? { principal: "desk", key: `k-${state.engine.nextIntent}`, digest: "d".repeat(8) }
        : undefined;
    return intentEvent(state, tag, {
      terms,
      sendWithinMs: 60_000,
      atWallMs,
      by: dice.of(["desk", "strategy-a"]),
      ...(request !== undefined && { request }),
      ...(parent !== undefined && slice !== undefined && { parent: parent.id, slice }),
      ...(dice.below(2) === 0 && { basis }),
    });
  },
  "attempt.recorded": (state, dice, atWallMs) => {
    const order = dice.maybe([...state.orders.values()].filter((each) => isReissuable(each)));
    return order === undefined ? undefined : attemptEvent(tag, order, atWallMs, basis);
  },
  "attempt.answered": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    if (order === undefined) return undefined;
    const stamp = { sentWallMs: wallMs(atWallMs - 5), validityMs: 1_500 };
    const outcome = dice.of([
      { kind: "accepted", order: venueOrder(order, dice), stamp } as const,
      { kind: "rejected", code: "-2010", message: "insufficient balance", stamp } as const,
      { kind: "not-sent", reason: "permit-ended", message: "no permit" } as const,
      { kind: "duplicate", message: "duplicate order", stamp } as const,
      { kind: "in-doubt", cause: "the answer was lost", stamp } as const,
    ]);
    return {
      kind: "attempt.answered",
      intent: order.id,
      attempt: latestAttempt(order).number,
      epoch: state.engine.epoch,
      node,
      outcome,
      atWallMs,
    };
  },
  "doubt.resolved": (state, dice, atWallMs) => {
    const order = dice.maybe([...state.indexes.unsettled].flatMap((intent) => state.orders.get(intent) ?? []));
    if (order === undefined) return undefined;
    const resolution = dice.of([
      { kind: "accepted", order: venueOrder(order, dice) } as const,
      { kind: "not-accepted", proof: "not found after its proof time" } as const,
    ]);
    return {
      kind: "doubt.resolved",
      intent: order.id,
      attempt: latestAttempt(order).number,
      resolution,
      by: dice.of(["venue", "operator"]),
      atWallMs,
    };
  },
  "intent.ended": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    return order === undefined ? undefined : { kind: "intent.ended", intent: order.id, reason: "expired", atWallMs };
  },
  "order.updated": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    return order === undefined
      ? undefined
      : {
          kind: "order.updated",
          intent: order.id,
          attempt: latestAttempt(order).number,
          order: venueOrder(order, dice),
          atWallMs,
        };
  },
  "fill.recorded": (state, dice, atWallMs) => {
    const order = dice.maybe([...state.orders.values()].filter((each) => each.venueOrderId !== undefined));
    if (order === undefined) return undefined;
    const { symbol, side } = order.terms;
    const ours = dice.below(5) > 0 ? { intent: order.id } : {};
    return {
      kind: "fill.recorded",
      venue,
      symbol,
      tradeId: id<TradeId>(`${100 + state.applied}`),
      venueOrderId: order.venueOrderId ?? id<VenueOrderId>("0"),
      ...ours,
      side,
      price: decimal("100.25"),
      quantity: decimal("0.5"),
      fee: decimal(dice.of(["0.01", "0", "-0.005"])),
      feeCurrency: dice.of(["USDT", "BNB"]),
      tradedWallMs: atWallMs,
    };
  },
  "cancel.requested": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    return order === undefined ? undefined : { kind: "cancel.requested", intent: order.id, by: "desk", atWallMs };
  },
  "replace.requested": (state, dice, atWallMs) => {
    // It stands on the wish to cancel, which is the record before it.
    const order = dice.maybe([...state.orders.values()].filter((each) => each.cancel?.sequence === state.applied));
    if (order === undefined) return undefined;
    const figures = { quantity: dice.of(["1", "3"].map(decimal)), price: decimal("99.5"), sendWithinMs: 10_000 };
    return { kind: "replace.requested", intent: order.id, ...figures, by: "desk", atWallMs };
  },
  "replace.ended": (state, dice, atWallMs) => {
    const order = dice.maybe([...state.indexes.replacing].flatMap((intent) => state.orders.get(intent) ?? []));
    return order === undefined ? undefined : { kind: "replace.ended", intent: order.id, reason: "executed", atWallMs };
  },
  "parent.recorded": (state, dice, atWallMs) => {
    const asked = algorithm(dice);
    const request =
      dice.below(2) === 0
        ? { principal: "desk", key: `p-${state.engine.nextParent}`, digest: "e".repeat(8) }
        : undefined;
    return {
      kind: "parent.recorded",
      parent: nextParentId(state),
      algorithm: asked,
      by: "desk",
      ...(request !== undefined && { request }),
      atWallMs,
      ...(asked.name === "pov" && { countFrom: 500 }),
    };
  },
  "slice.skipped": (state, dice, atWallMs) => {
    const parent = parentOf(state, dice);
    return parent === undefined
      ? undefined
      : { kind: "slice.skipped", parent: parent.id, slice: 1 + dice.below(4), reason: "its window passed", atWallMs };
  },
  "parent.ended": (state, dice, atWallMs) => {
    const parent = parentOf(state, dice);
    return parent === undefined
      ? undefined
      : {
          kind: "parent.ended",
          parent: parent.id,
          reason: dice.of(["done", "cancelled", "killed", "failed"]),
          atWallMs,
        };
  },
  "volume.counted": (state, dice, atWallMs) => {
    const parent = parentOf(state, dice);
    return parent === undefined
      ? undefined
      : {
          kind: "volume.counted",
          parent: parent.id,
          lastTradeId: 500 + state.applied,
          volume: decimal("3.25"),
          atWallMs,
        };
  },
  "parent.paused": (state, dice, atWallMs) =>
    directed(state, dice, (parent) => ({ kind: "parent.paused", parent, by: "desk", atWallMs })),
  "parent.resumed": (state, dice, atWallMs) =>
    directed(state, dice, (parent) => ({ kind: "parent.resumed", parent, by: "desk", atWallMs })),
  "parent.triggered": (state, dice, atWallMs) =>
    directed(state, dice, (parent) => ({ kind: "parent.triggered", parent, basis, atWallMs })),
  "parent.amended": (state, dice, atWallMs) => {
    const parent = parentOf(state, dice);
    if (parent === undefined) return undefined;
    const schedule =
      parent.algorithm.name === "twap" || parent.algorithm.name === "vwap"
        ? { schedule: { fromSlice: 2, scheduled: decimal("0.5") } }
        : {};
    return {
      kind: "parent.amended",
      parent: parent.id,
      algorithm: { ...parent.algorithm, quantity: decimal("20") },
      ...schedule,
      by: "desk",
      atWallMs,
    };
  },
  "kill.set": (state, dice, atWallMs) => {
    if (dice.below(4) > 0 && state.engine.kill.level === "off") return undefined;
    const who = { by: "operator", reason: "drill", atWallMs };
    if (state.engine.kill.level !== "off") return { kind: "kill.set", level: "off", ...who };
    return dice.below(2) === 0
      ? { kind: "kill.set", level: "cluster", ...who }
      : {
          kind: "kill.set",
          level: "instrument",
          ...who,
          scopes: [{ level: "instrument", id: symbols[1], ...who } as never],
        };
  },
  "control.switched": (_state, dice, atWallMs) => ({
    kind: "control.switched",
    control: "repeated-execution",
    subject: "strategy-a",
    enabled: dice.below(2) === 0,
    by: "risk",
    reason: "too often the same",
    atWallMs,
  }),
  "risk.day-opened": (state, _dice, atWallMs) => ({
    kind: "risk.day-opened",
    day: (state.engine.riskDay?.day ?? 20_000) + 1,
    totals: { USDT: decimal("-12.5") },
    atWallMs,
  }),
  "orphan.found": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    return order === undefined
      ? undefined
      : {
          kind: "orphan.found",
          venue,
          order: { ...venueOrder(order, dice), venueOrderId: id<VenueOrderId>(`o-${state.applied}`) },
          action: dice.of(["cancel", "leave"]),
          atWallMs,
        };
  },
  "strategy.advanced": (state, dice, atWallMs) => ({
    kind: "strategy.advanced",
    strategy: "strategy-a",
    state: { seen: state.applied, "10": dice.below(3) },
    ...(dice.below(2) === 0 && { toldSequence: state.applied }),
    atWallMs,
  }),
  "strategy.switched": (_state, dice, atWallMs) => ({
    kind: "strategy.switched",
    strategy: "strategy-a",
    enabled: dice.below(2) === 0,
    reason: "over its budget",
    atWallMs,
  }),
  "order.ended": (state, dice, atWallMs) => {
    const order = dice.maybe(state.orders.values());
    if (order === undefined || dice.below(10) > 0) return undefined;
    const { id: intent, attempts } = order;
    const said = { evidence: "not found", by: "operator", word: "kim: the network was emptied" } as const;
    return { kind: "order.ended", intent, attempt: attempts.length, ...said, atWallMs };
  },
  "fill.busted": (state, dice, atWallMs) => {
    const fills = [...state.fills.values()].slice(-20);
    if (fills.length === 0) return undefined;
    const fill = dice.of(fills);
    const { symbol, tradeId, intent } = fill;
    const event = { kind: "fill.busted", venue, symbol, tradeId, evidence: "gone", atWallMs } as const;
    return intent === undefined ? event : { ...event, intent };
  },
  "drift.found": (_state, dice, atWallMs) => ({
    kind: "drift.found",
    venue,
    subject: { kind: "balance", currency: dice.of(["BTC", "USDT"]) },
    journal: decimal("100"),
    told: decimal(`${101 + dice.below(5)}`),
    atWallMs,
  }),
  "operation.noted": (state, _dice, atWallMs) => ({
    kind: "operation.noted",
    operation: id<OperationId>(`op-${state.applied}`),
    what: "switchover",
    by: "operator",
    reason: "drill ‒ ünïcode",
    atWallMs,
  }),
};

const allKinds = Object.keys(proposals) as Kind[];

function directed(state: EngineState, dice: Dice, make: (parent: ParentId) => JournalEvent): JournalEvent | undefined {
  const parent = parentOf(state, dice);
  return parent === undefined ? undefined : make(parent.id);
}
