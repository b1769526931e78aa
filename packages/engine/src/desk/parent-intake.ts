/**
 * Parent orders on this node: taking one in, recording what is due of it, and what a person does to it. The decisions are
 * core's; here they meet this node's prices and the volume that its feed has seen. Invariant I13.
 */
import type {
  Direction,
  JournalEvent,
  MonoMs,
  ParentContext,
  ParentId,
  ParentRequest,
  ParentRow,
  Refusal,
  RequestKey,
  Sequence,
  VenueId,
} from "@baton/core";
import {
  algorithmOf,
  checkParent,
  countsVolume,
  directParent,
  disabledBy,
  killOn,
  lossOf,
  nextParentId,
  refused,
  stepParent,
  whyNoNumber,
} from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import { EventRefused } from "../ledger.ts";
import type { DeskContext } from "./desk-context.ts";
import type { RiskInputs } from "./risk-inputs.ts";
import type { Term } from "./term.ts";

/** What became of a wish about a parent. `sequence`: durable on the wait set once that is committed. */
export type ParentTaken =
  | { readonly kind: "recorded"; readonly ref: ParentId; readonly sequence: Sequence }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** How often a parent whose slice is open, and not recorded, is looked at. */
const waitingLookMs = 50;

export interface ParentPorts {
  /** Records decisions, and notes of attempts when they were wished for. */
  decide(events: readonly JournalEvent[], wishedMonoMs: MonoMs): Sequence;
  whyNot(venue: VenueId): Refusal | undefined;
  /** Why the account is not known yet; undefined: it was read. */
  whyUnread(venue: VenueId): string | undefined;
}

export class ParentIntake {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #inputs: RiskInputs;
  readonly #ports: ParentPorts;

  constructor(context: DeskContext, term: Term, inputs: RiskInputs, ports: ParentPorts) {
    this.#context = context;
    this.#term = term;
    this.#inputs = inputs;
    this.#ports = ports;
  }

  /** A request with `algo`. The venue is connected and ready. */
  request(request: ParentRequest, venue: VenueId, by: string, known: RequestKey | undefined): ParentTaken {
    const { symbol } = request;
    const { rules, nowWallMs } = this.#inputs.of(venue, symbol);
    const { volume } = this.#context;
    const algorithm = algorithmOf(request, {
      venue,
      rules,
      profile: (durationMs, parts) => volume.profile(venue, symbol, { nowWallMs, durationMs, parts }),
    });
    if ("code" in algorithm) return { kind: "refused", refusal: algorithm };
    const refusal = checkParent(algorithm, rules) ?? this.#whyStopped(venue, algorithm.symbol, by);
    if (refusal !== undefined) return { kind: "refused", refusal };
    const countFrom = countsVolume(algorithm) ? volume.newest(venue, symbol) : undefined;
    if (countsVolume(algorithm) && countFrom === undefined) {
      return { kind: "refused", refusal: refused("volume-missing", { symbol }) };
    }
    const parent = nextParentId(this.#term.state);
    const event: JournalEvent = {
      kind: "parent.recorded",
      parent,
      algorithm,
      by,
      ...(request.reason !== undefined && { reason: request.reason }),
      ...(known !== undefined && { request: known }),
      atWallMs: nowWallMs,
      ...(countFrom !== undefined && { countFrom }),
    };
    return { kind: "recorded", ref: parent, sequence: this.#term.decide([event]) };
  }

  /** Records what is due of a working parent; gives when to look again, in wall-clock ms. */
  step(parent: ParentRow): number | undefined {
    const { venue, symbol } = parent.algorithm;
    if (!this.#context.venues.has(venue) || this.#ports.whyNot(venue) !== undefined) return wallNow() + 10;
    const wishedMonoMs = monoNow();
    const context: ParentContext = {
      ...this.#inputs.of(venue, symbol),
      volumeAfter: (tradeId) => this.#context.volume.after(venue, symbol, tradeId),
    };
    const step = stepParent(this.#inputs.state, parent, this.#context.tag, context);
    // What a slice waits for (a fresh price, room in a limit) may come long before core wants to be asked at the latest.
    if (step.events.length === 0) {
      return step.wakeAtWallMs === undefined ? undefined : Math.min(step.wakeAtWallMs, wallNow() + waitingLookMs);
    }
    try {
      this.#ports.decide(step.events, wishedMonoMs);
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      this.#context.warn("parent.refused", `${step.sentence}: ${error.message}`, { parent: parent.id });
      return wallNow() + waitingLookMs;
    }
    this.#context.say("parent.stepped", step.sentence, { parent: parent.id });
    return wallNow();
  }

  /** Pauses, resumes or amends it. */
  direct(parent: ParentRow, direction: Direction, by: string): ParentTaken {
    const { venue, symbol } = parent.algorithm;
    // Before the account was read since the loss, nobody can have seen what it shows.
    const unread =
      direction.what === "resume" && lossOf(parent) !== undefined ? this.#ports.whyUnread(venue) : undefined;
    if (unread !== undefined) return { kind: "refused", refusal: refused("held", { why: unread }) };
    const rules = this.#context.venues.get(venue)?.instruments.get(symbol);
    const directed = directParent(this.#term.state, parent, { direction, by, rules }, wallNow());
    if (directed.kind === "refused") return directed;
    const { events } = directed;
    const sequence = events.length === 0 ? this.#term.state.applied : this.#term.decide(events);
    return { kind: "recorded", ref: parent.id, sequence };
  }

  #whyStopped(venue: VenueId, symbol: ParentRow["algorithm"]["symbol"], by: string): Refusal | undefined {
    const { engine } = this.#term.state;
    const kill = killOn(engine.kill, { venue, symbol, by });
    if (kill !== undefined) return refused(`kill-${kill.level}`, { by: kill.by });
    const unnumbered = whyNoNumber(engine);
    if (unnumbered !== undefined) return unnumbered;
    const off = disabledBy(engine, "repeated-execution", by);
    return off === undefined ? undefined : refused("disabled", { control: off.control, subject: off.subject });
  }
}
