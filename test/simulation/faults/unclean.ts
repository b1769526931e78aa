/**
 * The set is lost, and the one who could go on was not in it: an operator's last resort. A node is cut off until it is out of
 * the set and lacks records; then everybody in the set is gone for as long as it takes: killed, or, its leader, alive and cut
 * off from etcd. Twice: whoever went on is gone as well, and the one who comes back knows nothing of it. What is lost thereby
 * was declared before; `checks/losing.ts` keeps the ledger of it.
 */
import type { NodeId } from "@baton/core";
import { etcdAt } from "../world/network.ts";
import type { World } from "../world/world.ts";
import type { Incident } from "./schedule.ts";
import { both, cut, entry, others } from "./stage.ts";
import type { Entry, Stage } from "./stage.ts";

/** How long before that clients ask for parents that are at work when it happens. */
const leadMs = 400;
/** How long a node is cut off before the others are gone. */
const aloneMs = 1_500;
/** How long whoever went on trades before it is gone as well. */
const tradesMs = 4_000;

export const unclean: readonly Entry[] = [
  entry("set-lost", 0.4, (stage, incident) => loseSet(stage, incident, () => undefined), [9_000, 14_000]),
  entry("set-lost-twice", 0.2, (stage, incident) => loseSet(stage, { ...incident, much: 1 }, again), [22_000, 28_000]),
];

/** What is gone, and how it comes back. */
interface Loss {
  readonly last: NodeId;
  members: readonly NodeId[];
  readonly ends: (() => void)[];
  isOver: boolean;
}

function loseSet(
  stage: Stage,
  { on, other, much }: Incident,
  then: (stage: Stage, loss: Loss) => void,
): (() => void) | undefined {
  const { world, operators, clients } = stage;
  const leader = world.leader()?.node;
  const last = world.nodes.map(({ node }) => node).find((node) => node !== leader && [on, other].includes(node));
  if (leader === undefined || last === undefined) return undefined;
  const directions = others(last).flatMap((node) => both(last, node));
  const loss: Loss = { last, members: [], ends: [], isOver: false };
  const heal = (): void => loss.ends.splice(0).forEach((end) => end());
  clients.longParents();
  world.agenda.after(leadMs, () => {
    if (!loss.isOver) loss.ends.push(cut(world, directions));
  });
  world.agenda.after(leadMs + aloneMs, () => {
    if (loss.isOver) return;
    heal();
    loss.members = membersWithout(world, last);
    for (const node of loss.members)
      loss.ends.push(node === leader && much < 0.3 ? fromEtcd(world, node, last) : down(world, node));
    operators.failoverWithLoss(last, () => loss.isOver);
    then(stage, loss);
  });
  return () => {
    loss.isOver = true;
    heal();
    world.agenda.after(3_000, () => operators.replaceRefusedDisks());
  };
}

/**
 * Once the one who was left leads, it trades, with another who has got an empty disk where there are three; then both are
 * gone too, and one of those from before, which has been down all the time, is asked to go on.
 */
function again(stage: Stage, loss: Loss): void {
  const { world, operators } = stage;
  const { last } = loss;
  const [back, ...rest] = loss.members;
  if (loss.isOver || back === undefined) return;
  if (world.leader()?.node !== last) return world.agenda.after(100, () => again(stage, loss));
  for (const node of rest) {
    world.host(node).replaceDisk();
    up(world, node);
  }
  world.agenda.after(tradesMs, () => {
    if (loss.isOver) return;
    loss.ends.push(...[last, ...rest].map((node) => down(world, node)));
    up(world, back);
    operators.failoverWithLoss(back, () => loss.isOver);
  });
}

/** Everybody in the set, unless the one who is left is in it: then nothing is lost. */
function membersWithout(world: World, last: NodeId): readonly NodeId[] {
  const members = world.etcd.store.insync.value.members.map(({ node }) => node);
  return members.includes(last) || world.watch.succession.isEtcdRestored ? [] : members;
}

/** A leader that is alive and cut off from etcd and from the one who is left. */
function fromEtcd(world: World, node: NodeId, last: NodeId): () => void {
  const etcds = others("").flatMap((place) => both(node, etcdAt(place)));
  return cut(world, [...etcds, ...both(node, last)]);
}

function down(world: World, node: NodeId): () => void {
  world.heldDown.add(node);
  world.host(node).kill();
  return () => up(world, node);
}

function up(world: World, node: NodeId): void {
  world.heldDown.delete(node);
  world.host(node).start();
}
