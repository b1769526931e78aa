/**
 * Keeps one boot's lease and, while it leads, moves the deadline, as the keeper's thread does: by an answered keepalive and
 * a read that shows this boot as leader, from the earlier send time (core's `deadlineOf`). Rounds stop while the main loop
 * or the disk stand still. Once passed or doubted, the right to act ends for this boot.
 */
import { deadlineOf, monoMs } from "@baton/core";
import type { BootId, Epoch, LeaseId, MonoMs, NodeId } from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { Etcd } from "../world/etcd.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import type { Process } from "../world/process.ts";
import type { EtcdClient } from "./etcd-client.ts";
import type { Timing } from "./settings.ts";

export type KeeperEvent =
  | { readonly kind: "granted"; readonly lease: LeaseId }
  | {
      readonly kind: "lost";
      readonly reason: "other-leader" | "etcd-replaced" | "deadline" | "lease-gone" | "clock-jump";
      readonly detail: string;
    };

type Lost = Extract<KeeperEvent, { kind: "lost" }>;

export interface KeeperPorts {
  readonly place: string;
  readonly node: NodeId;
  readonly boot: BootId;
  tell(event: KeeperEvent): void;
  /** When the main loop last turned. */
  mainBeat(): number;
  /** Since when an fsync runs; 0: none. */
  diskBusySince(): number;
  /** What passed on the wire, for those who watch it. */
  granted(lease: LeaseId): void;
  renews(lease: LeaseId): void;
  kept(sentMono: number, ttlMs: number): void;
  confirmed(sentMono: number, epoch: Epoch): void;
}

const pulseMs = 20;
const clockJumpMs = 200;
const mainStallMs = 500;
const diskStallMs = 1_000;
const regrantPauseMs = 200;

export class Keeper {
  readonly #process: Process;
  readonly #etcd: Etcd;
  readonly #client: EtcdClient;
  readonly #timing: Timing;
  readonly #bent: Bent;
  readonly #ports: KeeperPorts;
  #lease: { readonly id: LeaseId; readonly ttlMs: number; readonly grantedMono: number; keptFrom: number } | undefined;
  #leading: { readonly epoch: Epoch; confirmedFrom: number | undefined } | undefined;
  #deadline = 0;
  /** When this leadership ends unless it is renewed; stays while the deadline is doubted. 0: there is none yet. */
  #endsAt = 0;
  #doubtedAt = 0;
  #lastRound = 0;
  #lostEpoch = -1;
  #isFenced = false;
  /** The etcd that granted the lease. */
  #clusterId = 0;
  #isGranting = false;
  #looked: { mono: number; wall: number };

