/**
 * Taking wishes in: a request, a strategy's intent, a slice of a parent. Each is checked on the speculative state and
 * recorded in the same turn of the loop, so that nothing else can take the headroom in between. A request that repeats its
 * idempotency key gets its first answer; another request under the key is refused. Invariants I12, I13.
 */
import { createHash } from "node:crypto";
import type {
  AttemptRecorded,
  BacklogAsker,
  DecidedOn,
  EngineState,
  IntentId,
  IntentRecorded,
  JournalEvent,
  MonoMs,
  OrderRequest,
  OrderRow,
  OrderTerms,
  ParentId,
  ParentRequest,
  PlaceOrderRequest,
  PriceBasis,
  Refusal,
  RequestKey,
  Route,
  Sequence,
  SymbolId,
  VenueId,
} from "@baton/core";
import {
  attemptEvent,
  cannotOpen,
  checkRisk,
  endedEvent,
  id,
  intentEvent,
  isAhead,
  isPassingRefusal,
  parseDecimal,
  purposeOf,
  refused,
  requestKeyOf,
  routeOf,
  stateWithout,
  subjectOf,
  switchingEvent,
  takingBack,
  usualSendWithinMs,
  whyOverloaded,
} from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import { EventRefused } from "../ledger.ts";
import type { StrategyIntent } from "../strategies/strategy.ts";
import type { Backlogs } from "./backlogs.ts";
import type { DeskContext } from "./desk-context.ts";
import { noted, repeated } from "./once.ts";
import type { Asked, AskedKey, Repeated } from "./once.ts";
import { ParentIntake } from "./parent-intake.ts";
import type { RiskInputs } from "./risk-inputs.ts";
import type { Term } from "./term.ts";

/** What became of a wish. `sequence`: durable on the wait set once that is committed. */
export type Taken =
  | { readonly kind: "recorded"; readonly ref: IntentId | ParentId; readonly sequence: Sequence }
  /** The same request came before. */
  | { readonly kind: "repeated"; readonly ref: IntentId | ParentId; readonly sequence: Sequence }
  /** Another request came under this key. */
  | { readonly kind: "key-reused" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What became of the wish to take an order back. */
export type CancelTaken =
  | { readonly kind: "recorded"; readonly sequence: Sequence }
  | Repeated
  | { readonly kind: "unknown" }
  | { readonly kind: "ended" };

/** What became of the order that is to come in another's place. */
export type Succession =
  | { readonly kind: "recorded"; readonly ref: IntentId | ParentId }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "later" };

/** Who wants an order, and how. */
interface Wish {
  readonly by: string;
  readonly sendWithinMs: number;
  readonly request: RequestKey | undefined;
  readonly decidedOn?: DecidedOn | undefined;
  readonly routedFrom?: VenueId | undefined;
  readonly replaces?: IntentId;
  readonly reason?: string | undefined;
}

/** A switchover is over in about this time; who asks again sooner takes processor time from it and is refused again. */
const switchoverMs = 100;

/** What intake asks of the rest of the desk. */
export interface IntakePorts {
  /** Why this term does not take orders for a venue yet. */
  readonly whyNotReady: (venue: VenueId) => string | undefined;
  readonly backlogs: Backlogs;
}

export class Intake {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #inputs: RiskInputs;
  readonly #ports: IntakePorts;
  readonly #parents: ParentIntake;

