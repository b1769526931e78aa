/** The deadline, reckoned anew from what passed on the wire between the keeper and etcd. I2. */
import type { BootId, Epoch, Succession } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { VenueWrite } from "../engine/venue-door.ts";
import type { Watch } from "./watch.ts";

interface Wire {
  /** Until when promises carry the deadline, by the leader's own clock. */
  promisedMono: number;
  /** The same by true time, from the asking on. */
  promisedTrue: number;
  /** True time at which the promises of this token were asked for. */
  readonly askedTrue: Map<number, number>;
  keptMono: number;
  ttlMs: number;
  readonly confirmed: Map<Epoch, number>;
}

const roundingMs = 0.001;
/** Machines' clocks differ in rate by less than this share. */
const driftMost = 0.003;

export class DeadlineChecks {
  readonly #watch: Watch;
  readonly #wires = new Map<BootId, Wire>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  kept(boot: Boot, sentMono: number, ttlMs: number): void {
    const wire = this.#wire(boot);
    wire.keptMono = Math.max(wire.keptMono, sentMono);
    wire.ttlMs = ttlMs;
  }

  confirmed(boot: Boot, sentMono: number, epoch: Epoch): void {
    const { confirmed } = this.#wire(boot);
    confirmed.set(epoch, Math.max(confirmed.get(epoch) ?? 0, sentMono));
  }

  /** Every member of etcd's set has put its promise on its disk, and it outlasts the deadline that rests on it. */
  extended(boot: Boot, untilMono: number): void {
    const { world } = this.#watch;
    const wire = this.#wire(boot);
    const extension = boot.leadership?.leading?.extension;
    const askedTrue = wire.askedTrue.get(extension?.token ?? 0) ?? world.agenda.now;
    const untilTrue = askedTrue + untilMono - (extension?.askedMonoMs ?? untilMono);
    wire.promisedMono = Math.max(wire.promisedMono, untilMono);
    wire.promisedTrue = Math.max(wire.promisedTrue, untilTrue);
    // Its machine stood still until they had ended, which it cannot know; what it sends is judged as any write is.
    if (untilTrue <= world.agenda.now) return;
    // What a restored etcd shows is not the set that this leader knew.
    const members = this.#watch.succession.isEtcdRestored ? [] : world.etcd.store.insync.value.members;
    for (const member of members) {
      const { disk } = world.host(member.node);
      const isSame = disk.content.journal === member.journal;
      if (member.node === boot.node || !isSame || disk.content.promisedForMs !== undefined) continue;
      this.#watch.broken("I2", `${boot.boot} goes on by promises, and ${member.node} has none on its disk`);
    }
    const longestMs = 2 * world.settings.timing.ttlMs;
    if (untilMono > boot.main.clock.mono() + longestMs) {
      this.#watch.broken("I2", `${boot.boot} goes on for longer than anybody promised`);
    }
  }

  /** A leader asks its peers to promise. */
  promisesAsked(boot: Boot, token: number): void {
    this.#wire(boot).askedTrue.set(token, this.#watch.world.agenda.now);
  }

  /**
   * Somebody takes over: nobody may still act on promises, by true time since they were asked for. A leader whose whole machine
   * stood still since then cannot know by its own clocks that they have ended; what it sends when it wakes is judged as any
   * write is, by its own deadline and by what the venue makes of it.
   */
  takenOver(by: BootId): void {
    for (const boot of this.#watch.world.boots()) {
      if (boot.boot === by || boot.leadership?.leading === undefined) continue;
      const leftMs = (this.#wires.get(boot.boot)?.promisedTrue ?? -Infinity) - this.#watch.world.agenda.now;
      if (leftMs > 0 && boot.keeper.deadline > boot.main.clock.mono()) {
        const left = Math.round(leftMs);
        this.#watch.broken(
          "I2",
          `${by} takes over while ${boot.boot} may act on its peers' promises for another ${left} ms`,
        );
      }
    }
  }

  stepped(boot: Boot, state: Succession): void {
    if (state.role.role !== "leader") return;
    const { deadline } = boot.keeper;
    if (deadline === 0) return;
    const bound = this.#bound(boot, state.role.epoch);
    if (deadline > bound + roundingMs) {
      const over = Math.round((deadline - bound) * 10) / 10;
      this.#watch.broken("I2", `the deadline of ${boot.boot} lies ${over} ms beyond what was answered and confirmed`);
    }
  }

  wrote(boot: Boot, write: VenueWrite): void {
    const bound = this.#bound(boot, write.epoch);
    if (write.mono >= bound) {
      const late = Math.round(write.mono - bound);
      this.#watch.broken(
        "I2",
        `${boot.boot} sends ${write.call} of epoch ${write.epoch} ${late} ms after its deadline`,
      );
    }
    this.#isSignedWithin(boot, write, bound - write.mono);
  }

  /**
   * What is signed ends with the right to send it, by the venue's clock as far as this node can know it: one that was set since
   * it was last read, or a machine that stood still, shows only with the next reading.
   */
  #isSignedWithin(boot: Boot, { call, stamp }: VenueWrite, leftMs: number): void {
    const { agenda, venue } = this.#watch.world;
    const known = boot.door.clock.now();
    if (known === undefined || Math.abs(known.venueWallMs - venue.time()) > known.errorMs + 1) return;
    const overMs = venue.trueAt(stamp.sentWallMs + stamp.validityMs) - agenda.now - leftMs * (1 + driftMost);
    if (overMs <= 2) return;
    const over = Math.round(overMs);
    this.#watch.broken("I2", `${boot.boot} signs ${call} for ${over} ms longer than its right to send lasts`);
  }

  #bound(boot: Boot, epoch: Epoch): number {
    const wire = this.#wire(boot);
    const confirmed = wire.confirmed.get(epoch) ?? -Infinity;
    const leased = Math.min(wire.keptMono, confirmed) + wire.ttlMs - this.#watch.world.settings.timing.marginMs;
    return Math.max(leased, wire.promisedMono);
  }

  #wire(boot: Boot): Wire {
    let wire = this.#wires.get(boot.boot);
    if (wire === undefined) {
      wire = {
        promisedMono: -Infinity,
        promisedTrue: -Infinity,
        askedTrue: new Map(),
        keptMono: -Infinity,
        ttlMs: 0,
        confirmed: new Map(),
      };
      this.#wires.set(boot.boot, wire);
    }
    return wire;
  }
}
