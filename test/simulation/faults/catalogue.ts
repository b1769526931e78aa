/**
 * Every kind of thing that can be done to a world: how likely, how long, and what it does. A fault gives back how it ends;
 * what is over at once gives nothing. Where a fault strikes the leader by preference it says so here.
 */
import type { Transaction } from "@baton/core";
import type { Incident } from "./schedule.ts";
import type { Clients } from "../outside/clients.ts";
import type { Operators } from "../outside/operators.ts";
import { etcdAt } from "../world/network.ts";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";

/** The name of a kind, as the catalogue has it. */
export type FaultKind = string;

/** What an incident works on. */
export interface Stage {
  readonly world: World;
  readonly clients: Clients;
  readonly operators: Operators;
}

type Inflict = (stage: Stage, incident: Incident) => (() => void) | void;

export interface Entry {
  readonly kind: FaultKind;
  readonly weight: number;
  /** Shortest and longest, in ms; absent: over at once. */
  readonly forMs?: readonly [number, number];
  readonly inflict: Inflict;
}

function entry(kind: FaultKind, weight: number, inflict: Inflict, forMs?: readonly [number, number]): Entry {
  return { kind, weight, inflict, ...(forMs !== undefined && { forMs }) };
}

/** The node that it is meant for; two times in three, whoever leads then. */
function target({ world }: Stage, incident: Incident): Host {
  const leader =
    incident.much < 0.66 ? world.boots().find((boot) => boot.leadership?.leading !== undefined) : undefined;
  return world.host(leader?.node ?? (incident.on as never));
}

function cut(world: World, pairs: readonly (readonly [string, string])[]): () => void {
  for (const [from, to] of pairs) world.network.cut(from, to);
  return () => {
    for (const [from, to] of pairs) world.network.heal(from, to);
    for (const boot of world.boots()) for (const stream of boot.links?.all ?? []) stream.resume();
  };
}

const both = (a: string, b: string): readonly (readonly [string, string])[] => [
  [a, b],
  [b, a],
];

const others = (node: string): string[] => ["a", "b", "c"].filter((one) => one !== node);

/** Waits for a request of the succession to leave a node; `strike` says whether it was the one. Answers how to go away. */
function ambush(world: World, strike: (node: string, transaction: Transaction) => boolean): () => void {
  const wait = (node: string, transaction: Transaction): void => {
    if (strike(node, transaction)) world.ambushes.delete(wait);
  };
  world.ambushes.add(wait);
  return () => void world.ambushes.delete(wait);
}

/** Requests that reach etcd within so many ms are applied seconds later. */
function lateFor(world: World, ms: number): void {
  world.etcd.temper.late = { chance: 1, ms: 4_500, atLeastMs: 1_200 };
  world.agenda.after(ms, () => void (world.etcd.temper.late = { chance: 0, ms: 0 }));
}

function answersLostFor(world: World, ms: number): void {
  world.etcd.temper.answerLoss = 1;
  world.agenda.after(ms, () => void (world.etcd.temper.answerLoss = 0));
}

