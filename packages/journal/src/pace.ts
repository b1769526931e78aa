/**
 * When the next frame is sealed. One that finds no frame at the writer leaves at the end of the turn; while one is there,
 * events gather until it is durable, and full frames go up to a bound. Small frames that follow closely on each other
 * cost a wake-up of three threads each, which market data has to wait for; so when the last frame had company in it, the
 * next one waits for a little more of it (decision 8). Who has one intent at a time never waits.
 */
import type { JournalLimits } from "./options.ts";

/** A frame of so many events is worth its cost at once. */
const worthwhileEvents = 8;

/** What the pace is kept by. */
export interface PaceParts {
  readonly limits: Pick<JournalLimits, "framesInFlightMax" | "gatherMs">;
  readonly queue: { readonly length: number; readonly isFull: boolean };
  readonly inFlight: { readonly count: number };
  /** Seals one frame of what is queued. */
  readonly seal: () => void;
}

export class FramePace {
  readonly #o: PaceParts;
  #turn: NodeJS.Immediate | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #lastEvents = 0;
  #lastMs = 0;

  constructor(o: PaceParts) {
    this.#o = o;
  }

  /** Something was queued: what may leave is sealed at the end of this turn of the loop. */
  queued(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.go();
    });
  }

  /** Seals what may leave now; called again when frames have become durable. */
  go(): void {
    const { limits, queue, inFlight, seal } = this.#o;
    while (queue.length > 0) {
      const isFree = inFlight.count === 0 || (queue.isFull && inFlight.count < limits.framesInFlightMax);
      if (!isFree) return;
      const waitMs = this.#gathersFor();
      if (waitMs > 0) {
        this.#gathering ??= setTimeout(() => {
          this.#gathering = undefined;
          this.go();
        }, waitMs);
        return;
      }
      this.#lastEvents = queue.length;
      this.#lastMs = performance.now();
      seal();
    }
  }

  stop(): void {
    clearImmediate(this.#turn);
    clearTimeout(this.#gathering);
  }

  #gathersFor(): number {
    const { limits, queue } = this.#o;
    if (this.#lastEvents < 2 || queue.length >= worthwhileEvents) return 0;
    return this.#lastMs + limits.gatherMs - performance.now();
  }
}
