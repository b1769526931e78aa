/**
 * A process (or a thread of one): it acts only while it lives and is not stopped. What comes while it is stopped waits,
 * and happens all at once when it goes on, in the order in which it came; what comes after its end never happens.
 */
import type { Agenda } from "./agenda.ts";
import type { HostClock } from "./host-clock.ts";

export class Process {
  readonly clock: HostClock;
  readonly #agenda: Agenda;
  readonly #onCrash: (error: unknown) => void;
  #isAlive = true;
  #stops = 0;
  #waiting: (() => void)[] = [];

  /** `onCrash`: something in it threw. */
  constructor(agenda: Agenda, clock: HostClock, onCrash: (error: unknown) => void) {
    this.#agenda = agenda;
    this.clock = clock;
    this.#onCrash = onCrash;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isStopped(): boolean {
    return this.#stops > 0;
  }

  /** Lets the process do something: now, when it goes on, or never. */
  run(act: () => void): void {
    if (!this.#isAlive) return;
    if (this.#stops > 0) {
      this.#waiting.push(act);
      return;
    }
    try {
      act();
    } catch (error) {
      this.#onCrash(error);
    }
  }

  /** After `ms` of this machine's monotonic clock. Answers how to take it back. */
  after(ms: number, act: () => void): () => void {
    const timer = { isOff: false };
    const dueMono = this.clock.mono() + Math.max(0, ms);
    const look = (): void => {
      if (timer.isOff || !this.#isAlive) return;
      // The clock was stopped or slowed meanwhile.
      if (this.clock.mono() < dueMono - 1e-6) {
        this.#agenda.at(Math.max(this.clock.trueAt(dueMono), this.#agenda.now + 0.01), () => this.run(look));
        return;
      }
      timer.isOff = true;
      act();
    };
    this.#agenda.at(this.clock.trueAt(dueMono), () => this.run(look));
    return () => {
      timer.isOff = true;
    };
  }

  /** Every `ms`, until the process ends or it is taken back. A stopped process misses beats, it does not make up for them. */
  every(ms: number, act: () => void): () => void {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = this.after(ms, () => {
        again();
        act();
      });
    };
    again();
    return () => cancel();
  }

  /** SIGSTOP and the like; stops add up. */
  stop(): void {
    this.#stops += 1;
  }

  go(): void {
    if (this.#stops === 0) return;
    this.#stops -= 1;
    if (this.#stops > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) this.run(act);
  }

  /** Nothing of it happens any more. */
  end(): void {
    this.#isAlive = false;
    this.#waiting = [];
  }
}
