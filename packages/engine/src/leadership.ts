/**
 * The succession machine at work: feeds it what the world says and executes what it decides, one input at a time, effects
 * in order. Nothing is decided here; see `core/src/succession/machine.ts`. The permit that every send needs is built here
 * from the machine's role and the keeper's live deadline.
 */
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
import { isEpochOpen, issuePermit, mayAcknowledgeNow, mayFollow, stepSuccession } from "@baton/core";
import { monoNow, wallNow } from "./clock.ts";

export type FailsafeEffect = Extract<
  SuccessionEffect,
  { readonly kind: "request-promises" | "persist-promise" | "answer-promise" | "extend" }
>;

/** What executing effects needs of the rest of the engine. */
export interface LeadershipPorts {
  read(): Promise<EtcdView>;
  transact(transaction: Transaction): Promise<TransactionAnswer>;
  /** Durable when it resolves; a rejection ends the node. */
  persist(promised: Promised): Promise<void>;
  /** Failsafe: asks the peers, answers the leader, moves the deadline. */
  failsafe(effect: FailsafeEffect): void;
  /** What etcd was seen to be, durable soon; nothing waits for it. */
  pin(pin: EtcdPin): void;
  sendVowed(to: NodeId, epoch: Epoch, version: number): void;
  /** The epoch is ours: announce it, open it, start trading. Gives the sequence of the opening record. */
  lead(epoch: Epoch, reason: TakeoverReason): Sequence;
  commit(upTo: Sequence): void;
  acknowledgeAgain(): void;
  /** Stop appending and sending, settle what is in flight; gives the journal's last sequence. */
  hold(operation: OperationId): Promise<Sequence | undefined>;
  resume(operation: OperationId, why: string): void;
  handedOff(operation: OperationId, to: NodeId, epoch: Epoch): void;
  refuseSwitchover(operation: OperationId, why: string): void;
  refuseFailover(operation: OperationId, why: string): void;
  fence(reason: string): void;
  say(event: string, sentence: string): void;
  /** Monotonic deadline in ms from the keeper's cell; 0 when there is none. */
  deadline(): MonoMs;
  onView(view: EtcdView): void;
}

/** Inputs without the stamps that this room adds. */
type Unstamped<T> = T extends unknown ? Omit<T, "now" | "wall"> : never;

/** One node's leadership, from boot to fence. */
export class Leadership implements PermitSource {
  #state: Succession;
  readonly #ports: LeadershipPorts;
  readonly #inputs: SuccessionInput[] = [];
  #isStepping = false;
  #isClosed = false;
  #reading: "no" | "one" | "again" = "no";
  #waiting: (() => void)[] = [];
  #lastSaid = "";

  constructor(state: Succession, ports: LeadershipPorts) {
    this.#state = state;
    this.#ports = ports;
  }

  get state(): Succession {
    return this.#state;
  }

  /** The leader's part of the state, while this node leads. */
  get leading(): LeaderRole | undefined {
    return this.#state.role.role === "leader" ? this.#state.role : undefined;
  }

  /** Nothing is decided any more: this process is ending. */
  close(): void {
    this.#isClosed = true;
  }

  /** Feeds one input; its effects have been started when this returns (unless it is called by an effect). */
  feed(input: Unstamped<SuccessionInput>): void {
    this.#inputs.push({ ...input, now: monoNow(), wall: wallNow() } as SuccessionInput);
    if (this.#isStepping || this.#isClosed) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const stepped = stepSuccession(this.#state, next);
        this.#state = stepped.state;
        for (const effect of stepped.effects) this.#execute(effect);
      }
    } finally {
      this.#isStepping = false;
    }
  }

  /** The permit in force at `now`, if this node leads an open epoch, is not held, and its deadline has not passed. */
  current(now: MonoMs): Permit | undefined {
    const role = this.leading;
    if (role === undefined) return undefined;
    const ground = {
      role: "leader",
      epoch: role.epoch,
      isEpochOpen: isEpochOpen(role),
      // While draining, what was recorded is still sent; the seal ends that (decision 2).
      isHeld: role.hold !== undefined && role.hold.phase !== "draining",
    } as const;
    return issuePermit(ground, this.#ports.deadline(), now);
  }

  mayAcknowledge(epoch: Epoch): boolean {
    return mayAcknowledgeNow(this.#state, epoch);
  }

  mayFollow(epoch: Epoch): boolean {
    return mayFollow(this.#state, epoch);
  }

  /** Resolves when a read that begins from now on has been answered, or failed: what was written before is in the view. */
  whenRead(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.requestRead();
    });
  }

  /** A linearizable read soon; many calls at once make at most two. */
  requestRead(): void {
    if (this.#reading !== "no") {
      this.#reading = "again";
      return;
    }
    this.#reading = "one";
    const waiting = this.#waiting.splice(0);
    void this.#ports
      .read()
      .then(
        // What goes wrong in here is our own fault and ends the process; only the read may fail.
        (view) => {
          this.#ports.onView(view);
          this.feed({ kind: "view", view });
        },
        (error: unknown) => this.#say("etcd.unreadable", `etcd cannot be read: ${messageOf(error)}`),
      )
      .finally(() => {
        const again = this.#reading === "again";
        this.#reading = "no";
        for (const done of waiting) done();
        if (again) this.requestRead();
      });
  }

  #execute(effect: SuccessionEffect): void {
    const ports = this.#ports;
    switch (effect.kind) {
      case "persist":
        void ports.persist(effect.promised).then(
          () => this.feed({ kind: "promised", promised: effect.promised }),
          (error: unknown) => ports.fence(`a promise could not be made durable: ${messageOf(error)}`),
        );
        return;
      case "request-promises":
      case "persist-promise":
      case "answer-promise":
      case "extend":
        return ports.failsafe(effect);
      case "pin":
        return ports.pin(effect.pin);
      case "transact": {
        const { transaction } = effect;
        void ports
          .transact(transaction)
          .catch((error: unknown): TransactionAnswer => ({ kind: "unknown", cause: messageOf(error) }))
          .then((answer) => {
            if (answer.kind !== "committed") {
              this.#say("etcd.transaction", `${transaction.kind} ${transaction.id}: ${answer.kind}`);
            }
            this.feed({ kind: "answered", id: transaction.id, answer });
          });
        return;
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
        void ports.hold(effect.operation).then(
          (last) => {
            if (last !== undefined) this.feed({ kind: "drained", operation: effect.operation, last });
          },
          (error: unknown) => this.#say("switchover.hold-failed", messageOf(error)),
        );
        return;
      case "resume":
        return ports.resume(effect.operation, effect.why);
      case "handed-off":
        return ports.handedOff(effect.operation, effect.to, effect.epoch);
      case "refuse-switchover":
        return ports.refuseSwitchover(effect.operation, effect.why);
      case "refuse-failover":
        return ports.refuseFailover(effect.operation, effect.why);
      case "fence":
        return ports.fence(effect.reason);
      case "say":
        return this.#say(effect.event, effect.sentence);
    }
  }

  /** The same sentence twice in a row is said once. */
  #say(event: string, sentence: string): void {
    const said = `${event} ${sentence}`;
    if (said === this.#lastSaid) return;
    this.#lastSaid = said;
    this.#ports.say(event, sentence);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
