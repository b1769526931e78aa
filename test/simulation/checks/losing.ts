/**
 * What an unclean failover loses: an operator was told of it before, record by record, and nothing else is lost. Kept here is
 * the ledger of it: what was declared, what is gone since, and when whoever led before could act no more. Judged by what was
 * committed, by what the new leader's disk holds when it leads, and by what the members published.
 */
import type {
  BootId,
  Epoch,
  Frame,
  IntentId,
  LossRange,
  MemberRecord,
  NodeId,
  OperationId,
  Transaction,
} from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { Disk } from "../world/disk.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import { holds, indexAt } from "./records.ts";
import type { Watch } from "./watch.ts";

type Takeover = Extract<Transaction, { kind: "takeover" }>;

interface Begun {
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly range: LossRange;
}

/** A loss that stands: what its leader held when it led. */
interface Settled extends Begun {
  readonly hashes: ReadonlySet<string>;
}

/** Machines' clocks differ in rate by less than this share. */
const driftMost = 0.003;

/** What `isLost` is asked with about a wish to replace an order. */
export function replacingOf(intent: IntentId): string {
  return `replacing ${intent}`;
}

export class LosingChecks {
  readonly #watch: Watch;
  readonly #declared = new Map<OperationId, LossRange>();
  /** Hash of each committed frame that is lost as declared. */
  readonly #lost = new Set<string>();
  readonly #lostRefs = new Set<string>();
  /** When each record was first called committed, by the hash of its frame. */
  readonly #committedAt = new Map<string, number>();
  /** When a member last said of itself that its journal ends there, by "node journal position". */
  readonly #publishedAt = new Map<string, number>();
  /** Until when, by true time, a leader may act. */
  readonly #actsUntil = new Map<BootId, number>();
  #keyGoneAt: number | undefined = 0;
  #begun: Begun | undefined;
  readonly #settled: Settled[] = [];

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** An operator was shown this, and asks all the same. */
  declared(operation: OperationId, range: LossRange): void {
    this.#declared.set(operation, range);
  }

  published({ node, journal, position }: MemberRecord): void {
    this.#publishedAt.set(`${node} ${journal} ${position.durable}`, this.#now);
  }

  /** The leader key came or went. */
  etcdChanged(store: EtcdStore): void {
    this.#keyGoneAt = store.leader === undefined ? (this.#keyGoneAt ?? this.#now) : undefined;
  }

  /** Whoever leads may act until its deadline, by a clock that runs. */
  stepped(boot: Boot): void {
    const leftMs = boot.keeper.deadline - boot.main.clock.mono();
    if (leftMs > 0) this.#actsUntil.set(boot.boot, this.#now + leftMs);
  }

  committed(frame: Frame): void {
    if (!this.#committedAt.has(frame.hash)) this.#committedAt.set(frame.hash, this.#now);
  }

  applying(transaction: Takeover): void {
    const { leader, history } = transaction;
    if (leader.reason !== "unclean") return;
    const what = `${leader.node} takes epoch ${leader.epoch} uncleanly`;
    const range = history.operation === undefined ? undefined : this.#declared.get(history.operation);
    if (range?.node !== leader.node) return this.#broken(`${what}, and no operator was told what that may lose`);
    const { timing, validityMs } = this.#watch.world.settings;
    const dueMs = (timing.ttlMs + validityMs) * (1 - driftMost);
    const goneForMs = this.#keyGoneAt === undefined ? 0 : this.#now - this.#keyGoneAt;
    if (goneForMs < dueMs) this.#broken(`${what} ${Math.round(goneForMs)} ms after the leader key was gone`);
    for (const boot of this.#watch.world.boots()) {
      const leftMs = (this.#actsUntil.get(boot.boot) ?? 0) - this.#now;
      if (boot.node === leader.node || boot.leadership?.leading === undefined || leftMs <= 0) continue;
      this.#broken(`${what}, and ${boot.boot} may act for another ${Math.round(leftMs)} ms`);
    }
    this.#begun = { epoch: leader.epoch, node: leader.node, range };
  }

  /** Somebody leads: after an unclean takeover, what its disk lacks of all that was committed is lost from now on. */
  leads(boot: Boot, committedAt: Map<number, { readonly frame: Frame; readonly epoch: Epoch }>): void {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    if (this.isForkDeclared(this.#watch.world.host(begun.node).disk))
      this.#watch.note("takeover: unclean by one that missed another");
    const frames = boot.journal?.frames ?? [];
    const settled = { ...begun, hashes: new Set(frames.map((frame) => frame.hash)) };
    this.#settled.push(settled);
    for (const [last, { frame }] of committedAt) {
      if (holds(frames, frame)) continue;
      committedAt.delete(last);
      this.#lose(settled, frame);
    }
  }

  /** A leader of an earlier epoch calls this committed only now: lost, where an unclean takeover has passed it by. */
  isPassedBy(frame: Frame, epoch: Epoch): boolean {
    const by = this.#settled.find((one) => one.epoch > epoch && !one.hashes.has(frame.hash));
    if (by === undefined) return false;
    this.committed(frame);
    this.#lose(by, frame);
    return true;
  }

  /** What this disk holds as committed was lost as declared: it has forked by right. */
  isForkDeclared({ content }: Disk): boolean {
    const frame = content.frames[indexAt(content.frames, content.commit)];
    return frame?.last === content.commit && this.#lost.has(frame.hash);
  }

  /** Whether this intent, parent or client order id was on a record that is lost. */
  isLost(ref: string): boolean {
    return this.#lostRefs.has(ref);
  }

  #lose({ range, node, epoch }: Begun, frame: Frame): void {
    if (this.#lost.has(frame.hash)) return;
    this.#lost.add(frame.hash);
    this.#watch.note("record lost as declared");
    const what = `record ${frame.last} is lost with epoch ${epoch} of ${node}`;
    if (frame.last <= range.holds) this.#broken(`${what}, which was said to hold up to ${range.holds}`);
    if (range.seen !== undefined && range.isSeenInSet && frame.last > range.seen)
      this.#isLater(what, frame, range.seen);
    const events = this.#watch.records.eventsOf(frame.hash);
    for (const event of events) {
      if (event.kind === "parent.recorded") this.#lostRefs.add(event.parent);
      if (event.kind === "intent.recorded") this.#lostRefs.add(event.intent);
      if (event.kind === "replace.requested") this.#lostRefs.add(replacingOf(event.intent));
      if (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded") continue;
      this.#lostRefs.add(event.clientOrderId);
    }
    this.#watch.orders.lost(events);
  }

  /** "And what was committed after that was last published": not before. */
  #isLater(what: string, frame: Frame, seen: number): void {
    const said = [...this.#publishedAt].filter(([key]) => key.endsWith(` ${seen}`)).map(([, at]) => at);
    const at = this.#committedAt.get(frame.hash) ?? this.#now;
    if (said.some((one) => one <= at)) return;
    this.#broken(`${what}, was committed before record ${seen} was published, and is not in what was declared`);
  }

  get #now(): number {
    return this.#watch.world.agenda.now;
  }

  #broken(sentence: string): void {
    this.#watch.broken("losing", sentence);
  }
}
