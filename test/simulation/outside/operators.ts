/** Operators: what they ask for is written to etcd first, and its verdict is read there. */
import { id, wallMs } from "@baton/core";
import type { NodeId, OperationId } from "@baton/core";
import { worldBeganWallMs } from "../world/host-clock.ts";
import type { World } from "../world/world.ts";

export class Operators {
  /** Operations that etcd has taken. */
  readonly asked: OperationId[] = [];
  readonly #world: World;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  switchover(to: string | undefined): void {
    this.#count += 1;
    const operation = id<OperationId>(`op-${this.#count}`);
    this.#world.say("operator", "asks", `Asks for a switchover${to === undefined ? "" : ` to ${to}`}.`);
    this.#change(() => {
      const isStored = this.#world.etcd.store.putOperation(
        {
          id: operation,
          what: "switchover",
          ...(to !== undefined && { to: id<NodeId>(to) }),
          by: "operator",
          reason: "drill",
          phase: "asked",
          detail: "waits for the leader",
          updatedWallMs: wallMs(Math.floor(worldBeganWallMs + this.#world.agenda.now)),
        },
        "0",
      );
      if (isStored) this.asked.push(operation);
    });
  }

  pause(forMs: number): void {
    this.#change(() => this.#world.etcd.store.setPause({ by: "operator", reason: "maintenance" }));
    this.#world.agenda.after(forMs, () => this.resume());
  }

  resume(): void {
    this.#change(() => this.#world.etcd.store.setPause(undefined));
  }

  autofailover(mode: "on" | "observe" | "off"): void {
    this.#change(() => this.#world.etcd.store.setAutofailover(mode));
  }

  kill(level: "off" | "cluster"): void {
    const atWallMs = wallMs(Math.floor(worldBeganWallMs + this.#world.agenda.now));
    this.#change(() => this.#world.etcd.store.setKill({ level, by: "operator", reason: "drill", atWallMs }));
  }

  /** A write of an operator's own: tried until some member takes it. */
  #change(apply: () => void): void {
    const { etcd, agenda } = this.#world;
    const member = etcd.members.find((one) => etcd.isServing(one.place));
    if (member === undefined) agenda.after(500, () => this.#change(apply));
    else agenda.after(2, apply);
  }
}
