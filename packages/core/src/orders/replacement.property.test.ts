/**
 * A client that replaces its order again and again, at a venue whose answers come late or never, with trades at any
 * moment and takeovers in any state. What is asked of `replacement.ts` and `placement.ts` here is what the engine asks;
 * the venue knows nothing of either.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { add, compare, decimal, isPositive, maximum, minimum, subtract, zero } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import type { JournalEvent } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { IntentId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { attemptEvent } from "./intent.ts";
import { isOrderEnded, isReplacing, isUnsettled, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import { endedEvent, nextPlacementStep } from "./placement.ts";
import { refusalOf } from "./refusal.ts";
import { nextReplacementStep, replaceEnded, replacementOf } from "./replacement.ts";
import {
  accepted,
  epochOpened,
  fill,
  inDoubt,
  provedAbsent,
  Story,
  story,
  tag,
  updated,
  wanted,
} from "./sample-events.ts";
import { copyState, rowsOf } from "./state.ts";
import { stateOf } from "./state-of-rows.ts";

interface AtVenue {
  readonly intent: IntentId;
  readonly quantity: Decimal;
  executed: Decimal;
  status: "open" | "cancelled" | "filled";
}

type Move = readonly [what: number, amount: number];
const moves = fc.array(fc.tuple(fc.nat(11), fc.nat(19)), { minLength: 10, maxLength: 120, size: "max" });

class World {
  readonly s: Story = story();
  readonly venue = new Map<string, AtVenue>();
  /** Sent, and neither at the venue nor gone. */
  readonly underWay = new Map<string, IntentId>();
  /** Trades that the venue made and did not tell yet. */
  untold: { readonly intent: IntentId; readonly quantity: Decimal }[] = [];
  /** The most that was ever wanted of all together. */
  wanted: Decimal = decimal("2");
  successors = 0;
  #handed = new Set<string>();
  #trade = 0;
  #now = 10_000;

  constructor() {
    this.s.want({}, { sendWithinMs: 1_000_000 });
  }

  move([what, amount]: Move): void {
    this.#now += 5;
    const last = this.last;
    switch (what) {
      case 0:
      case 1:
        return this.engine();
      case 2:
        return this.#arrive(amount % 4 !== 0);
      case 3:
        return this.underWay.clear();
      case 4:
        return this.#trades(amount);
      case 5:
        return this.tellTrades();
      case 6:
        return this.#cancel(amount % 3 !== 0);
      case 7:
        return this.takeover();
      case 8:
        return this.resolve();
      case 9:
      case 10:
        return this.#replace(last, amount);
      default:
        if (amount === 0 && isReplacing(last)) this.#tell(replaceEnded(last, "cancelled", wallMs(this.#now), "t"));
    }
  }

  get last(): OrderRow {
    return [...this.s.state.orders.values()].at(-1) as OrderRow;
  }

  /** The leader does what comes next for every order. */
  engine(): void {
    for (const { id: intent } of [...this.s.state.orders.values()]) {
      const order = this.s.order(intent);
      const now = wallMs(this.#now);
      const step = nextPlacementStep(this.s.state, order, now);
      const { clientOrderId, epoch } = latestAttempt(order);
      if (step.kind === "send" && !this.#handed.has(clientOrderId) && epoch === this.s.state.engine.epoch) {
        this.#handed.add(clientOrderId);
        this.underWay.set(clientOrderId, intent);
      } else if (step.kind === "reissue") this.#tell(attemptEvent(tag, order, now, undefined));
      else if (step.kind === "end") this.#tell(endedEvent(intent, step.reason, now));
      const next = nextReplacementStep(this.s.state.engine, this.s.order(intent), now);
      if (next.kind === "end") this.#tell(replaceEnded(order, next.reason, now));
      if (next.kind !== "place") continue;
      this.successors += 1;
      const over = { atWallMs: now, sendWithinMs: 1_000_000, replaces: intent };
      this.#tell(wanted(this.s.state, next.terms, over));
    }
  }

  takeover(): void {
    const rows = JSON.parse(JSON.stringify([...rowsOf(this.s.state)])) as never;
    this.s.state = stateOf(rows, this.s.state.applied);
    this.#handed = new Set();
    const { epoch } = this.s.state.engine;
    this.#tell(epochOpened(this.s.state, epoch + 1, { atWallMs: wallMs(this.#now) }));
  }

  /** The venue is asked about a doubt; absence is proved only when nothing is on its way any more. */
  resolve(): void {
    for (const order of this.s.state.orders.values()) {
      if (!isUnsettled(order) || order.status !== "in-doubt") continue;
      const { clientOrderId } = latestAttempt(order);
      const there = this.venue.get(clientOrderId);
      if (there !== undefined) this.#tellOrder(order, there);
      else if (!this.underWay.has(clientOrderId)) this.#tell(provedAbsent(order, this.#now));
    }
  }

  tellTrades(): void {
    const untold = this.untold;
    this.untold = [];
    for (const { intent, quantity } of untold) {
      this.#trade += 1;
      this.#tell(fill(this.s.order(intent), this.#trade, quantity));
    }
  }

  cancelAll(): void {
    for (const order of this.s.state.orders.values()) if (order.cancel !== undefined) this.#cancelOne(order, true);
  }

  arriveAll(): void {
    while (this.underWay.size > 0) this.#arrive(true);
  }

  get executed(): Decimal {
    return [...this.venue.values()].reduce((sum, each) => add(sum, each.executed), zero);
  }

  /** What may trade at the venue, now or as soon as it arrives. */
  get live(): number {
    const open = [...this.venue.values()].filter(({ status }) => status === "open").length;
    return open + this.underWay.size;
  }

  #arrive(isAnswered: boolean): void {
    const [clientOrderId, intent] = [...this.underWay][0] ?? [];
    if (clientOrderId === undefined || intent === undefined) return;
    this.underWay.delete(clientOrderId);
    const order = this.s.order(intent);
    this.venue.set(clientOrderId, { intent, quantity: order.terms.quantity, executed: zero, status: "open" });
    if (latestAttempt(order).inheritedSendByWallMs === undefined)
      this.#tell(isAnswered ? accepted(order) : inDoubt(order));
  }

  #trades(amount: number): void {
    const open = [...this.venue.values()].find(({ status }) => status === "open");
    if (open === undefined) return;
    const quantity = minimum(decimal(`0.${(amount % 9) + 1}`), subtract(open.quantity, open.executed));
    open.executed = add(open.executed, quantity);
    if (open.executed === open.quantity) open.status = "filled";
    this.untold.push({ intent: open.intent, quantity });
  }

  #cancel(isAnswered: boolean): void {
    for (const order of this.s.state.orders.values())
      if (order.cancel !== undefined && !isOrderEnded(order)) return this.#cancelOne(order, isAnswered);
  }

  #cancelOne(order: OrderRow, isAnswered: boolean): void {
    if (isOrderEnded(order)) return;
    const there = this.venue.get(latestAttempt(order).clientOrderId);
    if (there?.status === "open") there.status = "cancelled";
    if (there !== undefined && isAnswered && !(isUnsettled(order) && order.status !== "in-doubt"))
      this.#tellOrder(order, there);
  }

  #tellOrder(order: OrderRow, { executed, status }: AtVenue): void {
    const told = { executed, status };
    if (!isUnsettled(order)) return this.#tell(updated(order, told));
    const resolution = updated(order, told);
    if (resolution.kind !== "order.updated") return;
    const { intent, attempt, order: venueOrder, atWallMs } = resolution;
    this.#tell({
      kind: "doubt.resolved",
      ...{ intent, attempt, resolution: { kind: "accepted", order: venueOrder }, by: "venue", atWallMs },
    });
  }

  #replace(order: OrderRow, amount: number): void {
    if (isOrderEnded(order)) return;
    const quantity = amount % 3 === 0 ? decimal(`${(amount % 4) + 1}`) : undefined;
    const change = { price: decimal(`${90 + amount}`), ...(quantity !== undefined && { quantity }) };
    const wish = replacementOf(order, change);
    if ("code" in wish) return;
    const earlier = [...this.venue.values()].filter(({ intent }) => intent !== order.id);
    const base = earlier.reduce((sum, each) => add(sum, each.executed), zero);
    this.wanted = maximum(this.wanted, add(base, wish.quantity));
    const asked = { intent: order.id, by: "t", atWallMs: wallMs(this.#now) } as const;
    this.#tell({ kind: "cancel.requested", ...asked });
    const figures = { quantity: wish.quantity, price: wish.price, sendWithinMs: 1_000_000 };
    this.#tell({ kind: "replace.requested", ...asked, ...figures });
  }

  #tell(event: JournalEvent): void {
    // A word that comes twice, or after the end, is left out, as the leader does.
    const refusal = refusalOf(this.s.state, event);
    if (refusal === undefined) this.s.tell(event);
    else if (event.kind === "intent.recorded") throw new Error(refusal);
  }
}

