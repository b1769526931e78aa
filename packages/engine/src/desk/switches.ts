/**
 * Keeping the venues' dead man's switches: set before anything else when a term begins, again and again while it lasts,
 * with the permit of this term and no other; core says when one may have fired. A switch that cannot be set is told, since
 * its countdown goes on. Invariant I3.
 */
import type { MonoMs, SwitchWatch, VenueConfig, VenueId } from "@baton/core";
import { maySwitchHaveFired, switchEveryMs, switchSet } from "@baton/core";
import type { Venue } from "@baton/venues";
import { monoNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** A setting that failed is tried again soon, then less often, so that a refusing venue is not asked beyond its limits. */
const againMs = 100;

function againAfterMs(failures: number, timeoutMs: number): number {
  return Math.min(againMs * 2 ** Math.min(failures, 10), timeoutMs / 16);
}

type Armed = VenueConfig & { readonly deadMansSwitch: NonNullable<VenueConfig["deadMansSwitch"]> };

export class Switches {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #watches = new Map<VenueId, SwitchWatch>();
  #isDisarmed = false;

  constructor(context: DeskContext, term: Term) {
    this.#context = context;
    this.#term = term;
  }

  /** The epoch's opening is committed: the first thing that leaves for a venue is this. */
  begin(): void {
    for (const config of this.#armed()) void this.#keep(config);
  }

  /** True when a cancel at this venue that nobody asked for may be its switch's. */
  mayHaveFired(venue: VenueId): boolean {
    const config = this.#armed().find((each) => each.id === venue);
    if (config === undefined) return false;
    return maySwitchHaveFired(this.#watches.get(venue) ?? {}, monoNow(), config.deadMansSwitch.timeoutMs);
  }

  /** This node stops in order and nobody takes over: what is armed on lead only is taken back. */
  async disarm(): Promise<void> {
    this.#isDisarmed = true;
    const onLead = this.#armed().filter((config) => config.deadMansSwitch.policy === "arm-on-lead");
    await Promise.all(onLead.map((config) => this.#set(config, 0)));
  }

  #armed(): readonly Armed[] {
    return this.#context.config.venues.filter(
      (venue): venue is Armed => venue.deadMansSwitch !== undefined && venue.deadMansSwitch.policy !== "none",
    );
  }

  async #keep(config: Armed): Promise<void> {
    const { timeoutMs } = config.deadMansSwitch;
    const sinceMono = monoNow();
    let isTold = false;
    let failures = 0;
    while (!this.#term.isOver && !this.#isDisarmed) {
      const sentMono = monoNow();
      if (await this.#set(config, timeoutMs)) {
        this.#watches.set(config.id, switchSet(this.#watches.get(config.id) ?? {}, sentMono, monoNow(), timeoutMs));
        isTold = false;
        failures = 0;
        await pause(switchEveryMs(timeoutMs));
        continue;
      }
      const lastMono: MonoMs = this.#watches.get(config.id)?.setMonoMs ?? sinceMono;
      if (!isTold && monoNow() - lastMono > timeoutMs / 2) {
        isTold = true;
        const sentence = `The dead man's switch of ${config.id} has not been set for ${Math.round(monoNow() - lastMono)} ms; it cancels after ${timeoutMs} ms.`;
        this.#context.warn("switch.not-set", sentence, { venue: config.id });
      }
      await pause(againAfterMs(failures, timeoutMs));
      failures += 1;
    }
  }

  /** False when it was not set, as far as is known. */
  async #set(config: Armed, timeoutMs: number): Promise<boolean> {
    const venue: Venue | undefined = this.#context.venues.get(config.id);
    const permit = this.#context.permits.current(monoNow());
    if (venue?.setSwitch === undefined || permit?.epoch !== this.#term.epoch) return false;
    return await venue.setSwitch(timeoutMs, permit);
  }
}
