/**
 * One run: three nodes of production shells in this process, on real files and sockets, under the schedule of a seed. When
 * all harm has ended the cluster must come to rest in sync; then every file is closed and judged. The schedule comes out
 * of the seed the same each time; how threads and sockets interleave does not, so a failure is repeated by a few runs of its
 * seed rather than by one.
 */
import { mkdirSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { id } from "@baton/core";
import type { BootId, Epoch, NodeId, Sequence } from "@baton/core";
import type { Break } from "./breaks.ts";
import { Dice } from "../simulation/world/dice.ts";
import { EtcdStore } from "../simulation/world/etcd-store.ts";
import { EtcdWay } from "./etcd-way.ts";
import { ShellNode, cluster } from "./node.ts";
import { nodeNames, scheduleOf, told } from "./schedule.ts";
import type { Ambush, Blow, Incident, NodeName, Phase, Whom } from "./schedule.ts";
import { Wire } from "./wire.ts";
import { Witness } from "./witness.ts";
import type { Violation } from "./witness.ts";

const serveEveryMs = 6;
/** In which a copy of these few records has come and its installing has begun. */
const installMs = 100;
/** A bound for what hangs: a cluster that is well again needs a second or two of it. */
const restWithinMs = 45_000;
/** With a rule broken nobody minds if it only was the machine that was slow. */
const brokenRestWithinMs = 12_000;

export interface Report {
  readonly seed: number;
  readonly schedule: readonly Incident[];
  readonly violation: Violation | undefined;
  readonly story: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly committed: number;
  readonly epoch: number;
}

export interface RunOptions {
  readonly seed: number;
  /** Emptied first. */
  readonly folder: string;
  /** Numbers of the incidents that happen; absent: all. */
  readonly only?: ReadonlySet<number> | undefined;
  /** The rule that is broken in this process. */
  readonly rule?: Break | undefined;
}

/** Plays a seed. `onStart`: who watches for errors that nobody catches tells the witness of them. */
export async function run(o: RunOptions, onStart: (witness: Witness) => void): Promise<Report> {
  rmSync(o.folder, { recursive: true, force: true });
  mkdirSync(o.folder, { recursive: true });
  const stage = new Stage(o);
  onStart(stage.witness);
  const schedule = scheduleOf(o.seed, o.rule?.favours).filter(({ number }) => o.only?.has(number) ?? true);
  await stage.open();
  await stage.harm(schedule);
  await stage.rest();
  await stage.close();
  const { witness } = stage;
  return {
    seed: o.seed,
    schedule,
    violation: witness.violation,
    story: witness.story,
    counts: witness.counts,
    committed: Math.max(0, ...witness.known.keys()),
    epoch: stage.epoch,
  };
}

class Stage {
  readonly witness = new Witness();
  readonly #dice: Dice;
  readonly #store: EtcdStore;
  readonly #etcd: EtcdWay;
  readonly #nodes: readonly ShellNode[];
  readonly #wires = new Map<string, Wire>();
  readonly #addresses = new Map(nodeNames.map((name) => [name, new Map<NodeId, string>()]));
  readonly #restWithinMs: number;
  #ambushes: Ambush[] = [];
  #serving: NodeJS.Timeout | undefined;
  #operations = 0;

  constructor({ seed, folder, rule }: RunOptions) {
    this.#restWithinMs = rule === undefined ? restWithinMs : brokenRestWithinMs;
    this.#dice = new Dice(`shells/${seed}/run`);
    this.#store = new EtcdStore({ cluster, members: [], before: () => undefined });
    this.#etcd = new EtcdWay(this.#store, this.#dice.fork("etcd"), (what) => this.witness.count(what));
    const around = {
      folder,
      etcd: this.#etcd,
      witness: this.witness,
      holdsAnother: (node: ShellNode) => this.#holdsAnother(node),
      isVowedBelow: (node: NodeId, epoch: Epoch, position: Sequence) =>
        this.#nodes.find((one) => one.id === node)?.running?.isVowedBelow(epoch, position) ?? false,
      entered: (node: ShellNode, phase: Phase, follows: NodeId) => this.#entered(node, phase, follows),
    };
    this.#nodes = nodeNames.map(
      (name) =>
        new ShellNode(name, {
          ...around,
          dice: this.#dice.fork(name),
          addresses: this.#addresses.get(name) ?? new Map<NodeId, string>(),
        }),
    );
  }

  get epoch(): number {
    return this.#store.epoch.value;
  }

  async open(): Promise<void> {
    const members = [];
    for (const to of this.#nodes) {
      const port = await to.listen();
      for (const from of this.#nodes) {
        if (from === to) continue;
        const wire = await Wire.open(port);
        this.#wires.set(`${from.name}${to.name}`, wire);
        this.#addresses.get(from.name)?.set(to.id, wire.address);
      }
      const { identity } = await to.open();
      members.push({ node: to.id, journal: identity.journal });
    }
    const by = { boot: id<BootId>("init"), transaction: 0 };
    this.#store.insync = { value: { epoch: 0, version: 1, members, by }, modRevision: "1" };
    for (const node of this.#nodes) node.run();
    this.#serving = setInterval(() => {
      for (const node of this.#nodes) node.running?.serve();
    }, serveEveryMs);
  }

  async harm(schedule: readonly Incident[]): Promise<void> {
    const began = performance.now();
    for (const incident of schedule) {
      await delay(Math.max(0, began + incident.atMs - performance.now()));
      if (this.witness.violation !== undefined) return;
      this.witness.say("schedule", told(incident).trim());
      const { what } = incident;
      if (what.kind === "ambush") this.#ambushes.push(what);
      else this.#strike(what);
    }
  }

  /** All harm has ended: waits until the three are in sync and hold the same. */
  async rest(): Promise<void> {
    this.witness.say("schedule", "all harm has ended");
    this.#ambushes = [];
    this.#etcd.isHealed = true;
    for (const wire of this.#wires.values()) wire.heal();
    const until = performance.now() + this.#restWithinMs;
    let least = Number.POSITIVE_INFINITY;
    while (this.witness.violation === undefined) {
      // Once it is well, something more must be committed.
      const well = this.#wellAt();
      if (well !== undefined && well > least) break;
      if (well !== undefined) least = Math.min(least, well);
      if (performance.now() > until) {
        this.witness.broken("healing", `the cluster did not come to rest: ${this.#nodes.map(standing).join("; ")}`);
        break;
      }
      await delay(10);
    }
    clearInterval(this.#serving);
    while (this.witness.violation === undefined && performance.now() < until && this.#wellAt(true) === undefined)
      await delay(10);
    const committed = this.#leader?.running?.ledger.committed.applied ?? 0;
    if (this.witness.violation === undefined) this.witness.ended(committed);
  }

  async close(): Promise<void> {
    clearInterval(this.#serving);
    const stopped = Promise.all(this.#nodes.map((node) => node.stop()));
    const isLate = await Promise.race([stopped.then(() => false), delay(this.#restWithinMs, true, { ref: false })]);
    if (isLate) this.witness.broken("ending", `a node does not end: ${this.#nodes.map(standing).join("; ")}`);
    await Promise.all([...this.#wires.values()].map((wire) => wire.close()));
  }

  /** The commit point, if a leader serves with three in sync; `isQuiet`: and all hold and have committed the same. */
  #wellAt(isQuiet = false): number | undefined {
    const leader = this.#leader?.running;
    if (leader === undefined || !leader.isServing || this.#store.insync.value.members.length < nodeNames.length)
      return undefined;
    const { applied } = leader.ledger.committed;
    const isEqual = this.#nodes.every(({ running }) => running?.ledger.committed.applied === applied);
    if (isQuiet && (!isEqual || applied !== leader.journal.last.sequence + leader.journal.queued)) return undefined;
    return applied;
  }

  get #leader(): ShellNode | undefined {
    return this.#nodes.find(({ running }) => running?.leadership.leading !== undefined);
  }

  #node(whom: Whom): ShellNode | undefined {
    return whom === "leader" ? this.#leader : this.#nodes.find(({ name }) => name === whom);
  }

  #wire(from: NodeName, to: NodeName): Wire | undefined {
    return this.#wires.get(`${from}${to}`);
  }

  #cutOff(node: ShellNode | undefined, forMs: number): void {
    for (const other of this.#nodes) {
      if (node === undefined || other === node) continue;
      this.#wire(node.name, other.name)?.silence("both", forMs);
      this.#wire(other.name, node.name)?.silence("both", forMs);
    }
  }

  #holdsAnother(node: ShellNode): boolean {
    return this.#store.insync.value.members.some((member) => {
      const other = this.#nodes.find((one) => one.id === member.node);
      if (other === undefined || other === node || other.rot !== undefined) return false;
      return other.running?.journal.identity.journal === member.journal;
    });
  }

  #entered(node: ShellNode, phase: Phase, follows: NodeId): void {
    const at = this.#ambushes.findIndex((one) => one.phase === phase);
    const [ambush] = at < 0 ? [] : this.#ambushes.splice(at, 1);
    if (ambush === undefined) return;
    const leader = this.#nodes.find((one) => one.id === follows);
    setTimeout(() => {
      this.witness.say("schedule", `${ambush.strike}: ${node.name} has entered ${phase}`);
      if (leader === undefined) return;
      const [now, later] = blowsOf(ambush, node.name, leader.name);
      this.#strike(now);
      if (later !== undefined) setTimeout(() => this.#strike(later), installMs);
    }, ambush.afterMs);
  }

  #strike(blow: Blow): void {
    if (this.#etcd.isHealed) return;
    this.witness.count(`harm: ${blow.kind}`);
    switch (blow.kind) {
      case "break":
        return this.#wire(blow.from, blow.to)?.breakAfter(blow.afterBytes);
      case "silence":
        return this.#wire(blow.from, blow.to)?.silence(blow.way, blow.forMs);
      case "cut-off":
        return this.#cutOff(this.#node(blow.node), blow.forMs);
      case "flip":
        return this.#wire(blow.from, blow.to)?.flip();
      case "etcd-away":
        return this.#node(blow.node)?.cutFromEtcd(blow.forMs);
      case "lease-lost":
        return this.#node(blow.node)?.running?.loseLease();
      case "switchover":
        this.#operations += 1;
        return this.#leader?.running?.switchOver(this.#operations);
      case "stop":
      case "kill":
        return this.#node(blow.node)?.end({ how: blow.kind, downMs: blow.downMs });
      case "new-disk":
        return this.#node(blow.node)?.end({ how: "kill", downMs: blow.downMs, file: { do: "lose" } });
      case "rot":
        return this.#node(blow.node)?.end({ how: "stop", downMs: blow.downMs, file: { do: "rot", place: blow.place } });
      case "slow-disk":
        return this.#node(blow.node)?.running?.writer.slow(blow.lateMs, blow.forMs);
      case "prune":
        return this.#leader?.running?.prune(blow.keep);
      case "burst":
        return this.#leader?.running?.burst(blow.events);
      case "freeze": {
        const until = performance.now() + blow.forMs;
        while (performance.now() < until);
      }
    }
  }
}

/** What strikes at once, and what a while later. */
function blowsOf({ strike, afterBytes }: Ambush, follower: NodeName, leader: NodeName): readonly [Blow, Blow?] {
  switch (strike) {
    case "kill-follower":
      return [{ kind: "kill", node: follower, downMs: 0 }];
    case "kill-leader":
      return [{ kind: "kill", node: leader, downMs: 0 }];
    case "stop-follower":
      return [{ kind: "stop", node: follower, downMs: 0 }];
    case "break":
      return [{ kind: "break", from: follower, to: leader, afterBytes }];
    case "switchover":
      return [{ kind: "switchover" }];
    case "slow-follower":
      return [{ kind: "slow-disk", node: follower, lateMs: 20, forMs: 400 }];
    case "slow-install":
      return [
        { kind: "slow-disk", node: follower, lateMs: 2 * installMs, forMs: 6 * installMs },
        { kind: "break", from: follower, to: leader, afterBytes: 0 },
      ];
    case "lease-lost":
      return [{ kind: "lease-lost", node: leader }];
  }
}

function standing({ name, running }: ShellNode): string {
  if (running === undefined) return `${name} is down`;
  const { role } = running.leadership.state.role;
  const { journal, ledger, replication } = running;
  const follows = replication.following === undefined ? "" : `, ${JSON.stringify(replication.following)}`;
  return `${name} is ${role}, committed ${ledger.committed.applied} of ${journal.last.sequence}${follows}`;
}
