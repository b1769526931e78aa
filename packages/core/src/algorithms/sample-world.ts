/**
 * A world for tests of parent orders: one leader after another over one journal, a venue that takes each request at most
 * once, a public tape of trades. A leader dies after any given event, in the middle of a frame too (the rest of it is lost
 * with it), and with a request sent or not; the next one has nothing but the rows and its own feed. What must hold at
 * every instant is asserted here, on the venue's truth and never on the journal's word for it.
 */
import { assert } from "../assert.ts";
import { add, compare, decimal, floorToStep, multiply, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { hasLegs } from "../formats/algorithms.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import { decodeEvent } from "../formats/events.ts";
import type { JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { IntentId, ParentId } from "../ids.ts";
import { isOrderEnded, isReissuable, isUnsettled, latestAttempt } from "../orders/order-row.ts";
import type { OrderRow } from "../orders/order-row.ts";
import { endedEvent } from "../orders/placement.ts";
import { refusalOf } from "../orders/refusal.ts";
import {
  accepted,
  basis,
  btc,
  epochOpened,
  fill,
  inDoubt,
  provedAbsent,
  rejected,
  rules,
  story,
  Story,
  tag,
  updated,
} from "../orders/sample-events.ts";
import { rowsOf } from "../orders/state.ts";
import { stateOf } from "../orders/state-of-rows.ts";
import type { ParentRow } from "../orders/state.ts";
import type { InstrumentRules } from "../orders/terms.ts";
import type { RiskContext } from "../risk/check.ts";
import { wallMs } from "../time.ts";
import type { ParentContext } from "./child.ts";
import { heldByLoss } from "./lost-history.ts";
import { countsVolume, stepParent } from "./parent.ts";
import { emptyTape, newestTrade, noteTrade, volumeAfter } from "./volume-tape.ts";
import type { VolumeTape } from "./volume-tape.ts";

/** What becomes of a request: executed at once, in part, resting, refused; with its answer lost; lost itself. */
export const fates = ["filled", "partial", "resting", "rejected", "unheard", "unheard-filled", "lost"] as const;
export type Fate = (typeof fates)[number];

/** What the venue has. */
interface Held {
  readonly intent: IntentId;
  /** As it was recorded, perhaps in a history that is lost. */
  readonly order: OrderRow;
  readonly quantity: Decimal;
  readonly isResting: boolean;
  executed: Decimal;
  isOpen: boolean;
}

export interface WorldPlan {
  readonly algorithm: AlgorithmParameters;
  /** By the number of the request, round and round; after `faultyRequests` of them the venue does what it is asked. */
  readonly fates: readonly Fate[];
  /** The leader dies after this many events in all. */
  readonly dieAfter: number;
  /** What was recorded last when it died had been sent. */
  readonly isSent: boolean;
  /** Whether the venue has reduce-only orders; absent: it has none. */
  readonly hasReduceOnly?: boolean;
}

const faultyRequests = 6;

export const parentId: ParentId = id<ParentId>("p-1");
export const fineRules: InstrumentRules = {
  ...rules,
  lotSize: decimal("0.01"),
  quantityMin: decimal("0.01"),
  notionalMin: decimal("0.01"),
};
const limits: RiskContext["limits"] = {
  orderQuantityMax: decimal("100"),
  orderNotionalMax: decimal("100000"),
  collarBps: 1_000,
  positionMax: decimal("100"),
  orderRate: { count: 10_000, perMs: 1_000 },
  clockErrorMaxMs: 250,
  doubtBlock: "intent",
};

export class World {
  s: Story = story();
  now = 10_000;
  bid: Decimal = basis.bid;
  ask: Decimal = basis.ask;
  readonly venue: Map<IntentId, Held> = new Map();
  publicVolume: Decimal = zero;
  hasDied = false;
  readonly #plan: WorldPlan;
  #tape: VolumeTape = emptyTape();
  #trades = 0;
  #fills = 0;
  #requests = 0;
  /** Requests of the present leader that were sent or given up. */
  #handled = new Set<IntentId>();

  constructor(plan: WorldPlan) {
    this.#plan = plan;
    this.trade("1");
    this.publicVolume = zero;
    const countFrom = newestTrade(this.#tape);
    this.tell([
      {
        kind: "parent.recorded",
        parent: parentId,
        algorithm: plan.algorithm,
        by: "trader",
        atWallMs: wallMs(this.now),
        ...(countsVolume(plan.algorithm) && countFrom !== undefined && { countFrom }),
      },
    ]);
  }

  get parent(): ParentRow {
    const parent = this.s.state.parents.get(parentId);
    assert(parent !== undefined, "the parent is there");
    return parent;
  }

  get context(): ParentContext {
    const market = { kind: "fresh", basis: { ...basis, bid: this.bid, ask: this.ask } } as const;
    return {
      ...{ rules: fineRules, limits, market, clockErrorMs: 5, nowWallMs: wallMs(this.now) },
      hasReduceOnly: this.#plan.hasReduceOnly === true,
      volumeAfter: (tradeId) => volumeAfter(this.#tape, tradeId),
    };
  }

  /** Records a frame, or as much of it as the leader lives to see. */
  tell(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (!this.hasDied && this.s.texts.length >= this.#plan.dieAfter) return this.#die();
      if (refusalOf(this.s.state, event) !== undefined && event.kind === "cancel.requested") continue;
      this.s.tell(event);
      this.#check();
    }
    if (!this.hasDied && this.s.texts.length >= this.#plan.dieAfter) this.#die();
  }

  /** Others trade. */
  trade(quantity: string): void {
    this.#trades += 1;
    const trade = { symbol: btc, id: this.#trades, price: decimal("100"), quantity: decimal(quantity) };
    const at = { tradedWallMs: wallMs(this.now), taker: "buy", source: "stream" } as const;
    noteTrade(this.#tape, { type: "trade", trade: { ...trade, ...at } });
    this.publicVolume = add(this.publicVolume, decimal(quantity));
  }

  /** One look at the parent, what it leads to at the venue, and the answers. */
  turn(passMs: number): void {
    this.now += passMs;
    const step = stepParent(this.s.state, this.parent, tag, this.context);
    this.tell(step.events);
    this.#send();
  }

  /**
   * Doubts end by the venue's truth, resting orders execute by a part of `portion`, the fills are told, and only now the
   * wishes to cancel arrive.
   */
  settle(portion = "1"): void {
    for (const order of [...this.s.state.orders.values()]) {
      const now = (): OrderRow => this.s.order(order.id);
      const held = this.venue.get(order.id);
      if (isOrderEnded(now())) continue;
      if (isUnsettled(now()) && now().status === "pending-new") this.tell([inDoubt(now())]);
      if (isUnsettled(now()) && held === undefined) this.tell([provedAbsent(now(), this.now)]);
      if (isReissuable(now())) this.tell([endedEvent(order.id, "expired", wallMs(this.now))]);
      if (held === undefined) continue;
      if (held.isOpen && held.isResting && this.#isMet(now())) this.#execute(held, portion);
      this.#report(held);
    }
    this.#cancel();
  }

  /**
   * An unclean failover: the next leader's journal lacks the last events, though what they led to has happened. It reads the
   * account before anything else: the trades of orders that it does not know, whose rests it takes back.
   */
  lose(events: number): void {
    const texts = this.s.texts.slice(0, Math.max(2, this.s.texts.length - events));
    const again = new Story();
    for (const text of texts) again.tell(decodeEvent(text));
    this.s = again;
    this.hasDied = true;
    this.#handled = new Set(this.s.state.orders.keys());
    const { epoch } = this.s.state.engine;
    const at = { reason: "unclean", numbersFrom: (epoch + 1) * 1_000, atWallMs: wallMs(this.now) } as const;
    const opening = epochOpened(this.s.state, epoch + 1, at);
    const held = heldByLoss(this.s.state, opening, []);
    this.s.tell(opening);
    this.tell(held);
    for (const one of this.venue.values()) {
      if (this.s.state.orders.has(one.intent)) continue;
      one.isOpen = false;
      if (one.executed === zero) continue;
      this.#fills += 1;
      const { intent: _unknown, ...trade } = fill(one.order, this.#fills, one.executed);
      this.tell([trade]);
    }
  }

  /** What the venue executed of these slices, or of all. */
  executed(isOf: (order: OrderRow) => boolean = () => true): Decimal {
    return [...this.venue.values()]
      .filter((held) => isOf(held.order))
      .reduce((sum, held) => add(sum, held.executed), zero);
  }

  /** The market is where the order rests. */
  #isMet({ terms }: OrderRow): boolean {
    const price = terms.price ?? zero;
    return terms.side === "buy" ? compare(price, this.bid) >= 0 : compare(price, this.ask) <= 0;
  }

  #die(): void {
    this.hasDied = true;
    // Committed it is, and sent or not; nobody heard an answer.
    if (this.#plan.isSent) this.#send(true);
    const again = new Story();
    for (const text of this.s.texts) again.tell(decodeEvent(text));
    again.state = stateOf(rowsOf(again.state), again.state.applied);
    this.s = again;
    this.#handled = new Set(this.s.state.orders.keys());
    // The next leader's own feed began later than the parent, and earlier than the takeover.
    const tape = emptyTape();
    const from = Math.max(0, this.#tape.ids.length - 3);
    for (const [at, number] of this.#tape.ids.entries()) {
      if (at < from) continue;
      const before = at === 0 ? zero : (this.#tape.sums[at - 1] ?? zero);
      const quantity = subtract(this.#tape.sums[at] ?? zero, before);
      const trade = { symbol: btc, id: number, price: decimal("100"), quantity, tradedWallMs: wallMs(this.now) };
      noteTrade(tape, { type: "trade", trade: { ...trade, taker: "buy", source: "stream" } });
    }
    this.#tape = tape;
    this.s.tell(epochOpened(this.s.state, this.s.state.engine.epoch + 1, { atWallMs: wallMs(this.now) }));
  }

  #send(isUnheard = false): void {
    for (const order of [...this.s.state.orders.values()]) {
      const { epoch, outcome, inheritedSendByWallMs } = latestAttempt(order);
      if (this.#handled.has(order.id) || !isUnsettled(order) || outcome !== undefined) continue;
      if (epoch !== this.s.state.engine.epoch || inheritedSendByWallMs !== undefined) continue;
      this.#handled.add(order.id);
      const { fates: drawn } = this.#plan;
      const fate = (this.#requests < faultyRequests && drawn[this.#requests % drawn.length]) || "filled";
      this.#requests += 1;
      this.#meet(order, isUnheard && fate !== "lost" ? "unheard" : fate);
    }
  }

  #meet(order: OrderRow, fate: Fate): void {
    if (fate === "lost") return this.tell([inDoubt(order)]);
    if (fate === "rejected") return this.tell([rejected(order)]);
    assert(!this.venue.has(order.id), `${order.id} reaches the venue once`);
    const isResting = order.terms.timeInForce === "GTC" || order.terms.timeInForce === "GTX";
    const held: Held = {
      intent: order.id,
      order,
      quantity: order.terms.quantity,
      isResting,
      executed: zero,
      isOpen: true,
    };
    this.venue.set(order.id, held);
    const portion = { filled: "1", "unheard-filled": "1", partial: "0.5" }[fate as string];
    if (portion !== undefined) this.#execute(held, portion);
    if (!isResting) held.isOpen = false;
    this.#check();
    if (fate === "unheard" || fate === "unheard-filled") {
      if (!this.hasDied) this.tell([inDoubt(order)]);
      return;
    }
    this.tell([accepted(order)]);
    this.#report(held);
  }

  /** Wishes to cancel reach what rests. */
  #cancel(): void {
    for (const order of [...this.s.state.orders.values()]) {
      const held = this.venue.get(order.id);
      if (order.cancel === undefined || held === undefined || isOrderEnded(order)) continue;
      held.isOpen = false;
      this.#report(held);
    }
  }

  #execute(held: Held, portion: string): void {
    const rest = subtract(held.quantity, held.executed);
    const part = portion === "1" ? rest : floorToStep(multiply(rest, decimal(portion)), fineRules.lotSize);
    held.executed = add(held.executed, part);
    if (compare(held.executed, held.quantity) === 0) held.isOpen = false;
    this.#check();
  }

  /** The journal hears what the venue has made of an order. */
  #report(held: Held): void {
    const order = (): OrderRow => this.s.order(held.intent);
    // The venue keeps in an order what it took back of it.
    const news = subtract(held.executed, add(order().filled, order().busted ?? zero));
    if (news !== zero && !news.startsWith("-")) {
      this.#fills += 1;
      this.tell([fill(order(), this.#fills, news)]);
    }
    if (isUnsettled(order())) this.tell([accepted(order())]);
    const status = held.executed === held.quantity ? "filled" : "cancelled";
    if (!held.isOpen && !isOrderEnded(order())) this.tell([updated(order(), { status, executed: held.executed })]);
  }

  /** What holds at every instant, whoever leads. */
  #check(): void {
    const { algorithm } = this.parent;
    const slices = [...this.s.state.orders.values()].flatMap((order) => order.slice ?? []);
    assert(new Set(slices).size === slices.length, "no slice has two intents");
    const could = (isOf: (order: OrderRow) => boolean): Decimal =>
      [...this.venue.values()]
        .filter((held) => isOf(held.order))
        .reduce((sum, held) => add(sum, held.isOpen ? held.quantity : held.executed), zero);
    if (!hasLegs(algorithm)) {
      assert(
        compare(
          could(() => true),
          algorithm.quantity,
        ) <= 0,
        "the venue could never execute more than the parent",
      );
    } else {
      const isEntry = (order: OrderRow): boolean => algorithm.name === "bracket" && order.slice === 1;
      const held = algorithm.name === "oco" ? algorithm.quantity : this.executed(isEntry);
      const out = could((order) => !isEntry(order));
      for (const order of this.s.state.orders.values()) {
        if (order.parent !== parentId) continue;
        const isReduceOnly = this.#plan.hasReduceOnly === true && !isEntry(order);
        assert((order.terms.reduceOnly ?? false) === isReduceOnly, "exits are reduce-only where the venue has it");
      }
      assert(compare(out, held) <= 0, `the exits could execute ${out} of ${held}`);
    }
    if (algorithm.name === "iceberg") {
      const open = [...this.venue.values()].filter((held) => held.isOpen);
      assert(open.length <= 1, "one child is shown at a time");
    }
    const share =
      algorithm.name === "pov"
        ? algorithm.participation
        : "participationMax" in algorithm && algorithm.participationMax;
    if (share !== false && share !== undefined) {
      const allowed = multiply(share, this.publicVolume);
      assert(
        compare(
          could(() => true),
          allowed,
        ) <= 0,
        `no more than ${allowed} of ${this.publicVolume}`,
      );
      assert(compare(this.parent.counted?.volume ?? zero, this.publicVolume) <= 0, "no volume is counted twice");
    }
  }
}
