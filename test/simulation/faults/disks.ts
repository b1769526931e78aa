/**
 * What befalls disks. Any disk may be lost but the last that holds an acknowledged record: what is left of such a cluster is
 * an unclean failover, of which nothing is promised. How often that held a fault back is counted.
 */
import { isLastCopy } from "../outside/last-copies.ts";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";
import { checkedFrames } from "../engine/journal.ts";
import { entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

/** Whether the cluster survives the loss of this disk, by what it promises; counted where it does not. */
function mayLose(world: World, host: Host): boolean {
  const isLast = isLastCopy(world, host);
  if (isLast) world.watch.note("withheld: the last disk");
  return host.isUp && !isLast;
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
    "disk-rots",
    0.4,
    ({ world, operators }, { on, much }) => {
      // A bit flips in a record of any age. Who opens the journal finds it near the end; who sends the record on, anywhere.
      const host = world.host(on as never);
      const { disk } = host;
      if (disk.content.frames.length === 0 || !mayLose(world, host)) return undefined;
      host.kill();
      // Where the tables do not hold what is older, the state is made of it: then the rot is near the end.
      const { frames } = disk.content;
      const applied = disk.tables?.applied ?? 0;
      const isLookedAt = frames.some((frame, index) => index < frames.length - checkedFrames && frame.last > applied);
      const range = isLookedAt ? checkedFrames : frames.length;
      disk.rot(frames.length - 1 - Math.floor(much * Math.min(range, frames.length)));
      const mend = (): void => {
        operators.replaceRefusedDisks();
        if (host.disk === disk && disk.isRotten) world.agenda.after(2_000, mend);
      };
      return mend;
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
