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
  /** True times of committed intents and attempts. */
  readonly #made: number[] = [];

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
  }

  sealed(boot: Boot, events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "intent.recorded") this.intents += 1;
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") continue;
      this.#clientOrderIds.set(
        `${event.intent} ${event.kind === "intent.recorded" ? 1 : event.attempt}`,
        event.clientOrderId,
      );
      this.#isFresh(boot, event);
    }
  }

  /** Committed for the first time, by anybody. */
  committed(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "intent.recorded" || event.kind === "attempt.recorded") this.#counted(event.atWallMs);
      if (event.kind !== "doubt.resolved" || event.resolution.kind !== "not-accepted") continue;
      const clientOrderId = this.#clientOrderIds.get(`${event.intent} ${event.attempt}`);
      if (clientOrderId === undefined) continue;
      this.#provedAbsent.add(clientOrderId);
      const wasAccepted = [...this.accepted.values()].some((ids) => ids.includes(clientOrderId));
      if (wasAccepted) {
        this.#watch.broken("I10", `${event.intent} is recorded as never accepted, and the venue has accepted it`);
      }
    }
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

  /** The order rate, counted over all epochs. Clocks of two leaders may differ, so a little more than the window is asked. */
  #counted(atWallMs: number): void {
    const { count, perMs } = this.#watch.world.settings.limits.orderRate;
    this.#made.push(atWallMs);
    const sorted = this.#made.slice(-count - 1);
    if (sorted.length <= count) return;
    const spanMs = atWallMs - (sorted[0] ?? 0);
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