export const catalogue: readonly Entry[] = [
  // ---- what clients and operators do; drawn apart from the faults where their weight is 0
  entry("orders", 0, ({ clients }, { much }) => {
    clients.trade(25 + 130 * much);
    return () => clients.close();
  }),
  entry("cancels", 0, ({ clients }) => clients.cancel(700)),
  entry("twap", 0.3, ({ clients }, { much }) => clients.twap(2 + Math.floor(much * 8), 2_000 + 8_000 * much)),
  entry("burst", 1, ({ clients }, { much }) => clients.burst(6 + Math.floor(14 * much), much < 0.5 ? "buy" : "sell")),
  entry("switchover", 2.5, ({ operators }, { on, much }) => operators.switchover(much < 0.5 ? undefined : on)),
  entry("pause", 0.4, ({ operators }, { forMs }) => operators.pause(forMs), [500, 8_000]),
  entry(
    "autofailover-off",
    0.3,
    ({ operators }, { much }) => {
      operators.autofailover(much < 0.5 ? "observe" : "off");
      return () => operators.autofailover("on");
    },
    [500, 6_000],
  ),
  entry(
    "kill-level",
    0.3,
    ({ operators }) => {
      operators.kill("cluster");
      return () => operators.kill("off");
    },
    [500, 4_000],
  ),
  // ---- processes and machines
  entry("process-kill", 3, (stage, incident) => target(stage, incident).kill()),
  entry(
    "process-freeze",
    3,
    (stage, incident) => {
      const boot = target(stage, incident).boot;
      boot?.main.stop();
      boot?.keeperThread.stop();
      return () => {
        boot?.keeperThread.go();
        boot?.main.go();
      };
    },
    [50, 6_000],
  ),
  entry(
    "main-loop-stall",
    1,
    (stage, incident) => {
      const boot = target(stage, incident).boot;
      boot?.main.stop();
      return () => boot?.main.go();
    },
    [50, 4_000],
  ),
  entry(
    "machine-pause",
    1,
    (stage, incident) => {
      const { clock, boot, node } = target(stage, incident);
      clock.stop(incident.much < 0.5);
      boot?.main.stop();
      boot?.keeperThread.stop();
      stage.world.etcd.freeze(node);
      return () => {
        clock.go();
        boot?.keeperThread.go();
        boot?.main.go();
        stage.world.etcd.thaw(node);
      };
    },
    [50, 6_000],
  ),
  entry(
    "power-loss",
    1.5,
    (stage, incident) => {
      const host = target(stage, incident);
      if (!host.isUp) return undefined;
      host.powerOff();
      return () => host.powerOn();
    },
    [500, 8_000],
  ),
  entry(
    "supervisor-gone",
    0.4,
    (stage, incident) => {
      const host = target(stage, incident);
      host.hasSupervisor = false;
      return () => void (host.hasSupervisor = true);
    },
    [1_000, 10_000],
  ),
  entry(
    "wall-step",
    0.7,
    (stage, incident) => {
      const { clock } = target(stage, incident);
      const ms = (incident.much - 0.5) * (incident.much < 0.25 || incident.much > 0.75 ? 4_000 : 500);
      clock.stepWall(ms);
      return () => clock.stepWall(-ms);
    },
    [500, 6_000],
  ),
  entry(
    "clock-drift",
    0.4,
    (stage, incident) => {
      const { clock } = target(stage, incident);
      clock.setRate(1 + (incident.much - 0.5) / 500);
      return () => clock.setRate(1);
    },
    [1_000, 10_000],
  ),
  // ---- the network
  entry(
    "node-cut",
    2.5,
    (stage, incident) => {
      const node = target(stage, incident).node;
      return cut(
        stage.world,
        others(node).flatMap((other) => both(node, other)),
      );
    },
    [100, 8_000],
  ),
  entry("pair-cut", 2, ({ world }, { on, other }) => cut(world, both(on, other)), [100, 8_000]),
  entry(
    "one-way-cut",
    2,
    ({ world }, { on, other, much }) => cut(world, [much < 0.5 ? [on, other] : [other, on]]),
    [100, 8_000],
  ),
  entry(
    "deaf-or-mute",
    1,
    (stage, incident) => {
      const node = target(stage, incident).node;
      const isDeaf = incident.other < incident.on;
      return cut(
        stage.world,
        others(node).map((other) => (isDeaf ? [other, node] : [node, other])),
      );
    },
    [100, 6_000],
  ),
  entry(
    "loss",
    1.5,
    ({ world }, { on, other, much }) => {
      const paths = both(on, other).map(([from, to]) => world.network.path(from, to));
      for (const path of paths) path.loss += 0.05 + 0.4 * much;
      return () => paths.forEach((path) => void (path.loss = Math.max(0, path.loss - (0.05 + 0.4 * much))));
    },
    [500, 8_000],
  ),
  entry(
    "delay",
    1.5,
    ({ world }, { on, much }) => {
      const paths = [...others(on), "venue"]
        .flatMap((other) => both(on, other))
        .map(([from, to]) => world.network.path(from, to));
      for (const path of paths) path.jitterMs += 20 + 200 * much;
      return () => paths.forEach((path) => void (path.jitterMs -= 20 + 200 * much));
    },
    [500, 8_000],
  ),
  entry(
    "scramble",
    1,
    ({ world }, { on, other, much }) => {
      const pair = `${on}>${other}`;
      const streams = (): void => {
        for (const stream of world.bootOf(on as never)?.links?.to(other as never) ?? [])
          stream.scramble = world.scrambles.get(pair) ?? 0;
      };
      world.scrambles.set(pair, 0.05 + 0.3 * much);
      streams();
      return () => {
        world.scrambles.delete(pair);
        // A middlebox that did this is reset: the connection ends with it.
        for (const stream of world.bootOf(on as never)?.links?.to(other as never) ?? []) stream.close("reset");
      };
    },
    [500, 4_000],
  ),
  // ---- disks
  entry(
    "disk-slow",
    1.5,
    (stage, incident) => {
      const { disk } = target(stage, incident);
      disk.slowMs += 20 + 400 * incident.much;
      return () => void (disk.slowMs = 0);
    },
    [200, 6_000],
  ),
  entry(
    "disk-stall",
    0.5,
    (stage, incident) => {
      const { disk } = target(stage, incident);
      disk.slowMs += 2_500;
      return () => void (disk.slowMs = 0);
    },
    [200, 3_000],
  ),
  entry(
    "disk-full",
    0.6,
    (stage, incident) => {
      const { disk } = target(stage, incident);
      disk.failure = "full";
      return () => void (disk.failure = undefined);
    },
    [200, 3_000],
  ),
  entry(
    "fsync-fails",
    0.8,
    (stage, incident) => {
      const { disk } = target(stage, incident);
      disk.failure = "fsync";
      return () => void (disk.failure = undefined);
    },
    [100, 2_000],
  ),
  entry(
    "disk-replaced",
    0.5,
    ({ world }, { on }) => {
      const host = world.host(on as never);
      // Where another member of the set still has everything, and nobody else was replaced before it was taken in again.
      const members = world.etcd.store.insync.value.members;
      const isSafe = members.some(
        (m) =>
          m.node !== on &&
          world.host(m.node).disk.content.journal === m.journal &&
          m.node in Object.fromEntries(world.boots().map((b) => [b.node, 1])),
      );
      if (!isSafe || !host.isUp) return undefined;
      world.heldDown.add(host.node);
      host.kill();
      host.replaceDisk();
      return () => {
        world.heldDown.delete(host.node);
        host.start();
      };
    },
    [300, 3_000],
  ),
  // ---- etcd
  entry(
    "etcd-member-kill",
    1.5,
    ({ world }, { on, much }) => {
      const place = much < 0.5 ? (world.etcd.leaderPlace ?? on) : on;
      world.etcd.kill(place);
      return () => world.etcd.start(place);
    },
    [300, 6_000],
  ),
  entry(
    "etcd-member-freeze",
    1.5,
    ({ world }, { on, much }) => {
      const place = much < 0.5 ? (world.etcd.leaderPlace ?? on) : on;
      world.etcd.freeze(place);
      return () => world.etcd.thaw(place);
    },
    [300, 6_000],
  ),
  entry(
    "etcd-member-cut",
    0,
    ({ world }, { on, much }) => {
      const place = much < 0.5 ? (world.etcd.leaderPlace ?? on) : on;
      world.etcd.isolate(place);
      return () => world.etcd.rejoin(place);
    },
    [300, 6_000],
  ),
  entry(
    "etcd-unreachable",
    2,
    (stage, incident) => {
      const { node } = target(stage, incident);
      return cut(
        stage.world,
        ["a", "b", "c"].flatMap((member) => both(node, etcdAt(member))),
      );
    },
    [300, 6_000],
  ),
  entry(
    "switchover-while-etcd-is-ill",
    1,
    ({ world, operators }, { on, much, forMs }) => {
      operators.switchover(undefined);
      world.agenda.after(6 + 130 * much, () => {
        if (forMs % 3 === 0) world.etcd.temper.answerLoss = 0.97;
        else if (forMs % 3 === 1) world.etcd.temper.late = { chance: 0.95, ms: 5_000 };
        else {
          const lease = world.etcd.store.members.get(on as never)?.lease;
          if (lease !== undefined && world.etcd.store.leader?.value.lease !== lease) world.etcd.revoke(lease);
        }
      });
      return () => {
        world.etcd.temper.answerLoss = 0;
        world.etcd.temper.late = { chance: 0, ms: 0 };
      };
    },
    [1_000, 5_000],
  ),
  entry(
    "etcd-quorum-loss",
    1.5,
    ({ world }, { on, other }) => {
      world.etcd.freeze(on);
      world.etcd.freeze(other);
      return () => {
        world.etcd.thaw(on);
        world.etcd.thaw(other);
      };
    },
    [300, 6_000],
  ),
  entry(
    "etcd-late",
    1.5,
    ({ world }, { much }) => {
      world.etcd.temper.late = { chance: 0.2 + 0.75 * much, ms: 500 + 5_000 * much };
      return () => void (world.etcd.temper.late = { chance: 0, ms: 0 });
    },
    [500, 8_000],
  ),
  entry(
    "etcd-answers-lost",
    1.5,
    ({ world }, { much }) => {
      world.etcd.temper.answerLoss = 0.3 + 0.65 * much;
      return () => void (world.etcd.temper.answerLoss = 0);
    },
    [500, 6_000],
  ),
  entry("lease-revoked", 0.5, ({ world }) => {
    // An etcd leader that stood still may end leases that were renewed elsewhere.
    const lease = world.etcd.store.leader?.value.lease;
    if (lease !== undefined) world.etcd.revoke(lease);
    return undefined;
  }),
  entry(
    "watch-lags",
    0.7,
    ({ world }, { much }) => {
      world.etcd.temper.watchLagMs = 200 + 5_000 * much;
      return () => void (world.etcd.temper.watchLagMs = 0);
    },
    [500, 8_000],
  ),
  entry(
    "leader-and-etcd-leader",
    1,
    (stage, incident) => {
      const { world } = stage;
      const place = world.etcd.leaderPlace ?? incident.on;
      world.etcd.kill(place);
      target(stage, incident).kill();
      return () => world.etcd.start(place);
    },
    [500, 5_000],
  ),
  // ---- ambushes: they wait for a request and strike in the moment in which it leaves
  entry(
    "ambush-grow",
    0.7,
    ({ world }, { forMs, much }) =>
      ambush(world, (node, transaction) => {
        if (transaction.kind !== "set-insync") return false;
        const known = world.etcd.store.insync.value.members;
        const joins = transaction.insync.members.find((m) => !known.some((one) => one.node === m.node));
        if (joins === undefined) return false;
        lateFor(world, 150);
        const heal = cut(world, both(node, joins.node));
        world.agenda.after(1_000 + forMs * much, heal);
        return true;
      }),
    [2_000, 6_000],
  ),
  entry(
    "ambush-takeover",
    0.7,
    ({ world }) => {
      const leader = world.boots().find((boot) => boot.leadership?.leading !== undefined);
      let isStopped = leader !== undefined;
      leader?.main.stop();
      leader?.keeperThread.stop();
      const goOn = (): void => {
        if (!isStopped) return;
        isStopped = false;
        leader?.keeperThread.go();
        leader?.main.go();
      };
      const end = ambush(world, (_, transaction) => {
        if (transaction.kind !== "takeover") return false;
        lateFor(world, 150);
        goOn();
        return true;
      });
      world.agenda.after(1_400, goOn);
      return end;
    },
    [2_000, 3_000],
  ),
  entry(
    "ambush-win",
    0.5,
    ({ world }) => {
      let slowed: Host | undefined;
      const end = ambush(world, (node, transaction) => {
        if (transaction.kind !== "takeover") return false;
        slowed = world.host(node as never);
        slowed.disk.slowMs += 2_500;
        return true;
      });
      return () => {
        end();
        if (slowed !== undefined) slowed.disk.slowMs = 0;
      };
    },
    [3_000, 6_000],
  ),
  entry(
    "ambush-handoff",
    0.7,
    ({ world, operators }, { much }) => {
      operators.switchover(undefined);
      return ambush(world, (_, transaction) => {
        if (transaction.kind !== "handoff") return false;
        if (much < 0.75) lateFor(world, 150);
        else answersLostFor(world, 300);
        return true;
      });
    },
    [1_000, 2_000],
  ),
  // ---- the venue
  ...(
    [
      "dropBeforeAccept",
      "refuseBusy",
      "acceptLate",
      "ackLost",
      "ackStall",
      "serverError",
      "queryLag",
      "queryDown",
      "newsLost",
      "newsScrambled",
    ] as const
  ).map((lie) =>
    entry(
      `venue-${lie}`,
      1,
      ({ world }, { much }) => {
        world.venue.temper[lie] = 0.1 + 0.7 * much;
        return () => void (world.venue.temper[lie] = 0);
      },
      [500, 8_000],
    ),
  ),
  entry("venue-cut", 1, ({ world }, { on }) => cut(world, both(on, "venue")), [200, 8_000]),
  entry(
    "venue-away",
    0.4,
    ({ world }) =>
      cut(
        world,
        ["a", "b", "c"].flatMap((node) => both(node, "venue")),
      ),
    [200, 4_000],
  ),
  entry(
    "slow-sockets",
    1,
    (stage, incident) => {
      const host = target(stage, incident);
      const waitMs = [0, 50 + 900 * incident.much] as const;
      host.socketWaitMs = waitMs;
      if (host.boot !== undefined) host.boot.door.waitMs = waitMs;
      return () => {
        host.socketWaitMs = [0, 0.3];
        if (host.boot !== undefined) host.boot.door.waitMs = host.socketWaitMs;
      };
    },
    [500, 6_000],
  ),
  entry(
    "feed-stands-still",
    0.5,
    (stage, incident) => {
      const { node } = target(stage, incident);
      const { feedCuts } = stage.world;
      feedCuts.set(node, (feedCuts.get(node) ?? 0) + 1);
      return () => void feedCuts.set(node, (feedCuts.get(node) ?? 1) - 1);
    },
    [300, 6_000],
  ),
];
