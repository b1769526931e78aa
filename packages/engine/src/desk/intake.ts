/**
 * Taking wishes in: a request, a strategy's intent, a slice of a parent. Each is checked on the speculative state and
 * recorded in the same turn of the loop, so that nothing else can take the headroom in between. A request that repeats its
 * idempotency key gets its first answer; another request under the key is refused. Invariants I12, I13.
 */
import { createHash } from "node:crypto";
import type {
  IntentId,
  JournalEvent,
  MonoMs,
  OrderRequest,
  OrderRow,
  OrderTerms,
  ParentId,
  ParentRow,
  PlaceOrderRequest,
  PriceBasis,
  Refusal,
  RequestKey,
  RiskContext,
  Sequence,
  SymbolId,
  TwapParameters,
  TwapRequest,
  VenueId,
} from "@baton/core";
import {
  assert,
  attemptEvent,
  checkRisk,
  checkTwap,
  endedEvent,
  id,
  intentEvent,
  isOrderEnded,
  isPassingRefusal,
  limitsOf,
  nextParentId,
  parseDecimal,
  refused,
  requestKeyOf,
  stepTwap,
  stopTwap,
  wasRecorded,
} from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import { EventRefused } from "../ledger.ts";
import type { StrategyIntent } from "../strategies/strategy.ts";
import { clockOffBy } from "./clock-bound.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

