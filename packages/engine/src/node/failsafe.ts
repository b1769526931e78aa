/**
 * etcd away, at work: when half of what the lease leaves has gone by without a renewal, the leader asks its peers to
 * promise (`leadership.failsafe`), and cancels what is open or leaves it (`onQuorumLoss`). As a peer it keeps what it
 * promised on its disk before it says so, because a promise has to outlive the process that gave it. What a promise is
 * worth is decided in `core/succession/failsafe.ts`.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BootId, Config, Epoch, JournalId, NodeId } from "@baton/core";
import { isEpochOpen, isQuorumLossDue } from "@baton/core";
import type { Keeper } from "@baton/cluster";
import { monoNow } from "../clock.ts";
import type { FailsafeEffect, Leadership } from "../leadership.ts";
import { writeDurably } from "./durable-file.ts";

export interface FailsafePorts {
  readonly config: Config;
  readonly boot: BootId;
  readonly journal: JournalId;
  readonly keeper: Keeper;
  readonly leadership: Leadership;
  readonly request: (to: NodeId, payload: unknown, withinMs: number) => Promise<unknown>;
  /** Takes every open order back while it is still allowed; false: not now. */
  readonly cancelOpen: () => boolean;
  readonly say: (event: string, sentence: string) => void;
}

/** What a leader asks over the link, and what it is answered. */
interface PromiseAsked {
  readonly failsafe: "promise";
  readonly epoch: Epoch;
  readonly boot: BootId;
  readonly token: number;
  readonly forMs: number;
}

type PromiseAnswer = { readonly journal: JournalId } | { readonly why: string };

const fileName = "failsafe.promise";
const answerWithinMs = 1_000;

/** How long an earlier boot of this node promised to leave the epoch alone: the whole time starts anew. */
export function promisedBefore(config: Config): number | undefined {
  const file = join(config.node.dataDir, fileName);
  if (!existsSync(file)) return undefined;
  const forMs = Number(readFileSync(file, "utf8"));
  // A torn file still says that something was promised.
  return Number.isFinite(forMs) && forMs > 0 ? forMs : promiseMs(config);
}

function promiseMs(config: Config): number {
  return config.leadership.leaseTtlSeconds * 2_000;
}

export class Failsafe {
  readonly #o: FailsafePorts;
  readonly #waiting = new Map<string, (answer: PromiseAnswer) => void>();
  #askedMono = Number.NEGATIVE_INFINITY;
  #isLossHandled = false;
  /** End of the promise whose file is gone. */
  #forgotten: number | undefined;

  constructor(o: FailsafePorts) {
    this.#o = o;
  }

  /** Asked with every turn of the loop. */
  consider(): void {
    const { leadership, keeper, config } = this.#o;
    this.#forgetPast();
    const role = leadership.leading;
    const deadline = keeper.deadline();
    if (role === undefined || !isEpochOpen(role) || deadline === 0) {
      this.#isLossHandled = false;
      return;
    }
    const now = monoNow();
    const fullMs = keeper.ttlMs - config.leadership.marginMs;
    if (config.leadership.failsafe === "on" && deadline - now < fullMs * 0.6 && now - this.#askedMono > fullMs / 6) {
      this.#askedMono = now;
      leadership.feed({ kind: "ask-promises", forMs: promiseMs(config) });
    }
    const isDue = isQuorumLossDue({ leftMs: deadline - now, fullMs });
    if (!isDue) this.#isLossHandled = false;
    else if (!this.#isLossHandled && config.leadership.onQuorumLoss === "cancel" && this.#o.cancelOpen()) {
      this.#isLossHandled = true;
      this.#o.say("etcd.lost", "etcd has been away for half of what the lease leaves: open orders are cancelled.");
    }
  }

  execute(effect: FailsafeEffect): void {
    switch (effect.kind) {
      case "request-promises":
        for (const to of effect.to) void this.#ask(to, effect);
        return;
      case "persist-promise": {
        const file = join(this.#o.config.node.dataDir, fileName);
        writeDurably(file, `${effect.forMs}`);
        return this.#answer(effect, { journal: this.#o.journal });
      }
      case "answer-promise":
        return this.#answer(effect, { why: effect.why });
      case "extend":
        this.#o.keeper.extend(effect.epoch, effect);
        return this.#o.say(
          "leadership.extended",
          `etcd is away; the deadline of epoch ${effect.epoch} rests on promises.`,
        );
    }
  }

  /** A peer's question, if the payload is one; undefined for everything else. */
  answer(from: NodeId, payload: unknown): Promise<unknown> | undefined {
    const asked = payload as Partial<PromiseAsked> | null;
    if (asked?.failsafe !== "promise") return undefined;
    const { epoch, boot, token, forMs } = asked as PromiseAsked;
    return new Promise((resolve) => {
      this.#waiting.set(`${from} ${token}`, resolve);
      this.#o.leadership.feed({ kind: "promise-asked", from, boot, epoch, token, forMs });
    });
  }

  async #ask(to: NodeId, effect: Extract<FailsafeEffect, { kind: "request-promises" }>): Promise<void> {
    const { boot, leadership, request, say } = this.#o;
    const { epoch, token, forMs } = effect;
    const asked: PromiseAsked = { failsafe: "promise", epoch, boot, token, forMs };
    let answer: PromiseAnswer;
    try {
      answer = (await request(to, asked, answerWithinMs)) as PromiseAnswer;
    } catch (error) {
      // A silent peer is no promise: the deadline stays where it is.
      say("failsafe.unanswered", `${to} does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    // What goes wrong from here on is our own fault, and ends the process.
    if ("journal" in answer) leadership.feed({ kind: "promise", node: to, journal: answer.journal, token });
    else say("failsafe.refused", `${to} promises nothing: ${answer.why}.`);
  }

  #answer(effect: { readonly to: NodeId; readonly token: number }, answer: PromiseAnswer): void {
    const key = `${effect.to} ${effect.token}`;
    this.#waiting.get(key)?.(answer);
    this.#waiting.delete(key);
  }

  /** A promise that has ended is no promise for the next boot either. */
  #forgetPast(): void {
    const until = this.#o.leadership.state.promisedUntilMonoMs;
    if (until === undefined || monoNow() < until || this.#forgotten === until) return;
    this.#forgotten = until;
    rmSync(join(this.#o.config.node.dataDir, fileName), { force: true });
  }
}
