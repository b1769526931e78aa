/**
 * One machine of the cluster: its clocks, its disk, the engine process on it and that process's supervisor, which starts
 * the engine again when it ends, writes its death to etcd and gives its lease back.
 */
import { id, wallMs } from "@baton/core";
import type { BootId, JournalId, LeaseId, NodeId } from "@baton/core";
import { Boot } from "../engine/boot.ts";
import { EtcdClient } from "../engine/etcd-client.ts";
import { Disk } from "./disk.ts";
import { HostClock } from "./host-clock.ts";
import { Process } from "./process.ts";
import type { World } from "./world.ts";

const restartFirstMs = 100;
const restartMostMs = 2_000;
const stableMs = 15_000;

export class Host {
  readonly node: NodeId;
  readonly clock: HostClock;
  disk: Disk;
  boot: Boot | undefined;
  isUp = true;
  /** A supervisor that was killed reports no death and starts nothing. */
  hasSupervisor = true;
  /** How long a request to the venue waits for its socket: [least, most]. */
  socketWaitMs: readonly [number, number] = [0, 0.3];
  readonly #world: World;
  #boots = 0;
  #disks = 1;
  #bootedAt = 0;
  #pauseMs = restartFirstMs;

  constructor(world: World, node: NodeId, clock: { readonly rate: number; readonly wallOffsetMs: number }) {
    this.#world = world;
    this.node = node;
    this.clock = new HostClock(world.agenda, { monoMs: 10_000 + world.dice.between(0, 1e6), ...clock });
    this.disk = this.#newDisk();
  }

  /** Starts the engine, if the machine is up and none runs. */
  start(): void {
    const world = this.#world;
    if (!this.isUp || this.boot !== undefined || this.disk.isRefused) return;
    this.#boots += 1;
    this.#bootedAt = world.agenda.now;
    const boot = id<BootId>(`${this.node}${this.#boots}`);
    world.say(this.node, "process.starts", `Boot ${boot} starts with its journal at ${this.disk.last}.`);
    const started: Boot = new Boot({
      world,
      node: this.node,
      boot,
      disk: this.disk,
      settings: world.settings,
      bent: world.bent,
      onEnded: (why) => this.#ended(started, why),
    });
    this.boot = started;
    if (world.bent.is("death-guessed")) this.#guessDeaths(started);
  }

  /**
   * Somebody starts a second process with this node's configuration: on the same data, or on an empty disk of its own. It is
   * stopped when it is let in, or when the answer is called. Nobody keeps it running.
   */
  startSecond(isOnSameData: boolean): () => void {
    const world = this.#world;
    this.#boots += 1;
    const boot = id<BootId>(`${this.node}${this.#boots}-second`);
    if (!isOnSameData) this.#disks += 1;
    const disk = isOnSameData ? this.disk : this.#newDisk();
    const { node } = this;
    const { settings, bent } = world;
    const onAdmitted = (): void => {
      world.watch.note("second of one id let in after the first");
      second.end("stopped");
    };
    const second: Boot = new Boot({ world, node, boot, disk, settings, bent, onAdmitted, onEnded: () => undefined });
    return () => second.end("stopped");
  }

  /** SIGKILL, a crash, out of memory. */
  kill(): void {
    this.boot?.end("killed");
  }

  /** Power goes: nothing on this machine says anything any more. */
  powerOff(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.boot?.end("power lost", true);
    this.#world.etcd.kill(this.node);
  }

  powerOn(): void {
    if (this.isUp) return;
    this.isUp = true;
    this.#world.etcd.start(this.node);
    this.#world.agenda.after(this.#world.dice.between(200, 600), () => this.start());
  }

  /** The disk is replaced by an empty one; only while no process has it open. */
  replaceDisk(): void {
    if (this.boot !== undefined) return;
    this.#disks += 1;
    this.disk = this.#newDisk();
    this.#world.watch.note("disk replaced");
  }

  stopEngine(): void {
    this.boot?.main.stop();
    this.boot?.keeperThread.stop();
  }

  goOn(): void {
    const boot = this.boot;
    boot?.keeperThread.go();
    boot?.main.go();
  }

  /** The supervisor's word on a boot that it takes for dead. */
  release(boot: BootId, lease: LeaseId | undefined, cause: string): void {
    const world = this.#world;
    const supervisor = new Process(world.agenda, this.clock, (error) => world.watch.crashedElsewhere(error));
    const client = new EtcdClient({
      etcd: world.etcd,
      network: world.network,
      place: this.node,
      process: supervisor,
      bent: world.bent,
    });
    // As a real one says it: what ended as it was asked to is no death that counts.
    const death = {
      node: this.node,
      boot,
      cause: cause === "stopped" ? "exit 0" : cause,
      reapedWallMs: wallMs(this.clock.wall()),
    };
    const began = world.agenda.now;
    const attempt = (waitMs: number): void => {
      if (!this.isUp || world.agenda.now - began > 60_000) return supervisor.end();
      client.first(
        (store) => {
          store.noteDeath(death);
          if (lease !== undefined) world.etcd.revoke(lease);
          return true;
        },
        (answer) => {
          if (answer === undefined) supervisor.after(waitMs, () => attempt(Math.min(1_000, waitMs * 2)));
          else supervisor.end();
        },
      );
    };
    supervisor.after(world.dice.between(1, 6), () => attempt(50));
  }

  /** Broken on purpose: silence is taken for death. */
  #guessDeaths(boot: Boot): void {
    const { agenda } = this.#world;
    let silentSince: number | undefined;
    const look = (): void => {
      if (this.boot !== boot) return;
      silentSince = boot.main.isStopped ? (silentSince ?? agenda.now) : undefined;
      if (silentSince !== undefined && agenda.now - silentSince > 600) {
        return this.release(boot.boot, boot.keeper.lease, "silent");
      }
      agenda.after(100, look);
    };
    agenda.after(100, look);
  }

  #ended(boot: Boot, why: string): void {
    const world = this.#world;
    if (this.boot !== boot) return;
    this.boot = undefined;
    world.say(this.node, "process.ends", `Boot ${boot.boot} ends: ${why}.`);
    if (!this.isUp) return;
    if (this.hasSupervisor) this.release(boot.boot, boot.keeper.lease, why);
    if (world.agenda.now - this.#bootedAt > stableMs) this.#pauseMs = restartFirstMs;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(restartMostMs, pauseMs * 2);
    world.agenda.after(pauseMs + world.dice.between(50, 200), () => {
      if (world.mayRestart(this.node)) this.start();
    });
  }

  #newDisk(): Disk {
    const journal = id<JournalId>(`${this.node}-disk${this.#disks}`);
    return new Disk(this.node, journal, (disk, order) => this.#world.watch.disk(disk, order));
  }
}
