/**
 * What a boot takes part in the succession with: its timings by the configuration, and what an earlier boot on this disk has
 * promised. A promise outlives the process that made it (I5). Nothing is claimed before etcd has admitted the boot.
 */
import type { BootId, Config, Succession } from "@baton/core";
import { bootSuccession } from "@baton/core";
import type { Journal } from "@baton/journal";
import { monoNow } from "../clock.ts";
import { promisedBefore } from "./failsafe.ts";
import { rulesOf } from "./standing.ts";

/** How long a switchover may take before the leader takes leadership back, ms. */
const switchoverMs = 2_000;

export function successionAtBoot(config: Config, journal: Journal, boot: BootId): Succession {
  return bootSuccession({
    me: { node: config.node.id, boot: boot, journal: journal.identity.journal },
    timing: {
      silenceMs: config.replication.silenceMs,
      silenceMaxMs: config.replication.silenceMaxMs,
      shrinkMs: config.replication.shrinkMs,
      disconnectedShrinkMs: Math.ceil(config.replication.shrinkMs / 3),
      preempt: config.leadership.preempt,
      switchoverMs,
    },
    promised: { epochMax: journal.promises.epochMax, vow: journal.promises.vow },
    durable: journal.durable,
    now: monoNow(),
    rules: rulesOf(config),
    pin: journal.promises.etcd,
    promisedForMs: promisedBefore(config),
    isAdmitted: false,
  });
}
