/** What befalls the network between the machines. */
import { both, cut, entry, others, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

export const networks: readonly Entry[] = [
  entry(
    "node-cut",
    2.5,
    (stage, incident) => {
      const node = target(stage, incident).node;
      return cut(
        stage.world,
        others(node).flatMap((other) => both(node, other)),
      );
    },
    [100, 8_000],
  ),
  entry("pair-cut", 2, ({ world }, { on, other }) => cut(world, both(on, other)), [100, 8_000]),
  entry(
    "one-way-cut",
    2,
    ({ world }, { on, other, much }) => cut(world, [much < 0.5 ? [on, other] : [other, on]]),
    [100, 8_000],
  ),
  entry(
    "deaf-or-mute",
    1,
    (stage, incident) => {
      const node = target(stage, incident).node;
      const isDeaf = incident.other < incident.on;
      return cut(
        stage.world,
        others(node).map((other) => (isDeaf ? [other, node] : [node, other])),
      );
    },
    [100, 6_000],
  ),
  entry(
    "loss",
    1.5,
    ({ world }, { on, other, much }) => {
      const paths = both(on, other).map(([from, to]) => world.network.path(from, to));
      for (const path of paths) path.loss += 0.05 + 0.4 * much;
      return () => paths.forEach((path) => void (path.loss = Math.max(0, path.loss - (0.05 + 0.4 * much))));
    },
    [500, 8_000],
  ),
  entry(
    "delay",
    1.5,
    ({ world }, { on, much }) => {
      const paths = [...others(on), "venue"]
        .flatMap((other) => both(on, other))
        .map(([from, to]) => world.network.path(from, to));
      for (const path of paths) path.jitterMs += 20 + 200 * much;
      return () => paths.forEach((path) => void (path.jitterMs -= 20 + 200 * much));
    },
    [500, 8_000],
  ),
  entry(
    "scramble",
    1,
    ({ world }, { on, other, much }) => {
      const pair = `${on}>${other}`;
      const streams = (): void => {
        for (const stream of world.bootOf(on as never)?.links?.to(other as never) ?? [])
          stream.scramble = world.scrambles.get(pair) ?? 0;
      };
      world.scrambles.set(pair, 0.05 + 0.3 * much);
      streams();
      return () => {
        world.scrambles.delete(pair);
        // A middlebox that did this is reset: the connection ends with it.
        for (const stream of world.bootOf(on as never)?.links?.to(other as never) ?? []) stream.close("reset");
      };
    },
    [500, 4_000],
  ),
  entry(
    "bytes-rot",
    0.5,
    ({ world }, { on, other, much }) => {
      const pair = `${on}>${other}`;
      const set = (rot: number): void => {
        if (rot === 0) world.rots.delete(pair);
        else world.rots.set(pair, rot);
        for (const stream of world.bootOf(on as never)?.links?.to(other as never) ?? []) stream.rot = rot;
      };
      set(0.02 + 0.2 * much);
      return () => set(0);
    },
    [500, 4_000],
  ),
];
