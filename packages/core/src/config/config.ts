/**
 * The configuration of one node, as the engine sees it: every default filled in, every path absolute, every decimal
 * canonical. `schema.ts` (its groups in `keys/`) says in words what each key means and allows, `check.ts` makes this of
 * a parsed YAML file, and `rules.ts` refuses what contradicts itself. Units are in the names; secrets appear as paths only.
 */
import type { Decimal } from "../decimal.ts";
import type { NodeId, SymbolId, VenueId } from "../ids.ts";
import type { SwitchPolicy } from "../risk/dead-mans-switch.ts";
import type { MaintenanceWindow } from "../risk/maintenance.ts";
import type { ExchangeId } from "../venues/profile.ts";
import type { SlaPromise } from "../venues/sla.ts";

/** One parsed, checked and completed configuration file. */
export interface Config {
  readonly cluster: ClusterConfig;
  readonly node: NodeConfig;
  readonly api: ApiConfig;
  readonly replication: ReplicationConfig;
  readonly etcd: EtcdConfig;
  readonly leadership: LeadershipConfig;
  readonly durability: "strict" | "available";
  readonly doubt: DoubtConfig;
  readonly objectives: ObjectivesConfig;
  readonly venues: readonly VenueConfig[];
  readonly feeds: readonly FeedConfig[];
  readonly risk: RiskConfig;
  readonly strategies: readonly StrategyConfig[];
  readonly archive: ArchiveConfig;
  readonly alerts: AlertsConfig;
  readonly log: LogConfig;
}

export interface ClusterConfig {
  readonly name: string;
  /** Every engine node there is meant to be, this one among them. */
  readonly nodes: readonly NodeId[];
}

export interface NodeConfig {
  readonly id: NodeId;
  readonly site: string;
  /** Sites of one metro; `site` when the file does not say. */
  readonly metro: string;
  readonly dataDir: string;
  /** `no-failover` keeps this node from being promoted by itself. */
  readonly tags: readonly NodeTag[];
  /** Of several promotable nodes the one with the higher number goes first. */
  readonly priority: number;
  /** The thread that trades gets a core before every ordinary thread of the host. */
  readonly realtime: boolean;
}

export type NodeTag = "no-failover";

export interface ApiConfig {
  /** `host:port` this node listens on, for the API and the node link. */
  readonly listen: string;
  /** `host:port` under which the others reach it; `listen` when the file does not say. */
  readonly advertise: string;
  readonly tokensFile?: string;
  /** With it nothing is spoken but TLS, to clients and to the other nodes. */
  readonly tls?: ApiTls;
  readonly allowLoopbackWithoutToken: boolean;
}

/** This node's certificate for both ends of a connection, and the authority of every node and client. */
export interface ApiTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface ReplicationConfig {
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly silenceMaxMs: number;
  readonly shrinkMs: number;
  /** Node id → `host:port` used instead of what that node publishes. */
  readonly peers: Readonly<Record<string, string>>;
}

export interface EtcdConfig {
  readonly endpoints: readonly string[];
  readonly callTimeoutMs: number;
  readonly tls?: { readonly caFile: string; readonly certFile?: string; readonly keyFile?: string };
  readonly auth?: { readonly username: string; readonly passwordFile: string };
}

export type LeadershipProfile = "lan" | "metro" | "wan";

export interface LeadershipConfig {
  readonly profile: LeadershipProfile;
  readonly leaseTtlSeconds: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  readonly preempt: boolean;
  readonly yieldMs: number;
  /** Written to etcd by `cluster init`; afterwards etcd's value is the one in force. */
  readonly autofailover: "on" | "observe" | "off";
  /** `same-metro`: a takeover to another metro than the leader's needs an operator. */
  readonly siteRule: "any" | "same-metro";
  /** Whether a leader goes on without etcd while every member of the in-sync set promises to leave it alone. */
  readonly failsafe: "on" | "off";
  /** What becomes of open orders when etcd is away for half of what is left. */
  readonly onQuorumLoss: "leave" | "cancel";
  /** When repeated losses are a loop that an operator has to look at; 0 switches a limit off. */
  readonly loop: { readonly takeovers: number; readonly deaths: number; readonly withinMs: number };
}

export interface DoubtConfig {
  readonly block: "intent" | "instrument" | "account";
  readonly processingBoundMs: number;
  readonly queryLagMs: number;
  readonly orphans: "cancel" | "leave";
}

export type ObjectiveScenario = "switchover" | "processCrash" | "hostLost" | "standbyLost";

/** What is promised; drills and alerts compare with it. */
export type ObjectivesConfig = Readonly<Record<ObjectiveScenario, { readonly rtoMs: number }>>;

export interface RateLimit {
  readonly count: number;
  readonly perMs: number;
}

