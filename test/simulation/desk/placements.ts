/** Driving each order to its end: what core says comes next is done, until the venue's word is known or nothing more is sent. */
import {
  answerEvents,
  assert,
  assertNever,
  endedEvent,
  isUnsettled,
  latestAttempt,
  monoMs,
  nextPlacementStep,
  sendByWallMs,
  sendRefusal,
  withdrawals,
} from "@baton/core";
import type { IntentId, OrderRow, Permit, PlaceOutcome } from "@baton/core";
import type { Withdrawal } from "../engine/venue-door.ts";
import type { DeskContext } from "./context.ts";
import type { Term } from "./term.ts";

export interface PlacementPorts {
  resolve(intent: IntentId): void;
  reissue(order: OrderRow): "done" | "later";
}

const reissueEveryMs = 50;
const permitEveryMs = 20;

export class Placements {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ports: PlacementPorts;
  readonly #underWay = new Set<IntentId>();
  readonly #onceMore = new Set<IntentId>();
  readonly #out = new Set<IntentId>();
  /** Undefined once a switchover has ended the sending. */
  #withdrawal: Withdrawal | undefined = new Set();

  constructor(context: DeskContext, term: Term, ports: PlacementPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
  }

  /** What a switchover still waits for. */
  get count(): number {
    return this.#withdrawal === undefined ? this.#out.size : this.#underWay.size;
  }

  /** Sending ends, for a switchover: what has not left is taken back, on record. */
  stop(): void {
    const withdrawal = this.#withdrawal;
    if (withdrawal === undefined) return;
    this.#withdrawal = undefined;
    for (const takeBack of [...withdrawal]) takeBack();
    this.#takeBack((intent) => this.#out.has(intent) && !this.#context.bent.is("sent-taken-back"));
  }

  goOn(): void {
    this.#withdrawal ??= new Set();
  }

  drive(intent: IntentId): void {
    if (this.#underWay.has(intent)) {
      this.#onceMore.add(intent);
      return;
    }
    this.#underWay.add(intent);
    this.#step(intent);
  }

  lateAnswer(clientOrderId: string, outcome: PlaceOutcome): void {
    const known = this.#term.state.indexes.byClientOrderId.get(clientOrderId as never);
    const order = known === undefined ? undefined : this.#term.state.orders.get(known.intent);
    if (known === undefined || order === undefined || order.status !== "in-doubt") return;
    if (latestAttempt(order).number !== known.attempt || !isUnsettled(order)) return;
    const atWallMs = this.#context.process.clock.wall();
    const at = { intent: known.intent, attempt: known.attempt, by: "venue", atWallMs } as const;
    if (outcome.kind === "accepted") {
      this.#term.note({ kind: "doubt.resolved", ...at, resolution: { kind: "accepted", order: outcome.order } });
    } else if (outcome.kind === "rejected") {
      const proof = `the venue's late answer was a refusal: ${outcome.code} ${outcome.message}`;
      this.#term.note({ kind: "doubt.resolved", ...at, resolution: { kind: "not-accepted", proof } });
      this.drive(known.intent);
    }
    this.#context.note("late answer");
  }

  #done(intent: IntentId): void {
    this.#underWay.delete(intent);
    if (this.#onceMore.delete(intent)) this.#context.process.after(0, () => this.drive(intent));
  }

  #takeBack(isOut: (intent: IntentId) => boolean): void {
    const by = { epoch: this.#term.epoch, node: this.#context.node, out: { has: isOut } };
    for (const event of withdrawals(this.#term.state, by, this.#context.process.clock.wall())) {
      this.#context.note("placed: withdrawn");
      this.#term.note(event);
    }
  }

  #again(intent: IntentId, ms: number): void {
    this.#context.process.after(ms, () => this.#step(intent));
  }

  #step(intent: IntentId): void {
    const isSealed = this.#term.phase === "sealed" && !this.#context.bent.is("held-sends");
    if (this.#term.isOver || isSealed) return this.#done(intent);
    const { state } = this.#term;
    const order = state.orders.get(intent);
    assert(order !== undefined, "a driven order is known");
    const now = this.#context.process.clock.wall();
    const step = nextPlacementStep(state, order, now);
    switch (step.kind) {
      case "settled":
        return this.#done(intent);
      case "resolve":
        this.#done(intent);
        return this.#ports.resolve(intent);
      case "reissue":
        if (this.#ports.reissue(order) === "done") return this.#done(intent);
        return this.#again(intent, reissueEveryMs);
      case "end":
        this.#done(intent);
        return this.#term.note(endedEvent(intent, step.reason, now));
      case "send": {
        if (!this.#term.isCommitted(latestAttempt(order).sequence)) return this.#done(intent);
        if (this.#withdrawal === undefined) {
          this.#done(intent);
          return this.#takeBack((one) => one !== intent);
        }
        const earlyMs = step.notBeforeWallMs - now;
        if (earlyMs > 0) return this.#again(intent, earlyMs);
        if (isPermitMissed(order) && this.#permit() === undefined) return this.#again(intent, permitEveryMs);
        return this.#send(order);
      }
      default:
        return assertNever(step, "placement step");
    }
  }

  #send(order: OrderRow): void {
    const attempt = latestAttempt(order);
    assert(attempt.epoch === this.#term.epoch && attempt.inheritedSendByWallMs === undefined, "own attempts are sent");
    assert(this.#term.isCommitted(attempt.sequence), "what is sent is committed");
    this.#out.add(order.id);
    this.#place(order, (outcome) => {
      this.#context.note(`placed: ${outcome.kind === "not-sent" ? outcome.reason : outcome.kind}`);
      if (this.#term.isOver) return this.#done(order.id);
      if (outcome.kind === "in-doubt" && this.#context.bent.is("blind-resend")) {
        return this.#again(order.id, 5);
      }
      const now = this.#term.state.orders.get(order.id);
      assert(now !== undefined, "a sent order is known");
      const answer = { epoch: this.#term.epoch, node: this.#context.node, outcome };
      for (const event of answerEvents(this.#term.state, now, answer, this.#context.process.clock.wall())) {
        this.#term.note(event);
      }
      this.#out.delete(order.id);
      // What is noted while sealed is only kept: nothing moves on before the hold has ended.
      if (this.#term.phase === "sealed") return this.#done(order.id);
      this.#step(order.id);
    });
  }

  #place(order: OrderRow, done: (outcome: PlaceOutcome) => void): void {
    const { process, door } = this.#context;
    const now = process.clock.wall();
    const refusal = sendRefusal(this.#term.state, order, now);
    if (refusal !== undefined) return done({ kind: "not-sent", reason: refusal, message: "decided before sending" });
    const permit = this.#permit();
    if (permit === undefined)
      return done({ kind: "not-sent", reason: "permit-ended", message: "no permit is in force" });
    const expiresAtMonoMs = monoMs(process.clock.mono() + (sendByWallMs(order) - now));
    const { clientOrderId } = latestAttempt(order);
    const withdrawal = this.#withdrawal ?? new Set();
    door.place({ clientOrderId, terms: order.terms, expiresAtMonoMs }, permit, withdrawal, done);
  }

  #permit(): Permit | undefined {
    const permit = this.#context.permits.current(this.#context.process.clock.mono());
    return permit?.epoch === this.#term.epoch ? permit : undefined;
  }
}

function isPermitMissed(order: OrderRow): boolean {
  const { outcome } = latestAttempt(order);
  return outcome?.kind === "not-sent" && outcome.reason === "permit-ended";
}
