/**
 * How this node stands at this moment: the record that it publishes of itself, and what speaks against promoting it. What
 * is judged is gathered here and judged by the one function in `core/succession/promotability.ts`; the election gets the
 * record with every tick, the others get it through etcd.
 */
import type {
  BootId,
  Config,
  Epoch,
  LeaseId,
  MemberRecord,
  PromotabilityReason,
  PromotabilityRules,
  SelfFacts,
  Succession,
  VenueFacts,
  VenueId,
  WallMs,
} from "@baton/core";
import { bars, because, promotability, usualPromotabilityRules } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { NodeIdInUse } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import { wallNow } from "../clock.ts";
import { clockOffBy } from "../desk/clock-bound.ts";
import { anchorFactsOf, bootRecordOf } from "./known-journal.ts";
import type { JournaledKill } from "./known-journal.ts";
import type { JournalKeeping } from "./journal-keeping.ts";
import { presenceOf } from "./presence.ts";
import type { VenueDoors } from "./venue-doors.ts";

export interface StandingPorts {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly journal: Journal;
  readonly doors: VenueDoors;
  readonly seesMarket: (venue: VenueId) => boolean;
  readonly lease: () => LeaseId;
  /** What the journal's keeping knows of disk and state. */
  readonly keeping: () => Pick<JournalKeeping, "diskUsed" | "stateDigest" | "stateDiffers">;
  /** The kill in force by the journal. */
  readonly kill: () => JournaledKill;
  readonly epoch: () => Epoch;
  readonly succession: () => Succession;
  /** The record could not be published because another boot has the id. */
  readonly onIdTaken: (error: NodeIdInUse) => void;
}

/** The limits of promotability as this configuration has them. */
export function rulesOf(config: Config): PromotabilityRules {
  const { loop } = config.leadership;
  return {
    ...usualPromotabilityRules,
    clockErrorMaxMs: config.risk.clockErrorMaxMs,
    siteRule: config.leadership.siteRule,
    flap: { deathsMax: loop.deaths, withinMs: loop.withinMs },
    loop: { takeoversMax: loop.takeovers, withinMs: loop.withinMs },
  };
}

export class Standing {
  readonly #o: StandingPorts;
  #isAdmitted = false;
  #isStopping = false;
  #isPublishing = false;
  #isClosed = false;

  constructor(o: StandingPorts) {
    this.#o = o;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** etcd has counted this boot: from here on it publishes itself. */
  admitted(): void {
    this.#isAdmitted = true;
  }

  /** From here on nobody hands the key to this node. */
  stopping(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** What it would publish now. */
  record(): MemberRecord {
    const { config, boot, journal, doors, lease, epoch } = this.#o;
    const record = presenceOf({
      config,
      boot,
      journal: journal.identity.journal,
      lease: lease(),
      position: { epoch: epoch(), durable: journal.durable, committed: journal.commitMark.sequence },
      unfit: [],
      reachesVenue: doors.reachesAll,
      facts: this.#facts(),
      schema: journal.care.format,
    });
    const reasons = judged(this.#o.succession(), record, wallNow());
    return { ...record, unfit: bars(reasons, "automatic").map((one) => one.sentence) };
  }

  /** Everything that speaks against promoting this node now. */
  reasons(): readonly PromotabilityReason[] {
    return judged(this.#o.succession(), this.record(), wallNow());
  }

  /** Writes the record to etcd; a call while another is under way does nothing. Never rejects. */
  async publish(): Promise<void> {
    if (this.#isPublishing || this.#isClosed || !this.#isAdmitted) return;
    this.#isPublishing = true;
    try {
      await this.#o.etcd.publishMember(this.record(), bootRecordOf(this.#o.journal, this.#o.boot));
    } catch (error) {
      // etcd away: the next second tries again.
      if (error instanceof NodeIdInUse) this.#o.onIdTaken(error);
    } finally {
      this.#isPublishing = false;
    }
  }

  #facts(): SelfFacts {
    const { config, journal } = this.#o;
    const { diskUsed, stateDigest, stateDiffers } = this.#o.keeping();
    return {
      priority: config.node.priority,
      metro: config.node.metro,
      isStarting: !this.#isAdmitted,
      isStopping: this.#isStopping,
      venues: config.venues.map((venue) => this.#venue(venue.id)),
      diskUsed,
      stateDigest,
      stateDiffers,
      etcdRestored: this.#o.succession().restored ?? null,
      bootCount: journal.identity.bootCount,
      anchor: anchorFactsOf(journal, this.#o.kill(), this.#o.succession().view),
    };
  }

  #venue(venue: VenueFacts["id"]): VenueFacts {
    const { doors } = this.#o;
    const door = doors.venues.get(venue);
    const clockOffByMs = door === undefined ? null : (clockOffBy(door.clock()) ?? null);
    return {
      id: venue,
      isKnown: door !== undefined,
      isReached: doors.reaches(venue),
      seesMarket: this.#o.seesMarket(venue),
      clockOffByMs,
      ...(door !== undefined && { used: door.usage() }),
    };
  }
}

/** The one function's answer on a member, as this node sees it. */
export function judged(state: Succession, candidate: MemberRecord, wall: WallMs): readonly PromotabilityReason[] {
  const { view, lastLeaderMember: leader, lastMetro, rules } = state;
  if (view === undefined) return [because("starting", "it has not read etcd since its start")];
  return promotability({ candidate, view, leader, lastMetro, rules, wall });
}
