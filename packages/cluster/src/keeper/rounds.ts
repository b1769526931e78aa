/**
 * Keeps one node's lease and, while it leads, moves the deadline. Each round asks every endpoint for a keepalive at once
 * and reads `leader` and `epoch` linearizably; the deadline moves only by both, from the earlier send time (I2). Rounds
 * stop while the main loop or the journal's fsync stand still, so a wedged leader loses its lease. Once passed, taken or
 * doubted, the right to act ends for good: of an epoch when another leads, of the boot for all other reasons (I3).
 *
 * When etcd has a new leader, the leader key moves to a fresh lease (decision 17): the old leader of etcd, if it was only
 * frozen, wakes up with an old count of every lease that it knew, and revokes them. Operators: runbook "leader lost".
 */
import type { BootId, Epoch, LeaderRecord, LeaseId, MonoMs, NodeId } from "@baton/core";
import { assert, deadlineOf, monoMs } from "@baton/core/records";
import { EtcdLeaseInvalidError } from "etcd3";
import type { ITxnResponse } from "etcd3";
import { monoNow } from "../clock.ts";
import type { Fleet } from "../etcd/fleet.ts";
import type { Keys } from "../etcd/keys.ts";
import { bytes, decode, encode } from "../etcd/keys.ts";
import { put, range, unchanged } from "../etcd/transaction.ts";
import type { KeeperCells } from "./cells.ts";
import { loadMono, storeMono } from "./cells.ts";
import { ClockJump } from "./clock-jump.ts";
import { KeptLease } from "./kept-lease.ts";
import { whyNotLeading } from "./leadership-read.ts";

/** Why the right to act ended. All but `other-leader` end it for the life of the process. */
export type LostReason =
  | "lease-gone"
  | "other-leader"
  /** The lease was granted by an etcd that was restored or replaced since; a new boot has one of the new etcd. */
  | "etcd-replaced"
  | "deadline-passed"
  | "clock-jump"
  | "keeper-died";

export type KeeperEvent =
  /** A lease is ours: at start, when it was lost while not leading, and when the leader key has moved to it. Time only with `ttlMs`. */
  | { readonly kind: "granted"; readonly lease: LeaseId; readonly ttlMs: number }
  /** While leading, after each move of the deadline. */
  | { readonly kind: "slack"; readonly epoch: Epoch; readonly slackMs: number }
  /** No renewal while this lasts; told once per stall. */
  | { readonly kind: "stalled"; readonly what: "main-loop" | "journal"; readonly forMs: number }
  | { readonly kind: "lost"; readonly epoch: Epoch; readonly reason: LostReason; readonly detail: string };

export interface RoundsOptions {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly ttlSeconds: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  /** No renewal when the main loop's heartbeat is older. */
  readonly mainStallMs: number;
  /** No renewal when one fsync runs longer. */
  readonly journalStallMs: number;
}

const pulseMs = 20;
const regrantPauseMs = 200;
/** Those that were left earlier have ended by themselves. */
const leftMax = 4;

interface Leading {
  readonly epoch: Epoch;
  /** Send time of the latest read that showed this boot as leader at this epoch. */
  confirmedFrom: MonoMs | undefined;
}

export class Rounds {
  readonly #fleet: Fleet;
  readonly #keys: Keys;
  readonly #cells: KeeperCells;
  readonly #options: RoundsOptions;
  readonly #tell: (event: KeeperEvent) => void;
  readonly #clocks = new ClockJump();
  readonly #pulse: NodeJS.Timeout;
  #lease: KeptLease | undefined;
  /** Where the leader key is being moved to, perhaps has been: kept like the other until a read tells. */
  #next: KeptLease | undefined;
  /** Leases that are not kept any more and may still hold a key. */
  #left: LeaseId[] = [];
  /** Revision at which the leader key came to the lease in force. */
  #movedAt = 0n;
  #isMoving = false;
  #leading: Leading | undefined;
  #fenced: LostReason | undefined;
  #lostEpoch: Epoch = -1;
  /** When this leadership ends unless it is renewed; stays while what it rests on is doubted. 0: there is none yet. */
  #endsAt = 0;
  #lastRound = 0;
  #stalled: "main-loop" | "journal" | undefined;
  #isGranting = false;
  /** The etcd that granted the lease. */
  #etcdClusterId: string | undefined;
  #isStopped = false;