export interface VenueConfig {
  readonly id: VenueId;
  readonly mode: "paper" | "sandbox" | "live";
  readonly driver?: "ccxt";
  /** Selects the venue's profile. */
  readonly exchange: ExchangeId;
  readonly account: string;
  readonly apiKeyFile: string;
  readonly secretFile: string;
  readonly passphraseFile?: string;
  readonly restUrl?: string;
  readonly wsUrl?: string;
  readonly symbols: readonly SymbolId[];
  readonly validityMs: number;
  readonly minValidityMs: number;
  readonly deadlineMs: number;
  readonly uniqueness: "open-only" | "forever" | "none";
  readonly limits?: VenueLimits;
  /** Absent: `none`. */
  readonly deadMansSwitch?: { readonly policy: SwitchPolicy; readonly timeoutMs: number };
  /** Planned maintenance that the venue has announced. */
  readonly maintenance?: readonly MaintenanceWindow[];
  /** All nodes reach the venue from one address: they share what it allows an address. */
  readonly sharedAddress: boolean;
  /** Where new orders go while this venue is ill. */
  readonly alternate?: VenueId;
  /** What the provider has promised. */
  readonly sla?: SlaPromise;
}

export interface VenueLimits {
  readonly orderRate: RateLimit;
  readonly requestWeight: RateLimit;
}

export interface FeedConfig {
  readonly id: string;
  readonly venue: VenueId;
  readonly symbols: readonly SymbolId[];
  readonly staleAfterMs: number;
  readonly wsUrl?: string;
  readonly restUrl?: string;
  /** The connections to keep; absent: one. With two, the loss of either is not felt. */
  readonly lines?: readonly { readonly wsUrl?: string; readonly localAddress?: string }[];
  /** The feed whose prices stand in while this one is stale, if they are sane. */
  readonly fallback?: string;
}

export interface SymbolRisk {
  readonly orderQuantityMax: Decimal;
  readonly orderNotionalMax: Decimal;
  readonly collarBps: number;
  readonly positionMax: Decimal;
  /** Value of all open and doubted orders, both sides, in the quote currency; absent: no limit. */
  readonly openNotionalMax?: Decimal;
  /** Orders that are not ended; absent: no limit. */
  readonly openOrdersMax?: number;
}

export interface RiskConfig {
  readonly defaults: SymbolRisk;
  /** Symbol → what differs from `defaults`; read through `riskOf`. */
  readonly perSymbol: Readonly<Record<string, Partial<SymbolRisk>>>;
  readonly orderRate: RateLimit;
  readonly cancelRate?: RateLimit;
  readonly repeatedExecution?: RateLimit;
  /** Quote currency → the most that may be lost in a day of UTC. */
  readonly dayLossMax?: Readonly<Record<string, Decimal>>;
  /** Whether an order needs a free balance that covers it; absent: it does. */
  readonly balances?: "check" | "ignore";
  /** What a resting order that the venue cancelled and nobody here took back leads to; absent: stop. */
  readonly unaskedCancels?: "stop" | "warn";
  readonly clockErrorMaxMs: number;
}

export interface StrategyConfig {
  readonly id: string;
  readonly module: string;
  readonly venue: VenueId;
  readonly symbols: readonly SymbolId[];
  readonly budgetMs: number;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The journal over months: how long it is kept here, and its copy off site. */
export interface ArchiveConfig {
  /** `file:///folder` or `s3://bucket/prefix`; absent: no archive. */
  readonly to?: string;
  /** Of an S3-compatible service that is not AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly accessKeyFile?: string;
  readonly secretFile?: string;
  readonly segmentMs: number;
  readonly snapshotHours: number;
  /** Records of ended orders are kept on every node for so long. */
  readonly retainDays: number;
  /** Space that is held back on each node for cancels and outcomes on a full disk; 0: none. */
  readonly reserveMiB: number;
}

export interface AlertsConfig {
  /** Where things that happen are posted at once; without it rules over the metrics tell of them, seconds later. */
  readonly alertmanagerUrl?: string;
}

export interface LogConfig {
  readonly level: "fatal" | "error" | "warn" | "info" | "debug" | "trace";
}

/** The limits in force for one symbol. */
export function riskOf(risk: RiskConfig, symbol: SymbolId): SymbolRisk {
  return { ...risk.defaults, ...risk.perSymbol[symbol] };
}

/**
 * The part of a configuration that must be equal on every node of a cluster, as one canonical text for a digest. What
 * names this machine or its files is left out: a strategy's code is not in it, only what the file says about it.
 */
export function sharedConfigText(config: Config): string {
  const shared = {
    cluster: config.cluster,
    replication: { ...config.replication, peers: undefined },
    leadership: config.leadership,
    durability: config.durability,
    doubt: config.doubt,
    objectives: config.objectives,
    venues: config.venues.map((venue) => ({
      ...venue,
      // There is one: to say so, or not, is no difference.
      driver: undefined,
      apiKeyFile: undefined,
      secretFile: undefined,
      restUrl: undefined,
      wsUrl: undefined,
    })),
    feeds: config.feeds.map((feed) => ({ ...feed, wsUrl: undefined, restUrl: undefined })),
    risk: config.risk,
    strategies: config.strategies.map((strategy) => ({ ...strategy, module: undefined })),
    archive: { to: config.archive.to, retainDays: config.archive.retainDays },
  };
  return JSON.stringify(shared, (_key, value: unknown) => (isRecord(value) ? sorted(value) : value));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A group of keys as the file gives it: `Key` depends on other keys, and may still be open. */
export type Opened<T, Key extends keyof T> = Omit<T, Key> & Partial<Pick<T, Key>>;
