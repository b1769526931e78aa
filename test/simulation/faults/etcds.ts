/** What befalls etcd and the way to it. */
import { etcdAt } from "../world/network.ts";
import { both, cut, entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

export const etcds: readonly Entry[] = [
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
    0.7,
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
  entry(
    "etcd-restored",
    0.25,
    (stage) => {
      const { world, operators } = stage;
      const back = world.etcd.store.backup();
      return () => {
        if (world.watch.succession.isEtcdRestored) return;
        for (const { place } of world.etcd.members) world.etcd.kill(place);
        world.agenda.after(800, () => {
          world.watch.etcdRestored();
          world.etcd.restore(back);
          operators.forgetUnknown();
          for (const { node } of world.nodes) if (world.host(node).isUp) world.etcd.start(node);
          world.etcd.start("c");
          world.agenda.after(3_000, () => operators.reAnchor());
        });
      };
    },
    [1_000, 10_000],
  ),
];
