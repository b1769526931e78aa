/** What the venue, the way to it and the feeds do. The lies keep within the bounds that nodes are configured with. */
import { both, cut, entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

export const venues: readonly Entry[] = [
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
  entry(
    "venue-time-steps",
    0.7,
    ({ world }, { much }) => {
      // Forwards by seconds: what was signed before is too old then. Backwards only within what every proof time allows for.
      const ms = Math.round(much < 0.3 ? -20 - 700 * much : 50 + 3_000 * (much - 0.3));
      world.venue.stepTime(ms);
      world.watch.note("venue time stepped");
      return () => world.venue.stepTime(-ms);
    },
    [500, 8_000],
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
