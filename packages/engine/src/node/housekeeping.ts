/**
 * What a leader does beside leading: it prunes what piles up in etcd, has it forget the revisions of an hour ago (decision
 * 41), and after a takeover asks etcd to move its own leader off this host, because a host that carries both takes down both.
 * Every node looks after etcd's endpoints and says what it found. Nothing here decides who leads.
 */
import type { Config, NodeId } from "@baton/core";
import type { Etcd, EtcdHealth } from "@baton/cluster";

export interface HousekeepingPorts {
  readonly config: Config;
  readonly etcd: Etcd;
  readonly isLeading: () => boolean;
  /** etcd's revision by the newest read; undefined before the first. */
  readonly revision: () => string | undefined;
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
}

const lookEveryMs = 5_000;
const pruneEveryMs = 60_000;
/** So many prunings ago is what etcd forgets: an hour. */
const revisionsNoted = 60;
/** After a takeover the orders come first. */
const moveAfterMs = 2_000;

export class Housekeeping {
  readonly #o: HousekeepingPorts;
  readonly #timers: NodeJS.Timeout[] = [];
  #moving: NodeJS.Timeout | undefined;
  #health: EtcdHealth | undefined;
  /** One each minute, oldest first, also while this node follows: who leads next goes on from there. */
  readonly #revisions: string[] = [];
  #isRefused = false;

  constructor(o: HousekeepingPorts) {
    this.#o = o;
    this.#look();
    this.#timers.push(
      setInterval(() => this.#look(), lookEveryMs),
      setInterval(() => this.#minute(), pruneEveryMs),
    );
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#moving);
  }

  /** How etcd's endpoints were when they were last looked at; undefined before the first look. */
  get etcdHealth(): EtcdHealth | undefined {
    return this.#health;
  }

  /** This node leads an open epoch from now on. */
  opened(): void {
    clearTimeout(this.#moving);
    this.#moving = setTimeout(() => {
      this.#prune();
      void this.#moveEtcdAway();
    }, moveAfterMs);
  }

  /** Does etcd's leader stand on the host of this Baton node? Undefined where it is not known. */
  sitsWith(address: string): boolean | undefined {
    const { config } = this.#o;
    return isTogether({ endpoints: config.etcd.endpoints, leader: this.#health?.leaderEndpoint, address });
  }

  #look(): void {
    // Never rejects.
    void this.#o.etcd.status().then((health) => (this.#health = health));
  }

  #minute(): void {
    const revision = this.#o.revision();
    if (revision !== undefined) this.#revisions.push(revision);
    const old = this.#revisions.length > revisionsNoted ? this.#revisions.shift() : undefined;
    this.#prune();
    if (old !== undefined && this.#o.isLeading()) void this.#compact(old);
  }

  /** A minute's worth each time: etcd holds up its other work for a large one. What fails is done a minute later. */
  async #compact(revision: string): Promise<void> {
    try {
      await this.#o.etcd.compact(revision);
      this.#isRefused = false;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!this.#isRefused) this.#o.warn("etcd.not-compacted", `etcd grows until somebody compacts it: ${why}`);
      this.#isRefused = true;
    }
  }

  #prune(): void {
    if (!this.#o.isLeading()) return;
    const nodes: readonly NodeId[] = this.#o.config.cluster.nodes;
    // What is not pruned now is pruned in a minute.
    void this.#o.etcd.prune(nodes).catch(() => undefined);
  }

  async #moveEtcdAway(): Promise<void> {
    const { config, etcd, isLeading, say } = this.#o;
    if (!isLeading()) return;
    this.#health = await etcd.status();
    const from = this.#health.leaderEndpoint;
    if (from === undefined || this.sitsWith(config.api.advertise) !== true) return;
    const isMoved = await etcd.moveLeaderAway(from);
    say(
      isMoved ? "etcd.leader-moved" : "etcd.leader-stays",
      isMoved
        ? `etcd's leader was moved off ${from}: it stood on this leader's host.`
        : `etcd's leader stays on ${from}, this leader's host: no other etcd member could take it.`,
    );
    this.#look();
  }
}

/** Two roles on one host. Where every etcd member is on that host there is nowhere else, and nothing to say. */
export function isTogether(o: {
  readonly endpoints: readonly string[];
  readonly leader: string | undefined;
  readonly address: string;
}): boolean | undefined {
  if (o.leader === undefined) return undefined;
  const here = hostOf(`http://${o.address}`);
  if (o.endpoints.every((endpoint) => hostOf(endpoint) === here)) return false;
  return hostOf(o.leader) === here;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}
