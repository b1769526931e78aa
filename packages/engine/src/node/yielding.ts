/**
 * Yielding at work: what the standbys say of their way to the venue, several times a second over the link, and the
 * handover when this leader has lost its own. Whether and to whom is decided in `core/succession/yield.ts`.
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
  readonly yieldMs: number;
  readonly ownLostSinceMonoMs: () => number | undefined;
  readonly say: (event: string, sentence: string) => void;
}

export class Yielding {
  readonly #o: YieldingPorts;
  readonly #words = new Map<NodeId, { readonly reachesVenue: boolean; readonly saidMonoMs: number }>();

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
}