  constructor(context: DeskContext, term: Term, inputs: RiskInputs, ports: IntakePorts) {
    this.#context = context;
    this.#term = term;
    this.#inputs = inputs;
    this.#ports = ports;
    this.#parents = new ParentIntake(context, term, inputs, {
      decide: (events, wishedMonoMs) => this.#decide(events, wishedMonoMs),
      whyNot: (venue) => this.#whyNotAt(venue),
      whyUnread: (venue) => ports.whyNotReady(venue),
    });
  }

  /** A request of a client. `key` makes its repetition harmless. */
  request(request: PlaceOrderRequest, by: string, key: AskedKey | undefined): Taken {
    const known = key === undefined ? undefined : { principal: by, key: key.key, digest: digestOf(request) };
    const earlier = known === undefined ? undefined : (this.#term.state.keys.get(requestKeyOf(known)) ?? key?.past);
    if (earlier !== undefined && known !== undefined) {
      if (earlier.digest !== known.digest) return { kind: "key-reused" };
      return { kind: "repeated", ref: earlier.ref, sequence: earlier.sequence };
    }
    const asked = this.#venueOf(request.venue);
    // A parent keeps its venue: its children are one order's parts. A position is never elsewhere than where it was made.
    const isFixed = asked === undefined || "algo" in request || request.reduceOnly === true;
    const route = isFixed ? undefined : this.#routeOf(asked, request.symbol);
    const venue = route?.venue ?? asked;
    const unknown = refused("unknown-venue", { venue: request.venue ?? "" });
    const why = this.#whyNot() ?? (venue === undefined ? unknown : this.#whyNotAt(venue));
    if (why !== undefined || venue === undefined) return { kind: "refused", refusal: why ?? unknown };
    const overloaded =
      "algo" in request
        ? // Nothing of a parent leaves at once: it is taken where a strategy's order would be.
          this.#whyOverloaded(
            venue,
            usualSendWithinMs,
            request.algo === "oco" ? this.#ocoAsker(request, venue) : "strategy",
          )
        : this.whyOverloaded({ ...request, venue }, request.sendWithinMs);
    if (overloaded !== undefined) return { kind: "refused", refusal: overloaded };
    return "algo" in request
      ? this.#parents.request(request, venue, by, known)
      : this.#order(request, route ?? { venue }, by, known);
  }

  /**
   * What a strategy wants, with its new state, recorded as one. Refused intents are left out and told. `decidedOn`: the
   * price that it was told; `toldSequence`: of the last trade or bust. False: nothing can be recorded now, and the
   * decision is as if it had not been made.
   */
  strategy(
    strategy: string,
    state: unknown,
    wishes: readonly StrategyIntent[],
    decidedOn: DecidedOn | undefined,
    toldSequence?: Sequence,
  ): boolean {
    if (!this.#term.isTrading) return false;
    // Most prices change nothing; a record of each would be most of the journal. Of each trade there is one.
    const before = this.#term.state.strategies.get(strategy);
    const isTold = toldSequence === undefined || before?.toldSequence === toldSequence;
    const isSame = before !== undefined && JSON.stringify(before.state) === JSON.stringify(state);
    if (wishes.length === 0 && isTold && isSame) return true;
    const wishedMonoMs = monoNow();
    const refusals: Refusal[] = [];
    const intents: IntentRecorded[] = [];
    let last: Sequence;
    try {
      last = this.#term.decideEach([
        () => ({
          ...{ kind: "strategy.advanced", strategy, state, atWallMs: wallNow() },
          ...(toldSequence !== undefined && { toldSequence }),
        }),
        ...wishes.map((wish) => (): JournalEvent | undefined => {
          const made = this.#wish(strategy, wish, decidedOn);
          if ("code" in made) refusals.push(made);
          else intents.push(made);
          return "code" in made ? undefined : made;
        }),
      ]);
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      this.#context.warn("strategy.refused", `${strategy}: ${error.message}`, { strategy, code: error.code });
      return true;
    }
    for (const [at, intent] of intents.entries()) this.#trace(intent, last - intents.length + 1 + at, wishedMonoMs);
    for (const refusal of refusals) {
      this.#switchOff(refusal);
      this.#context.metrics.refusals.inc({ code: refusal.code });
      this.#context.say("strategy.refused", `${strategy}: ${refusal.sentence}`, { strategy, code: refusal.code });
    }
    return true;
  }

  /**
   * The wish to take an order or a parent back; `reason` as whoever asked gave it. A wish on record stays as it is. The
   * same again under its `operation` does nothing, also when the order has ended since.
   */
  cancel(ref: string, by: string, reason?: string, operation?: AskedKey): CancelTaken {
    const asked: Asked = { what: "cancel", ref, by, reason, operation };
    const earlier = repeated(this.#term.state, asked);
    if (earlier !== undefined) return earlier;
    const taking = takingBack(this.#term.state, ref, { by, reason }, wallNow());
    if (taking.kind !== "record") return taking;
    const events = [...taking.events, ...noted(asked)];
    const sequence = events.length === 0 ? this.#term.state.applied : this.#term.decide(events);
    return { kind: "recorded", sequence };
  }

  /**
   * Why no client's order of these terms that is to leave within `sendWithinMs` is taken now, since too much waits to leave
   * already. `state`: without an order in whose place it comes.
   */
  whyOverloaded(terms: OrderTerms, sendWithinMs: number, state: EngineState = this.#inputs.state): Refusal | undefined {
    return this.#whyOverloaded(terms.venue, sendWithinMs, this.#askerOf(terms, "client", state));
  }

  #askerOf(terms: OrderTerms, asker: BacklogAsker, state: EngineState = this.#inputs.state): BacklogAsker {
    return purposeOf(state, terms, { parent: undefined, isCounted: false }) === "opens" ? asker : "reduces";
  }

  /** An OCO is a way out where the venue lets its exits open nothing, or its terms or the position do. */
  #ocoAsker({ symbol, side, quantity }: ParentRequest, venue: VenueId): BacklogAsker {
    const terms = { venue, symbol, side, type: "limit", quantity, timeInForce: "GTC" } as const;
    const hasReduceOnly = this.#inputs.of(venue, symbol).hasReduceOnly === true;
    return hasReduceOnly || cannotOpen(terms) ? "reduces" : this.#askerOf(terms, "strategy");
  }

  #whyOverloaded(venue: VenueId, sendWithinMs: number, asker: BacklogAsker): Refusal | undefined {
    return whyOverloaded(this.#ports.backlogs.of(venue, monoNow()), sendWithinMs, asker);
  }

  /** Why an order of these terms could not be recorded if `order` were gone; undefined: it could. Nothing is recorded. */
  whyNotInPlaceOf(order: OrderRow, terms: OrderTerms): Refusal | undefined {
    const context = { ...this.#inputs.of(terms.venue, terms.symbol), by: order.by };
    return this.#whyNotAt(terms.venue) ?? checkRisk(stateWithout(this.#inputs.state, order), terms, context);
  }

  /** Records the order that comes in the place of one that has ended. `later`: what forbids it passes by itself. */
  succeed(order: OrderRow, terms: OrderTerms, sendWithinMs: number): Succession {
    const why = this.#whyNotAt(terms.venue);
    if (why !== undefined) return isPassingRefusal(why) ? { kind: "later" } : { kind: "refused", code: why.code };
    const { id: replaces, by, replace } = order;
    try {
      const taken = this.#record(terms, { by, sendWithinMs, request: undefined, replaces, reason: replace?.reason });
      if (taken.kind === "recorded") return { kind: "recorded", ref: taken.ref };
      return isPassingRefusal(taken.refusal) ? { kind: "later" } : { kind: "refused", code: taken.refusal.code };
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      return { kind: "refused", code: error.code };
    }
  }

  get parents(): ParentIntake {
    return this.#parents;
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
    const context = { ...this.#inputs.of(venue, symbol), ...this.#authorOf(order), reissued: order.id };
    const refusal = this.#whyNot() ?? checkRisk(this.#inputs.state, order.terms, context);
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

  #order(request: OrderRequest, route: Route, by: string, known: RequestKey | undefined): Taken {
    const terms: OrderTerms = {
      venue: route.venue,
      symbol: request.symbol,
      side: request.side,
      type: request.type,
      quantity: request.quantity,
      ...(request.price !== undefined && { price: request.price }),
      timeInForce: request.timeInForce,
      ...(request.reduceOnly === true && { reduceOnly: true }),
    };
    const { routedFrom } = route;
    const { sendWithinMs, reason } = request;
    return this.#record(terms, { by, sendWithinMs, request: known, routedFrom, reason });
  }

  #wish(strategy: string, wish: StrategyIntent, decidedOn: DecidedOn | undefined): IntentRecorded | Refusal {
    const config = this.#context.config.strategies.find((each) => each.id === strategy);
    const quantity = parseDecimal(wish.quantity);
    const price = wish.price === undefined ? undefined : parseDecimal(wish.price);
    const isMalformed = quantity === undefined || (wish.price !== undefined && price === undefined);
    if (config === undefined || isMalformed) return refused("terms-malformed");
    const isFixed = wish.reduceOnly === true;
    const route = isFixed ? { venue: config.venue } : this.#routeOf(config.venue, id<SymbolId>(wish.symbol));
    const terms: OrderTerms = {
      venue: route.venue,
      symbol: id<SymbolId>(wish.symbol),
      side: wish.side,
      type: wish.type,
      quantity,
      ...(price !== undefined && { price }),
      timeInForce: wish.timeInForce ?? (wish.type === "market" ? "IOC" : "GTC"),
      ...(isFixed && { reduceOnly: true }),
    };
    const sendWithinMs = wish.sendWithinMs ?? usualSendWithinMs;
    const why =
      this.#whyNot() ??
      this.#whyNotAt(route.venue) ??
      this.#whyOverloaded(route.venue, sendWithinMs, this.#askerOf(terms, "strategy"));
    if (why !== undefined) return why;
    const { routedFrom } = route;
    return this.#intentOf(terms, { by: strategy, sendWithinMs, request: undefined, decidedOn, routedFrom });
  }

  #record(terms: OrderTerms, wish: Wish): Extract<Taken, { readonly kind: "recorded" | "refused" }> {
    const wishedMonoMs = monoNow();
    const made = this.#intentOf(terms, wish);
    if (!("code" in made)) return { kind: "recorded", ref: made.intent, sequence: this.#decide([made], wishedMonoMs) };
    this.#switchOff(made);
    return { kind: "refused", refusal: made };
  }

  /** The record of a wish that risk lets pass. */
  #intentOf(terms: OrderTerms, wish: Wish): IntentRecorded | Refusal {
    const context = { ...this.#inputs.of(terms.venue, terms.symbol), by: wish.by };
    const refusal = checkRisk(this.#inputs.state, terms, context);
    if (refusal !== undefined) return refusal;
    const basis: PriceBasis | undefined = context.market.kind === "fresh" ? context.market.basis : undefined;
    return intentEvent(this.#term.state, this.#context.tag, {
      terms,
      sendWithinMs: wish.sendWithinMs,
      atWallMs: context.nowWallMs,
      by: wish.by,
      ...(wish.request !== undefined && { request: wish.request }),
      ...(basis !== undefined && { basis }),
      ...(wish.decidedOn !== undefined && { decidedOn: wish.decidedOn }),
      ...(wish.routedFrom !== undefined && { routedFrom: wish.routedFrom }),
      ...(wish.replaces !== undefined && { replaces: wish.replaces }),
      ...(wish.reason !== undefined && { reason: wish.reason }),
    });
  }

  /** Records decisions; of attempts it is noted when they were wished for. */
  #decide(events: readonly JournalEvent[], wishedMonoMs: MonoMs): Sequence {
    const last = this.#term.decide(events);
    for (const [index, event] of events.entries()) {
      if (event.kind === "intent.recorded" || event.kind === "attempt.recorded")
        this.#trace(event, last - events.length + 1 + index, wishedMonoMs);
    }
    return last;
  }

  #trace(event: IntentRecorded | AttemptRecorded, sequence: Sequence, wishedMonoMs: MonoMs): void {
    const { intent, clientOrderId } = event;
    this.#context.traces.decided({ intent, clientOrderId, sequence, wishedMonoMs });
    const order = this.#term.state.orders.get(intent);
    if (order !== undefined) this.#ports.backlogs.joined(order, isAhead(this.#term.state, order), monoNow());
  }

  /** A refusal of these two kinds is more than a no: its subject stays off until an operator says otherwise. */
  #switchOff(refusal: Refusal): void {
    const event = switchingEvent(this.#term.state, refusal, wallNow());
    if (event === undefined) return;
    this.#term.note(event);
    this.#context.warn("risk.disabled", `${event.subject} is switched off: ${event.reason}`, {
      control: event.control,
    });
  }

  #authorOf(order: OrderRow): { readonly by: string; readonly parentBy?: string } {
    const { by, parentBy } = subjectOf(this.#term.state, order);
    return { by, ...(parentBy !== undefined && { parentBy }) };
  }

  #whyNot(): Refusal | undefined {
    if (!this.#term.isTrading) return refused("held", { retryAfterMs: switchoverMs });
    return this.#context.whyNoRisk();
  }

  #whyNotAt(venue: VenueId): Refusal | undefined {
    const notReady = this.#ports.whyNotReady(venue);
    if (notReady !== undefined) return refused("held", { why: notReady });
    const door = this.#context.venues.get(venue);
    return door !== undefined && door.breaker() !== "closed" ? refused("venue-ill", { venue }) : this.#whyNot();
  }

  /** Where a new order goes: it has not been recorded yet, so nothing of it can be anywhere. */
  #routeOf(asked: VenueId, symbol: SymbolId): Route {
    return routeOf(asked, symbol, (venue) => {
      const config = this.#context.config.venues.find((each) => each.id === venue);
      if (config === undefined) return undefined;
      const door = this.#context.venues.get(venue);
      const isReady = this.#ports.whyNotReady(venue) === undefined;
      return {
        isWell: door?.breaker() === "closed" && isReady && this.#context.reaches(venue),
        carries: (each) => door?.instruments.has(each) === true,
        ...(config.alternate !== undefined && { alternate: config.alternate }),
      };
    });
  }

  #venueOf(asked: VenueId | undefined): VenueId | undefined {
    // A venue that is configured and not connected yet is known: it may have an alternate.
    const { config, venues } = this.#context;
    const isKnown = (venue: VenueId): boolean =>
      venues.has(venue) || config.venues.some((each) => each.id === venue && each.alternate !== undefined);
    if (asked !== undefined) return isKnown(asked) ? asked : undefined;
    const [only, ...others] = venues.keys();
    return others.length === 0 ? only : undefined;
  }
}

/** The request, whatever the order of its fields. */
function digestOf(request: PlaceOrderRequest): string {
  const entries = Object.entries(request).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(entries)).digest("hex");
}
