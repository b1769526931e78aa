/**
 * The production succession machine at work: feeds it what the world says and executes what it decides, one input at a
 * time, effects in order, as the engine does. Rules that are broken on purpose are broken here, around the machine's step.
 */
import {
  assertNever,
  isEpochOpen,
  issuePermit,
  mayAcknowledgeNow,
  mayFollow,
  monoMs,
  stepSuccession,
} from "@baton/core";
import type {
  Epoch,
  EtcdPin,
  EtcdView,
  LeaderRole,
  MonoMs,
  NodeId,
  OperationId,
  Permit,
  PermitSource,
  Promised,
  Sequence,
  Succession,
  SuccessionEffect,
  SuccessionInput,
  TakeoverReason,
  Transaction,
  TransactionAnswer,
} from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import { bentEffects, bentState, bentView } from "../breaks/bend-machine.ts";
import type { FailsafeEffect } from "./failsafe.ts";
import type { HostClock } from "../world/host-clock.ts";

export interface LeadershipPorts {
  read(done: (view: EtcdView | undefined) => void): void;
  transact(transaction: Transaction, done: (answer: TransactionAnswer) => void): void;
  persist(promised: Promised, done: () => void): void;
  sendVowed(to: NodeId, epoch: Epoch, version: number): void;
  lead(epoch: Epoch, reason: TakeoverReason): Sequence;
  commit(upTo: Sequence): void;
  acknowledgeAgain(): void;
  hold(operation: OperationId, done: (last: Sequence) => void): void;
  resume(operation: OperationId, why: string): void;
  handedOff(operation: OperationId, to: NodeId, epoch: Epoch): void;
  /** What etcd was seen to be; nothing waits for it. */
  pin(pin: EtcdPin): void;
  /** Failsafe: asks the peers, answers the leader, moves the deadline. */
  failsafe(effect: FailsafeEffect): void;
  refuseFailover(operation: OperationId, why: string): void;
  refuseSwitchover(operation: OperationId, why: string): void;
  fence(reason: string): void;
  say(event: string, sentence: string): void;
  deadline(): MonoMs;
  onView(view: EtcdView): void;
  /** Every effect, before it is executed. */
  onEffect(effect: SuccessionEffect): void;
  /** After each step. */
  onStep(before: Succession, after: Succession, input: SuccessionInput): void;
}

/** Inputs without the stamps that this adds. */
export type Unstamped<T> = T extends unknown ? Omit<T, "now" | "wall"> : never;

export class SimLeadership implements PermitSource {
  #state: Succession;
  readonly #clock: HostClock;
  readonly #bent: Bent;
  readonly #ports: LeadershipPorts;
  readonly #inputs: SuccessionInput[] = [];
  #isStepping = false;
  #isClosed = false;
  #reading: "no" | "one" | "again" = "no";
  #vowedSince: number | undefined;
  #wasFenced = false;

  constructor(state: Succession, clock: HostClock, bent: Bent, ports: LeadershipPorts) {
    this.#state = state;
    this.#clock = clock;
    this.#bent = bent;
    this.#ports = ports;
  }

  get state(): Succession {
    return this.#state;
  }

  get leading(): LeaderRole | undefined {
    return this.#state.role.role === "leader" ? this.#state.role : undefined;
  }

  close(): void {
    this.#isClosed = true;
  }

