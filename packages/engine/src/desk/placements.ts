/**
 * Driving each order to its end: what core says comes next for it is done, until the venue's word is known or nothing more
 * will ever be sent. An attempt is sent by the term that recorded it and by no other, once it is committed; what is
 * uncertain goes to `doubts.ts`. A switchover ends the sending: what has not left by then is taken back, on record.
 * Invariants I2, I4, I9, I10.
 */
import type { IntentId, JournalEvent, MonoMs, OrderRow, Permit, PlaceOutcome } from "@baton/core";
import {
  answerEvents,
  assert,
  assertNever,
  endedEvent,
  isAhead,
  isUnsettled,
  latestAttempt,
  monoMs,
  nextPlacementStep,
  sendByWallMs,
  sendRefusal,
  withdrawals,
} from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { Backlogs } from "./backlogs.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import { PerTurn } from "./per-turn.ts";
import type { Term } from "./term.ts";

/** What placements leave to others. */
export interface PlacementPorts {
  /** Its fate is open: find it out, then `drive` again. */
  resolve(intent: IntentId): void;
  /** Proved absent: ask risk again and record the next attempt, or the end. `later`: what forbids it now passes by itself. */
  reissue(order: OrderRow): "done" | "later";
  readonly backlogs: Backlogs;
}

/** How often an order that may not be placed anew yet is looked at; it ends by itself when its time has passed. */
const reissueEveryMs = 50;
/** How often an order that met no permit looks for one. */
const permitEveryMs = 20;
/** So many orders are begun to be sent, and so many further attempts made, in one turn of the loop: a few milliseconds of it. */
const atOnce = { ahead: 8, sends: 8, reissues: 16 } as const;
/** How soon what did not leave, for a reason that is on record already, is tried again. */
const sameAgainMs = 50;

