/**
 * Ends an order that its venue took and denies now, when an operator says so: the venue is asked once more, all that core
 * wants to know at the same time, and its answers are recorded with the word or stand against it.
 */
import type { DenialEvidence, IntentId, OrderRow, VenueOrder } from "@baton/core";
import { askingRefusal, denialEnding, fillKey, id, wallMs } from "@baton/core";
import type { Venue } from "@baton/venues";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { orUnavailable, tradesSince } from "./doubts.ts";
import { noted, repeated } from "./once.ts";
import type { Asked, Repeated } from "./once.ts";
import type { OperatorWord, WordTaken } from "./operator-word.ts";
import type { Term } from "./term.ts";

/** Trades that are older than this were read by the account's own recovery, which found the order to be denied. */
const tradesMs = 60_000;

export class Denials {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #onFound: (order: OrderRow, told: VenueOrder) => void;

  /** `onFound`: the venue knows the order after all. */
  constructor(context: DeskContext, term: Term, onFound: (order: OrderRow, told: VenueOrder) => void) {
    this.#context = context;
    this.#term = term;
    this.#onFound = onFound;
  }

  /** The record of the word, or why it is not taken; `unknown`: there is no such order. Undefined: the term is over. */
  async end(intent: string, operator: OperatorWord): Promise<WordTaken | undefined> {
    const asked: Asked = {
      what: "resolve",
      ref: intent,
      ...operator,
      operation: operator.operation,
      more: { as: "ended" },
    };
    const found = (): OrderRow | Repeated | "unknown" =>
      repeated(this.#term.state, asked) ?? this.#term.state.orders.get(id<IntentId>(intent)) ?? "unknown";
    const order = found();
    if (order === "unknown" || "kind" in order) return order;
    const early = askingRefusal(order, this.#policy, wallNow());
    if (early !== undefined) return early;
    const venue = this.#context.venues.get(order.terms.venue);
    const evidence = await this.#ask(venue, order);
    if (!this.#term.isTrading) return undefined;
    // Meanwhile it may have moved on, or been ended by the same word.
    const now = found();
    if (now === "unknown" || "kind" in now) return now;
    if (evidence.query.kind === "found") this.#onFound(now, evidence.query.order);
    const made = denialEnding(now, evidence, operator, this.#policy);
    if ("code" in made) return made;
    const sentence = `${operator.by} ended ${intent}, which ${order.terms.venue} took and denies now.`;
    this.#context.warn("order.ended-by-operator", sentence, { intent });
    return this.#term.decide([made, ...noted(asked)]);
  }

  async #ask(venue: Venue | undefined, order: OrderRow): Promise<DenialEvidence> {
    const { symbol, venue: name } = order.terms;
    const askedWallMs = wallNow();
    if (venue === undefined) {
      const unavailable = `no venue ${name} is configured here`;
      return {
        askedWallMs,
        query: { kind: "unavailable", cause: unavailable },
        openOrders: { unavailable },
        untold: { unavailable },
      };
    }
    const clientOrderId = order.attempts.at(-1)?.clientOrderId ?? "";
    const [query, openOrders, trades] = await Promise.all([
      venue.query(symbol, clientOrderId),
      orUnavailable(() => venue.openOrders(symbol)),
      orUnavailable(() => tradesSince(venue, symbol, wallMs(askedWallMs - tradesMs))),
    ]);
    if ("unavailable" in trades) return { askedWallMs, query, openOrders, untold: trades };
    const untold = trades
      .filter(({ venueOrderId }) => venueOrderId === order.venueOrderId)
      .map(({ tradeId }) => tradeId)
      .filter((tradeId) => !this.#term.state.fills.has(fillKey(name, symbol, tradeId)));
    return { askedWallMs, query, openOrders, untold };
  }

  get #policy(): { readonly processingBoundMs: number; readonly queryLagMs: number; readonly clockErrorMs: number } {
    const { doubt, risk } = this.#context.config;
    const { processingBoundMs, queryLagMs } = doubt;
    return { processingBoundMs, queryLagMs, clockErrorMs: 2 * risk.clockErrorMaxMs };
  }
}
