/** What happens at the venue, against what the journals say: judged live on the audit and on what was sealed and committed. */
import { absolute, add, compare, decimal, maximum, partsOf, subtract, zero } from "@baton/core";
import type { AuditRecord, Decimal, JournalEvent } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { Watch } from "./watch.ts";

interface Exposed {
  position: Decimal;
  openBuy: Decimal;
  openSell: Decimal;
}

/** A price may be this much older than its age says: the way from the venue. */
const priceWayMs = 600;

export class OrderChecks {
  /** Intent number → its accepted orders' client order ids. */
  readonly accepted: Map<number, string[]> = new Map();
  intents = 0;
  /** True time of the last fill at the venue. */
  lastFillAtMs = 0;
  readonly #watch: Watch;
  readonly #exposed = new Map<string, Exposed>();
  readonly #open = new Map<number, { readonly symbol: string; readonly side: "BUY" | "SELL"; left: Decimal }>();
  /** Client order ids whose absence was committed as proved. */
  readonly #provedAbsent = new Set<string>();
  readonly #clientOrderIds = new Map<string, string>();
  /** By each machine's own monotonic clock: nobody can know for how long a whole machine stood still. */
  readonly #pricedAt = new Map<string, number>();
  /** When a node last decided on a state of the book. */
  readonly #decidedAt = new Map<string, number>();
  /** Client order id → its intent, of whatever was sealed by anybody. */
  readonly #intentOf = new Map<string, string>();
  /** Intents whose cancel was committed as wished, and client order ids that were committed as orphans. */
  readonly #takenBack = new Set<string>();
  /** Intent or parent → its record, of everything that was ever committed. */
  readonly #byNumber = new Map<string, JournalEvent>();
  /** Boot and symbol → the positions on which it decided since its last frame. */
  readonly #positionsSeen = new Map<string, Set<Decimal>>();
  /** Client order ids of orders that surely open a position. */
  readonly #opening = new Set<string>();
  /** True times of committed intents and attempts. */
  #made: { readonly of: string; readonly atWallMs: number }[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Orders that are open at the venue. */
  get openCount(): number {
    let count = 0;
    for (const { left } of this.#open.values()) if (left !== zero) count += 1;
    return count;
  }

  /** The venue told the world's feed of this state of its book. */
  priced(symbol: string, updateId: number): void {
    for (const { node, clock } of this.#watch.world.nodes) {
      this.#pricedAt.set(`${node} ${symbol} ${updateId}`, clock.mono());
    }
  }

  decidedOn(boot: Boot, symbol: string, updateId: number): void {
    this.#decidedAt.set(`${boot.boot} ${symbol} ${updateId}`, boot.main.clock.mono());
    for (const position of boot.ledger?.speculative.positions.values() ?? []) {
      if (position.symbol !== symbol) continue;
      const seen = this.#positionsSeen.get(`${boot.boot} ${symbol}`) ?? new Set<Decimal>();
      this.#positionsSeen.set(`${boot.boot} ${symbol}`, seen.add(position.quantity));
    }
  }

  sealed(boot: Boot, events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "intent.recorded" && event.parent === undefined && this.#opens(boot, event.terms))
        this.#opening.add(event.clientOrderId);
      if (event.kind === "intent.recorded") this.intents += 1;
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") continue;
      this.#clientOrderIds.set(
        `${event.intent} ${event.kind === "intent.recorded" ? 1 : event.attempt}`,
        event.clientOrderId,
      );
      this.#intentOf.set(event.clientOrderId, event.intent);
      this.#isFresh(boot, event);
    }
    for (const symbol of this.#watch.world.rules.keys()) this.#positionsSeen.delete(`${boot.boot} ${symbol}`);
  }

