/**
 * The exchange's clocks. Its wall clock is the machine's plus a skew that a fault can set, so that clients can be shown
 * a venue whose time is not theirs; the monotonic clock is the machine's and never lies, because the audit is compared
 * with other processes by it.
 */
import { monoMs, wallMs, type MonoMs, type WallMs } from "@baton/core";

/** Reads both clocks. */
export class ExchangeClock {
  /** Added to the wall clock that clients see. */
  #skewMs = 0;
  #driftPpm = 0;
  #driftsSinceMonoMs = 0;

  /** Sets the venue's time apart: `skewMs` ahead now, and `driftPpm` millionths faster from now on. */
  lie(skewMs: number, driftPpm: number): void {
    this.#skewMs = skewMs;
    this.#driftPpm = driftPpm;
    this.#driftsSinceMonoMs = this.mono();
  }

  mono(): MonoMs {
    return monoMs(Number(process.hrtime.bigint()) / 1e6);
  }

  /** The machine's wall clock, for the audit. */
  wall(): WallMs {
    return wallMs(Date.now());
  }

  /** The time that the exchange tells and checks signatures by. */
  server(): number {
    const drift = this.#driftPpm === 0 ? 0 : ((this.mono() - this.#driftsSinceMonoMs) * this.#driftPpm) / 1e6;
    return Date.now() + this.#skewMs + Math.round(drift);
  }
}
