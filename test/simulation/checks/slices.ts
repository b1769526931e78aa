/**
 * What the venue executed in a parent's name, in whatever history: each slice once (I13), all of it no more than the parent
 * asked for, and of two ways out no more than what was to be got out of. Judged live by the venue's own log; whose child an
 * order is is known from what was sealed, also where that is lost.
 */
import { add, compare, decimal, zero } from "@baton/core";
import type { AlgorithmParameters, AuditRecord, Decimal, IntentId, JournalEvent, ParentId } from "@baton/core";
import type { Watch } from "./watch.ts";

interface Child {
  readonly intent: IntentId;
  readonly parent: ParentId;
  readonly slice: number;
}

export class SliceChecks {
  readonly #watch: Watch;
  readonly #algorithms = new Map<ParentId, AlgorithmParameters>();
  /** By client order id. */
  readonly #children = new Map<string, Child>();
  readonly #childOf = new Map<IntentId, Child>();
  /** "parent slice" → the intent that executed something of it first. */
  readonly #executedBy = new Map<string, IntentId>();
  /** Parent → executed by its entry, and by all its other children. */
  readonly #executed = new Map<ParentId, { entry: Decimal; rest: Decimal }>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  sealed(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind === "parent.recorded") this.#algorithms.set(event.parent, event.algorithm);
      if (event.kind === "attempt.recorded") {
        const child = this.#childOf.get(event.intent);
        if (child !== undefined) this.#children.set(event.clientOrderId, child);
      }
      if (event.kind !== "intent.recorded" || event.parent === undefined || event.slice === undefined) continue;
      const child = { intent: event.intent, parent: event.parent, slice: event.slice };
      this.#children.set(event.clientOrderId, child);
      this.#childOf.set(event.intent, child);
    }
  }

  audited(record: AuditRecord): void {
    if (record.type !== "fill") return;
    const child = this.#children.get(record.clientOrderId ?? "");
    if (child === undefined) return;
    const { parent, slice, intent } = child;
    const key = `${parent} ${slice}`;
    const first = this.#executedBy.get(key) ?? intent;
    this.#executedBy.set(key, first);
    if (first !== intent) this.#broken(`slice ${slice} of ${parent} is executed by ${first} and by ${intent}`);
    const algorithm = this.#algorithms.get(parent);
    if (algorithm === undefined) return this.#broken(`${intent} is executed for ${parent}, which nobody recorded`);
    const sum = this.#executed.get(parent) ?? { entry: zero, rest: zero };
    this.#executed.set(parent, sum);
    const part = algorithm.name === "bracket" && slice === 1 ? "entry" : "rest";
    sum[part] = add(sum[part], decimal(record.quantity ?? "0"));
    const most = algorithm.name === "bracket" ? sum.entry : algorithm.quantity;
    if (compare(sum.entry, algorithm.quantity) > 0 || compare(sum.rest, most) > 0)
      this.#broken(`of ${parent}, ${algorithm.name}, ${sum.entry} went in and ${sum.rest} was executed, of ${most}`);
  }

  #broken(sentence: string): void {
    this.#watch.broken("I13", sentence);
  }
}
