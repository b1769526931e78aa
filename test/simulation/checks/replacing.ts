/**
 * An order and the one that comes in its place: never at the venue at once, and never more of both together than was asked
 * for. Judged when the venue accepts one, by its own log; which order came in whose place, and what was asked for, is known
 * from what was committed. One that was lost as declared is nobody's successor any more.
 */
import { add, compare, decimal, partsOf, zero } from "@baton/core";
import type { AuditRecord, Decimal, JournalEvent } from "@baton/core";
import type { Watch } from "./watch.ts";

interface AtVenue {
  readonly quantity: Decimal;
  executed: Decimal;
  isOver: boolean;
}

export class ReplacingChecks {
  readonly #watch: Watch;
  /** Number of a successor → number of the order that it came in place of. */
  readonly #inPlaceOf = new Map<number, number>();
  /** Number of a replaced order → its successors. */
  readonly #successors = new Map<number, number[]>();
  /** Number of an order → the whole quantity that a client wants of it and its successor. */
  readonly #wanted = new Map<number, Decimal>();
  readonly #atVenue = new Map<number, AtVenue>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Committed for the first time, by anybody: nothing of it has left before. */
  committed(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "replace.requested") this.#wanted.set(numberOf(event.intent), event.quantity);
      if (event.kind !== "intent.recorded" || event.replaces === undefined) continue;
      const before = numberOf(event.replaces);
      this.#inPlaceOf.set(numberOf(event.intent), before);
      this.#successors.set(before, [...(this.#successors.get(before) ?? []), numberOf(event.intent)]);
    }
  }

  audited(record: AuditRecord): void {
    if (!("clientOrderId" in record)) return;
    const intent = partsOf(record.clientOrderId ?? "")?.intent;
    if (intent === undefined) return;
    if (record.type === "accept") return this.#accepted(intent, decimal(record.quantity ?? "0"));
    const known = this.#atVenue.get(intent);
    if (known === undefined) return;
    if (record.type === "fill") known.executed = add(known.executed, decimal(record.quantity ?? "0"));
    if (record.type === "cancel" || record.type === "expire" || compare(known.executed, known.quantity) >= 0)
      known.isOver = true;
  }

  #accepted(intent: number, quantity: Decimal): void {
    this.#atVenue.set(intent, { quantity, executed: zero, isOver: false });
    const [successor] = this.#acceptedInPlaceOf(intent);
    if (successor !== undefined)
      this.#broken(`intent ${intent} is accepted after intent ${successor}, which came in its place`);
    const before = this.#inPlaceOf.get(intent);
    if (before === undefined) return;
    this.#watch.note("successor accepted");
    const other = this.#acceptedInPlaceOf(before).find((one) => one !== intent);
    if (other !== undefined) this.#broken(`intents ${other} and ${intent} are both accepted in place of ${before}`);
    const replaced = this.#atVenue.get(before);
    if (replaced !== undefined && !replaced.isOver)
      this.#broken(`intent ${intent} is accepted while ${before}, in whose place it comes, is open`);
    const wanted = this.#wanted.get(before) ?? zero;
    const most = add(replaced?.executed ?? zero, quantity);
    if (compare(most, wanted) > 0)
      this.#broken(`intents ${before} and ${intent} may execute ${most} together, and ${wanted} was asked for`);
  }

  #acceptedInPlaceOf(intent: number): readonly number[] {
    const successors = this.#successors.get(intent) ?? [];
    return successors.filter((one) => this.#atVenue.has(one) && !this.#watch.losing.isLost(`i-${one}`));
  }

  #broken(sentence: string): void {
    this.#watch.broken("replacing", sentence);
  }
}

function numberOf(intent: string): number {
  return Number(intent.slice(2));
}
