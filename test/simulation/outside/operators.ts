/** Operators: what they ask for is written to etcd first, and its verdict is read there. */
import {
  anchorRecord,
  id,
  isScheduled,
  isSettled,
  lossOf,
  lossRangeOf,
  partsOf,
  planAnchor,
  wallMs,
} from "@baton/core";
import type { AuditRecord, JournalId, LossRange, NodeId, OperationId, ParentRow, WallMs } from "@baton/core";
import { venue } from "../desk/context.ts";
import type { Boot } from "../engine/boot.ts";
import { worldBeganWallMs } from "../world/host-clock.ts";
import type { World } from "../world/world.ts";
import { isLastCopy } from "./last-copies.ts";

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

  failover(to: string): void {
    this.#world.say("operator", "asks", `Asks ${to} to take over.`);
    this.#operation("failover", { to: id<NodeId>(to), allowDataLoss: false });
  }

  /**
   * Nobody leads, and whoever could take over without a loss is gone: the operator reads what a failover to this node may
   * lose, and asks for it. Asked again until somebody leads or `isOver`, as one that was refused may be granted later.
   */
  failoverWithLoss(to: string, isOver: () => boolean): void {
    const { etcd, agenda, bent } = this.#world;
    if (isOver()) return;
    agenda.after(400, () => this.failoverWithLoss(to, isOver));
    const node = id<NodeId>(to);
    const state = this.#world.bootOf(node)?.leadership?.state;
    const view = state?.view;
    const own = view?.members.get(node);
    const open = [...etcd.store.operations.values()].some(({ value }) => value.to === node && !isSettled(value.phase));
    if (state === undefined || view === undefined || own === undefined || view.leader !== undefined || open) return;
    if (view.insync?.value.members.some((one) => one.node === node && one.journal === own.journal) === true) return;
    // A journal without the account's baseline is not led from: what the account holds would be in no limit.
    if (this.#world.bootOf(node)?.ledger?.committed.baselines.get(venue)?.baseline === undefined) {
      return this.#world.watch.note("withheld: no baseline is left");
    }
    const shown = lossRangeOf(state, view, own);
    // Broken on purpose: a record that somebody was seen to hold is taken for one that this node holds.
    const range = bent.is("loss-unsaid") ? { ...shown, holds: Math.max(shown.holds, shown.seen ?? 0) } : shown;
    this.#world.say("operator", "asks", `Asks ${to} to take over, and accepts the loss: ${range.sentence}`);
    this.#operation("failover", { to: node, allowDataLoss: true, journal: own.journal }, range);
  }

  /**
   * Looks again and again whether parents wait since a loss. Once the account was read, the venue's own list of orders says
   * whether the lost history executed a child of any parent in the symbol: then the parent is taken back, else it goes on. A
   * client that wants no more takes back what would work for ever.
   */
  mindParents(everyMs: number, isClosing: () => boolean): void {
    this.#world.agenda.after(everyMs, () => {
      const boot = this.#world.leader();
      boot?.main.run(() => {
        for (const parent of [...(boot.ledger?.committed.parents.values() ?? [])]) {
          if (parent.status !== "working") continue;
          if (lossOf(parent) !== undefined) this.#decideAfterLoss(boot, parent);
          else if (isClosing() && !isScheduled(parent.algorithm)) boot.desk?.cancel(parent.id, "client");
        }
      });
      this.mindParents(everyMs, isClosing);
    });
  }

  #decideAfterLoss(boot: Boot, { id: parent, algorithm }: ParentRow): void {
    const known = boot.ledger?.committed.indexes.byClientOrderId;
    const isLostChild = (record: AuditRecord): boolean => {
      if (record.type !== "fill" || record.symbol !== algorithm.symbol.replace("/", "")) return false;
      const child = partsOf(record.clientOrderId ?? "")?.child ?? 0;
      return child > 0 && known?.has(record.clientOrderId as never) === false;
    };
    const isExecuted = this.#world.venue.audit.some((record) => isLostChild(record));
    const isDone = isExecuted
      ? boot.desk?.cancel(parent, "operator")
      : boot.desk?.direct(parent, { what: "resume", reason: "the account was looked at" }, "operator");
    if (isDone !== undefined)
      this.#world.watch.note(isExecuted ? "parent taken back after a loss" : "parent resumed after a loss");
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

  /** Whoever was told that its disk was rolled back, or has forked from the cluster, gets an empty one. */
  replaceRefusedDisks(): void {
    const { heldDown, nodes } = this.#world;
    for (const host of nodes) {
      if (!(host.disk.isRefused || host.disk.isForked) || heldDown.has(host.node)) continue;
      heldDown.add(host.node);
      host.kill();
      // What rotted on the last disk is not given up: the record is taken from where somebody still has it.
      if (host.disk.isRotten && isLastCopy(this.#world, host)) {
        this.#world.watch.note("withheld: the last disk had rotted and was mended");
        host.disk.mend();
      } else host.replaceDisk();
      heldDown.delete(host.node);
      host.start();
    }
  }

  /** etcd was put back to an older state: operations that it never heard of cannot be read in it. */
  forgetUnknown(): void {
    const known = this.asked.filter((operation) => this.#world.etcd.store.operations.has(operation));
    this.asked.splice(0, this.asked.length, ...known);
  }

  #operation(
    what: "switchover" | "failover",
    more: { readonly to?: NodeId; readonly allowDataLoss?: boolean; readonly journal?: JournalId },
    accepts?: LossRange,
  ): void {
    this.#count += 1;
    const operation = id<OperationId>(`op-${this.#count}`);
    if (accepts !== undefined) this.#world.watch.losing.declared(operation, accepts);
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