  /** Surely opens a position, or adds to one: whatever this boot held when it decided, this side did not reduce it. */
  #opens(boot: Boot, { symbol, side }: { readonly symbol: string; readonly side: "buy" | "sell" }): boolean {
    const seen = [...(this.#positionsSeen.get(`${boot.boot} ${symbol}`) ?? [])];
    return seen.every((position) => (side === "buy" ? compare(position, zero) >= 0 : compare(position, zero) <= 0));
  }

  /** Committed for the first time, by anybody. */
  committed(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "intent.recorded") this.#isNumberNew(event.intent, event);
      if (event.kind === "parent.recorded") this.#isNumberNew(event.parent, event);
      if (event.kind === "intent.recorded" || event.kind === "attempt.recorded") this.#counted(event);
      if (event.kind === "cancel.requested") this.#takenBack.add(event.intent);
      if (event.kind === "orphan.found") this.#takenBack.add(event.order.clientOrderId);
      if (!isNeverAccepted(event)) continue;
      const clientOrderId = this.#clientOrderIds.get(`${event.intent} ${event.attempt}`);
      if (clientOrderId === undefined) continue;
      this.#provedAbsent.add(clientOrderId);
      const wasAccepted = [...this.accepted.values()].some((ids) => ids.includes(clientOrderId));
      if (wasAccepted) {
        this.#watch.broken("I10", `${event.intent} is recorded as never accepted, and the venue has accepted it`);
      }
    }
  }

  /** Also of what is lost: a client was told of it, and the venue may have it. */
  #isNumberNew(ref: string, event: JournalEvent): void {
    const known = this.#byNumber.get(ref);
    this.#byNumber.set(ref, event);
    if (known !== undefined && known !== event)
      this.#watch.broken("I9", `${ref} is committed a second time, as another`);
  }

  /** Committed, and lost as was declared: the rate is counted by whoever knows of them. */
  lost(events: readonly JournalEvent[]): void {
    const gone = new Set(events.map((event) => ("clientOrderId" in event ? event.clientOrderId : undefined)));
    this.#made = this.#made.filter(({ of }) => !gone.has(of as never));
  }

  /** A request to cancel leaves: somebody wished it on record, or it was found on record to be nobody's. */
  cancels(boot: Boot, clientOrderId: string): void {
    const intent = this.#intentOf.get(clientOrderId) ?? clientOrderId;
    if (this.#takenBack.has(clientOrderId) || this.#takenBack.has(intent)) return;
    this.#watch.broken("I4", `${boot.boot} takes back ${intent}, and no record that says why is committed`);
  }

  audited(record: AuditRecord): void {
    if (record.type === "accept") this.#accepted(record);
    if (record.type === "fill") this.lastFillAtMs = this.#watch.world.agenda.now;
    this.#expose(record);
  }

  #accepted(record: Extract<AuditRecord, { type: "accept" }>): void {
    const { clientOrderId = "" } = record;
    this.#watch.note("accepted");
    const parts = partsOf(clientOrderId);
    if (parts === undefined)
      return this.#watch.broken("I9", `the venue accepted ${clientOrderId}, which is no id of ours`);
    const known = this.accepted.get(parts.intent) ?? [];
    known.push(clientOrderId);
    this.accepted.set(parts.intent, known);
    if (known.length > 1) {
      const attempts = known.map((one) => partsOf(one)?.attempt).join(", ");
      this.#watch.broken("I9", `intent ${parts.intent} was accepted ${known.length} times, as attempts ${attempts}`);
    }
    if (this.#provedAbsent.has(clientOrderId)) {
      this.#watch.broken(
        "I10",
        `attempt ${parts.attempt} of intent ${parts.intent} is accepted after its absence was proved`,
      );
    }
  }

  /** Position with every open order at worst case, from the venue's log. */
  #expose(record: AuditRecord): void {
    if (!("orderId" in record) || record.orderId === undefined || record.symbol === undefined) return;
    const { orderId, symbol } = record;
    if (record.type === "accept" && record.side !== undefined) {
      const left = decimal(record.quantity ?? "0");
      this.#open.set(orderId, { symbol, side: record.side, left });
      this.#move(symbol, record.side, left, zero);
    }
    const order = this.#open.get(orderId);
    if (order === undefined) return;
    if (record.type === "fill") {
      const quantity = decimal(record.quantity ?? "0");
      order.left = subtract(order.left, quantity);
      this.#move(symbol, order.side, subtract(zero, quantity), quantity);
    }
    if (record.type === "cancel" || record.type === "expire") {
      this.#move(symbol, order.side, subtract(zero, order.left), zero);
      this.#open.delete(orderId);
    }
  }

  #move(symbol: string, side: "BUY" | "SELL", open: Decimal, filled: Decimal): void {
    const held = this.#exposed.get(symbol) ?? { position: zero, openBuy: zero, openSell: zero };
    this.#exposed.set(symbol, held);
    if (side === "BUY") {
      held.openBuy = add(held.openBuy, open);
      held.position = add(held.position, filled);
    } else {
      held.openSell = add(held.openSell, open);
      held.position = subtract(held.position, filled);
    }
    const worst = maximum(absolute(add(held.position, held.openBuy)), absolute(subtract(held.position, held.openSell)));
    const limit = this.#watch.world.settings.limits.positionMax;
    if (compare(worst, limit) > 0)
      this.#watch.broken("I12", `${symbol} stands at ${worst} at worst case, limit ${limit}`);
  }

  /**
   * The order rate, counted over all epochs: what opens is held to it, and all together to half as much again, which is for
   * what reduces a position. Clocks of two leaders may differ, so a little more than the window is asked.
   */
  #counted(made: Extract<JournalEvent, { kind: "intent.recorded" | "attempt.recorded" }>): void {
    const { count: mark, perMs } = this.#watch.world.settings.limits.orderRate;
    const { atWallMs } = made;
    const count = this.#opening.has(made.clientOrderId) ? mark : mark + 2 * Math.ceil(mark / 4);
    this.#made.push({ of: made.clientOrderId, atWallMs });
    const last = this.#made.slice(-count - 1);
    if (last.length <= count) return;
    const spanMs = atWallMs - (last[0]?.atWallMs ?? 0);
    if (spanMs >= 0 && spanMs < perMs - 600) {
      this.#watch.broken(
        "I12",
        `${count + 1} orders were made within ${spanMs} ms, allowed are ${count} in ${perMs} ms`,
      );
    }
  }

  #isFresh(boot: Boot, event: Extract<JournalEvent, { kind: "intent.recorded" | "attempt.recorded" }>): void {
    if (event.basis === undefined) return;
    const symbol =
      event.kind === "intent.recorded"
        ? event.terms.symbol
        : boot.ledger?.speculative.orders.get(event.intent)?.terms.symbol;
    const pricedAt = this.#pricedAt.get(`${boot.node} ${symbol} ${event.basis.updateId}`);
    if (pricedAt === undefined) return;
    const decidedAt = this.#decidedAt.get(`${boot.boot} ${symbol} ${event.basis.updateId}`) ?? pricedAt;
    const ageMs = decidedAt - pricedAt;
    if (ageMs > this.#watch.world.settings.staleAfterMs + priceWayMs) {
      this.#watch.broken("I18", `${event.intent} is priced on a book that is ${Math.round(ageMs)} ms old`);
    }
  }
}

/** That an attempt is not at the venue and will never be, by proof or by the word of the leader that did not send it. */
function isNeverAccepted(event: JournalEvent): event is Extract<JournalEvent, { readonly attempt: number }> {
  if (event.kind === "doubt.resolved") return event.resolution.kind === "not-accepted";
  return event.kind === "attempt.answered" && event.outcome.kind === "not-sent" && event.outcome.reason === "withdrawn";
}
