/** Whether a disk is the last that holds what the cluster has promised to keep: it must not be lost, nor be replaced. */
import { holds } from "../checks/records.ts";
import type { Disk } from "../world/disk.ts";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";

/** True where no other disk makes up for the loss of this one, by what the cluster promises. */
export function isLastCopy(world: World, host: Host): boolean {
  return world.watch.succession.isEtcdRestored ? isLastJournal(world, host) : isLastOfASet(world, host);
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
