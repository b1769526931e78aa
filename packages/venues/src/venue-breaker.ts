/**
 * Whether the way to the venue is well enough for new risk. It opens on transport failures, 5xx and throttling, never on
 * definite rejects, which are the work of a healthy venue. While it is open, placements are refused at once (nothing was
 * sent) and cancels, queries and recovery pass; it closes again only by a probe that the venue answered.
 */
import { CircuitState, SamplingBreaker } from "cockatiel";
import type { BreakerState } from "@baton/core";

/** How one request went, for the breaker. */
export type Health = "well" | "ill";

export class VenueBreaker {
  // Cockatiel's sampler, not its policy: the policy counts its open time on the wall clock, which may be set back.
  #sampler = newSampler();
  readonly #probe: () => Promise<Health>;
  readonly #probeEveryMs: number;
  #state: BreakerState = "closed";
  readonly #onChange: (state: BreakerState) => void;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: {
    readonly probe: () => Promise<Health>;
    readonly probeEveryMs: number;
    readonly onChange: (state: BreakerState) => void;
  }) {
    this.#probe = options.probe;
    this.#probeEveryMs = options.probeEveryMs;
    this.#onChange = options.onChange;
  }

  state(): BreakerState {
    return this.#state;
  }

  /** Counts a finished request. While open nothing counts but the probe. */
  note(health: Health): void {
    if (this.#state !== "closed") return;
    if (health === "well") this.#sampler.success(CircuitState.Closed);
    else if (this.#sampler.failure(CircuitState.Closed)) {
      this.#change("open");
      this.#probeLater();
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #probeLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#tryAgain(), this.#probeEveryMs);
  }

  async #tryAgain(): Promise<void> {
    this.#change("probing");
    const health = await this.#probe();
    if (this.#isClosed) return;
    if (health === "well") {
      this.#sampler = newSampler();
      this.#change("closed");
    } else {
      this.#change("open");
      this.#probeLater();
    }
  }

  #change(state: BreakerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange(state);
  }
}

/** Opens when more than half of at least five requests within five seconds went ill. */
function newSampler(): SamplingBreaker {
  return new SamplingBreaker({ threshold: 0.5, duration: 5_000, minimumRps: 1 });
}
