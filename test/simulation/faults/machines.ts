/** What befalls processes, machines and their clocks. */
import { entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

export const machines: readonly Entry[] = [
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
    "second-of-one-id",
    0.4,
    (stage, incident) => {
      const host = target(stage, incident);
      return host.isUp && !host.disk.isRefused ? host.startSecond(incident.forMs % 2 === 0) : undefined;
    },
    [4_500, 9_000],
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
];
