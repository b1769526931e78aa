/** The deadline, reckoned anew from what passed on the wire between the keeper and etcd. I2. */
import type { BootId, Epoch, Succession } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { VenueWrite } from "../engine/venue-door.ts";
import type { Watch } from "./watch.ts";

interface Wire {
  keptMono: number;
  ttlMs: number;
  readonly confirmed: Map<Epoch, number>;
}

const roundingMs = 0.001;

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
  }

  #bound(boot: Boot, epoch: Epoch): number {
    const wire = this.#wire(boot);
    const confirmed = wire.confirmed.get(epoch) ?? -Infinity;
    return Math.min(wire.keptMono, confirmed) + wire.ttlMs - this.#watch.world.settings.timing.marginMs;
  }

  #wire(boot: Boot): Wire {
    let wire = this.#wires.get(boot.boot);
    if (wire === undefined) {
      wire = { keptMono: -Infinity, ttlMs: 0, confirmed: new Map() };
      this.#wires.set(boot.boot, wire);
    }
    return wire;
  }
}
