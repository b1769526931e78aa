/**
 * The world of one seed: machines with clocks and disks, the network between them, etcd, the venue, and the nodes of one
 * cluster. Nothing in it depends on anything but the seed and the schedule, so the same two give the same run.
 */
import { id } from "@baton/core";
import type { ClusterId, InstrumentRules, NodeId, SymbolId, Transaction } from "@baton/core";
import { instrument } from "@baton/exchange";
import type { Uniqueness } from "@baton/exchange";
import { Bent } from "../breaks/bent.ts";
import type { Watch } from "../checks/watch.ts";
import { rulesOf } from "../engine/settings.ts";
import type { Boot } from "../engine/boot.ts";
import type { Settings } from "../engine/settings.ts";
import { Agenda } from "./agenda.ts";
import { Dice } from "./dice.ts";
import { Etcd } from "./etcd.ts";
import { EtcdStore } from "./etcd-store.ts";
import { Host } from "./host.ts";
import { Network } from "./network.ts";
import { Venue } from "./venue.ts";

const markets = [
  { base: "BTC", openingPrice: "60000", tick: "0.01", step: "0.00001" },
  { base: "ETH", openingPrice: "3000", tick: "0.01", step: "0.0001" },
];

/** What differs between worlds. */
export interface WorldOptions {
  readonly seed: string;
  readonly nodes: readonly string[];
  readonly settings: Settings;
  readonly uniqueness: Uniqueness;
  /** Rate of each machine's monotonic clock and offset of its wall clock, in the order of `nodes`. */
  readonly clocks: readonly { readonly rate: number; readonly wallOffsetMs: number }[];
  readonly bent?: Bent;
  readonly watch: (world: World) => Watch;
  /** One line of what happened, for people. */
  readonly onSaid?: (line: {
    readonly at: number;
    readonly who: string;
    readonly event: string;
    readonly sentence: string;
  }) => void;
}

const feedEveryMs = 100;

export class World {
  readonly agenda: Agenda = new Agenda();
  readonly dice: Dice;
  readonly network: Network;
  readonly etcd: Etcd;
  readonly venue: Venue;
  readonly nodes: readonly Host[];
  readonly cluster: ClusterId = id<ClusterId>("simulated-cluster");
  readonly rules: ReadonlyMap<SymbolId, InstrumentRules>;
  readonly settings: Settings;
  readonly bent: Bent;
  readonly watch: Watch;
  /** Nodes that are kept down by a fault. */
  readonly heldDown: Set<NodeId> = new Set();
  /** Pairs (follower, leader) whose messages are scrambled, and how badly. */
  readonly scrambles: Map<string, number> = new Map();
  /** The same pairs, and the share of frames whose bytes change on the way. */
  readonly rots: Map<string, number> = new Map();
  /** Those who wait for a request of the succession to leave a node. */
  readonly ambushes: Set<(node: NodeId, transaction: Transaction) => void> = new Set();
  /** Nodes whose market data stands still. */
  readonly feedCuts: Map<NodeId, number> = new Map();
  readonly #onSaid: WorldOptions["onSaid"];
  readonly #lastSaid = new Map<string, string>();

  constructor(o: WorldOptions) {
    this.dice = new Dice(o.seed);
    this.settings = o.settings;
    this.bent = o.bent ?? new Bent();
    this.#onSaid = o.onSaid;
    this.rules = new Map(markets.map((market) => rulesOf(market)));
    this.network = new Network(this.agenda, this.dice.fork("network"));
    const names = o.nodes.map((name) => id<NodeId>(name));
    this.watch = o.watch(this);
    this.nodes = names.map((node, index) => new Host(this, node, o.clocks[index] ?? { rate: 1, wallOffsetMs: 0 }));
    const store = new EtcdStore({
      cluster: this.cluster,
      members: this.nodes.map(({ node, disk }) => ({ node, journal: disk.content.journal })),
      before: (transaction, before) => this.watch.applying(transaction, before),
      beforePublishing: (record, before) => this.watch.identities.publishing(record, before),
    });
    this.etcd = new Etcd({
      agenda: this.agenda,
      network: this.network,
      dice: this.dice.fork("etcd"),
      store,
      places: ["a", "b", "c"],
      temper: { electionMs: [600, 950], late: { chance: 0, ms: 0 }, answerLoss: 0, watchLagMs: 0 },
    });
    store.onChange(() => this.watch.losing.etcdChanged(store));
    this.venue = new Venue({
      agenda: this.agenda,
      dice: this.dice.fork("venue"),
      instruments: markets.map((market) => instrument({ quote: "USDT", ...market })),
      uniqueness: o.uniqueness,
      bounds: { processingMs: o.settings.doubt.processingBoundMs, queryLagMs: o.settings.doubt.queryLagMs },
      seed: o.seed,
      onAudit: (record) => this.watch.audited(record),
    });
    for (const node of ["a", "b", "c"]) {
      for (const [from, to] of [
        [node, "venue"],
        ["venue", node],
      ] as const) {
        const path = this.network.path(from, to);
        path.delayMs = 1;
        path.jitterMs = 2;
      }
    }
    const feed = (): void => {
      this.#feed();
      this.agenda.after(feedEveryMs, feed);
    };
    this.agenda.after(10, feed);
  }

  host(node: NodeId): Host {
    const host = this.nodes.find((one) => one.node === node);
    if (host === undefined) throw new RangeError(`no node ${node}`);
    return host;
  }

  bootOf(node: NodeId): Boot | undefined {
    return this.nodes.find((one) => one.node === node)?.boot;
  }

  /** Every process that runs. */
  boots(): readonly Boot[] {
    return this.nodes.flatMap((host) => host.boot ?? []);
  }

  /** The one that leads an open epoch, by its own word; undefined when none or several do. */
  leader(): Boot | undefined {
    const leading = this.boots().filter((boot) => boot.isLeading);
    return leading.length === 1 ? leading[0] : undefined;
  }

  mayRestart(node: NodeId): boolean {
    return !this.heldDown.has(node);
  }

  scrambleOf(follower: NodeId, leader: NodeId): number {
    return this.scrambles.get(`${follower}>${leader}`) ?? 0;
  }

  /** Whether anybody listens to what is said. */
  get isTold(): boolean {
    return this.#onSaid !== undefined;
  }

  /** One line of what happened; what somebody says twice in a row is said once. */
  say(who: string, event: string, sentence: string): void {
    if (this.#onSaid === undefined || this.#lastSaid.get(who) === sentence) return;
    this.#lastSaid.set(who, sentence);
    this.#onSaid({ at: this.agenda.now, who, event, sentence });
  }

  #feed(): void {
    for (const symbol of this.rules.keys()) {
      const top = this.venue.top(symbol.replace("/", ""));
      if (top === undefined) continue;
      this.watch.priced(symbol, top.updateId);
      for (const { node } of this.nodes) {
        if ((this.feedCuts.get(node) ?? 0) > 0) continue;
        this.network.packet("venue", node, () => {
          const boot = this.bootOf(node);
          // A stopped process reads the newest price when it goes on, not those that it slept through.
          if (boot !== undefined && !boot.main.isStopped) boot.main.run(() => boot.onTop(symbol, top));
        });
      }
    }
  }
}
