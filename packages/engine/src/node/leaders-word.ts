/**
 * Whether anyone may trade, as a node that does not lead knows it: its leader says so over the link, in the word that each
 * node gives of itself several times a second, and only the leader of the epoch that is followed is believed. A word that
 * is older than a few turns of that says nothing of now: then it is not known here, and is never guessed from what this
 * node sees by itself.
 */
import type { Epoch, EtcdView, MonoMs, NodeId } from "@baton/core";
import { monoMs } from "@baton/core";

/** What a leader says of its trading. No reason: it trades. */
export interface TradingWord {
  readonly epoch: Epoch;
  readonly reasons: readonly string[];
}

/** A leader's word comes every quarter of a second, on a busy machine a few of them together. */
const freshMs = 1_500;
/** A leader of many instruments that are all stale names so many. */
const reasonsMax = 20;

/** The word of a leader with these reasons. */
export function tradingWordOf(epoch: Epoch, reasons: readonly string[]): TradingWord {
  const more = reasons.length - reasonsMax;
  return { epoch, reasons: more > 0 ? [...reasons.slice(0, reasonsMax), `and ${more} more`] : reasons };
}

export class LeadersWord {
  #last: { readonly node: NodeId; readonly word: TradingWord; readonly heardMonoMs: MonoMs } | undefined;

  /** `word` is absent where the node does not lead, or is of an older build. */
  heard(node: NodeId, word: TradingWord | undefined, now: MonoMs): void {
    if (word !== undefined && word.epoch >= (this.#last?.word.epoch ?? 0))
      this.#last = { node, word, heardMonoMs: now };
  }

  /**
   * Why nobody may trade by the leader that is followed, empty when one may; undefined where it is not known. `leader`: as a
   * read of etcd showed it that is fresh; undefined where there is no such read.
   */
  reasons(
    following: { readonly node: NodeId; readonly epoch: Epoch } | undefined,
    leader: { readonly record: EtcdView["leader"] } | undefined,
    now: MonoMs,
  ): readonly string[] | undefined {
    const last = this.#last;
    if (last === undefined || following === undefined || now >= monoMs(last.heardMonoMs + freshMs)) return undefined;
    if (last.node !== following.node || last.word.epoch !== following.epoch) return undefined;
    // etcd knows better: nobody leads any more, or another one.
    if (leader !== undefined && leader.record?.value.epoch !== last.word.epoch) return undefined;
    return last.word.reasons;
  }
}
