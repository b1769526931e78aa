/**
 * Reads of a leader that wait until core's `isReadable` says yes, as the engine's do; the question that they wait for leaves
 * with the next heartbeat. A read is only a look at what is committed here: it changes nothing in the world.
 */
import { isReadable, readableWithinMs } from "@baton/core";
import type { Boot } from "./boot.ts";
import type { LeaderSide } from "./leader-side.ts";
import type { SimLeadership } from "./leadership.ts";

interface Reader {
  readonly round: number;
  readonly untilMono: number;
  readonly settle: (isReadable: boolean) => void;
}

export class SimReads {
  readonly #boot: Boot;
  readonly #parts: { readonly leadership: SimLeadership; readonly leaderSide: LeaderSide };
  #readers: Reader[] = [];

  constructor(boot: Boot, parts: { readonly leadership: SimLeadership; readonly leaderSide: LeaderSide }) {
    this.#boot = boot;
    this.#parts = parts;
  }

  /** `settle(true)`, once, when what is committed here may be told; `settle(false)` when that does not come about. */
  read(settle: (isReadable: boolean) => void): void {
    const { leadership, leaderSide } = this.#parts;
    if (leadership.leading === undefined) return settle(false);
    const untilMono = this.#boot.main.clock.mono() + readableWithinMs;
    this.#readers.push({ round: leaderSide.ask(), untilMono, settle });
    this.look();
  }

  look(): void {
    const { main, keeper, bent } = this.#boot;
    const now = main.clock.mono();
    const deadlineMonoMs = keeper.deadline;
    const { state } = this.#parts.leadership;
    for (const reader of this.#readers.splice(0)) {
      const round = bent.is("read-unasked") ? 0 : reader.round;
      if (isReadable(state, { round, deadlineMonoMs }, now)) reader.settle(true);
      else if (now >= reader.untilMono) reader.settle(false);
      else this.#readers.push(reader);
    }
  }

  /** The term is over here. */
  end(): void {
    for (const { settle } of this.#readers.splice(0)) settle(false);
  }
}
