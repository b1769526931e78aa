/**
 * What must hold in every walk, judged from outside: from what etcd applied, what lies on the disks, and what the processes
 * did. The checks keep their own books and never ask the machine whether it was right.
 */
import type { BootId, NodeId } from "../../ids.ts";
import type { LeaderRecord, Transaction } from "../records.ts";
import type { LeaderRole } from "../state.ts";
import { isSameMember, waitSet } from "../wait-set.ts";
import type { Disk, WalkRecord } from "./disk.ts";
import type { WalkEtcd } from "./etcd.ts";
import type { WalkNode } from "./node.ts";

/** A promise of the protocol was broken; the message names the invariant. */
export class WalkBroken extends Error {
  override readonly name = "WalkBroken";
}

interface Leadership {
  readonly epoch: number;
  readonly inherited: ReadonlySet<number>;
}

export class Checks {
  /** etcd shows an older set than the one that is in force. */
  isEtcdRestored = false;
  readonly now: () => number;
  readonly counts: Map<string, number> = new Map();
  readonly #etcd: () => WalkEtcd;
  readonly #disks: ReadonlyMap<NodeId, { disk: Disk }>;
  readonly #processOf: (boot: BootId) => WalkNode | undefined;
  readonly #leaders: Leadership[] = [];
  readonly #bootOf = new Map<number, BootId>();
  /** Position → the one record that was ever called committed there, and by the leader of which epochs first. */
  readonly #committed: { readonly uid: number; readonly epoch: number }[] = [];
  readonly #handedOff = new Set<number>();
  readonly #heldOps = new Map<string, string>();
  /** Failovers without an end, by the boot that runs them; and how the others ended. */
  readonly #failovers = new Map<string, BootId>();
  readonly #wonFailovers = new Set<string>();
  readonly #refusedFailovers = new Set<string>();
  /** Highest epoch a disk's owner has led in public. */
  readonly #led = new Map<string, number>();
  /** Takeovers that left a process, by disk. */
  readonly #asked = new Map<string, Extract<Transaction, { kind: "takeover" }>[]>();

  constructor(o: {
    etcd: () => WalkEtcd;
    disks: ReadonlyMap<NodeId, { disk: Disk }>;
    processOf: (boot: BootId) => WalkNode | undefined;
    now: () => number;
  }) {
    this.now = o.now;
    this.#etcd = o.etcd;
    this.#disks = o.disks;
    this.#processOf = o.processOf;
  }

