/**
 * Notices that the monotonic clock stood still (a suspended machine) or that the wall clock was set: between two looks
 * both must have advanced alike. Compared from look to look, so that slewing by NTP never adds up to a jump.
 */
import { monoNow } from "../clock.ts";

/** More than this between two looks is a jump. */
const clockJumpMs = 200;

interface Look {
  readonly mono: number;
  readonly wall: number;
}

/** A look at both clocks; taken again when the thread lost the processor in between. */
function lookAtBoth(): Look {
  for (let attempt = 1; ; attempt++) {
    const before = monoNow();
    const wall = Date.now();
    const after = monoNow();
    if (after - before < 5 || attempt === 5) return { mono: (before + after) / 2, wall };
  }
}

export class ClockJump {
  readonly #look: () => Look;
  #last: Look;

  constructor(look: () => Look = lookAtBoth) {
    this.#look = look;
    this.#last = look();
  }

  /** By how much the clocks drifted apart since the last call, ms with sign (wall − monotonic), if that is a jump. */
  sinceLast(): number | undefined {
    const now = this.#look();
    const apart = now.wall - this.#last.wall - (now.mono - this.#last.mono);
    this.#last = now;
    return Math.abs(apart) > clockJumpMs ? apart : undefined;
  }
}