  constructor(o: { process: Process; etcd: Etcd; client: EtcdClient; timing: Timing; bent: Bent; ports: KeeperPorts }) {
    this.#process = o.process;
    this.#etcd = o.etcd;
    this.#client = o.client;
    this.#timing = o.timing;
    this.#bent = o.bent;
    this.#ports = o.ports;
    this.#looked = { mono: o.process.clock.mono(), wall: o.process.clock.wall() };
    o.process.every(pulseMs, () => this.#pulse());
    this.#grant();
  }

  get lease(): LeaseId | undefined {
    return this.#lease?.id;
  }

  /** 0: there is none. */
  get deadline(): MonoMs {
    return monoMs(this.#deadline);
  }

  lead(epoch: Epoch): void {
    if (this.#isFenced || epoch <= this.#lostEpoch) {
      this.#ports.tell({ kind: "lost", reason: "deadline", detail: "the right to act had ended before" });
      return;
    }
    this.#deadline = 0;
    this.#endsAt = 0;
    this.#leading = { epoch, confirmedFrom: undefined };
    this.#round();
  }

  follow(): void {
    this.#leading = undefined;
    this.#deadline = 0;
  }

  /** Broken on purpose: goes on with a lease that was not granted to it. */
  adopt(lease: LeaseId): void {
    const now = this.#process.clock.mono();
    this.#lease = { id: lease, ttlMs: this.#timing.ttlMs, grantedMono: now, keptFrom: now };
  }

  /** Failsafe: the peers' promises outlast it. What has ended stays ended. */
  extend(epoch: Epoch, promise: { readonly askedMonoMs: MonoMs; readonly untilMonoMs: MonoMs }): void {
    this.#checkDeadline();
    if (this.#leading?.epoch !== epoch || this.#leading.confirmedFrom === undefined) return;
    this.#grantUntil(promise.untilMonoMs, promise.askedMonoMs);
  }

  /** This machine may have stood still: there is no deadline before etcd has answered what leaves from now on. */
  doubt(): void {
    this.#doubtedAt = this.#process.clock.mono();
    this.#deadline = 0;
    if (this.#leading !== undefined) this.#process.run(() => this.#round());
  }

  /** Moves the deadline forward, if what it rests on was not doubted since. */
  #grantUntil(next: number, from: number): void {
    if (from < this.#doubtedAt || next <= this.#deadline) return;
    this.#deadline = next;
    this.#endsAt = next;
  }

  #pulse(): void {
    const { clock } = this.#process;
    const look = { mono: clock.mono(), wall: clock.wall() };
    const apart = look.wall - this.#looked.wall - (look.mono - this.#looked.mono);
    this.#looked = look;
    if (Math.abs(apart) > clockJumpMs && this.#leading !== undefined) {
      this.#lose("clock-jump", `wall and monotonic clock moved ${Math.round(apart)} ms apart`);
    }
    this.#checkDeadline();
    if (look.mono - this.#lastRound >= this.#timing.keepaliveMs) this.#round();
  }

  #round(): void {
    const now = this.#process.clock.mono();
    this.#lastRound = now;
    if (this.#isFenced || !this.#isProgressing(now)) return;
    const lease = this.#lease;
    if (lease === undefined) return this.#grant();
    this.#ports.renews(lease.id);
    for (const { place } of this.#etcd.members) {
      if (this.#bent.is("own-member-only") && place !== this.#ports.place) continue;
      this.#etcd.keepalive(this.#ports.place, place, lease.id, (ttlMs) =>
        this.#process.run(() => this.#kept(lease.id, now, ttlMs)),
      );
    }
    const leading = this.#leading;
    if (leading === undefined) return this.#rehearse();
    this.#client.first(
      (store: EtcdStore) => ({ leader: store.leader, epoch: store.epoch.value, clusterId: store.clusterId }),
      (found) => {
        if (found === undefined || this.#leading !== leading) return;
        const why = this.#refusal(leading.epoch, found);
        if (why !== undefined) return this.#lose(why.reason, why.detail);
        this.#ports.confirmed(now, leading.epoch);
        leading.confirmedFrom = Math.max(leading.confirmedFrom ?? 0, now);
        this.#moveDeadline();
      },
    );
  }

  /** Another etcd answers: nobody could lead on a lease of the old one. */
  #rehearse(): void {
    this.#client.first(
      (store: EtcdStore) => ({ clusterId: store.clusterId }),
      (found) => {
        if (found === undefined || this.#leading !== undefined || this.#lease === undefined) return;
        if (found.clusterId === this.#clusterId || this.#bent.is("old-lease-kept")) return;
        this.#lease = undefined;
        this.#grant();
      },
    );
  }

  #refusal(
    epoch: Epoch,
    found: { readonly leader: EtcdStore["leader"]; readonly epoch: Epoch; readonly clusterId: number },
  ): { readonly reason: Lost["reason"]; readonly detail: string } | undefined {
    const other = (detail: string) => ({ reason: "other-leader", detail }) as const;
    if (found.clusterId !== this.#clusterId) {
      return {
        reason: this.#bent.is("old-lease-kept") ? "other-leader" : "etcd-replaced",
        detail: "another etcd answers",
      };
    }
    const leader = found.leader?.value;
    if (leader === undefined) return other("the leader key is gone");
    if (leader.boot !== this.#ports.boot || leader.epoch !== epoch)
      return other(`${leader.node} leads at ${leader.epoch}`);
    if (leader.lease !== this.#lease?.id)
      return { reason: "lease-gone", detail: "the leader key hangs on another lease" };
    return found.epoch === epoch ? undefined : other(`etcd is at epoch ${found.epoch}`);
  }

  #isProgressing(now: number): boolean {
    const busy = this.#ports.diskBusySince();
    return now - this.#ports.mainBeat() <= mainStallMs && (busy === 0 || now - busy <= diskStallMs);
  }

  #grant(): void {
    if (this.#isGranting || this.#isFenced) return;
    this.#isGranting = true;
    const ttlMs = this.#timing.ttlMs;
    const asked = this.#process.clock.mono();
    this.#client.first(
      (store: EtcdStore) => {
        const lease = this.#etcd.grant(ttlMs);
        this.#ports.granted(lease);
        return { lease, clusterId: store.clusterId };
      },
      (granted) => {
        this.#isGranting = false;
        if (granted === undefined) {
          this.#process.after(regrantPauseMs, () => this.#grant());
          return;
        }
        const { lease, clusterId } = granted;
        this.#clusterId = clusterId;
        this.#lease = { id: lease, ttlMs, grantedMono: asked, keptFrom: asked };
        this.#ports.kept(asked, ttlMs);
        this.#ports.tell({ kind: "granted", lease });
      },
    );
  }

  #kept(id: LeaseId, sentMono: number, ttlMs: number): void {
    const lease = this.#lease;
    if (lease === undefined || lease.id !== id) return;
    if (ttlMs <= 0) {
      if (this.#process.clock.mono() - lease.grantedMono < 1_000 && lease.keptFrom === lease.grantedMono) return;
      this.#lease = undefined;
      if (this.#leading !== undefined) this.#lose("lease-gone", `etcd does not know ${id}`);
      return;
    }
    this.#ports.kept(sentMono, ttlMs);
    const from = this.#bent.is("deadline-from-answer") ? this.#process.clock.mono() : sentMono;
    lease.keptFrom = Math.max(lease.keptFrom, from);
    this.#moveDeadline();
  }

  #moveDeadline(): void {
    const lease = this.#lease;
    const leading = this.#leading;
    if (leading === undefined || lease === undefined) return;
    const confirmed = this.#bent.is("keepalive-alone") ? lease.keptFrom : leading.confirmedFrom;
    if (confirmed === undefined) return;
    this.#checkDeadline();
    if (this.#leading !== leading) return;
    const next = deadlineOf({
      sentMonoMs: monoMs(lease.keptFrom),
      confirmedSentMonoMs: monoMs(this.#bent.is("deadline-from-answer") ? lease.keptFrom : confirmed),
      grantedTtlMs: lease.ttlMs,
      marginMs: this.#timing.marginMs,
    });
    if (next > this.#process.clock.mono()) this.#grantUntil(next, Math.min(lease.keptFrom, confirmed));
  }

  #checkDeadline(): void {
    if (this.#leading === undefined || this.#endsAt === 0 || this.#process.clock.mono() < this.#endsAt) return;
    this.#lose("deadline", "no renewal was confirmed in time");
  }

  #lose(reason: Lost["reason"], detail: string): void {
    const epoch = this.#leading?.epoch;
    this.#deadline = 0;
    if (epoch === undefined) return;
    this.#leading = undefined;
    this.#lostEpoch = epoch;
    if (reason !== "other-leader") this.#isFenced = true;
    this.#ports.tell({ kind: "lost", reason, detail });
  }
}
