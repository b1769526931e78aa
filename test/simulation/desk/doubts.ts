/** Finding out what became of an order: asks the venue what core says to ask, when it says so, until evidence ends the doubt. */
import {
  assertNever,
  beginDoubt,
  doubtOf,
  nextDoubtStep,
  noteFinal,
  noteQuery,
  resolutionEvent,
  unexplainedTrades,
  wallMs,
} from "@baton/core";
import type { Doubt, DoubtProgress, FinalEvidence, IntentId, OrderRow, VenueOrder, VenueOrderId } from "@baton/core";
import type { Trade } from "../engine/venue-door.ts";
import type { DeskContext } from "./context.ts";
import type { Term } from "./term.ts";

const lookEveryMs = 25;
const atOnceMax = 8;
/** How often a doubt that could be proved by now looks whether the clock is right again. */
const clockEveryMs = 1_000;

interface Entry {
  progress: DoubtProgress;
}

export class Doubts {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ended: (intent: IntentId) => void;
  readonly #isForeign: (symbol: string, venueOrderId: VenueOrderId) => boolean;
  readonly #open = new Map<IntentId, Entry>();
  #asking = 0;

  constructor(
    context: DeskContext,
    term: Term,
    ended: (intent: IntentId) => void,
    isForeign: (symbol: string, venueOrderId: VenueOrderId) => boolean,
  ) {
    this.#context = context;
    this.#term = term;
    this.#ended = ended;
    this.#isForeign = isForeign;
  }

  begin(intent: IntentId): void {
    if (this.#open.has(intent)) return;
    const entry = { progress: beginDoubt(this.#context.process.clock.wall()) };
    this.#open.set(intent, entry);
    this.#pursue(intent, entry);
  }

  /** The venue told of it by itself. */
  evidence(order: OrderRow, told: VenueOrder): void {
    const entry = this.#open.get(order.id);
    const now = this.#context.process.clock.wall();
    if (entry === undefined) this.begin(order.id);
    else entry.progress = noteQuery(entry.progress, now, { kind: "found", order: told });
  }

  #pursue(intent: IntentId, entry: Entry): void {
    if (this.#term.isOver) return;
    const order = this.#term.state.orders.get(intent);
    const doubt = order === undefined ? undefined : doubtOf(order, this.#context.settings.doubt);
    if (doubt === undefined) return this.#close(intent);
    const now = this.#context.process.clock.wall();
    const isHasty = this.#context.bent.is("not-found-is-proof");
    const asked = isHasty ? { ...doubt, proofWallMs: wallMs(0) } : doubt;
    const step = nextDoubtStep(asked, entry.progress, now, this.#open.size);
    switch (step.kind) {
      case "resolved":
        this.#term.note(resolutionEvent(doubt, step.resolution, "venue", now));
        this.#context.note(`doubt: ${step.resolution.kind}`);
        return this.#close(intent);
      case "mismatch":
        this.#context.note("doubt: mismatch");
        return this.#again(intent, entry, 1_000);
      case "query":
      case "ask-all": {
        const earlyMs = step.atWallMs - now;
        if (earlyMs > 0 || this.#asking >= atOnceMax) {
          return this.#again(intent, entry, Math.min(lookEveryMs, Math.max(1, earlyMs)));
        }
        // By a clock that may be wrong no proof time has come; what the venue has is still found.
        const isProof = step.kind === "ask-all" && this.#isClockRight();
        return this.#ask(
          isProof ? "ask-all" : "query",
          doubt,
          intent,
          entry,
          step.kind === "query" || isProof ? 0 : clockEveryMs,
        );
      }
      default:
        return assertNever(step, "doubt step");
    }
  }

  #again(intent: IntentId, entry: Entry, ms: number): void {
    this.#context.process.after(ms, () => this.#pursue(intent, entry));
  }

  #close(intent: IntentId): void {
    this.#open.delete(intent);
    if (!this.#term.isOver) this.#ended(intent);
  }

  #isClockRight(): boolean {
    const { door, settings } = this.#context;
    const offByMs = door.clock.offBy();
    return offByMs !== undefined && offByMs <= settings.limits.clockErrorMaxMs;
  }

  #ask(kind: "query" | "ask-all", doubt: Doubt, intent: IntentId, entry: Entry, pauseMs: number): void {
    this.#asking += 1;
    const { door, process } = this.#context;
    const askedWallMs = process.clock.wall();
    const { symbol } = doubt.terms;
    const done = (): void => {
      this.#asking -= 1;
      if (pauseMs === 0) this.#pursue(intent, entry);
      else this.#again(intent, entry, pauseMs);
    };
    if (kind === "query") {
      door.query(symbol, doubt.clientOrderId, (answer) => {
        entry.progress = noteQuery(entry.progress, askedWallMs, answer);
        done();
      });
      return;
    }
    door.query(symbol, doubt.clientOrderId, (query) =>
      door.openOrders(symbol, (open) =>
        door.trades(symbol, 0, (trades) =>
          this.#unexplained(doubt, trades, (unexplained) => {
            const openOrders = open ?? { unavailable: "no answer" };
            entry.progress = noteFinal(entry.progress, { askedWallMs, query, openOrders, unexplained });
            done();
          }),
        ),
      ),
    );
  }

  /** Trades that could be its; whose order nobody knows yet is asked for by the venue's own id. */
  #unexplained(
    doubt: Doubt,
    trades: readonly Trade[] | undefined,
    done: (unexplained: FinalEvidence["unexplained"]) => void,
  ): void {
    const { symbol } = doubt.terms;
    if (trades === undefined) return done({ unavailable: "no answer" });
    const since = trades.filter((trade) => trade.tradedWallMs >= doubt.sinceWallMs);
    const nobodys = unexplainedTrades(this.#term.state, doubt, since).filter((one) => !this.#isForeign(symbol, one));
    const left: VenueOrderId[] = [];
    const next = (index: number): void => {
      const one = nobodys[index];
      if (one === undefined) return done(left);
      this.#context.door.orderById(one, (order) => {
        if (order === undefined || order.clientOrderId === doubt.clientOrderId) left.push(one);
        next(index + 1);
      });
    };
    next(0);
  }
}
