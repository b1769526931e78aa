/**
 * One run of an engine process: its main loop, the thread of its lease's keeper, its way to the venue. It joins as a real
 * one does: a lease, the node's id in etcd, its disk, whose opening is counted; then it runs (`running.ts`) until it is
 * killed, fenced, stopped in order, or its machine goes.
 */
import type { BootId, NodeId, OperationId, SymbolId } from "@baton/core";
import { id, isEpochOpen } from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { Desk } from "../desk/desk.ts";
import { Process } from "../world/process.ts";
import type { Disk } from "../world/disk.ts";
import type { World } from "../world/world.ts";
import type { EtcdStore } from "../world/etcd-store.ts";
import { EtcdClient } from "./etcd-client.ts";
import { whyTailBroken } from "./journal.ts";
import type { SimJournal } from "./journal.ts";
import { Keeper } from "./keeper.ts";
import type { LeaderSide, ServedLink } from "./leader-side.ts";
import type { SimLeadership } from "./leadership.ts";
import type { SimLedger } from "./ledger.ts";
import type { Links } from "./links.ts";
import type { ToLeader } from "./messages.ts";
import { Prices } from "./prices.ts";
import type { Top } from "./prices.ts";
import type { SimReads } from "./reads.ts";
import { Running } from "./running.ts";
import type { Settings } from "./settings.ts";
import { recordOf } from "./standing.ts";
import { VenueDoor } from "./venue-door.ts";

const tickMs = 20;
const joinRetryMs = 100;
const takenMarginMs = 1_500;

export class Boot {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly disk: Disk;
  readonly settings: Settings;
  readonly bent: Bent;
  readonly world: World;
  readonly main: Process;
  readonly keeperThread: Process;
  readonly keeper: Keeper;
  readonly door: VenueDoor;
  readonly client: EtcdClient;
  readonly prices: Prices;
  /** Asked to stop: from here on nobody hands the key to it. */
  isStopping = false;
  readonly #onEnded: (why: string) => void;
  /** A second process of one node is stopped when it is let in. */
  readonly #onAdmitted: (() => void) | undefined;
  /** Since when another boot has had this node's id. */
  #takenSince: number | undefined;
  #running: Running | undefined;
  #mainBeat: number;
  #isEnding = false;
  #isClosing = false;
  #isJoining = false;