  constructor(o: {
    fleet: Fleet;
    keys: Keys;
    cells: KeeperCells;
    options: RoundsOptions;
    tell: (event: KeeperEvent) => void;
  }) {
    this.#fleet = o.fleet;
    this.#keys = o.keys;
    this.#cells = o.cells;
    this.#options = o.options;
    this.#tell = o.tell;
    this.#pulse = setInterval(() => this.#onPulse(), pulseMs);
    void this.#grant();
  }

  /** The machine won `epoch`: confirm and move the deadline from now on. The first confirmation starts at once. */
  lead(epoch: Epoch): void {
    if (this.#fenced !== undefined || epoch <= this.#lostEpoch) {
      const reason = this.#fenced ?? "other-leader";
      this.#tell({ kind: "lost", epoch, reason, detail: "the right to act had ended before" });
      return;
    }
    storeMono(this.#cells.deadline, 0);
    this.#endsAt = 0;
    this.#leading = { epoch, confirmedFrom: undefined };
    this.#round();
  }

  /** Failsafe: the peers' promises outlast `until`. What has ended stays ended, and etcd's word against us still counts. */
  extend(epoch: Epoch, promise: { readonly askedMonoMs: MonoMs; readonly untilMonoMs: MonoMs }): void {
    const now = monoNow();
    this.#checkDeadline(now);
    if (this.#leading?.epoch !== epoch || this.#leading.confirmedFrom === undefined) return;
    this.#grantUntil(promise.untilMonoMs, { from: promise.askedMonoMs, epoch, now });
  }

  /** The main thread has voided what was granted: etcd is asked anew, at once. */
  doubt(): void {
    if (this.#leading !== undefined) this.#round();
  }

  /** Leadership was given up in order: no deadline, the lease is kept, and a later epoch may be led. */
  follow(): void {
    this.#leading = undefined;
    this.#dropNext();
    storeMono(this.#cells.deadline, 0);
  }

  /** No renewal after it. `revoke` gives the lease back, so that nobody has to wait for its end. */
  async stop(revoke: boolean): Promise<void> {
    this.#isStopped = true;
    this.follow();
    clearInterval(this.#pulse);
    const held = [this.#lease, this.#next].filter((lease) => lease !== undefined);
    for (const lease of held) lease.close();
    if (!revoke) return;
    const revoked = [...held.map((lease) => lease.id), ...this.#left].map((id) =>
      this.#fleet
        .race("revoke lease", (client, options) => client.leaseClient.leaseRevoke({ ID: id }, options))
        .catch(() => undefined),
    );
    await Promise.all(revoked);
  }

  #onPulse(): void {
    const jump = this.#clocks.sinceLast();
    if (jump !== undefined && this.#leading !== undefined) {
      this.#lose("clock-jump", `wall and monotonic clock moved ${Math.round(jump)} ms apart`);
    }
    const now = monoNow();
    this.#checkDeadline(now);
    if (now - this.#lastRound >= this.#options.keepaliveMs) this.#round();
  }

  #round(): void {
    const now = monoNow();
    this.#lastRound = now;
    if (this.#isStopped || this.#fenced !== undefined || !this.#isProgressing(now)) return;
    if (this.#lease === undefined) {
      void this.#grant();
      return;
    }
    const patienceMs = this.#options.keepaliveMs * 0.9;
    this.#lease.ask(now, patienceMs);
    this.#next?.ask(now, patienceMs);
    if (this.#leading !== undefined) void this.#confirm(this.#leading, now);
    else void this.#rehearse();
  }

  #isProgressing(now: MonoMs): boolean {
    const beat = loadMono(this.#cells.mainBeat);
    const busySince = loadMono(this.#cells.journalBusySince);
    const mainForMs = now - beat;
    const journalForMs = busySince === 0 ? 0 : now - busySince;
    const stalled =
      mainForMs > this.#options.mainStallMs
        ? ("main-loop" as const)
        : journalForMs > this.#options.journalStallMs
          ? ("journal" as const)
          : undefined;
    if (stalled !== undefined && stalled !== this.#stalled) {
      this.#tell({ kind: "stalled", what: stalled, forMs: stalled === "main-loop" ? mainForMs : journalForMs });
    }
    this.#stalled = stalled;
    return stalled === undefined;
  }

  /**
   * The read that leading needs, made while following too: its connections are open and its code is warm at takeover. It
   * also tells when another etcd answers: nobody could lead on a lease of the old one, so a new one is asked for.
   */
  async #rehearse(): Promise<void> {
    const answer = await this.#readLeadership().catch(() => undefined);
    if (answer === undefined || this.#isStopped || this.#leading !== undefined || this.#lease === undefined) return;
    if (answer.header.cluster_id === this.#etcdClusterId) return;
    this.#lease.close();
    this.#lease = undefined;
    await this.#grant();
  }

  #readLeadership(): Promise<ITxnResponse> {
    const request = { success: [range(this.#keys.leader), range(this.#keys.epoch)] };
    return this.#fleet.first(
      "confirm leadership",
      (client, options) => client.kv.txn(request, options),
      Math.max(this.#options.keepaliveMs, 200),
    );
  }

  async #grant(): Promise<void> {
    if (this.#isGranting) return;
    this.#isGranting = true;
    while (!this.#isStopped) {
      try {
        const { lease, etcdClusterId } = await this.#granted();
        if (this.#isStopped) lease.close();
        this.#etcdClusterId = etcdClusterId;
        this.#lease = lease;
        this.#tell({ kind: "granted", lease: lease.id, ttlMs: lease.ttlMs });
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, regrantPauseMs));
      }
    }
    this.#isGranting = false;
  }

  /** Rejects with `EtcdUnavailable`. */
  async #granted(): Promise<{ readonly lease: KeptLease; readonly etcdClusterId: string }> {
    const askedMonoMs = monoNow();
    const { ID, TTL, header } = await this.#fleet.first("grant lease", (client, options) =>
      client.leaseClient.leaseGrant({ TTL: this.#options.ttlSeconds }, options),
    );
    const granted = { id: ID as LeaseId, ttlMs: Number(TTL) * 1_000, term: BigInt(header.raft_term), askedMonoMs };
    const lease: KeptLease = new KeptLease(granted, this.#fleet.endpoints, {
      kept: () => this.#moveDeadline(),
      gone: () => this.#gone(lease),
    });
    return { lease, etcdClusterId: header.cluster_id };
  }

  /** While leading no keepalive says so: a lease that is gone has taken the leader key with it, and that is read from a quorum. */
  #gone(lease: KeptLease): void {
    if (this.#isStopped || this.#leading !== undefined || lease !== this.#lease) return;
    lease.close();
    this.#lease = undefined;
  }

  async #confirm(leading: Leading, sent: MonoMs): Promise<void> {
    let answer: ITxnResponse;
    try {
      answer = await this.#readLeadership();
    } catch {
      // No answer moves nothing; the deadline stands where it is.
      return;
    }
    if (this.#leading !== leading || this.#isStopped) return;
    // Reads overtake each other: one from before the key's move shows a lease that has been left since.
    if (BigInt(answer.header.revision) < this.#movedAt) return;
    const leases = [this.#lease, this.#next].flatMap((lease) => lease?.id ?? []);
    const { node, boot } = this.#options;
    const claim = { node, boot, epoch: leading.epoch, etcdClusterId: this.#etcdClusterId, leases };
    const refusal = whyNotLeading(claim, answer);
    if (refusal !== undefined) {
      this.#lose(refusal.reason, refusal.detail);
      return;
    }
    this.#settleMove(answer);
    if (leading.confirmedFrom === undefined || sent > leading.confirmedFrom) leading.confirmedFrom = sent;
    this.#moveDeadline();
    if (this.#lease !== undefined && BigInt(answer.header.raft_term) > this.#lease.term) {
      void this.#moveKey(leading.epoch, answer);
    }
  }

  /** By this read the leader key hangs on the lease that it was to be moved to: from now on that is the lease in force. */
  #settleMove(answer: ITxnResponse): void {
    const next = this.#next;
    const stands = answer.responses[0]?.response_range.kvs[0];
    if (next === undefined || stands?.lease !== next.id) return;
    this.#movedAt = BigInt(stands.mod_revision);
    if (this.#lease !== undefined) this.#leave(this.#lease);
    this.#lease = next;
    this.#next = undefined;
    this.#tell({ kind: "granted", lease: next.id, ttlMs: next.ttlMs });
  }

  /**
   * Moves the leader key, which `answer` showed, to a lease of etcd's present term. Guarded on the key as it was read and on
   * the epoch; whether it has moved, and which lease counts, is for the next read to say. Until then both are kept, and the
   * deadline counts from the older of them.
   */
  async #moveKey(epoch: Epoch, answer: ITxnResponse): Promise<void> {
    const stands = answer.responses[0]?.response_range.kvs[0];
    if (this.#isMoving || stands === undefined) return;
    this.#isMoving = true;
    try {
      // A request to move it to this very lease may still land: no other is named before a read has shown the key on it.
      const next = this.#next ?? (await this.#granted()).lease;
      if (this.#isStopped || this.#leading?.epoch !== epoch) {
        if (next !== this.#next) this.#leave(next);
        return;
      }
      this.#next = next;
      const record: LeaderRecord = { ...decode<LeaderRecord>(stands, "object"), lease: next.id };
      const isEpoch = { key: bytes(this.#keys.epoch), target: "Value", result: "Equal", value: encode(epoch) } as const;
      const request = {
        compare: [unchanged(this.#keys.leader, stands.mod_revision), isEpoch],
        success: [put(this.#keys.leader, record, next.id)],
      };
      await this.#fleet.first("move the leader key", (client, options) => client.kv.txn(request, options));
    } catch (error) {
      // The next confirmation shows whether it moved, and asks again if not; to another lease, if this one is gone.
      if (error instanceof EtcdLeaseInvalidError) this.#dropNext();
    } finally {
      this.#isMoving = false;
    }
  }

  #dropNext(): void {
    if (this.#next !== undefined) this.#leave(this.#next);
    this.#next = undefined;
  }

  /** Not kept any more; a request that is late may still bind a key to it, so the end of this boot revokes it. */
  #leave(lease: KeptLease): void {
    lease.close();
    this.#left = [...this.#left, lease.id].slice(-leftMax);
  }

  #moveDeadline(): void {
    const { leading, lease, next: moving } = { leading: this.#leading, lease: this.#lease, next: this.#next };
    if (leading?.confirmedFrom === undefined || lease === undefined) return;
    const now = monoNow();
    this.#checkDeadline(now);
    if (this.#leading !== leading) return;
    const sentMonoMs = monoMs(Math.min(lease.keptFrom, moving?.keptFrom ?? lease.keptFrom));
    const next = deadlineOf({
      sentMonoMs,
      confirmedSentMonoMs: leading.confirmedFrom,
      grantedTtlMs: Math.min(lease.ttlMs, moving?.ttlMs ?? lease.ttlMs),
      marginMs: this.#options.marginMs,
    });
    if (next <= now) return;
    assert(next <= now + lease.ttlMs - this.#options.marginMs, "the deadline lies within one TTL less the margin");
    const from = monoMs(Math.min(sentMonoMs, leading.confirmedFrom));
    this.#grantUntil(next, { from, epoch: leading.epoch, now });
  }

  /** Moves the deadline forward; what was granted before a doubt is no deadline to be later than, and moves none. */
  #grantUntil(next: MonoMs, o: { readonly from: MonoMs; readonly epoch: Epoch; readonly now: MonoMs }): void {
    const { deadline, grantedFrom, doubtedAt } = this.#cells;
    const doubted = loadMono(doubtedAt);
    if (o.from < doubted) return;
    if (loadMono(grantedFrom) < doubted) storeMono(deadline, 0);
    if (next <= loadMono(deadline)) return;
    // In this order: whoever reads the first and then the second never sees an older deadline on a newer ground.
    storeMono(grantedFrom, o.from);
    storeMono(deadline, next);
    this.#endsAt = next;
    this.#tell({ kind: "slack", epoch: o.epoch, slackMs: next - o.now });
  }

  #checkDeadline(now: MonoMs): void {
    const endsAt = this.#endsAt;
    if (this.#leading === undefined || endsAt === 0 || now < endsAt) return;
    this.#lose("deadline-passed", `no renewal was confirmed in time; it passed ${Math.round(now - endsAt)} ms ago`);
  }

  #lose(reason: LostReason, detail: string): void {
    const epoch = this.#leading?.epoch;
    storeMono(this.#cells.deadline, monoMs(0));
    if (epoch === undefined) return;
    this.#leading = undefined;
    this.#dropNext();
    this.#lostEpoch = epoch;
    if (reason !== "other-leader") this.#fenced = reason;
    this.#tell({ kind: "lost", epoch, reason, detail });
  }
}
