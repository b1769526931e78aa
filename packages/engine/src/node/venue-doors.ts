/**
 * Connections to venues, on every node from its start, so that a takeover finds them warm. A venue that does not answer is
 * tried again until it does; meanwhile the node says so. Each second one signed read with the node's own key tells whether
 * this node reaches the venue, which decides whether leadership is yielded.
 */
import type {
  Config,
  ExchangeId,
  PermitSource,
  PlaceOutcome,
  VenueConfig,
  VenueFacts,
  VenueId,
  VenueLimits,
} from "@baton/core";
import { limitsFrom, venueProfiles } from "@baton/core";
import type { RequestTelemetry, Venue, VenueOptions } from "@baton/venues";
import { openVenue, VenueSetupError } from "@baton/venues";
import { monoNow, systemClock } from "../clock.ts";
import { readSecret } from "../config/secrets.ts";

const retryMs = 500;
const reachEveryMs = 1_000;
/** After a read that failed the next one comes sooner. */
const reachAgainMs = 200;
/** Reads in a row that must fail before the session counts as lost: one may just have been unlucky. */
const missesMin = 2;

export interface VenueEvents {
  readonly permits: PermitSource;
  /** Asked at the socket for a new order. */
  readonly isKilled: (order: { readonly clientOrderId: string }) => boolean;
  readonly onLateAnswer: (clientOrderId: string, outcome: PlaceOutcome) => void;
  readonly onTelemetry: (venue: VenueId, request: RequestTelemetry) => void;
  /** The venue's time is further than our clock says: see `VenueOptions.onClockAhead`. */
  readonly onClockAhead: (venue: VenueId, ms: number) => void;
  /** It answers after it had not: what else waits for it need not wait longer. */
  readonly onReached: (venue: VenueId) => void;
  readonly say: (event: string, sentence: string) => void;
  /** This machine does not fit the venue: the node must not run. */
  readonly refuse: (why: string) => void;
}

export class VenueDoors {
  readonly #open = new Map<VenueId, Venue>();
  readonly #events: VenueEvents;
  readonly #misses = new Map<VenueId, number>();
  readonly #lostSince = new Map<VenueId, number>();
  /** When each venue was asked what it answered last. */
  readonly #reachedMono = new Map<VenueId, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #config: Config;
  #isClosed = false;

  constructor(config: Config, events: VenueEvents) {
    this.#config = config;
    this.#events = events;
    for (const venue of config.venues) void this.#connect(venue);
  }

  get venues(): ReadonlyMap<VenueId, Venue> {
    return this.#open;
  }

  /** Venues that have not been connected to since the start. */
  get missing(): readonly VenueId[] {
    return this.#config.venues.map((venue) => venue.id).filter((id) => !this.#open.has(id));
  }

  /** True while every venue answers this node. */
  get reachesAll(): boolean {
    return this.missing.length === 0 && this.#lostSince.size === 0;
  }

  /** True while this venue answers this node. */
  reaches(venue: VenueId): boolean {
    return this.#open.has(venue) && !this.#lostSince.has(venue);
  }

