/** The venue's clock as a node knows it, laid over the monotonic one: the best sample, and how far it may be off by now. */
import { wallMs } from "@baton/core";
import type { WallMs } from "@baton/core";
import type { HostClock } from "../world/host-clock.ts";

const driftPpm = 500;
const samplesKept = 8;
const aheadMs = 100;

interface Sample {
  readonly takenMono: number;
  readonly skewMs: number;
  readonly halfTripMs: number;
}

export class VenueClock {
  readonly #clock: HostClock;
  readonly #onAhead: (ms: number) => void;
  #samples: readonly Sample[] = [];

  constructor(clock: HostClock, onAhead: (ms: number) => void) {
    this.#clock = clock;
    this.#onAhead = onAhead;
  }

  observe(sentMono: number, answeredMono: number, venueTimeMs: number): void {
    const middle = (sentMono + answeredMono) / 2;
    const fresh: Sample = {
      takenMono: answeredMono,
      skewMs: venueTimeMs + 0.5 - middle,
      halfTripMs: (answeredMono - sentMono) / 2,
    };
    const freshErrorMs = errorAt(fresh, answeredMono);
    const ahead = Math.max(
      ...this.#samples.map((old) => fresh.skewMs - freshErrorMs - old.skewMs - errorAt(old, answeredMono)),
    );
    if (ahead > aheadMs) this.#onAhead(ahead);
    const agreeing = this.#samples.filter(
      (old) => Math.abs(old.skewMs - fresh.skewMs) <= errorAt(old, answeredMono) + errorAt(fresh, answeredMono),
    );
    this.#samples = [...agreeing.slice(1 - samplesKept), fresh];
  }

  now(): { readonly venueWallMs: WallMs; readonly errorMs: number } | undefined {
    const mono = this.#clock.mono();
    let best: { readonly skewMs: number; readonly errorMs: number } | undefined;
    for (const sample of this.#samples) {
      const errorMs = errorAt(sample, mono);
      if (best === undefined || errorMs < best.errorMs) best = { skewMs: sample.skewMs, errorMs };
    }
    return best === undefined ? undefined : { venueWallMs: wallMs(mono + best.skewMs), errorMs: best.errorMs };
  }

  /** How far this machine's wall clock may be from the venue's; undefined until known. */
  offBy(): number | undefined {
    const now = this.now();
    return now === undefined ? undefined : Math.abs(now.venueWallMs - this.#clock.wall()) + now.errorMs;
  }
}

function errorAt(sample: Sample, mono: number): number {
  return sample.halfTripMs + 0.5 + ((mono - sample.takenMono) * driftPpm) / 1e6;
}
