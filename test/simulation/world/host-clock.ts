/**
 * The two clocks of one machine, as functions of true time: the monotonic one runs at its own rate and stands still while
 * the machine is suspended, the wall clock is offset, can be set, and stands still only when the whole virtual machine is
 * stopped. Everything a process knows of time comes from here.
 */
import { monoMs, wallMs } from "@baton/core";
import type { MonoMs, WallMs } from "@baton/core";
import type { Agenda } from "./agenda.ts";

/** Wall time of the world's beginning, so that records look like records. */
export const worldBeganWallMs = 1_760_000_000_000;

export class HostClock {
  readonly #agenda: Agenda;
  #since = 0;
  #mono: number;
  #rate: number;
  #wallOffset: number;
  readonly #wallOffsetAtFirst: number;
  #stopped: { readonly at: number; readonly wallToo: boolean } | undefined;
  /** Stops add up; how the first one stopped it is how it stands. */
  #stops = 0;

  constructor(agenda: Agenda, o: { readonly monoMs: number; readonly rate: number; readonly wallOffsetMs: number }) {
    this.#agenda = agenda;
    this.#mono = o.monoMs;
    this.#rate = o.rate;
    this.#wallOffset = o.wallOffsetMs;
    this.#wallOffsetAtFirst = Math.max(-100, Math.min(100, o.wallOffsetMs));
  }

  mono(): MonoMs {
    return monoMs(this.#monoAt());
  }

  wall(): WallMs {
    const stopped = this.#stopped;
    const now = stopped?.wallToo === true ? stopped.at : this.#agenda.now;
    return wallMs(Math.floor(worldBeganWallMs + now + this.#wallOffset));
  }

  /** How far the wall clock is from true time. */
  get wallOffsetMs(): number {
    return this.#wallOffset;
  }

  /** The true time at which the monotonic clock will show `mono`, if nothing happens to it. */
  trueAt(mono: number): number {
    return this.#agenda.now + Math.max(0, mono - this.#monoAt()) / this.#rate;
  }

  setRate(rate: number): void {
    this.#rebase();
    this.#rate = rate;
  }

  /** Somebody sets the wall clock. */
  stepWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Time service puts the wall clock right. */
  correct(): void {
    this.#wallOffset = this.#wallOffsetAtFirst;
  }

  /** The machine is suspended; `wallToo`: it is a virtual machine, and all its clocks stop. */
  stop(wallToo: boolean): void {
    this.#stops += 1;
    if (this.#stopped !== undefined) return;
    this.#rebase();
    this.#stopped = { at: this.#agenda.now, wallToo };
  }

  go(): void {
    if (this.#stopped === undefined) return;
    this.#stops -= 1;
    if (this.#stops > 0) return;
    if (this.#stopped.wallToo) this.#wallOffset -= this.#agenda.now - this.#stopped.at;
    this.#stopped = undefined;
    this.#since = this.#agenda.now;
  }

  #monoAt(): number {
    if (this.#stopped !== undefined) return this.#mono;
    return this.#mono + (this.#agenda.now - this.#since) * this.#rate;
  }

  #rebase(): void {
    this.#mono = this.#monoAt();
    this.#since = this.#agenda.now;
  }
}