  /** Since when, on the monotonic clock, some venue has not answered this node; undefined while all do. */
  get lostSinceMonoMs(): number | undefined {
    const since = [...this.#lostSince.values()];
    return since.length === 0 ? undefined : Math.min(...since);
  }

  /** So many ms ago it was asked what every venue has answered since: the way was open then. Undefined before the first answer. */
  get reachedAgoMs(): number | undefined {
    return this.missing.length > 0 ? undefined : monoNow() - Math.min(...this.#reachedMono.values());
  }

  /** What another node has used of the limits that this one shares with it; told again and again while both live. */
  adoptUsage(told: readonly VenueFacts[]): void {
    for (const { id, used } of told) if (used !== undefined) this.#open.get(id)?.adoptUsage(used);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#open.values()].map((venue) => venue.close()));
  }

  async #connect(config: VenueConfig): Promise<void> {
    const { permits, isKilled, onLateAnswer, onTelemetry, onClockAhead, say, refuse } = this.#events;
    while (!this.#isClosed) {
      const askedMono = monoNow();
      try {
        const venue = await openConfiguredVenue(config, {
          permits,
          isKilled,
          onLateAnswer,
          onTelemetry: (request) => onTelemetry(config.id, request),
          onClockAhead: (ms) => onClockAhead(config.id, ms),
        });
        if (this.#isClosed) return await venue.close();
        const clock = venue.clock();
        const surelyOffMs = clock === undefined ? 0 : Math.abs(clock.offsetMs) - clock.errorMs;
        const maxMs = this.#config.risk.clockErrorMaxMs;
        if (surelyOffMs > maxMs) {
          await venue.close();
          const off = Math.round(Math.abs(clock?.offsetMs ?? 0));
          return refuse(
            `the wall clock is ${off} ms off the time of ${config.id}, allowed are ${maxMs} (risk.clockErrorMaxMs)`,
          );
        }
        await venue.warm();
        this.#open.set(config.id, venue);
        this.#reachedMono.set(config.id, askedMono);
        say("venue.open", `Connected to ${config.id}.`);
        return this.#watch(venue);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        say("venue.unreachable", `${config.id} cannot be used yet: ${why}`);
        if (error instanceof VenueSetupError) return;
        await new Promise((resolve) => this.#after(retryMs, () => resolve(undefined)));
      }
    }
  }

  #watch(venue: Venue): void {
    const isMissing = (this.#misses.get(venue.id) ?? 0) > 0;
    this.#after(isMissing ? reachAgainMs : reachEveryMs, () => {
      const askedMono = monoNow();
      void venue.reach().then((reaches) => {
        if (reaches) this.#reachedMono.set(venue.id, askedMono);
        const misses = reaches ? 0 : (this.#misses.get(venue.id) ?? 0) + 1;
        this.#misses.set(venue.id, misses);
        if (reaches && this.#lostSince.delete(venue.id)) {
          this.#events.say("venue.reached", `${venue.id} answers this node again.`);
          this.#events.onReached(venue.id);
        } else if (misses === missesMin) {
          this.#lostSince.set(venue.id, monoNow() - reachEveryMs);
          this.#events.say("venue.lost", `${venue.id} does not answer this node.`);
        }
        if (!this.#isClosed) this.#watch(venue);
      });
    });
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

/** A connection to a venue as the configuration has it, with the key in its files. Throws what `openVenue` throws. */
export function openConfiguredVenue(
  config: VenueConfig,
  hooks: Pick<VenueOptions, "permits" | "isKilled" | "onLateAnswer" | "onTelemetry" | "onClockAhead">,
): Promise<Venue> {
  return openVenue({
    id: config.id,
    exchange: config.exchange,
    account: config.account,
    mode: config.mode,
    apiKey: readSecret(config.apiKeyFile).value,
    secret: readSecret(config.secretFile).value,
    ...(config.passphraseFile !== undefined && { passphrase: readSecret(config.passphraseFile).value }),
    ...(config.restUrl !== undefined && { restUrl: config.restUrl }),
    ...(config.wsUrl !== undefined && { wsUrl: config.wsUrl }),
    symbols: config.symbols,
    isSharedAddress: config.sharedAddress,
    ...(config.limits !== undefined && { limits: limitsOf(config.exchange, config.limits) }),
    validityMs: config.validityMs,
    minValidityMs: config.minValidityMs,
    deadlineMs: config.deadlineMs,
    clock: systemClock,
    ...hooks,
  });
}

/** The configured limits in the intervals that the venue counts in. */
function limitsOf(exchange: ExchangeId, limits: VenueLimits): { readonly weight: number; readonly orders: number } {
  return limitsFrom(venueProfiles[exchange].limits, limits);
}
