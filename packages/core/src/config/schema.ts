/**
 * What a configuration file may say: one zod schema, strict at every level, so that an unknown key is an error. The
 * description of each key states its meaning, what is allowed and the default; it is what an operator reads when the key
 * is wrong (`check.ts`) and what the configuration reference is made of. Here is which groups of keys there are; what each
 * holds is in `keys/`. Rules between keys are in `rules.ts`.
 */
import { z } from "zod";
import type {
  AlertsConfig,
  ApiConfig,
  ArchiveConfig,
  ClusterConfig,
  DoubtConfig,
  EtcdConfig,
  FeedConfig,
  LeadershipConfig,
  LogConfig,
  NodeConfig,
  ObjectivesConfig,
  Opened,
  ReplicationConfig,
  RiskConfig,
  StrategyConfig,
  VenueConfig,
} from "./config.ts";
import { alerts } from "./keys/alerts.ts";
import { archive } from "./keys/archive.ts";
import { feed } from "./keys/feeds.ts";
import { choice } from "./keys/forms.ts";
import { api, cluster, log, node } from "./keys/node.ts";
import { doubt, risk } from "./keys/risk.ts";
import { strategy } from "./keys/strategies.ts";
import { etcd, leadership, objectives, replication } from "./keys/succession.ts";
import { venue } from "./keys/venues.ts";

/** A file's content with the fixed defaults filled in; what depends on other keys is still open (`check.ts` fills it). */
export interface ConfigFile {
  readonly cluster: ClusterConfig;
  readonly node: Opened<NodeConfig, "metro">;
  readonly api: Opened<ApiConfig, "advertise">;
  readonly replication: ReplicationConfig;
  readonly etcd: EtcdConfig;
  readonly leadership: Opened<LeadershipConfig, "leaseTtlSeconds" | "keepaliveMs" | "marginMs">;
  readonly durability?: "strict" | "available";
  readonly doubt: DoubtConfig;
  readonly objectives: ObjectivesConfig;
  readonly venues: readonly VenueConfig[];
  readonly feeds: readonly FeedConfig[];
  readonly risk: RiskConfig;
  readonly strategies: readonly Opened<StrategyConfig, "venue">[];
  readonly archive: ArchiveConfig;
  readonly alerts: AlertsConfig;
  readonly log: LogConfig;
}

/** The whole file. Its keys, in this order, are those of the configuration reference. */
export const configFileSchema: z.ZodType<ConfigFile> = z.strictObject({
  cluster,
  node,
  api,
  replication,
  etcd,
  leadership,
  durability: z.exactOptional(
    choice("strict: no new order without a second durable copy; available: a lone leader goes on, loudly", [
      "strict",
      "available",
    ]),
  ),
  doubt,
  objectives,
  venues: z
    .array(venue)
    .min(1)
    .max(16)
    .describe("the accounts that are traded on; a list of {id, exchange, account, …}"),
  feeds: z.array(feed).min(1).max(64).describe("market data; a list of {id, venue, symbols, staleAfterMs, …}"),
  risk: risk.describe("what no order may exceed; {defaults, perSymbol, orderRate, dayLossMax, …}"),
  strategies: z
    .array(strategy)
    .max(64)
    .describe("code that trades; a list of {id, module, symbols, …}; default none")
    .default([]),
  archive,
  alerts,
  log,
});