export class Placements {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ports: PlacementPorts;
  readonly #underWay = new Map<IntentId, Promise<void>>();
  /** Under way, and to be looked at once more. */
  readonly #again = new Set<IntentId>();
  /** In the hands of the venue's connection. */
  readonly #out = new Set<IntentId>();
  /** What takes no risk has turns of its own, so that a stop does not stand in line behind a crowd. */
  readonly #turns = {
    ahead: new PerTurn(atOnce.ahead),
    send: new PerTurn(atOnce.sends),
    reissue: new PerTurn(atOnce.reissues),
  } as const;
  /** Aborted when sending ends for a switchover; undefined from then until trading goes on. */
  #withdrawal: AbortController | undefined = new AbortController();

  constructor(context: DeskContext, term: Term, ports: PlacementPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
  }

  /** Orders that are being sent or wait for the venue's answer. */
  get count(): number {
    return this.#underWay.size;
  }

  /** Does what comes next for an order; called when its record is committed and whenever its doubt has ended. */
  drive(intent: IntentId): void {
    if (this.#underWay.has(intent)) {
      // What it was called for may have come after the last look: two records of one order can be committed at once.
      this.#again.add(intent);
      return;
    }
    const driving = this.#drive(intent).finally(() => {
      this.#underWay.delete(intent);
      if (this.#again.delete(intent)) this.drive(intent);
    });
    this.#underWay.set(intent, driving);
  }

  /** Resolves when nothing is under way, or after `withinMs`; what is still out then is inherited as doubt. */
  async settle(withinMs: number): Promise<void> {
    const end = monoNow() + withinMs;
    for (let waited = this.#awaited(); waited.length > 0 && monoNow() < end; waited = this.#awaited()) {
      await Promise.race([Promise.allSettled(waited), pause(Math.max(1, end - monoNow()))]);
    }
  }

  /** Once sending has ended, only what is out can still change. */
  #awaited(): readonly Promise<void>[] {
    if (this.#withdrawal !== undefined) return [...this.#underWay.values()];
    return [...this.#out].flatMap((intent) => this.#underWay.get(intent) ?? []);
  }

  /**
   * Sending ends, for a switchover: what has not left is taken back, on record, so that the successor has not to prove of
   * each that it never came to the venue. What has left is still waited for.
   */
  stop(): void {
    const withdrawal = this.#withdrawal;
    if (withdrawal === undefined) return;
    this.#withdrawal = undefined;
    withdrawal.abort();
    this.#withdraw(this.#out);
  }

  /** The switchover did not happen. */
  goOn(): void {
    this.#withdrawal ??= new AbortController();
  }

  /** An answer that came after its request had been called in doubt. */
  lateAnswer(clientOrderId: string, outcome: PlaceOutcome): void {
    const known = this.#term.state.indexes.byClientOrderId.get(clientOrderId as never);
    const order = known === undefined ? undefined : this.#term.state.orders.get(known.intent);
    if (known === undefined || order === undefined || order.status !== "in-doubt") return;
    if (latestAttempt(order).number !== known.attempt || !isUnsettled(order)) return;
    const at = { intent: known.intent, attempt: known.attempt, by: "venue", atWallMs: wallNow() } as const;
    if (outcome.kind === "accepted") {
      this.#term.note({ kind: "doubt.resolved", ...at, resolution: { kind: "accepted", order: outcome.order } });
    } else if (outcome.kind === "rejected") {
      const proof = `the venue's late answer was a refusal: ${outcome.code} ${outcome.message}`;
      this.#term.note({ kind: "doubt.resolved", ...at, resolution: { kind: "not-accepted", proof } });
      this.drive(known.intent);
    }
  }

  async #drive(intent: IntentId): Promise<void> {
    const sinceMono = monoNow();
    let hasTurn = false;
    while (!this.#term.isOver && this.#term.phase !== "sealed") {
      const { state } = this.#term;
      const order = state.orders.get(intent);
      assert(order !== undefined, "a driven order is known");
      const step = nextPlacementStep(state, order, wallNow());
      if (step.kind !== "send") this.#ports.backlogs.left(order);
      if ((step.kind === "send" || step.kind === "reissue") && !hasTurn) {
        // Much may have happened before it comes: everything is asked anew then.
        await this.#turns[isAhead(state, order) ? "ahead" : step.kind].take();
        hasTurn = true;
        continue;
      }
      hasTurn = false;
      switch (step.kind) {
        case "settled":
          return;
        case "resolve":
          return this.#ports.resolve(intent);
        case "reissue":
          if (this.#ports.reissue(order) === "done") return;
          await pause(reissueEveryMs);
          break;
        case "end":
          return this.#term.note(endedEvent(intent, step.reason, wallNow()));
        case "send": {
          // Its commit drives it again; who asks before that (a doubt that ended twice) has nothing to do.
          if (!this.#term.isCommitted(latestAttempt(order).sequence)) return;
          // It was in the venue's hands when sending ended, and came back unsent.
          if (this.#withdrawal === undefined) return this.#takeBack(intent);
          const earlyMs = step.notBeforeWallMs - wallNow();
          if (earlyMs > 0) await pause(earlyMs);
          // That there is no permit is on record; what comes next is worth a record only when there is one, or time is up.
          else if (isPermitMissed(order) && this.#permit() === undefined) await pause(permitEveryMs);
          else await this.#send(order, sinceMono);
          break;
        }
        default:
          assertNever(step, "placement step");
      }
    }
  }

  async #send(order: OrderRow, committedMono: MonoMs): Promise<void> {
    const attempt = latestAttempt(order);
    // Rule 3: only a record of the own epoch, and only once it is committed; an inherited one is never sent.
    assert(attempt.epoch === this.#term.epoch && attempt.inheritedSendByWallMs === undefined, "own attempts are sent");
    assert(this.#term.isCommitted(attempt.sequence), "what is sent is committed");
    this.#context.traces.committed(attempt.clientOrderId);
    this.#out.add(order.id);
    const outcome = await this.#place(order);
    if (outcome.kind !== "not-sent") this.#context.metrics.orderAck.observe((monoNow() - committedMono) / 1_000);
    else if (outcome.reason === "permit-ended") this.#context.metrics.fenceRefusals.inc();
    if (this.#term.isOver) return;
    if (outcome.kind === "in-doubt" || outcome.kind === "duplicate") {
      const cause = outcome.kind === "duplicate" ? outcome.message : outcome.cause;
      this.#context.warn("order.in-doubt", `What became of ${order.id} is not known: ${cause}.`, { intent: order.id });
    }
    const events = this.#answerEvents(order.id, outcome);
    // A venue that is away, or whose limits are used up, answers every order that waits for it like this, over and over.
    const isOnRecord = events.length === 1 && isSameMiss(order, outcome);
    if (!isOnRecord) for (const event of events) this.#term.note(event);
    // Not before its answer is on record: what is neither out nor answered counts as never sent.
    this.#out.delete(order.id);
    if (isOnRecord) await pause(sameAgainMs);
  }

  async #place(order: OrderRow): Promise<PlaceOutcome> {
    const refusal = sendRefusal(this.#term.state, order, wallNow());
    if (refusal !== undefined) return { kind: "not-sent", reason: refusal, message: "decided before sending" };
    const permit = this.#permit();
    const venue = this.#context.venues.get(order.terms.venue);
    if (permit === undefined) {
      return { kind: "not-sent", reason: "permit-ended", message: "no permit is in force" };
    }
    if (venue === undefined) {
      return {
        kind: "not-sent",
        reason: "connect-failed",
        message: `no venue ${order.terms.venue} is configured here`,
      };
    }
    const expiresAtMonoMs = monoMs(monoNow() + (sendByWallMs(order) - wallNow()));
    const { clientOrderId } = latestAttempt(order);
    const onLeft = (): void => this.#ports.backlogs.left(order);
    const isFirst = isAhead(this.#term.state, order);
    const asked = { clientOrderId, terms: order.terms, expiresAtMonoMs, isAhead: isFirst, onLeft };
    return await venue.place(asked, permit, this.#withdrawal?.signal);
  }

  #takeBack(intent: IntentId): void {
    this.#withdraw({ has: (one) => one !== intent });
  }

  /** Takes back, on record, what is neither answered nor `out`. */
  #withdraw(out: { has(intent: IntentId): boolean }): void {
    const by = { epoch: this.#term.epoch, node: this.#context.node, out };
    for (const event of withdrawals(this.#term.state, by, wallNow())) {
      this.#term.note(event);
      const order = event.kind === "attempt.answered" ? this.#term.state.orders.get(event.intent) : undefined;
      if (order !== undefined) this.#ports.backlogs.left(order);
    }
  }

  /** The right of this term to send, at this instant. */
  #permit(): Permit | undefined {
    const permit = this.#context.permits.current(monoNow());
    return permit?.epoch === this.#term.epoch ? permit : undefined;
  }

  /** The order may have moved on meanwhile (a fill is faster than an answer): the facts are made of what is known now. */
  #answerEvents(intent: IntentId, outcome: PlaceOutcome): readonly JournalEvent[] {
    const order = this.#term.state.orders.get(intent);
    assert(order !== undefined, "a sent order is known");
    const answer = { epoch: this.#term.epoch, node: this.#context.node, outcome };
    return answerEvents(this.#term.state, order, answer, wallNow());
  }
}

/** No byte left, as the last time, and for the same reason. */
function isSameMiss(order: OrderRow, outcome: PlaceOutcome): boolean {
  const before = latestAttempt(order).outcome;
  return before?.kind === "not-sent" && outcome.kind === "not-sent" && before.reason === outcome.reason;
}

function isPermitMissed(order: OrderRow): boolean {
  const { outcome } = latestAttempt(order);
  return outcome?.kind === "not-sent" && outcome.reason === "permit-ended";
}
