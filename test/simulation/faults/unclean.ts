/**
 * The set is lost, and the one who could go on was not in it: an operator's last resort. A node is cut off until it is out of
 * the set and lacks records; then everybody in the set is gone for as long as it takes: killed, or, its leader, alive and cut
 * off from etcd. What is lost thereby was declared before; `checks/losing.ts` keeps the ledger of it.
 */
import type { NodeId } from "@baton/core";
import { etcdAt } from "../world/network.ts";
import { both, cut, entry, others } from "./stage.ts";
import type { Entry, Stage } from "./stage.ts";

/** How long a node is cut off before the others are gone. */
const aloneMs = 1_500;

export const unclean: readonly Entry[] = [
  entry(
    "set-lost",
    0.4,
    (stage, { on, other, much }) => {
      const { world, operators } = stage;
      const leader = world.leader()?.node;
      const last = world.nodes.map(({ node }) => node).find((node) => node !== leader && [on, other].includes(node));
      if (leader === undefined || last === undefined) return undefined;
      const end = {
        isOver: false,
        heal: cut(
          world,
          others(last).flatMap((node) => both(last, node)),
        ),
      };
      world.agenda.after(aloneMs, () => {
        end.heal();
        end.heal = end.isOver ? (): void => undefined : lose(stage, last, much);
        if (!end.isOver) operators.failoverWithLoss(last, () => end.isOver);
      });
      return () => {
        end.isOver = true;
        end.heal();
        end.heal = (): void => undefined;
        world.agenda.after(3_000, () => operators.replaceRefusedDisks());
      };
    },
    [9_000, 14_000],
  ),
];

/** Everybody in the set goes, unless the one who is left is in it. */
function lose({ world }: Stage, last: NodeId, much: number): () => void {
  const { members } = world.etcd.store.insync.value;
  const isWithin = members.some(({ node }) => node === last);
  if (isWithin || world.watch.succession.isEtcdRestored) return () => undefined;
  const leader = world.leader()?.node;
  const ends = members.map(({ node }) => {
    if (node === leader && much < 0.3) {
      const etcds = others("").flatMap((place) => both(node, etcdAt(place)));
      return cut(world, [...etcds, ...both(node, last)]);
    }
    world.heldDown.add(node);
    world.host(node).kill();
    return () => {
      world.heldDown.delete(node);
      world.host(node).start();
    };
  });
  return () => ends.forEach((end) => end());
}
