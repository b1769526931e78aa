/** What clients and operators do. What has no weight is drawn apart from the others. */
import { entry, target } from "./stage.ts";
import type { Entry } from "./stage.ts";

export const people: readonly Entry[] = [
  entry("orders", 0, ({ clients }, { much }) => {
    clients.trade(25 + 130 * much);
    return () => clients.close();
  }),
  entry("cancels", 0, ({ clients }) => clients.cancel(700)),
  entry("replaces", 0, ({ clients }) => clients.replace(900)),
  entry("twap", 0.3, ({ clients }, { much }) => clients.twap(2 + Math.floor(much * 8), 2_000 + 8_000 * much)),
  entry("burst", 1, ({ clients }, { much }) => clients.burst(6 + Math.floor(14 * much), much < 0.5 ? "buy" : "sell")),
  entry("switchover", 2.5, ({ operators }, { on, much }) => operators.switchover(much < 0.5 ? undefined : on)),
  entry("pause", 0.4, ({ operators }, { forMs }) => operators.pause(forMs), [500, 8_000]),
  entry(
    "autofailover-off",
    0.3,
    ({ operators }, { much }) => {
      operators.autofailover(much < 0.5 ? "observe" : "off");
      return () => operators.autofailover("on");
    },
    [500, 6_000],
  ),
  entry(
    "kill-level",
    0.3,
    ({ operators }) => {
      operators.kill("cluster");
      return () => operators.kill("off");
    },
    [500, 4_000],
  ),
  entry("acknowledge", 1.5, ({ operators }) => operators.acknowledge()),
  entry("failover", 0.8, ({ operators }, { on }) => operators.failover(on)),
  entry("orderly-stop", 1, (stage, incident) => target(stage, incident).boot?.stopInOrder(3_000)),
];