  feed(input: Unstamped<SuccessionInput>): void {
    const stamped = { ...input, now: this.#clock.mono(), wall: this.#clock.wall() } as SuccessionInput;
    this.#inputs.push(stamped.kind === "view" ? bentView(this.#bent, this.#state, stamped) : stamped);
    if (this.#isStepping || this.#isClosed) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        if (this.#isClosed) return;
        const before = this.#state;
        const stepped = stepSuccession(before, next);
        this.#state = bentState(this.#bent, before, stepped.state, next);
        if (stepped.state.role.role === "fenced") this.#wasFenced = true;
        this.#ports.onStep(before, this.#state, next);
        for (const effect of bentEffects(this.#bent, before, this.#state, stepped.effects)) {
          if (this.#isClosed) return;
          this.#ports.onEffect(effect);
          this.#execute(effect);
        }
      }
    } finally {
      this.#isStepping = false;
    }
  }

  current(now: MonoMs): Permit | undefined {
    const role = this.leading;
    if (role === undefined) return undefined;
    const isBentHold = this.#bent.is("held-sends");
    const ground = {
      role: "leader",
      epoch: role.epoch,
      isEpochOpen: isEpochOpen(role),
      isHeld: !isBentHold && role.hold !== undefined && role.hold.phase !== "draining",
    } as const;
    const isBentDeadline = this.#bent.is("deadline-ignored") || (this.#bent.is("fenced-acts") && this.#wasFenced);
    const deadline = isBentDeadline ? monoMs(Number.MAX_SAFE_INTEGER) : this.#ports.deadline();
    return issuePermit(ground, deadline, now);
  }

  mayAcknowledge(epoch: Epoch): boolean {
    if (mayAcknowledgeNow(this.#state, epoch)) {
      this.#vowedSince = undefined;
      return true;
    }
    const isStandby = this.#state.role.role === "standby" || this.#state.role.role === "candidate";
    if (!isStandby || epoch !== this.#state.promised.epochMax) return false;
    if (this.#bent.is("vow-dropped")) return true;
    if (!this.#bent.is("vow-times-out")) return false;
    this.#vowedSince ??= this.#clock.mono();
    return this.#clock.mono() - this.#vowedSince > 1_000;
  }

  mayFollow(epoch: Epoch): boolean {
    return mayFollow(this.#state, epoch);
  }

  requestRead(): void {
    if (this.#reading !== "no") {
      this.#reading = "again";
      return;
    }
    this.#reading = "one";
    this.#ports.read((view) => {
      const again = this.#reading === "again";
      this.#reading = "no";
      if (view !== undefined) {
        this.#ports.onView(view);
        this.feed({ kind: "view", view });
      }
      if (again) this.requestRead();
    });
  }

  #execute(effect: SuccessionEffect): void {
    const ports = this.#ports;
    switch (effect.kind) {
      case "persist":
        return ports.persist(effect.promised, () => this.feed({ kind: "promised", promised: effect.promised }));
      case "transact": {
        const { transaction } = effect;
        return ports.transact(transaction, (answer) => this.feed({ kind: "answered", id: transaction.id, answer }));
      }
      case "read":
        return this.requestRead();
      case "send-vowed":
        return ports.sendVowed(effect.to, effect.epoch, effect.version);
      case "lead": {
        const sequence = ports.lead(effect.epoch, effect.reason);
        return this.feed({ kind: "opened", epoch: effect.epoch, sequence });
      }
      case "commit":
        return ports.commit(effect.upTo);
      case "acknowledge-again":
        return ports.acknowledgeAgain();
      case "hold":
        return ports.hold(effect.operation, (last) =>
          this.feed({ kind: "drained", operation: effect.operation, last }),
        );
      case "resume":
        return ports.resume(effect.operation, effect.why);
      case "handed-off":
        return ports.handedOff(effect.operation, effect.to, effect.epoch);
      case "refuse-switchover":
        return ports.refuseSwitchover(effect.operation, effect.why);
      case "pin":
        return ports.pin(effect.pin);
      case "refuse-failover":
        return ports.refuseFailover(effect.operation, effect.why);
      case "fence":
        return ports.fence(effect.reason);
      case "say":
        return ports.say(effect.event, effect.sentence);
      case "request-promises":
      case "persist-promise":
      case "answer-promise":
      case "extend":
        return ports.failsafe(effect);
      default:
        return assertNever(effect, "effect");
    }
  }
}
