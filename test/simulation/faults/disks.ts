/**
 * What befalls disks. Any disk may be lost but the last that holds an acknowledged record: what is left of such a cluster is
 * an unclean failover, of which nothing is promised. How often that held a fault back is counted.
 */
import { holds } from "../checks/records.ts";
import type { Disk } from "../world/disk.ts";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import { entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

/** Whether the cluster survives the loss of this disk, by what it promises; counted where it does not. */
function mayLose(world: World, host: Host): boolean {
  const isLast = world.watch.succession.isEtcdRestored ? isLastJournal(world, host) : isLastOfASet(world, host);
  if (isLast) world.watch.note("withheld: the last disk");
  return host.isUp && !isLast;
}

/**
 * A commit waits for every member of the set, and only its members may lead: each set that is in force, or comes in force by
 * a request that can still be applied, needs another member whose disk is as that member left it.
 */
function isLastOfASet(world: World, host: Host): boolean {
  const sets = [world.etcd.store.insync.value, ...world.watch.succession.mayBeApplied()];
  return sets.some(({ members }) => {
    const others = members.filter(({ node }) => node !== host.node);
    return !others.some(({ node, journal }) => {
      const { disk } = world.host(node);
      return disk.content.journal === journal && isIntact(disk);
    });
  });
}

/** Nobody knows what set is in force: re-anchoring finds every committed record as long as one other journal has them all. */
function isLastJournal(world: World, host: Host): boolean {
  const committed = [...world.watch.commits.committedAt.values()];
  return !world.nodes.some(
    ({ node, disk }) =>
      node !== host.node && isIntact(disk) && committed.every(({ frame }) => holds(disk.content.frames, frame)),
  );
}

const isIntact = (disk: Disk): boolean => !disk.isRolledBack && !disk.isRefused && !disk.isRotten;

/** Of so many records at the end the real journal checks the chain when it is opened. */
const checkedAtOpening = 256;

export const disks: readonly Entry[] = [
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
      if (!mayLose(world, host)) return undefined;
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
  entry(
    "disk-rots",
    0.4,
    ({ world, operators }, { on, much }) => {
      // A bit flips in a record; the process that opens the journal next finds it by the chain, and gets an empty disk.
      const host = world.host(on as never);
      const { frames } = host.disk.content;
      if (frames.length === 0 || !mayLose(world, host)) return undefined;
      host.disk.rot(frames.length - 1 - Math.floor(much * Math.min(checkedAtOpening, frames.length)));
      host.kill();
      return () => operators.replaceRefusedDisks();
    },
    [1_000, 5_000],
  ),
  entry(
    "disk-rolled-back",
    0.3,
    ({ world, operators }, { on }) => {
      const host = world.host(on as never);
      const { disk } = host;
      const rollBack = disk.backup();
      const { bootCount } = disk.content;
      // A copy of what lies between two openings is not noticed by counting openings: it is opened once more before.
      host.kill();
      return () => {
        if (host.disk !== disk || disk.content.bootCount === bootCount || !mayLose(world, host)) return;
        world.heldDown.add(host.node);
        host.kill();
        rollBack();
        world.heldDown.delete(host.node);
        host.start();
        world.agenda.after(3_000, () => operators.replaceRefusedDisks());
      };
    },
    [1_000, 6_000],
  ),
];
