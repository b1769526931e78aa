/**
 * Yielding at work: what the standbys say of their way to the venue, several times a second over the link, and the
 * handover when this leader has lost its own, or was drained in the very moment of its takeover. Whether and to whom is decided in `core/succession/yield.ts`.
 */
import type { LeaderRole, MonoMs, NodeId, OperationId, StandbySight, VenueId } from "@baton/core";
import { id, isEpochOpen, monoMs, sightOf, yieldTo } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { Leadership } from "../leadership.ts";
import type { TradingWord } from "./leaders-word.ts";

/** What a node says of itself over the link, to every other. */
export interface NodeWord {
  readonly reachesVenue: boolean;
  /** So long ago it asked what every venue has answered since; absent in the word of an older build. */
  readonly reachedAgoMs?: number | undefined;
  /** It has fresh prices of every venue; absent in the word of an older build. */
  readonly seesMarket?: boolean;
  /** It is stopping and wants to be taken out of the set. */
  readonly isLeaving?: boolean;
  /** It leads, and whether anyone may trade; absent in the word of an older build. */
  readonly trading?: TradingWord;
}

export interface YieldingPorts {
  readonly leadership: Pick<Leadership, "leading" | "state" | "feed">;
  readonly node: NodeId;
  readonly yieldMs: number;
  readonly ownLostSinceMonoMs: () => number | undefined;
  /** A venue of which this node has no fresh price, whatever its feeds carry; undefined while there is none. */
  readonly unseen: () => VenueId | undefined;
  /** Whether a node could be handed the leadership now. */
  readonly isFit: (role: LeaderRole, node: NodeId) => boolean;
  readonly say: (event: string, sentence: string) => void;
}

/** How often a leader that was drained in the moment of its takeover asks whether another can lead. */
const drainedAskMs = 1_000;

export class Yielding {
  readonly #o: YieldingPorts;
  readonly #words = new Map<NodeId, StandbySight>();
  /** Since when this leader has been seen without prices. */
  #blindSinceMonoMs: MonoMs | undefined;

  #askedMonoMs = Number.NEGATIVE_INFINITY;

  constructor(o: YieldingPorts) {
    this.#o = o;
  }

  heard(node: NodeId, word: NodeWord): void {
    const { reachesVenue, reachedAgoMs, seesMarket = false } = word;
    const said = { node, reachesVenue, reachedAgoMs, seesMarket };
    this.#words.set(node, sightOf(this.#words.get(node), said, monoNow()));
  }

  /** Asked with every turn of the loop. */
  consider(): void {
    const { leadership, yieldMs, ownLostSinceMonoMs, unseen, say } = this.#o;
    const role = leadership.leading;
    if (role === undefined || role.hold !== undefined || !isEpochOpen(role)) {
      this.#blindSinceMonoMs = undefined;
      return;
    }
    if (this.#isDrained()) return this.#yieldToAnybody(role.epoch);
    const now = monoNow();
    const dark = unseen();
    this.#blindSinceMonoMs = dark === undefined ? undefined : (this.#blindSinceMonoMs ?? now);
    const since = ownLostSinceMonoMs();
    const choice = yieldTo({
      now,
      yieldMs,
      ownLostSinceMonoMs: since === undefined ? undefined : monoMs(since),
      ownBlindSinceMonoMs: this.#blindSinceMonoMs,
      standbys: role.known.record.members.flatMap(({ node }) => this.#words.get(node) ?? []),
      isFit: (node) => this.#o.isFit(role, node),
    });
    if (choice === undefined) return;
    const { to, lacks } = choice;
    // One that comes to nothing holds trading for a moment, and without prices this leader can still take orders back: so the
    // next is asked for when it has been blind for as long again.
    if (lacks === "market") this.#blindSinceMonoMs = now;
    const operation = id<OperationId>(`yield-${role.epoch}-${Math.round(now)}`);
    const why = lacks === "venue" ? "does not reach the venue" : `has no fresh price of ${dark ?? "the venue"}`;
    say("leadership.yields", `This node ${why} and ${to} ${lacks === "venue" ? "does" : "has"}.`);
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
