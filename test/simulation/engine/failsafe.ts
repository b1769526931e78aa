/**
 * etcd away, at work: when a good part of what the lease leaves has gone by without a renewal, the leader asks its peers to
 * promise; a peer puts its promise on its disk before it says so. What a promise is worth is core's to decide.
 */
import { isEpochOpen } from "@baton/core";
import type { NodeId, SuccessionEffect } from "@baton/core";
import type { Boot } from "./boot.ts";
import type { ServedLink } from "./leader-side.ts";
import type { ToLeader } from "./messages.ts";
import type { Running } from "./running.ts";

type Asked = Extract<ToLeader, { kind: "ask-promise" }>;

export type FailsafeEffect = Extract<
  SuccessionEffect,
  { readonly kind: "request-promises" | "persist-promise" | "answer-promise" | "extend" }
>;

export class Failsafe {
  readonly #boot: Boot;
  readonly #running: Running;
  readonly #waiting = new Map<string, ServedLink>();
  #askedMono = Number.NEGATIVE_INFINITY;
  #forgotten: number | undefined;

  constructor(boot: Boot, running: Running) {
    this.#boot = boot;
    this.#running = running;
  }

  /** Asked with every turn of the loop. */
  consider(): void {
    const { settings, keeper, main, disk } = this.#boot;
    const { leadership } = this.#running;
    const now = main.clock.mono();
    const until = leadership.state.promisedUntilMonoMs;
    if (until !== undefined && now >= until && this.#forgotten !== until) {
      this.#forgotten = until;
      this.#boot.world.watch.note("promise ended");
      disk.content.promisedForMs = undefined;
    }
    const role = leadership.leading;
    if (!settings.failsafe || role === undefined || !isEpochOpen(role) || keeper.deadline === 0) return;
    const fullMs = settings.timing.ttlMs - settings.timing.marginMs;
    if (keeper.deadline - now >= fullMs * 0.6 || now - this.#askedMono <= fullMs / 6) return;
    this.#askedMono = now;
    leadership.feed({ kind: "ask-promises", forMs: 2 * settings.timing.ttlMs });
  }

  execute(effect: FailsafeEffect): void {
    const { boot, world, keeper, disk } = this.#boot;
    const { links, writer } = this.#running;
    switch (effect.kind) {
      case "request-promises": {
        const { epoch, token, forMs } = effect;
        world.watch.promisesAsked(this.#boot, token);
        for (const to of effect.to) links.toLeader(to, { kind: "ask-promise", epoch, boot, token, forMs });
        return;
      }
      case "persist-promise": {
        const answer = { kind: "promise-answer", token: effect.token, journal: disk.content.journal } as const;
        if (this.#boot.bent.is("promise-forgotten")) return this.#answer(effect, answer);
        writer.post({ kind: "promise", forMs: effect.forMs }, () => {
          world.watch.note("promised");
          this.#answer(effect, answer);
        });
        return;
      }
      case "answer-promise":
        world.watch.note("promise refused");
        return this.#answer(effect, { kind: "promise-answer", token: effect.token, why: effect.why });
      case "extend":
        world.watch.extended(this.#boot, effect.untilMonoMs);
        return keeper.extend(effect.epoch, effect);
    }
  }

  /** The peer: its leader asks. */
  asked(link: ServedLink, message: Asked): void {
    const { epoch, boot, token, forMs } = message;
    this.#waiting.set(`${link.node} ${token}`, link);
    this.#running.leadership.feed({ kind: "promise-asked", from: link.node, boot, epoch, token, forMs });
  }

  #answer(to: { readonly to: NodeId; readonly token: number }, answer: Parameters<ServedLink["send"]>[0]): void {
    const key = `${to.to} ${to.token}`;
    this.#waiting.get(key)?.send(answer);
    this.#waiting.delete(key);
  }
}
