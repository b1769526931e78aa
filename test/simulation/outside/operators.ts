/** Operators: what they ask for is written to etcd first, and its verdict is read there. */
import { anchorRecord, id, planAnchor, wallMs } from "@baton/core";
import type { NodeId, OperationId, WallMs } from "@baton/core";
import { worldBeganWallMs } from "../world/host-clock.ts";
import type { World } from "../world/world.ts";

export class Operators {
  /** Operations that etcd has taken. */
  readonly asked: OperationId[] = [];
  readonly #world: World;
  #count = 0;
  /** Asked for, and not taken by etcd yet. */
  readonly #changes: (() => void)[] = [];
  #askings = 0;

  constructor(world: World) {
    this.#world = world;
  }

  switchover(to: string | undefined): void {
    this.#world.say("operator", "asks", `Asks for a switchover${to === undefined ? "" : ` to ${to}`}.`);
    this.#operation("switchover", to === undefined ? {} : { to: id<NodeId>(to) });
  }

  failover(to: string, allowDataLoss = false): void {
    const leave = allowDataLoss ? ", and accepts that records are lost" : "";
    this.#world.say("operator", "asks", `Asks ${to} to take over${leave}.`);
    this.#operation("failover", { to: id<NodeId>(to), allowDataLoss });
  }

  /** What died or took over until now has been seen. */
  acknowledge(): void {
    const atWallMs = this.#wall();
    this.#change(() => this.#world.etcd.store.acknowledge({ by: "operator", reason: "looked at", atWallMs }));
  }

  /**
   * Compares all journals after etcd was restored; tried until every node has told of its own, in answer to this asking. One
   * that is down, or has not come up yet, is waited for.
   */
  reAnchor(isAgain = false): void {
    const { etcd, agenda, nodes, watch } = this.#world;
    if (!watch.succession.isEtcdRestored) return;
    const names = nodes.map(({ node }) => node);
    if (!isAgain) this.#askings += 1;
    const nonce = `asking ${this.#askings}`;
    const atWallMs = this.#wall();
    // Asked again where another restore has taken the question back.
    if (etcd.store.anchorAsked?.nonce !== nonce) etcd.store.askAnchor({ nonce, by: "operator", atWallMs });
    const view = etcd.store.view();
    const planned = planAnchor(view, { nodes: names, without: [], nonce });
    const isServed = etcd.members.some((one) => etcd.isServing(one.place));
    if (planned.kind === "refused" || !isServed) {
      agenda.after(300, () => this.reAnchor(true));
      return;
    }
    const whose = { etcdClusterId: view.etcdClusterId, by: "operator", reason: "restored", atWallMs };
    etcd.store.reAnchor(planned.plan, anchorRecord(planned.plan, whose));
    watch.succession.reAnchored(planned.plan.epoch);
    this.#world.say("operator", "re-anchors", `Re-anchors the cluster. ${planned.plan.sentence}`);
  }

  /** Whoever was told that its disk was rolled back gets an empty one. */
  replaceRefusedDisks(): void {
    for (const host of this.#world.nodes) {
      if (!host.disk.isRefused || this.#world.heldDown.has(host.node)) continue;
      host.replaceDisk();
      host.start();
    }
  }

  /** etcd was put back to an older state: operations that it never heard of cannot be read in it. */
  forgetUnknown(): void {
    const known = this.asked.filter((operation) => this.#world.etcd.store.operations.has(operation));
    this.asked.splice(0, this.asked.length, ...known);
  }

  #operation(what: "switchover" | "failover", more: { readonly to?: NodeId; readonly allowDataLoss?: boolean }): void {
    this.#count += 1;
    const operation = id<OperationId>(`op-${this.#count}`);
    this.#change(() => {
      const isStored = this.#world.etcd.store.putOperation(
        {
          ...{ id: operation, what, by: "operator", reason: "drill", ...more },
          phase: "asked",
          detail: "waits",
          updatedWallMs: this.#wall(),
        },
        "0",
      );
      if (isStored) this.asked.push(operation);
    });
  }

  #wall(): WallMs {
    return wallMs(Math.floor(worldBeganWallMs + this.#world.agenda.now));
  }

  pause(forMs: number): void {
    this.#world.watch.note("pause");
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

  /** A write of an operator's own: tried until some member takes it, and none before those that were asked for earlier. */
  #change(apply: () => void): void {
    this.#changes.push(apply);
    if (this.#changes.length === 1) this.#next();
  }

  #next(): void {
    const { etcd, agenda } = this.#world;
    const [apply] = this.#changes;
    if (apply === undefined) return;
    const member = etcd.members.find((one) => etcd.isServing(one.place));
    if (member === undefined) return agenda.after(500, () => this.#next());
    agenda.after(2, () => {
      apply();
      this.#changes.shift();
      this.#next();
    });
  }
}
