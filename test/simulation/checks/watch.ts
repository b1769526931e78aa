/**
 * Those who watch from outside: told of everything that physically happens (what etcd applies, what reaches a disk, what
 * leaves a process), they keep their own books and judge the invariants. Nothing here asks a node whether it was right.
 * The first violation ends the run.
 */
import { InvariantError } from "@baton/core";
import type {
  AuditRecord,
  Epoch,
  Frame,
  NodeId,
  OperationId,
  RejoinState,
  Succession,
  SuccessionEffect,
  SuccessionInput,
  TakeoverReason,
  Transaction,
  TransactionAnswer,
} from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { ToLeader } from "../engine/messages.ts";
import type { VenueWrite } from "../engine/venue-door.ts";
import type { Disk, DiskOrder } from "../world/disk.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import type { World } from "../world/world.ts";
import { CommitChecks } from "./commits.ts";
import { noteEffect, noteStep } from "./coverage.ts";
import { DeadlineChecks } from "./deadlines.ts";
import type { InvariantName, Violation } from "./invariants.ts";
import { IdentityChecks } from "./identities.ts";
import { LosingChecks } from "./losing.ts";
import { OrderChecks } from "./orders.ts";
import { PromiseChecks } from "./promises.ts";
import { ReadingChecks } from "./reading.ts";
import { ReconcilingChecks } from "./reconciling.ts";
import { Records } from "./records.ts";
import { ReplacingChecks } from "./replacing.ts";
import { SliceChecks } from "./slices.ts";
import { SuccessionChecks } from "./succession.ts";
import { answerTold, effectTold } from "./telling.ts";

export class Watch {
  readonly world: World;
  readonly records: Records = new Records();
  /** How often what happened. */
  readonly counts: Map<string, number> = new Map();
  violation: Violation | undefined;
  readonly succession: SuccessionChecks;
  readonly commits: CommitChecks;
  readonly promises: PromiseChecks;
  readonly deadlines: DeadlineChecks;
  readonly orders: OrderChecks;
  readonly losing: LosingChecks;
  readonly identities: IdentityChecks;
  readonly replacing: ReplacingChecks;
  readonly reading: ReadingChecks;
  readonly #slices: SliceChecks;
  readonly #reconciling: ReconcilingChecks;
  /** Boots that were told to end for good, or whose end was seen. */
  readonly #fenced = new Set<string>();

  constructor(world: World) {
    this.world = world;
    this.succession = new SuccessionChecks(this);
    this.commits = new CommitChecks(this);
    this.promises = new PromiseChecks(this);
    this.deadlines = new DeadlineChecks(this);
    this.orders = new OrderChecks(this);
    this.losing = new LosingChecks(this);
    this.identities = new IdentityChecks(this);
    this.replacing = new ReplacingChecks(this);
    this.reading = new ReadingChecks(this);
    this.#slices = new SliceChecks(this);
    this.#reconciling = new ReconcilingChecks(this);
  }

  broken(invariant: InvariantName, sentence: string): void {
    this.violation ??= { invariant, sentence, atMs: this.world.agenda.now };
  }

  note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Something threw in a process: an assertion of ours is a finding, so is everything else. */
  crashed(boot: Boot, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.broken("core", `${boot.boot}: ${error instanceof InvariantError ? error.message : text}`);
    boot.end("crashed");
  }

