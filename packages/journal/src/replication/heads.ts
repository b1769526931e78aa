/**
 * Countersigning chain heads: at intervals the leader signs its commit point and shows it to each standby, which checks
 * that it knows the same frame as committed, signs it too, and sends that back. Each keeps the other's word in its own file,
 * so that a file whose end is cut off is contradicted by itself, or at least by the others.
 */
import { wallMs } from "@baton/core";
import type { Epoch, NodeId } from "@baton/core";
import type { Journal } from "../journal.ts";
import type { ToFollower, ToLeader } from "../link/messages.ts";
import { HeadKey, isHeadGenuine } from "../store/heads.ts";
import type { HeadRow } from "../store/heads.ts";

export interface HeadExchangeOptions {
  readonly journal: Journal;
  readonly everyMs: number;
  readonly toFollowers: (message: ToFollower) => void;
  readonly toLeader: (message: ToLeader) => void;
}

export class HeadExchange {
  readonly #o: HeadExchangeOptions;
  readonly #signing: NodeJS.Timeout;
  #key: HeadKey | undefined;
  #epoch: Epoch | undefined;
  #signed = 0;
  /** The newest head that waits to be known as committed here. */
  #shown: HeadRow | undefined;

  constructor(o: HeadExchangeOptions) {
    this.#o = o;
    this.#signing = setInterval(() => this.#sign(), o.everyMs);
  }

  /** This node leads the epoch; undefined: it leads no more. */
  lead(epoch: Epoch | undefined): void {
    this.#epoch = epoch;
  }

  close(): void {
    clearInterval(this.#signing);
  }

  /** Follower: the leader's head. Countersigned once this node knows the same frame as committed. */
  shown(node: NodeId, head: HeadRow): void {
    if (head.node !== node || !isHeadGenuine(this.#o.journal.identity.cluster, head)) return;
    this.#shown = head;
    this.retry();
  }

  /** Follower: the commit point moved. */
  retry(): void {
    const head = this.#shown;
    if (head === undefined || head.sequence > this.#o.journal.commitMark.sequence) return;
    this.#shown = undefined;
    void this.#countersign(head);
  }

  async #countersign(head: HeadRow): Promise<void> {
    const { journal, toLeader } = this.#o;
    const isHeld = await journal.has(head.sequence, head.hash).catch(() => false);
    if (!isHeld) return;
    journal.care.storeHeads([head]);
    toLeader({ kind: "countersigned", head: this.#signedHere(head) });
  }

  /** Leader: a standby's word. */
  countersigned(node: NodeId, head: HeadRow): void {
    const { journal } = this.#o;
    if (head.node !== node || !isHeadGenuine(journal.identity.cluster, head)) return;
    journal.care.storeHeads([head]);
  }

  #sign(): void {
    const { journal, toFollowers } = this.#o;
    const mark = journal.commitMark;
    if (this.#epoch === undefined || journal.failure !== undefined || mark.sequence <= this.#signed) return;
    this.#signed = mark.sequence;
    toFollowers({ kind: "head", head: this.#signedHere(mark) });
  }

  #signedHere(mark: Pick<HeadRow, "epoch" | "sequence" | "hash">): HeadRow {
    const { cluster, node, journal } = this.#o.journal.identity;
    this.#key ??= new HeadKey(this.#o.journal.file);
    return this.#key.sign({ ...mark, cluster }, { node, journal, atWallMs: wallMs(Date.now()) });
  }
}
