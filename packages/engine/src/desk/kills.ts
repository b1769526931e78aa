/**
 * What stops trading in a term: the kill that etcd holds, one that this node was told of itself, an account on which
 * somebody else acts. Which of them is in force and what it covers is core's (`risk/kill.ts`); here it is recorded, once,
 * and what it covers is taken back.
 */
import type { EngineState, IntentId, KillRecord, KillScope, KillState, OrderRow, Sequence, VenueId } from "@baton/core";
import {
  accountStop,
  isSameKill,
  killInForce,
  killOn,
  killText,
  scopesOf,
  strictestKill,
  subjectOf,
  withKill,
} from "@baton/core";
import { wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import type { Term } from "./term.ts";

export interface KillPorts {
  /** The wish to take an order back. */
  takeBack(intent: IntentId, by: string): void;
  /** True when a cancel at this venue that nobody asked for may be its dead man's switch's. */
  maySwitchHaveFired(venue: VenueId): boolean;
}

export class Kills {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #ports: KillPorts;
  /** What etcd said while a switchover held the desk; the newest. */
  #heard: { readonly kill: KillRecord | undefined } | undefined;

  constructor(context: DeskContext, term: Term, ports: KillPorts) {
    this.#context = context;
    this.#term = term;
    this.#ports = ports;
  }

  /** Takes the kills that etcd holds, and those that this node was told of itself; only a change is recorded. */
  apply(kill: KillRecord | undefined): void {
    const now = wallNow();
    const etcd: KillState = kill ?? { level: "off", by: "etcd", reason: "the kill key is gone", atWallMs: now };
    this.#heard = this.#term.isTrading ? undefined : { kill };
    if (!this.#term.isTrading) return;
    const here = strictestKill(this.#term.state.engine.kill, this.#context.localKill());
    const { kill: next, missing } = killInForce(etcd, here);
    for (const scope of missing) this.#context.reassertKill(scope);
    if (isSameKill(this.#term.state.engine.kill, next)) return;
    this.#set(next);
  }

  /** A switchover did not happen: what was told during it counts now, before anything that waited is sent. */
  goOn(): void {
    const heard = this.#heard;
    if (heard !== undefined) this.apply(heard.kill);
    this.takeBackKilled();
  }

  /** Etcd cannot be told of a kill: the journal is, on every node in sync. Undefined: nothing can be recorded now. */
  here(scope: KillScope): Sequence | undefined {
    if (!this.#term.isTrading) return undefined;
    const before = this.#term.state.engine.kill;
    const next = withKill(before, { ...scope, isLocal: true });
    return isSameKill(before, next) ? this.#term.state.applied : this.#set(next);
  }

  /** Somebody else acts on the account, or a proof was wrong: nothing new is risked there until a person has looked. */
  stopAccount(venue: VenueId, why: string): void {
    const term = this.#term;
    if (term.isOver) return;
    const before = term.state.engine.kill;
    const scope = accountStop(this.#context.config.venues, venue, why, wallNow());
    const next = withKill(before, scope);
    if (isSameKill(before, next)) return;
    const { level, by, reason } = next;
    // Not a wish but a fact of the world: it is recorded also while a switchover holds everything new back.
    term.note({ kind: "kill.set", level, by, reason, atWallMs: wallNow(), scopes: scopesOf(next) });
    this.#context.warn("account.stopped", `The account at ${venue} is stopped: ${why}.`);
    this.#context.reassertKill(scope);
    this.takeBackKilled();
  }

  /** An order rests no longer and nobody here took it back: the switch, or a hand that is not ours. */
  cancelledUnasked(order: OrderRow): void {
    const { venue } = order.terms;
    if (this.#ports.maySwitchHaveFired(venue)) {
      const fired = `${order.id} was cancelled at ${venue}, by its dead man's switch as it seems`;
      return this.#context.warn("switch.fired", `${fired}.`, { intent: order.id });
    }
    const sentence = `${order.id} was cancelled at ${venue}, and nobody here took it back`;
    this.#context.warn("order.cancelled-unasked", `${sentence}.`, { intent: order.id });
    if (this.#context.config.risk.unaskedCancels !== "warn") this.stopAccount(venue, sentence);
  }

  /**
   * Every open order is taken back, for a kill or for another reason of the engine's own. False: nothing can be recorded
   * now (a switchover holds the desk), so nothing was; it is for the caller to ask again.
   */
  takeBackAll(by: string): boolean {
    if (!this.#term.isTrading) return false;
    for (const intent of openIntents(this.#term.state)) this.#ports.takeBack(intent, by);
    return true;
  }

  /** What a kill covers is taken back; while a switchover holds the desk nothing is, and it is asked for again after it. */
  takeBackKilled(): void {
    const { state, isTrading } = this.#term;
    if (!isTrading) return;
    // Each takeover asks, and ten thousand may be open.
    if (state.engine.kill.level === "off") return;
    for (const intent of openIntents(state)) {
      const order = state.orders.get(intent);
      if (order === undefined || killOn(state.engine.kill, subjectOf(state, order)) === undefined) continue;
      this.#ports.takeBack(intent, "kill");
    }
  }

  #set(next: KillState): Sequence {
    const { level, by, reason } = next;
    const scopes = scopesOf(next);
    const sequence = this.#term.decide([{ kind: "kill.set", level, by, reason, atWallMs: wallNow(), scopes }]);
    const covered = scopes.map(killText).join(", ");
    this.#context.warn("kill.set", `Kill level ${level} by ${by}: ${reason}${covered === "" ? "" : ` (${covered})`}.`);
    this.takeBackKilled();
    return sequence;
  }
}

/** What is open, and what has ended and is to be replaced. */
function openIntents(state: EngineState): readonly IntentId[] {
  const { open, replacing } = state.indexes;
  return [...new Set([...[...open.values()].flatMap((of) => [...of]), ...replacing])];
}
