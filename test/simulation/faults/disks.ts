/**
 * What befalls disks. A disk is only lost while another member of the set has everything, is running, and is not about to be
 * removed by a change of the set whose outcome nobody knows: what is left of such a cluster is an unclean failover.
 */
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import { entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

function mayLose(world: World, host: Host): boolean {
  const { value, modRevision } = world.etcd.store.insync;
  const { members } = value;
  const asked = world.watch.succession.outstanding.get(host.boot?.boot as never) ?? [];
  if (asked.some((one) => one.guard.insyncModRevision === modRevision)) return false;
  const isElsewhere = members.some((m) => {
    const other = world.host(m.node);
    return m.node !== host.node && other.boot !== undefined && other.disk.content.journal === m.journal;
  });
  return isElsewhere && host.isUp && !world.watch.succession.isEtcdRestored;
}

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