  crashedElsewhere(error: unknown): void {
    this.broken("core", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  // ---- processes

  started(boot: Boot): void {
    this.note("started");
    this.succession.started(boot);
  }

  ended(boot: Boot, why: string): void {
    if (why === "stopped") this.note("stopped in order");
    else this.note(why.startsWith("fenced") ? "step down" : why === "power lost" ? "power loss" : "crash");
    this.succession.ended(boot);
  }

  fenced(boot: Boot, reason: string): void {
    this.#fenced.add(boot.boot);
    this.note(`fenced: ${reasonClass(reason)}`);
  }

  diskFailed(_boot: Boot, why: string): void {
    this.note(`disk failed: ${why}`);
  }

  stepped(boot: Boot, before: Succession, after: Succession, input: SuccessionInput): void {
    noteStep(this, before, after, input);
    this.succession.stepped(boot, after);
    this.deadlines.stepped(boot, after);
    if (after.role.role === "leader") this.losing.stepped(boot);
  }

  effect(boot: Boot, effect: SuccessionEffect): void {
    noteEffect(this, effect);
    if (!this.world.isTold) return;
    const sentence = effectTold(effect);
    if (sentence !== undefined) this.world.say(boot.node, effect.kind, sentence);
  }

  leads(boot: Boot, epoch: Epoch, reason: TakeoverReason): void {
    this.note("won");
    this.world.say(boot.node, "leads", `Node ${boot.node} leads epoch ${epoch} (${reason}).`);
    this.succession.leads(boot, epoch);
    this.commits.leads(boot, epoch);
    this.promises.leads(boot, epoch);
    this.#reconciling.leads(boot);
  }

  held(_boot: Boot, _operation: OperationId): void {
    this.note("held");
  }

  holdEnded(_boot: Boot, _operation: OperationId, how: "resumed" | "handed off"): void {
    this.note(`handoff: ${how}`);
  }

  rejoined(boot: Boot, peer: NodeId, state: RejoinState, sentence: string): void {
    this.note(`rejoin: ${state}`);
    if (state !== "in-sync") this.world.say(boot.node, "rejoin", `${peer} is ${state}${sentence && `: ${sentence}`}.`);
    if (state === "forked" && this.losing.isForkDeclared(this.world.host(peer).disk))
      return this.note("forked by a declared loss");
    if (state === "forked" || state === "foreign-cluster" || state === "other-schema") {
      this.broken("I6", `${peer} was turned away by ${boot.boot} as ${state}: ${sentence}`);
    }
  }

  // ---- etcd

  /** It was put back to an older state. */
  etcdRestored(): void {
    this.succession.etcdRestored();
    this.promises.etcdRestored();
    this.identities.etcdRestored();
  }

  /** Before a succession transaction changes anything. */
  applying(transaction: Transaction, store: EtcdStore): void {
    this.#reconciling.applying(transaction, store);
    this.identities.applying(transaction);
    this.succession.applying(transaction, store);
  }

  /** A request leaves a process. */
  asked(boot: Boot, transaction: Transaction): void {
    this.#actsOnlyAlive(boot, `asks etcd for a ${transaction.kind}`);
    this.succession.asked(boot, transaction);
    this.promises.asked(boot, transaction);
  }

  answered(boot: Boot, transaction: Transaction, answer: TransactionAnswer): void {
    this.note(`${transaction.kind} ${answer.kind}`);
    if (this.world.isTold) this.world.say(boot.node, "answered", answerTold(transaction, answer));
  }

  kept(boot: Boot, sentMono: number, ttlMs: number): void {
    this.deadlines.kept(boot, sentMono, ttlMs);
  }

  confirmed(boot: Boot, sentMono: number, epoch: Epoch): void {
    this.deadlines.confirmed(boot, sentMono, epoch);
  }

  promisesAsked(boot: Boot, token: number): void {
    this.note("promises asked");
    this.deadlines.promisesAsked(boot, token);
  }

  /** A leader's deadline rests on its peers' promises from now on, until then by its own clock. */
  extended(boot: Boot, untilMono: number): void {
    this.note("extended");
    this.deadlines.extended(boot, untilMono);
  }

  // ---- journals

  sealed(boot: Boot, frame: Frame): void {
    this.note("append");
    const { events } = this.records.sealed(frame);
    this.orders.sealed(boot, events);
    this.#slices.sealed(events);
    this.#reconciling.sealed(boot, events);
  }

  disk(disk: Disk, order: DiskOrder): void {
    if (order.kind === "cut") this.commits.cut(disk, order.after);
    if (order.kind === "frame" && !this.records.isAsSealed(order.frame)) {
      const { first, last } = order.frame;
      this.broken(
        "I20",
        `the disk of ${disk.place} holds other bytes of ${first}–${last} than were sealed under their hash`,
      );
    }
  }

  acknowledged(boot: Boot, message: Extract<ToLeader, { kind: "ack" }>): void {
    this.#actsOnlyAlive(boot, "acknowledges");
    this.promises.acknowledged(boot, message);
  }

  /** A leader calls what lies between the two positions committed. */
  committed(boot: Boot, from: number, upTo: number): void {
    if (upTo <= from) return;
    this.note("commit");
    this.commits.committed(boot, from, upTo);
  }

  // ---- the venue

  wrote(boot: Boot, write: VenueWrite): void {
    this.note(write.call === "order.place" ? "send" : "send cancel");
    if (this.world.isTold) this.world.say(boot.node, "sends", `Sends orders of epoch ${write.epoch} to the venue.`);
    this.#actsOnlyAlive(boot, `sends ${write.call}`);
    this.deadlines.wrote(boot, write);
    this.succession.wrote(boot, write);
    if (write.call === "order.place") this.commits.wrote(boot, write);
    else this.orders.cancels(boot, write.clientOrderId);
  }

  audited(record: AuditRecord): void {
    this.orders.audited(record);
    this.replacing.audited(record);
    this.#slices.audited(record);
  }

  /** The venue has told a node of its account. */
  accountRead(boot: Boot, what: string): void {
    this.#reconciling.read(boot, what);
  }

  /** A node decides on this state of the book. */
  decidedOn(boot: Boot, symbol: string, updateId: number): void {
    this.orders.decidedOn(boot, symbol, updateId);
  }

  priced(symbol: string, updateId: number): void {
    this.orders.priced(symbol, updateId);
  }

  #actsOnlyAlive(boot: Boot, what: string): void {
    if (this.#fenced.has(boot.boot)) this.broken("I3", `${boot.boot} ${what} after it was fenced`);
  }
}

/** Fencing reasons without the names and numbers in them. */
function reasonClass(reason: string): string {
  if (/epoch \d+ has begun/.test(reason)) return "a later epoch";
  if (/holds the leader key/.test(reason)) return "another holds the key";
  if (/leader key is gone/.test(reason)) return "the key is gone";
  if (/in-sync set was written/.test(reason)) return "the set was written by another";
  if (/journal failed/.test(reason)) return "the journal failed";
  if (/renewal was confirmed/.test(reason)) return "the deadline passed";
  if (/clock moved/.test(reason)) return "a clock jump";
  if (/does not know lease/.test(reason)) return "the lease is gone";
  if (/the journals forked/.test(reason)) return "the journals forked";
  return reason.replaceAll(/\d+/g, "N");
}
