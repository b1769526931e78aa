/**
 * Keeping the venues' dead man's switches: set before anything else when a term begins, again and again while it lasts,
 * with the permit of this term and no other; core says when one may have fired. A switch that cannot be set is told, since
 * its countdown goes on; before planned maintenance it is taken back, or it would fire when the venue resumes. Invariant I3.
 */
import type { MonoMs, SwitchWatch, VenueConfig, VenueId } from "@baton/core";
import { maySwitchHaveFired, switchEveryMs, switchPlan, switchSet } from "@baton/core";
import type { Venue } from "@baton/venues";
import { monoNow, wallNow } from "../clock.ts";
import type { DeskContext } from "./desk-context.ts";
import { pause } from "./pause.ts";
import type { Term } from "./term.ts";

/** A setting that failed is tried again soon, then less often, so that a refusing venue is not asked beyond its limits. */
const againMs = 100;

/** How often it is looked whether the term is over, while nothing else is due. */
const lookEveryMs = 1_000;

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
      const plan = switchPlan(config.maintenance ?? [], wallNow());
      const changesInMs = (plan.changesAtWallMs ?? Number.POSITIVE_INFINITY) - wallNow();
      if (plan.isOff) {
        await this.#standDown(config, changesInMs);
        continue;
      }
      const sentMono = monoNow();
      if (await this.#set(config, timeoutMs)) {
        this.#watches.set(config.id, switchSet(this.#watches.get(config.id) ?? {}, sentMono, monoNow(), timeoutMs));
        isTold = false;
        failures = 0;
        await pause(Math.max(0, Math.min(switchEveryMs(timeoutMs), changesInMs)));
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

  /**
   * Planned maintenance is near, or goes on: the switch is off until it is over. What is cancelled meanwhile may well be the
   * venue's own doing, so it is understood as that.
   */
  async #standDown(config: Armed, forMs: number): Promise<void> {
    const { id, deadMansSwitch } = config;
    const endMono = monoNow() + forMs;
    let isTold = false;
    for (let failures = 0; !this.#term.isOver && !this.#isDisarmed && monoNow() < endMono; failures += 1) {
      if (await this.#set(config, 0)) {
        this.#watches.delete(id);
        this.#context.say("switch.off", `The dead man's switch of ${id} is off for planned maintenance.`);
        while (!this.#term.isOver && !this.#isDisarmed && monoNow() < endMono) {
          await pause(Math.min(lookEveryMs, endMono - monoNow()));
        }
        return;
      }
      if (!isTold && failures >= 3) {
        isTold = true;
        const sentence = `The dead man's switch of ${id} cannot be taken back before planned maintenance; it may cancel every order when the venue comes back.`;
        this.#context.warn("switch.not-off", sentence, { venue: id });
      }
      await pause(againAfterMs(failures, deadMansSwitch.timeoutMs));
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
