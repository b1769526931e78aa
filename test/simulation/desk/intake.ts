/** Taking wishes in: each is checked on the speculative state and recorded in the same turn. A repeated key gets its first answer. */
import {
  attemptEvent,
  checkParent,
  checkRisk,
  countFor,
  directParent,
  endedEvent,
  intentEvent,
  isPassingRefusal,
  lossOf,
  nextParentId,
  refused,
  requestKeyOf,
  stateWithout,
  stepParent,
  takingBack,
  zero,
} from "@baton/core";
import type {
  AlgorithmParameters,
  Direction,
  EngineState,
  IntentId,
  JournalEvent,
  OrderRow,
  OrderTerms,
  ParentId,
  ParentRow,
  Refusal,
  RequestKey,
  RiskContext,
  Sequence,
  SymbolId,
} from "@baton/core";
import { EventRefused } from "../engine/ledger.ts";
import type { DeskContext } from "./context.ts";
import type { Term } from "./term.ts";

/** What a client asks for. */
export type Wish =
  | { readonly kind: "order"; readonly terms: OrderTerms; readonly sendWithinMs: number; readonly key: RequestKey }
  | { readonly kind: "parent"; readonly algorithm: AlgorithmParameters; readonly key: RequestKey };

export type Taken =
  | { readonly kind: "recorded" | "repeated"; readonly ref: IntentId | ParentId; readonly sequence: Sequence }
  | { readonly kind: "key-reused" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What became of the order that is to come in another's place. */
export type Succeeded = { readonly kind: "recorded" | "later" } | { readonly kind: "refused"; readonly code: string };

const waitingLookMs = 50;

export class Intake {
  readonly #context: DeskContext;
  readonly #term: Term;
  /** Broken on purpose: what this process alone remembers. */
  readonly #keys: Map<string, IntentId | ParentId>;

  readonly #isReady: () => boolean;

  constructor(context: DeskContext, term: Term, keys: Map<string, IntentId | ParentId>, isReady: () => boolean) {
    this.#context = context;
    this.#term = term;
    this.#keys = keys;
    this.#isReady = isReady;
  }

  request(wish: Wish): Taken {
    const name = requestKeyOf(wish.key);
    const isForgetful = this.#context.bent.is("key-forgotten");
    const remembered = this.#keys.get(name);
    if (isForgetful && remembered !== undefined)
      return { kind: "repeated", ref: remembered, sequence: this.#term.state.applied };
    const earlier = this.#term.state.keys.get(name);
    if (earlier !== undefined) {
      if (earlier.digest !== wish.key.digest) return { kind: "key-reused" };
      return { kind: "repeated", ref: earlier.ref, sequence: earlier.sequence };
    }
    const why = this.#whyNot();
    if (why !== undefined) return { kind: "refused", refusal: why };
    const taken = wish.kind === "parent" ? this.#parent(wish) : this.#order(wish);
    if (isForgetful && taken.kind === "recorded") this.#keys.set(name, taken.ref);
    return taken;
  }

  /** The wish to take an order or a parent back; undefined: there is nothing to take back. */
  cancel(ref: string, by: string): Sequence | undefined {
    const taking = takingBack(this.#term.state, ref, { by }, this.#context.process.clock.wall());
    return taking.kind !== "record" || taking.events.length === 0 ? undefined : this.#term.decide(taking.events);
  }

  /** Whether an order of these terms could be recorded if `order` were gone. */
  mayComeInPlaceOf(order: OrderRow, terms: OrderTerms): boolean {
    const state = stateWithout(this.#riskState(), order);
    return this.#whyNot() === undefined && checkRisk(state, terms, this.#risk(terms.symbol)) === undefined;
  }

  /** Records the order that comes in the place of one that has ended. `later`: what forbids it passes by itself. */
  succeed(order: OrderRow, terms: OrderTerms, sendWithinMs: number): Succeeded {
    const context = this.#risk(terms.symbol);
    const refusal = this.#whyNot() ?? checkRisk(this.#riskState(), terms, context);
    if (refusal !== undefined) {
      return isPassingRefusal(refusal) ? { kind: "later" } : { kind: "refused", code: refusal.code };
    }
    const basis = context.market.kind === "fresh" ? context.market.basis : undefined;
    const event = intentEvent(this.#term.state, this.#context.tag, {
      ...{ terms, sendWithinMs, atWallMs: context.nowWallMs, by: order.by, replaces: order.id },
      ...(basis !== undefined && { basis }),
    });
    try {
      this.#term.decide([event]);
      return { kind: "recorded" };
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      return { kind: "refused", code: error.code };
    }
  }

  /** What a person asks of a parent. Undefined: it is refused, or the account was not read since the loss that holds it. */
  direct(parent: ParentRow, direction: Direction, by: string): Sequence | undefined {
    if (direction.what === "resume" && lossOf(parent) !== undefined && !this.#isReady()) return undefined;
    const { process, instruments } = this.#context;
    const rules = instruments.get(parent.algorithm.symbol);
    const directed = directParent(this.#term.state, parent, { direction, by, rules }, process.clock.wall());
    return directed.kind === "refused" || directed.events.length === 0 ? undefined : this.#term.decide(directed.events);
  }

  /** Records what is due of a working parent; gives when to look again, in wall-clock ms. */
  stepParent(parent: ParentRow): number | undefined {
    const { process, tag } = this.#context;
    const now = process.clock.wall();
    if (this.#whyNot() !== undefined) return now + 10;
    const step = stepParent(this.#term.state, parent, tag, this.#risk(parent.algorithm.symbol));
    if (step.events.length === 0) {
      return step.wakeAtWallMs === undefined ? undefined : Math.min(step.wakeAtWallMs, now + waitingLookMs);
    }
    this.#term.decide(step.events);
    return now;
  }

  /** An order proved absent: risk is asked again. `later`: what forbids it passes by itself. */
  reissue(order: OrderRow): "done" | "later" {
    const now = this.#context.process.clock.wall();
    if (!this.#term.isTrading) return "done";
    const context = this.#risk(order.terms.symbol);
    const refusal = this.#whyNot() ?? checkRisk(this.#riskState(), order.terms, { ...context, reissued: order.id });
    if (refusal !== undefined) {
      if (isPassingRefusal(refusal)) return "later";
      this.#term.note(endedEvent(order.id, `risk: ${refusal.code}`, now));
      return "done";
    }
    const basis = context.market.kind === "fresh" ? context.market.basis : undefined;
    try {
      this.#term.decide([attemptEvent(this.#context.tag, order, now, basis)]);
      this.#context.note("reissue");
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      this.#term.note(endedEvent(order.id, error.code, now));
    }
    return "done";
  }

  #order(wish: Extract<Wish, { kind: "order" }>): Taken {
    const context = this.#risk(wish.terms.symbol);
    const refusal = checkRisk(this.#riskState(), wish.terms, this.#widened(context));
    if (refusal !== undefined) return { kind: "refused", refusal };
    const basis = context.market.kind === "fresh" ? context.market.basis : undefined;
    const event = intentEvent(this.#term.state, this.#context.tag, {
      terms: wish.terms,
      sendWithinMs: wish.sendWithinMs,
      atWallMs: context.nowWallMs,
      by: wish.key.principal,
      ...(!this.#context.bent.is("key-forgotten") && { request: wish.key }),
      ...(basis !== undefined && { basis }),
    });
    return { kind: "recorded", ref: event.intent, sequence: this.#term.decide([event]) };
  }

  #parent(wish: Extract<Wish, { kind: "parent" }>): Taken {
    const { algorithm } = wish;
    const refusal = checkParent(algorithm, this.#context.instruments.get(algorithm.symbol));
    if (refusal !== undefined) return { kind: "refused", refusal };
    if (this.#term.state.engine.kill.level !== "off") return { kind: "refused", refusal: refused("kill-cluster") };
    const parent = nextParentId(this.#term.state);
    const event: JournalEvent = {
      kind: "parent.recorded",
      parent,
      algorithm,
      by: wish.key.principal,
      ...(!this.#context.bent.is("key-forgotten") && { request: wish.key }),
      atWallMs: this.#context.process.clock.wall(),
    };
    return { kind: "recorded", ref: parent, sequence: this.#term.decide([event]) };
  }

  #whyNot(): Refusal | undefined {
    if (!this.#term.isTrading) return refused("held");
    if (!this.#isReady()) return refused("held", { why: "the account is not read" });
    return this.#context.whyNoRisk();
  }

  #risk(symbol: SymbolId): RiskContext {
    const { door, process, settings, instruments, price } = this.#context;
    return {
      rules: instruments.get(symbol),
      limits: settings.limits,
      market: price(symbol),
      clockErrorMs: door.clock.offBy(),
      nowWallMs: process.clock.wall(),
    };
  }

  /** The room that is kept for what reduces is everybody's, where that rule is broken on purpose. */
  #widened(context: RiskContext): RiskContext {
    if (!this.#context.bent.is("room-for-all")) return context;
    const { orderRate } = context.limits;
    const count = countFor(orderRate.count, "gets-out");
    return { ...context, limits: { ...context.limits, orderRate: { ...orderRate, count } } };
  }

  /** What risk is asked on: all that was recorded, unless that rule is broken on purpose. */
  #riskState(): EngineState {
    const { bent } = this.#context;
    if (bent.is("risk-on-committed")) return this.#term.committed;
    if (!bent.is("doubt-uncounted")) return this.#term.state;
    const { state } = this.#term;
    const exposure = new Map(
      [...state.indexes.exposure].map(([market, one]) => [market, { ...one, buyDoubt: zero, sellDoubt: zero }]),
    );
    return { ...state, indexes: { ...state.indexes, exposure } };
  }
}