/** What became of a wish. `sequence`: durable on the wait set once that is committed. */
export type Taken =
  | { readonly kind: "recorded"; readonly ref: IntentId | ParentId; readonly sequence: Sequence }
  /** The same request came before. */
  | { readonly kind: "repeated"; readonly ref: IntentId | ParentId; readonly sequence: Sequence }
  /** Another request came under this key. */
  | { readonly kind: "key-reused" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Why an order cannot be taken back. */
export type CancelTaken =
  | { readonly kind: "recorded"; readonly sequence: Sequence }
  | { readonly kind: "unknown" }
  | { readonly kind: "ended" };

/** How often a parent whose slice is open, and not recorded, is looked at. */
const waitingLookMs = 50;

export class Intake {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #whyNotReady: (venue: VenueId) => string | undefined;

  constructor(context: DeskContext, term: Term, whyNotReady: (venue: VenueId) => string | undefined) {
    this.#context = context;
    this.#term = term;
    this.#whyNotReady = whyNotReady;
  }

  /** A request of a client. `key` makes its repetition harmless. */
  request(request: PlaceOrderRequest, by: string, key: string | undefined): Taken {
    const known = key === undefined ? undefined : { principal: by, key, digest: digestOf(request) };
    const earlier = known === undefined ? undefined : this.#term.state.keys.get(requestKeyOf(known));
    if (earlier !== undefined && known !== undefined) {
      if (earlier.digest !== known.digest) return { kind: "key-reused" };
      return { kind: "repeated", ref: earlier.ref, sequence: earlier.sequence };
    }
    const why = this.#whyNot();
    if (why !== undefined) return { kind: "refused", refusal: why };
    return "algo" in request ? this.#parent(request, by, known) : this.#order(request, by, known);
  }

  /** What a strategy wants, with its new state, in one frame. Refused intents are left out and told. */
  strategy(strategy: string, state: unknown, wishes: readonly StrategyIntent[]): void {
    if (!this.#term.isTrading) return;
    // Most inputs change nothing; a record of each would be most of the journal.
    const before = this.#term.state.strategies.get(strategy);
    if (wishes.length === 0 && before !== undefined && JSON.stringify(before.state) === JSON.stringify(state)) return;
    this.#term.decide([{ kind: "strategy.advanced", strategy, state, atWallMs: wallNow() }]);
    for (const wish of wishes) {
      const taken = this.#wish(strategy, wish);
      if (taken.kind === "refused") {
        this.#context.say("strategy.refused", `${strategy}: ${taken.refusal.sentence}`, {
          strategy,
          code: taken.refusal.code,
        });
      }
    }
  }

  /** The wish to take an order or a parent back. */
  cancel(ref: string, by: string): CancelTaken {
    const parent = this.#term.state.parents.get(id<ParentId>(ref));
    if (parent !== undefined) return this.#cancelParent(parent, by);
    const order = this.#term.state.orders.get(id<IntentId>(ref));
    if (order === undefined) return { kind: wasRecorded(this.#term.state, ref) ? "ended" : "unknown" };
    if (isOrderEnded(order)) return { kind: "ended" };
    if (order.cancel !== undefined) return { kind: "recorded", sequence: this.#term.state.applied };
    return {
      kind: "recorded",
      sequence: this.#term.decide([{ kind: "cancel.requested", intent: order.id, by, atWallMs: wallNow() }]),
    };
  }

  /** Records what is due of a working parent; gives when to look again, in wall-clock ms. */
  stepParent(parent: ParentRow): number | undefined {
    const { venue, symbol } = parent.algorithm;
    if (this.#whyNot() !== undefined || this.#whyNotReady(venue) !== undefined) return wallNow() + 10;
    const wishedMonoMs = monoNow();
    const step = stepTwap(this.#term.state, parent, this.#context.tag, this.#risk(venue, symbol));
    // What a slice waits for (a fresh price, room in a limit) may come long before core wants to be asked at the latest.
    if (step.events.length === 0) {
      return step.wakeAtWallMs === undefined ? undefined : Math.min(step.wakeAtWallMs, wallNow() + waitingLookMs);
    }
    this.#decide(step.events, wishedMonoMs);
    this.#context.say("parent.stepped", step.sentence, { parent: parent.id });
    return wallNow();
  }

  /**
   * An order proved absent: risk is asked again, and the next attempt or the end is recorded. `later`: nothing was, since
   * what forbids it (such as a stale price) passes by itself.
   */
  reissue(order: OrderRow): "done" | "later" {
    const wishedMonoMs = monoNow();
    const { venue, symbol } = order.terms;
    // A switchover goes first: the successor, or the end of the hold, goes on with it.
    if (!this.#term.isTrading) return "done";
    if (!this.#context.venues.has(venue)) return "later";
    const context = this.#risk(venue, symbol);
    const refusal = this.#whyNot() ?? checkRisk(this.#term.state, order.terms, { ...context, reissued: order.id });
    if (refusal !== undefined) {
      if (isPassingRefusal(refusal)) return "later";
      this.#context.say("order.not-reissued", `${order.id}: ${refusal.sentence}`, {
        intent: order.id,
        code: refusal.code,
      });
      this.#term.note(endedEvent(order.id, `risk: ${refusal.code}`, wallNow()));
      return "done";
    }
    const basis = context.market.kind === "fresh" ? context.market.basis : undefined;
    try {
      this.#decide([attemptEvent(this.#context.tag, order, wallNow(), basis)], wishedMonoMs);
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      this.#term.note(endedEvent(order.id, error.code, wallNow()));
    }
    return "done";
  }

  #order(request: OrderRequest, by: string, known: RequestKey | undefined): Taken {
    const venue = this.#venueOf(request.venue);
    if (venue === undefined)
      return { kind: "refused", refusal: refused("unknown-venue", { venue: request.venue ?? "" }) };
    const terms: OrderTerms = {
      venue,
      symbol: request.symbol,
      side: request.side,
      type: request.type,
      quantity: request.quantity,
      ...(request.price !== undefined && { price: request.price }),
      timeInForce: request.timeInForce,
    };
    return this.#record(terms, { by, sendWithinMs: request.sendWithinMs, request: known });
  }

  #wish(strategy: string, wish: StrategyIntent): Taken {
    const config = this.#context.config.strategies.find((each) => each.id === strategy);
    const quantity = parseDecimal(wish.quantity);
    const price = wish.price === undefined ? undefined : parseDecimal(wish.price);
    const isMalformed = quantity === undefined || (wish.price !== undefined && price === undefined);
    if (config === undefined || isMalformed) return { kind: "refused", refusal: refused("terms-malformed") };
    const terms: OrderTerms = {
      venue: config.venue,
      symbol: id<SymbolId>(wish.symbol),
      side: wish.side,
      type: wish.type,
      quantity,
      ...(price !== undefined && { price }),
      timeInForce: wish.timeInForce ?? (wish.type === "market" ? "IOC" : "GTC"),
    };
    const why = this.#whyNot();
    if (why !== undefined) return { kind: "refused", refusal: why };
    return this.#record(terms, { by: strategy, sendWithinMs: wish.sendWithinMs ?? 2_000, request: undefined });
  }

  #record(
    terms: OrderTerms,
    wish: { readonly by: string; readonly sendWithinMs: number; readonly request: RequestKey | undefined },
  ): Taken {
    const wishedMonoMs = monoNow();
    const notReady = this.#whyNotReady(terms.venue);
    if (notReady !== undefined) return { kind: "refused", refusal: refused("held", { why: notReady }) };
    const context = this.#risk(terms.venue, terms.symbol);
    const refusal = checkRisk(this.#term.state, terms, context);
    if (refusal !== undefined) return { kind: "refused", refusal };
    const basis: PriceBasis | undefined = context.market.kind === "fresh" ? context.market.basis : undefined;
    const event = intentEvent(this.#term.state, this.#context.tag, {
      terms,
      sendWithinMs: wish.sendWithinMs,
      atWallMs: context.nowWallMs,
      by: wish.by,
      ...(wish.request !== undefined && { request: wish.request }),
      ...(basis !== undefined && { basis }),
    });
    return { kind: "recorded", ref: event.intent, sequence: this.#decide([event], wishedMonoMs) };
  }

  #parent(request: TwapRequest, by: string, known: RequestKey | undefined): Taken {
    const venue = this.#venueOf(request.venue);
    if (venue === undefined)
      return { kind: "refused", refusal: refused("unknown-venue", { venue: request.venue ?? "" }) };
    const notReady = this.#whyNotReady(venue);
    if (notReady !== undefined) return { kind: "refused", refusal: refused("held", { why: notReady }) };
    const algorithm: TwapParameters = {
      name: "twap",
      venue,
      symbol: request.symbol,
      side: request.side,
      quantity: request.quantity,
      slices: request.slices,
      durationMs: request.durationMs,
      aggressionBps: request.aggressionBps,
      ...(request.limitPrice !== undefined && { limitPrice: request.limitPrice }),
    };
    const refusal = checkTwap(algorithm, this.#risk(venue, request.symbol).rules);
    if (refusal !== undefined) return { kind: "refused", refusal };
    if (this.#term.state.engine.kill.level !== "off") return { kind: "refused", refusal: refused("kill-cluster") };
    const parent = nextParentId(this.#term.state);
    const event: JournalEvent = {
      kind: "parent.recorded",
      parent,
      algorithm,
      by,
      ...(known !== undefined && { request: known }),
      atWallMs: wallNow(),
    };
    return { kind: "recorded", ref: parent, sequence: this.#term.decide([event]) };
  }

  #cancelParent(parent: ParentRow, by: string): CancelTaken {
    if (parent.status !== "working") return { kind: "ended" };
    const events = stopTwap(this.#term.state, parent, { reason: "cancelled", by }, wallNow());
    if (events.length === 0) return { kind: "recorded", sequence: this.#term.state.applied };
    return { kind: "recorded", sequence: this.#term.decide(events) };
  }

  /** Records decisions; of attempts it is noted when they were wished for. */
  #decide(events: readonly JournalEvent[], wishedMonoMs: MonoMs): Sequence {
    const last = this.#term.decide(events);
    for (const [index, event] of events.entries()) {
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") continue;
      const { intent, clientOrderId } = event;
      const sequence = last - events.length + 1 + index;
      this.#context.traces.decided({ intent, clientOrderId, sequence, wishedMonoMs });
    }
    return last;
  }

  #whyNot(): Refusal | undefined {
    if (!this.#term.isTrading) return refused("held");
    return this.#context.whyNoRisk();
  }

  #venueOf(asked: VenueId | undefined): VenueId | undefined {
    if (asked !== undefined) return this.#context.venues.has(asked) ? asked : undefined;
    const [only, ...others] = this.#context.venues.keys();
    return others.length === 0 ? only : undefined;
  }

  #risk(venue: VenueId, symbol: SymbolId): RiskContext {
    const { config, venues } = this.#context;
    const connection = venues.get(venue);
    assert(connection !== undefined, "the venue is configured");
    return {
      rules: connection.instruments.get(symbol),
      limits: limitsOf(config.risk, config.doubt, symbol),
      market: this.#context.price(venue, symbol),
      clockErrorMs: clockOffBy(connection.clock()),
      nowWallMs: wallNow(),
    };
  }
}

/** The request, whatever the order of its fields. */
function digestOf(request: PlaceOrderRequest): string {
  const entries = Object.entries(request).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(entries)).digest("hex");
}