  constructor(o: {
    world: World;
    node: NodeId;
    boot: BootId;
    disk: Disk;
    settings: Settings;
    bent: Bent;
    onEnded: (why: string) => void;
    onAdmitted?: (() => void) | undefined;
  }) {
    const { world, node, boot, bent, settings } = o;
    this.world = world;
    this.node = node;
    this.boot = boot;
    this.disk = o.disk;
    this.settings = settings;
    this.bent = bent;
    this.#onEnded = o.onEnded;
    this.#onAdmitted = o.onAdmitted;
    const host = world.host(node);
    const onCrash = (error: unknown): void => world.watch.crashed(this, error);
    this.main = new Process(world.agenda, host.clock, onCrash);
    this.keeperThread = new Process(world.agenda, host.clock, onCrash);
    const client = (process: Process): EtcdClient =>
      new EtcdClient({ etcd: world.etcd, network: world.network, place: node, process, bent });
    this.client = client(this.main);
    this.#mainBeat = host.clock.mono();
    this.prices = new Prices(bent.is("stale-price") ? Number.MAX_SAFE_INTEGER : settings.staleAfterMs);
    this.door = new VenueDoor({
      ...{ venue: world.venue, network: world.network, process: this.main, settings, bent },
      dice: world.dice.fork(`door ${boot}`),
      ports: {
        ...{ place: node, node },
        permits: { current: (now) => this.#running?.leadership.current(now) },
        isKilled: () => this.#running?.ledger.speculative.engine.kill.level !== "off",
        lateAnswer: (clientOrderId, outcome) => this.#running?.desk.lateAnswer(clientOrderId, outcome),
        wrote: (write) => world.watch.wrote(this, write),
        clockAhead: () => {
          world.watch.note("clock stood still");
          if (!bent.is("clock-trusted")) this.keeper.doubt();
        },
        read: (what) => world.watch.accountRead(this, what),
      },
    });
    this.door.waitMs = host.socketWaitMs;
    this.keeper = new Keeper({
      ...{ process: this.keeperThread, etcd: world.etcd, timing: settings.timing, bent },
      client: client(this.keeperThread),
      ports: {
        ...{ place: node, node, boot },
        tell: (event) => this.main.run(() => this.#running?.onKeeper(event)),
        mainBeat: () => this.#mainBeat,
        diskBusySince: () => this.#running?.writer.busySinceMono ?? 0,
        granted: (lease) => world.watch.identities.granted(boot, lease),
        renews: (lease) => world.watch.identities.renews(boot, lease),
        kept: (sentMono, ttlMs) => world.watch.kept(this, sentMono, ttlMs),
        confirmed: (sentMono, epoch) => world.watch.confirmed(this, sentMono, epoch),
      },
    });
    this.main.every(tickMs, () => this.#tick());
  }

  get leadership(): SimLeadership | undefined {
    return this.#running?.leadership;
  }

  get journal(): SimJournal | undefined {
    return this.#running?.journal;
  }

  get ledger(): SimLedger | undefined {
    return this.#running?.ledger;
  }

  get desk(): Desk | undefined {
    return this.#isClosing ? undefined : this.#running?.desk;
  }

  get reads(): SimReads | undefined {
    return this.#isClosing ? undefined : this.#running?.reads;
  }

  get links(): Links | undefined {
    return this.#running?.links;
  }

  get isLeading(): boolean {
    const role = this.#running?.leadership.leading;
    return role !== undefined && isEpochOpen(role);
  }

  /** The market as this node's feed tells it now. */
  onTop(symbol: SymbolId, top: Top): void {
    this.prices.note(symbol, top, this.main.clock.mono());
  }

  /** The leader's end of links that are dialled here; undefined while this process is not ready for them. */
  serve(): LeaderSide | undefined {
    return this.#isClosing ? undefined : this.#running?.leaderSide;
  }

  onServed(link: ServedLink, message: ToLeader): void {
    if (!this.#isClosing) this.#running?.onServed(link, message);
  }

  /** Asked to stop in order: a leader hands over, a standby leaves the set first; within a bound it goes anyway. */
  stopInOrder(withinMs: number): void {
    if (this.isStopping || this.#isEnding) return;
    this.isStopping = true;
    const operation = id<OperationId>(`stop-${this.boot}`);
    const end = this.main.clock.mono() + withinMs;
    let askedMono = 0;
    const look = (): void => {
      const now = this.main.clock.mono();
      const running = this.#running;
      if (this.#isClosing) return;
      if (running === undefined || now >= end) return this.end("stopped");
      const role = running.leadership.leading;
      if (role === undefined && running.mayLeave) return this.end("stopped");
      if (role === undefined) running.tellWord();
      else if (role.hold === undefined && now - askedMono > 200) {
        askedMono = now;
        running.leadership.feed({ kind: "switchover", operation, to: undefined, reason: "switchover" });
      }
      this.main.after(role === undefined ? 50 : 5, look);
    };
    this.main.after(1, look);
  }

  /** The process is gone: killed, crashed, fenced, stopped, or with its machine. */
  end(why: string, isPowerLost = false): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.main.end();
    this.keeperThread.end();
    this.#running?.end(isPowerLost);
    if (this.disk.openedBy === this.boot) this.disk.openedBy = undefined;
    this.world.watch.ended(this, why);
    this.#onEnded(why);
  }

  /** Nothing is decided any more; what is already on its way to a socket still meets the last check there. */
  fence(reason: string): void {
    if (this.#isEnding || this.#isClosing) return;
    this.world.watch.fenced(this, reason);
    if (this.bent.is("fenced-acts")) return;
    this.#isClosing = true;
    this.keeper.follow();
    this.#running?.close();
    this.main.after(this.world.dice.skewed(1, 1_500), () => this.end(`fenced: ${reason}`));
  }

  #tick(): void {
    this.#mainBeat = this.main.clock.mono();
    if (this.#isClosing) return;
    if (this.#running === undefined) this.#join();
    else this.#running.tick();
  }

  /** The id first, then the disk; its opening is counted before anything of it is used. */
  #join(): void {
    if (this.#isJoining || this.keeper.lease === undefined) return;
    this.#isJoining = true;
    const again = (): void => {
      this.main.after(joinRetryMs, () => {
        this.#isJoining = false;
      });
    };
    this.client.read((view) => {
      if (view === undefined) return again();
      const before = view.members.get(this.node);
      if (before !== undefined && this.bent.is("lease-adopted")) this.keeper.adopt(before.lease);
      const record = recordOf({
        ...{ node: this.node, boot: this.boot, cluster: this.world.cluster, disk: this.disk, door: this.door },
        ...{ lease: this.keeper.lease, isStopping: this.isStopping, journal: undefined, succession: undefined },
        wall: this.main.clock.wall(),
      });
      this.client.first(
        (store) => ({ refusal: store.publish(record, this.bent.is("id-shared")) }),
        (answer) => {
          if (this.#isTakenForLong(answer?.refusal)) return this.#refuseStart();
          if (answer === undefined || answer.refusal !== undefined || !this.#openDisk()) return again();
          const fault = this.bent.is("rot-unchecked") ? undefined : whyTailBroken(this.disk);
          if (fault !== undefined) return this.#refuseDisk("a record is not as it was written", fault);
          const { journal, bootCount } = this.disk.content;
          this.client.first(
            (store) => ({ counted: store.countBoot(journal, { boot: this.boot, count: bootCount }) }),
            (told) => {
              if (told === undefined) return again();
              if (told.counted !== undefined && !this.bent.is("openings-uncounted"))
                return this.#refuseDisk("rolled back", `etcd has counted ${told.counted} openings`);
              if (this.#onAdmitted !== undefined) return this.#onAdmitted();
              this.#running = new Running(this, view);
              this.#running.start();
            },
          );
        },
      );
    });
  }

  /** A record of another boot is waited out for as long as a dead one's lease lasts; after that it is a second node. */
  #isTakenForLong(refusal: ReturnType<EtcdStore["publish"]>): boolean {
    if (typeof refusal !== "object") {
      this.#takenSince = undefined;
      return false;
    }
    this.#takenSince ??= this.main.clock.mono();
    return this.main.clock.mono() - this.#takenSince > this.settings.timing.ttlMs + takenMarginMs;
  }

  #refuseStart(): void {
    this.world.watch.note("start refused: the id is in use");
    this.end("its id is in use");
  }

  #openDisk(): boolean {
    if (this.disk.openedBy === this.boot) return true;
    if (this.disk.openedBy !== undefined) return false;
    this.disk.openedBy = this.boot;
    this.disk.content.bootCount += 1;
    return true;
  }

  #refuseDisk(kind: string, why: string): void {
    this.disk.isRefused = true;
    this.world.watch.note(`disk refused: ${kind}`);
    this.end(`its disk is refused: ${why}`);
  }
}
