/**
 * Forgetting, once in a while: the leader asks how far the records have aged, what holds them, and prunes to there; its
 * standbys follow it. How far it may is decided in `core/replication/retention.ts`. Every node asks its file how much room
 * is inside it, because a pruned file does not shrink.
 */
import { prunePlan, wallMs } from "@baton/core";
import type { EngineState, Sequence } from "@baton/core";
import type { Journal, Replication } from "@baton/journal";
import { wallNow } from "../clock.ts";

export interface RetentionPorts {
  readonly journal: Journal;
  readonly replication: Replication;
  readonly retainDays: number;
  readonly isLeading: () => boolean;
  readonly committed: () => EngineState;
  /** Verified in the archive; undefined where there is none. */
  readonly archived: () => Sequence | undefined;
  readonly say: (event: string, sentence: string) => void;
  readonly everyMs?: number;
}

const usualEveryMs = 60_000;
const dayMs = 86_400_000;

export class Retention {
  readonly #o: RetentionPorts;
  readonly #timer: NodeJS.Timeout;
  #reusableBytes = 0;
  #heldBy = "";
  #isRunning = false;

  constructor(o: RetentionPorts) {
    this.#o = o;
    this.#timer = setInterval(() => void this.round(), o.everyMs ?? usualEveryMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Bytes inside the file that nothing uses, as last known. */
  get reusableBytes(): number {
    return this.#reusableBytes;
  }

  /** What kept the last round from going further; "" before the first. */
  get heldBy(): string {
    return this.#heldBy;
  }

  /** One round. Never rejects: a journal that failed says so itself. */
  async round(): Promise<void> {
    if (this.#isRunning || this.#o.journal.failure !== undefined) return;
    this.#isRunning = true;
    try {
      await this.#prune();
    } catch {
      // The next round tries again.
    } finally {
      this.#isRunning = false;
    }
  }

  async #prune(): Promise<void> {
    const { journal, replication, retainDays, isLeading, committed, archived, say } = this.#o;
    const age = await journal.care.age(wallMs(wallNow() - retainDays * dayMs));
    this.#reusableBytes = age.reusableBytes;
    if (!isLeading()) return;
    const state = committed();
    const plan = prunePlan({
      pruned: journal.pruned,
      committed: state.applied,
      aged: age.aged,
      oldestLive: oldestLive(state),
      standbys: replication.followers
        .filter((follower) => follower.epoch !== undefined)
        .map(({ node, acked }) => ({ node, durable: acked })),
      archived: archived(),
    });
    if (plan === undefined) return;
    const before = journal.pruned;
    const to = await journal.care.prune(plan.upTo);
    this.#heldBy = plan.heldBy;
    if (to > before)
      say("journal.pruned", `Records ${before + 1} to ${to} were forgotten; ${plan.heldBy} keeps the rest.`);
  }
}

/** First record of the oldest order or parent that has not ended. */
export function oldestLive(state: EngineState): Sequence | undefined {
  let oldest: Sequence | undefined;
  const see = (sequence: Sequence): void => {
    if (oldest === undefined || sequence < oldest) oldest = sequence;
  };
  for (const order of state.orders.values()) if (order.closedSequence === undefined) see(order.sequence);
  for (const parent of state.parents.values()) if (parent.endedWallMs === undefined) see(parent.sequence);
  return oldest;
}
