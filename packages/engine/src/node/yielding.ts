/**
 * Yielding at work: what the standbys say of their way to the venue, several times a second over the link, and the
 * handover when this leader has lost its own, or was drained in the very moment of its takeover. Whether and to whom is decided in `core/succession/yield.ts`.
 */
import type { NodeId, OperationId } from "@baton/core";
import { id, isEpochOpen, monoMs, yieldTo } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { Leadership } from "../leadership.ts";

/** What a standby says of itself over the link. */
export interface StandbyWord {
  readonly reachesVenue: boolean;
  /** It is stopping and wants to be taken out of the set. */
  readonly isLeaving?: boolean;
}

export interface YieldingPorts {
  readonly leadership: Leadership;
  readonly node: NodeId;
  readonly yieldMs: number;
  readonly ownLostSinceMonoMs: () => number | undefined;
  readonly say: (event: string, sentence: string) => void;
}

/** How often a leader that was drained in the moment of its takeover asks whether another can lead. */
const drainedAskMs = 1_000;

export class Yielding {
  readonly #o: YieldingPorts;
  readonly #words = new Map<NodeId, { readonly reachesVenue: boolean; readonly saidMonoMs: number }>();

  #askedMonoMs = Number.NEGATIVE_INFINITY;

  constructor(o: YieldingPorts) {
    this.#o = o;
  }

  heard(node: NodeId, word: StandbyWord): void {
    this.#words.set(node, { reachesVenue: word.reachesVenue, saidMonoMs: monoNow() });
  }

  /** Asked with every turn of the loop. */
  consider(): void {
    const { leadership, yieldMs, ownLostSinceMonoMs, say } = this.#o;
    const role = leadership.leading;
    if (role === undefined || role.hold !== undefined || !isEpochOpen(role)) return;
    if (this.#isDrained()) return this.#yieldToAnybody(role.epoch);
    const since = ownLostSinceMonoMs();
    const to = yieldTo({
      now: monoNow(),
      yieldMs,
      ownLostSinceMonoMs: since === undefined ? undefined : monoMs(since),
      standbys: role.known.record.members.flatMap(({ node }) => {
        const word = this.#words.get(node);
        return word === undefined
          ? []
          : [{ node, reachesVenue: word.reachesVenue, saidMonoMs: monoMs(word.saidMonoMs) }];
      }),
    });
    if (to === undefined) return;
    const operation = id<OperationId>(`yield-${role.epoch}-${Math.round(monoNow())}`);
    say("leadership.yields", `This node does not reach the venue and ${to} does.`);
    leadership.feed({ kind: "switchover", operation, to, reason: "yield" });
  }

  /** A takeover that was on its way when its node was drained may still have won. */
  #isDrained(): boolean {
    const standing = this.#o.leadership.state.view?.settings?.get(this.#o.node)?.value.standing;
    return standing !== undefined;
  }

  #yieldToAnybody(epoch: number): void {
    const now = monoNow();
    if (now - this.#askedMonoMs < drainedAskMs) return;
    this.#askedMonoMs = now;
    this.#o.say("leadership.yields", "This node is drained, and leads until another can.");
    const operation = id<OperationId>(`drained-${epoch}-${Math.round(now)}`);
    this.#o.leadership.feed({ kind: "switchover", operation, to: undefined, reason: "yield" });
  }
}
