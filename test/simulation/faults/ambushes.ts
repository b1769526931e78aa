/** Faults that wait for a request of the succession, or for its outcome, and strike in that moment. */
import type { Transaction } from "@baton/core";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import { both, cut, entry, others } from "./stage.ts";
import type { Entry } from "./stage.ts";
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

export const ambushes: readonly Entry[] = [
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
    "ambush-overtake",
    0.5,
    ({ world, operators }) => {
      // It wins, and hears of a successor on the link before it hears of its own win.
      let slowed: Host | undefined;
      const end = ambush(world, (node, transaction) => {
        if (transaction.kind !== "takeover" || transaction.history.operation !== undefined) return false;
        const other = transaction.insync.members.find((m) => m.node !== node);
        if (other === undefined) return false;
        slowed = world.host(node as never);
        slowed.disk.slowMs += 2_400;
        world.etcd.temper.answersSlow = { to: node, ms: 800 };
        world.agenda.after(15, () => operators.failover(other.node));
        world.agenda.after(1_000, () => void (world.etcd.temper.answersSlow = undefined));
        return true;
      });
      return () => {
        end();
        if (slowed !== undefined) slowed.disk.slowMs = 0;
      };
    },
    [4_000, 8_000],
  ),
  entry(
    "ambush-handoff",
    0.7,
    ({ world, operators }, { much }) => {
      operators.switchover(undefined);
      return ambush(world, (_, transaction) => {
        if (transaction.kind !== "handoff") return false;
        if (much < 0.7) lateFor(world, 150);
        else if (much < 0.88) answersLostFor(world, 300);
        // The successor's lease ends while the handoff is on its way.
        else world.etcd.revoke(transaction.leader.lease);
        return true;
      });
    },
    [1_000, 2_000],
  ),
  entry(
    "ambush-yield",
    0.3,
    (stage, { forMs }) => {
      // Its own way to the venue is lost, and a pause begins while its yield is on its way to etcd.
      const { world, operators } = stage;
      const leader = world.leader();
      if (leader === undefined) return undefined;
      const heal = cut(world, both(leader.node, "venue"));
      const end = ambush(world, (_, transaction) => {
        if (transaction.kind !== "handoff" || transaction.leader.reason !== "yield") return false;
        world.etcd.store.setPause({ by: "operator", reason: "maintenance" });
        world.agenda.after(forMs / 4, () => operators.resume());
        return true;
      });
      return () => {
        end();
        heal();
      };
    },
    [4_000, 8_000],
  ),
  entry(
    "ambush-standstill",
    0.3,
    ({ world, clients }) => {
      // A virtual machine is moved: all its clocks stand still, and where it wakes it finds the venue and nobody else.
      const leader = world.leader();
      if (leader === undefined) return undefined;
      const { node } = leader;
      const { clock, isUp } = world.host(node);
      if (!isUp) return undefined;
      const usual = leader.door.waitMs;
      leader.door.waitMs = [0, 900];
      clients.burst(12, "buy");
      let heal = (): void => undefined;
      let isStill = false;
      world.agenda.after(60, () => {
        heal = cut(
          world,
          others(node).flatMap((other) => both(node, other)),
        );
        isStill = true;
        clock.stop(true);
        leader.main.stop();
        leader.keeperThread.stop();
        world.etcd.freeze(node);
      });
      return () => {
        leader.door.waitMs = usual;
        if (!isStill) return;
        clock.go();
        leader.keeperThread.go();
        leader.main.go();
        world.etcd.thaw(node);
        world.agenda.after(2_500, () => heal());
      };
    },
    [7_000, 14_000],
  ),
  entry(
    "takeover-loop",
    0.3,
    ({ world, operators }) => {
      // Whoever leads is killed, three times; then somebody looks at it while the next one leads, held.
      let left = 3;
      let isOver = false;
      const struck = new Set<string>();
      const look = (): void => {
        if (isOver) return;
        const leader = world.leader();
        const isHeld = leader?.leadership?.leading?.heldStart !== undefined;
        if (isHeld) return world.agenda.after(500, () => operators.acknowledge());
        if (leader !== undefined && left > 0 && !struck.has(leader.boot)) {
          struck.add(leader.boot);
          left -= 1;
          world.host(leader.node).kill();
        }
        world.agenda.after(50, look);
      };
      look();
      return () => void (isOver = true);
    },
    [8_000, 14_000],
  ),
];
