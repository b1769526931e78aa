/**
 * One lease and the streams that keep it alive: every endpoint is asked at once, and what counts is the send time of the
 * latest request that was answered.
 */
import type { LeaseId, MonoMs } from "@baton/core";
import { monoNow } from "../clock.ts";
import type { Endpoint } from "../etcd/endpoint.ts";
import type { KeepaliveAnswer } from "./line.ts";
import { KeepaliveLine } from "./line.ts";

/**
 * One member's "unknown lease" proves nothing: it may not have applied the grant yet, or be a leader of etcd that was cut off
 * and knows none that was granted since. It counts when no member has renewed the lease for so long.
 */
const goneAfterMs = 1_000;

export class KeptLease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** etcd's raft term when it was granted: in a later one another member counts its time. */
  readonly term: bigint;
  readonly #lines: readonly KeepaliveLine[];
  #keptFrom: MonoMs;

  constructor(
    o: { readonly id: LeaseId; readonly ttlMs: number; readonly term: bigint; readonly askedMonoMs: MonoMs },
    endpoints: readonly Endpoint[],
    on: { readonly kept: () => void; readonly gone: () => void },
  ) {
    this.id = o.id;
    this.ttlMs = o.ttlMs;
    this.term = o.term;
    this.#keptFrom = o.askedMonoMs;
    const answered = (answer: KeepaliveAnswer): void => {
      if (answer.lease !== o.id) return;
      if (answer.ttlMs > 0) {
        // etcd may answer with less than it granted; never count on more than the smaller one.
        if (answer.ttlMs >= this.ttlMs && answer.sentMonoMs > this.#keptFrom) this.#keptFrom = answer.sentMonoMs;
        on.kept();
      } else if (monoNow() - this.#keptFrom >= goneAfterMs) on.gone();
    };
    this.#lines = endpoints.map((endpoint) => new KeepaliveLine(endpoint, answered));
  }

  /** Send time of the latest answered keepalive; the grant counts as one. */
  get keptFrom(): MonoMs {
    return this.#keptFrom;
  }

  /** One keepalive to every endpoint that has answered the last one, or had its time to. */
  ask(now: MonoMs, patienceMs: number): void {
    for (const line of this.#lines) line.ask(this.id, now, patienceMs);
  }

  /** Nothing is asked any more; the lease ends by itself. */
  close(): void {
    for (const line of this.#lines) line.close();
  }
}