test("never two are open at once, and all together never execute more than was wanted", () => {
  let successors = 0;
  fc.assert(
    fc.property(moves, (made) => {
      const world = new World();
      for (const move of made) {
        world.move(move);
        expect(world.live).toBeLessThanOrEqual(1);
        expect(compare(world.executed, world.wanted)).toBeLessThanOrEqual(0);
        for (const order of world.s.state.orders.values()) {
          const end = order.replace?.end;
          if (end?.kind !== "replaced") continue;
          const { quantity } = world.s.order(end.successor).terms;
          const executed = [...world.venue.values()].find(({ intent }) => intent === order.id)?.executed ?? zero;
          expect(add(executed, quantity)).toBe(order.replace?.quantity);
        }
      }
      successors += world.successors;
    }),
    { numRuns: 400 },
  );
  // It says nothing about worlds in which nothing is ever replaced.
  expect(successors).toBeGreaterThan(100);
});

test("a leader and a venue that answer bring every replacement to its end, whatever happened before", () => {
  fc.assert(
    fc.property(moves, (made) => {
      const world = new World();
      for (const move of made) world.move(move);
      world.takeover();
      for (let round = 0; round < 6; round += 1) {
        world.engine();
        world.arriveAll();
        world.resolve();
        world.cancelAll();
        world.tellTrades();
      }
      expect([...world.s.state.indexes.replacing]).toEqual([]);
      expect([...world.s.state.indexes.unsettled]).toEqual([]);
      const { last } = world;
      // What is not executed rests, unless somebody or the race with the cancel has ended it.
      const isOpen = !isOrderEnded(last) && last.replace === undefined;
      const isResting = isOpen && isPositive(subtract(last.terms.quantity, last.executed));
      const isOver = last.status === "filled" || last.replace?.end?.kind === "given-up";
      expect(isResting || isOver).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("deciding about a replacement changes nothing", () => {
  const world = new World();
  const before = JSON.stringify([...rowsOf(copyState(world.s.state))]);
  replacementOf(world.s.order(id<IntentId>("i-1")), { price: decimal("99") });
  nextReplacementStep(world.s.state.engine, world.s.order(id<IntentId>("i-1")), wallMs(10_000));
  expect(JSON.stringify([...rowsOf(world.s.state)])).toBe(before);
});