  broken(what: string): never {
    throw new WalkBroken(what);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Operations that have not ended. */
  get unended(): readonly string[] {
    return [...this.#heldOps.keys(), ...this.#failovers.keys()];
  }

  /** Before etcd applies: I1, I8, I16, and that a death is not claimed of the living. */
  onApplied(transaction: Transaction, etcd: WalkEtcd): void {
    const { kind } = transaction;
    if (kind !== "handoff") {
      const { insync } = transaction;
      const next = etcd.insync.value.version + 1;
      if (insync.version !== next) this.broken(`I8: version ${insync.version} is written, ${next} is due`);
    }
    if (kind === "set-insync") {
      const { insync } = transaction;
      this.count(sizeChange(etcd.insync.value.members.length, insync.members.length));
      if (insync.epoch !== etcd.epoch.value || etcd.leader?.value.boot !== insync.by.boot) {
        this.broken("I8: the set is written by one who does not lead");
      }
      return;
    }
    const { leader } = transaction;
    this.count(`${kind}: ${leader.reason}`);
    if (leader.epoch !== etcd.epoch.value + 1 || this.#bootOf.has(leader.epoch)) {
      this.broken(`I1: epoch ${leader.epoch} begins after ${etcd.epoch.value}`);
    }
    this.#bootOf.set(leader.epoch, leader.boot);
    if (kind === "handoff") {
      this.#handedOff.add(etcd.epoch.value);
      this.#holdsAll(transaction.guard.boot, leader);
      this.#isEligible(etcd, leader);
      return;
    }
    this.#nobodyRestsOnPromises(leader.boot);
    const { operation } = transaction.history;
    const isControlled = etcd.pause.value !== undefined || etcd.autofailover.value !== "on";
    if (operation !== undefined) this.#onFailoverWon(operation);
    else if (isControlled) this.broken("I16: a takeover in pause");
    const last = this.#bootOf.get(etcd.epoch.value);
    if (leader.reason === "crash-release" && last !== undefined && this.#processOf(last) !== undefined) {
      this.broken(`I10: epoch ${leader.epoch} takes ${last} for dead, it lives`);
    }
    this.#isEligible(etcd, leader);
  }

  /** A request leaves a process. */
  onAsked(node: WalkNode, transaction: Transaction): void {
    if (transaction.kind !== "takeover") return;
    const { disk } = node.journal;
    const { promised } = disk;
    const { guard, insync } = transaction;
    const isVowed =
      promised.epochMax >= guard.epoch.value &&
      promised.vow?.epoch === guard.epoch.value &&
      promised.vow.version === insync.version - 1;
    if (!isVowed) this.broken(`I5: ${node.node} asks for epoch ${insync.epoch} without a durable vow`);
    this.#asked.set(disk.journal, [...(this.#asked.get(disk.journal) ?? []), transaction]);
  }

  /** A process begins to lead: it holds everything that earlier epochs committed (I6), and has promised the epoch. */
  onLead(node: WalkNode, epoch: number): void {
    this.count("led");
    if (this.#bootOf.get(epoch) !== node.boot) this.broken(`I1: ${node.boot} leads epoch ${epoch}, which it never won`);
    if (this.#leaders.some((leader) => leader.epoch === epoch)) this.broken(`I1: epoch ${epoch} is led twice`);
    const { disk } = node.journal;
    if (disk.promised.epochMax < epoch) this.broken(`rule 9: ${node.node} leads ${epoch} before it is durable`);
    if (disk.promised.epochMax > epoch) this.broken(`rule 9: ${node.node} leads ${epoch} below its promise`);
    this.#led.set(disk.journal, epoch);
    for (const [index, { uid, epoch: by }] of this.#committed.entries()) {
      if (by < epoch && node.journal.log[index]?.uid !== uid) {
        this.broken(`I6: ${node.node} leads epoch ${epoch} without record ${index + 1}, committed in ${by}`);
      }
    }
    this.#leaders.push({ epoch, inherited: new Set(node.journal.log.map((record) => record.uid)) });
  }

  /** A leader calls records committed: I4, I6 (even late), I19. */
  onCommit(node: WalkNode, role: LeaderRole, from: number, upTo: number): void {
    const etcd = this.#etcd();
    const isCurrent = etcd.epoch.value === role.epoch && !this.isEtcdRestored;
    for (let at = from + 1; at <= upTo; at++) {
      const record = node.journal.log[at - 1];
      if (record === undefined) this.broken(`${node.node} commits ${at}, which it does not hold`);
      const known = this.#committed[at - 1];
      if (known !== undefined && known.uid !== record.uid) this.broken(`I19: two records are committed at ${at}`);
      this.#committed[at - 1] ??= { uid: record.uid, epoch: role.epoch };
      for (const other of this.#leaders) {
        if (other.epoch > role.epoch && !other.inherited.has(record.uid)) {
          this.broken(`I6: record ${at} is committed in ${role.epoch}, the leader of ${other.epoch} lacks it`);
        }
      }
      if (!isCurrent) continue;
      for (const member of etcd.insync.value.members) {
        const disk = this.#disks.get(member.node)?.disk;
        if (disk?.journal === member.journal && disk.log[at - 1]?.uid !== record.uid) {
          this.broken(`I4: record ${at} is committed in ${role.epoch}, ${member.node} does not hold it`);
        }
      }
    }
  }

  /** An intent goes to the venue: every leader of a later epoch has it on its list, and nobody sends after a handoff. */
  onSend(node: WalkNode, epoch: number, record: WalkRecord): void {
    this.count("sent");
    if (this.#handedOff.has(epoch)) this.broken(`rule 10: ${node.node} sends in ${epoch}, which was handed over`);
    for (const other of this.#leaders) {
      if (other.epoch > epoch && !other.inherited.has(record.uid)) {
        this.broken(`I6: ${node.node} sends ${record.uid} of ${epoch}, the leader of ${other.epoch} lacks it`);
      }
    }
    if (isLater(this.#led.get(node.journal.disk.journal), epoch)) this.broken(`I3: ${node.node} sends in an old epoch`);
  }

  /** An acknowledgement leaves: I5. */
  onAck(node: WalkNode, epoch: number, position: number): void {
    const { disk } = node.journal;
    if (disk.promised.epochMax !== epoch) this.broken(`I5: ${node.node} acknowledges under ${epoch}, not its promise`);
    if (isLater(this.#led.get(disk.journal), epoch - 1))
      this.broken(`I5: ${node.node} acknowledges ${epoch}, and led it`);
    if (disk.log.length < position) this.broken(`I5: ${node.node} acknowledges ${position} before it is durable`);
    const { epoch: now, insync } = this.#etcd();
    if (now.value !== epoch) return;
    const live = (this.#asked.get(disk.journal) ?? []).find(
      (t) => t.guard.epoch.value === epoch && t.guard.insyncModRevision === insync.modRevision,
    );
    if (live !== undefined) {
      this.broken(`I5: ${node.node} acknowledges under ${epoch} while its request for ${live.insync.epoch} can win`);
    }
  }

  /** After each step of a process: I4 and I7, the wait set contains etcd's set while the epoch is current. */
  onStep(node: WalkNode): void {
    const { role } = node.state;
    const etcd = this.#etcd();
    if (role.role !== "leader" || etcd.epoch.value !== role.epoch || this.isEtcdRestored) return;
    const waited = waitSet(role.known, role.pending);
    for (const member of etcd.insync.value.members) {
      if (!waited.some((one) => isSameMember(one, member))) {
        this.broken(`I7: ${node.node} does not wait for ${member.node}, which is in the set`);
      }
    }
    if (role.pending.length > 6) this.broken("the pending list has no bound");
  }

  onHold(node: WalkNode, operation: string): void {
    this.#heldOps.set(operation, node.boot);
  }

  onHoldEnded(operation: string, how: string): void {
    this.count(`hold ${how}`);
    if (!this.#heldOps.delete(operation)) this.broken(`I14: operation ${operation} ended twice`);
  }

  /** Requests that were on their way died with the old etcd. */
  onEtcdRestored(): void {
    this.count("etcd restored");
    this.isEtcdRestored = true;
    this.#asked.clear();
  }

  /** An operator has compared all journals: no epoch up to this one begins again. */
  onReAnchored(epoch: number): void {
    this.count("re-anchored");
    this.isEtcdRestored = false;
    for (const led of this.#bootOf.keys()) if (led > epoch) this.broken(`I1: re-anchored at ${epoch}, below ${led}`);
  }

  onFailoverAsked(operation: string, boot: BootId): void {
    this.#failovers.set(operation, boot);
  }

  /** I14: what was refused can win no more. It may have won unseen: the verdict is read from the history. */
  onFailoverRefused(operation: string): void {
    this.count(this.#wonFailovers.has(operation) ? "failover won unseen" : "failover refused");
    this.#failovers.delete(operation);
    this.#refusedFailovers.add(operation);
  }

  #onFailoverWon(operation: string): void {
    this.count("failover won");
    // What lands in a restored etcd is believed by nobody.
    if (this.#refusedFailovers.has(operation) && !this.isEtcdRestored)
      this.broken(`I14: failover ${operation} wins after it was refused`);
    this.#failovers.delete(operation);
    this.#wonFailovers.add(operation);
  }

  /** A process is gone: the next leader finds its operations. */
  onGone(boot: BootId): void {
    for (const [operation, by] of this.#failovers) if (by === boot) this.#failovers.delete(operation);
    for (const [operation, by] of this.#heldOps) if (by === boot) this.#heldOps.delete(operation);
  }

  /** Failsafe: no epoch is taken over while somebody may still act on a deadline that rests on promises. */
  #nobodyRestsOnPromises(by: BootId): void {
    if (this.isEtcdRestored) return;
    for (const [epoch, boot] of this.#bootOf) {
      const role = this.#processOf(boot)?.state.role;
      if (boot === by || role?.role !== "leader" || role.epoch !== epoch) continue;
      if (role.extendedUntilMonoMs !== undefined && this.now() < role.extendedUntilMonoMs) {
        this.broken(`I2: ${by} takes over while ${boot} acts on its peers' promises`);
      }
    }
  }

  /** Rule 10: the successor's disk holds everything that the one who hands over has. */
  #holdsAll(from: BootId, to: LeaderRecord): void {
    const mine = this.#processOf(from)?.journal.log.at(-1);
    if (mine === undefined) return;
    const theirs = this.#disks.get(to.node)?.disk.log ?? [];
    if (!theirs.some((record) => record.uid === mine.uid))
      this.broken(`rule 10: ${to.node} does not hold all of ${from}`);
  }

  #isEligible(etcd: WalkEtcd, leader: LeaderRecord): void {
    const disk = this.#disks.get(leader.node)?.disk;
    const isMember = etcd.insync.value.members.some((m) => m.node === leader.node && m.journal === disk?.journal);
    // A request of a disk that was replaced since is judged by the set alone.
    if (!isMember && disk !== undefined && this.#processOf(leader.boot) !== undefined) {
      this.broken(`I6: ${leader.node} leads epoch ${leader.epoch} from outside the set`);
    }
  }
}

function isLater(led: number | undefined, than: number): boolean {
  return led !== undefined && led > than;
}

function sizeChange(before: number, after: number): string {
  return after < before ? "shrink" : after > before ? "grow" : "bump";
}
