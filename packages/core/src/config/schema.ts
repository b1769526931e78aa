/**
 * What a configuration file may say: one zod schema, strict at every level, so that an unknown key is an error. The
 * description of each key states its meaning, what is allowed and the default; it is what an operator reads when the key
 * is wrong (`check.ts`) and what the configuration reference is made of. Rules between keys are in `rules.ts`.
 */
import { z } from "zod";
import { parseDecimal } from "../decimal.ts";
import type { Decimal } from "../decimal.ts";
import { exchangeIds } from "../venues/profiles/index.ts";
import type { Branded, NodeId, SymbolId, VenueId } from "../ids.ts";
import type { SwitchPolicy } from "../risk/dead-mans-switch.ts";
import type {
  ApiConfig,
  ArchiveConfig,
  ClusterConfig,
  DoubtConfig,
  EtcdConfig,
  FeedConfig,
  LeadershipConfig,
  LogConfig,
  NodeConfig,
  NodeTag,
  ObjectivesConfig,
  RateLimit,
  ReplicationConfig,
  RiskConfig,
  StrategyConfig,
  SymbolRisk,
  VenueConfig,
  VenueLimits,
} from "./config.ts";

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
  readonly log: LogConfig;
}

type Opened<T, Key extends keyof T> = Omit<T, Key> & Partial<Pick<T, Key>>;

const name = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const hostPort = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;
const httpUrl = /^https?:\/\/[^\s/?#]+(?:\/[^\s]*)?$/;
const wsUrl = /^wss?:\/\/[^\s/?#]+(?:\/[^\s]*)?$/;
const ipAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*)$/;
const symbol = /^[A-Z0-9]{1,20}\/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?$/;

/** A group of keys that was left out is one in which every key was: each has a default. */
const allDefaults = {} as never;

const named = <T extends Branded<string> = never>(what: string): z.ZodType<T> =>
  text<T>(what, name, "1 to 32 of a-z, 0-9 and -");
const symbols = (what: string): z.ZodType<readonly SymbolId[]> =>
  z
    .array(text<SymbolId>("a symbol", symbol, 'as ccxt writes it, such as "BTC/USDT"'))
    .min(1)
    .describe(`${what}; a list of symbols as ccxt writes them, such as [BTC/USDT]`);
const path = (what: string): z.ZodType<string> =>
  text(what, /^\S(?:.*\S)?$/, "a path; a relative one starts at $CREDENTIALS_DIRECTORY (secrets) or at this file");
const address = (what: string): z.ZodType<string> => text(what, hostPort, "host:port");

const rate = (what: string): z.ZodType<RateLimit> =>
  z
    .strictObject({ count: whole("how many", 1, 1_000_000), perMs: whole("in how many milliseconds", 1, 86_400_000) })
    .describe(`${what}; {count, perMs}`);

const limits: z.ZodType<VenueLimits> = z
  .strictObject({
    orderRate: rate("new orders of the account per interval"),
    requestWeight: rate("request weight of this address per interval"),
  })
  .describe(
    "used instead of what the venue publishes, where others share the account or the address; {orderRate, requestWeight}",
  );

const venue: z.ZodType<VenueConfig> = z.strictObject({
  id: named<VenueId>("the venue's name in this file"),
  mode: choice(
    "paper fills from live books at a mirroring exchange, sandbox is the venue's test network, live is real money",
    ["paper", "sandbox", "live"],
    "sandbox",
  ),
  exchange: choice("which exchange it is; what each can do: packages/venues/CAPABILITIES.md", exchangeIds),
  account: text("your name of the account", /^[A-Za-z0-9._-]{1,64}$/, "1 to 64 of letters, digits, . _ -"),
  apiKeyFile: path("file that holds this node's API key"),
  secretFile: path("file that holds the secret of that key"),
  passphraseFile: z.exactOptional(path("file that holds the key's passphrase, where the exchange has one")),
  restUrl: z.exactOptional(text("REST address instead of the exchange's own", httpUrl, "an http or https URL")),
  wsUrl: z.exactOptional(text("WebSocket address instead of the exchange's own", wsUrl, "a ws or wss URL")),
  symbols: symbols("what may be traded here"),
  validityMs: whole("how long a signed request stays valid at the venue", 50, 60_000, 1_500),
  minValidityMs: whole("a request with less validity left at the socket is not sent", 10, 60_000, 100),
  deadlineMs: whole(
    "how long the engine waits for the venue's answer before it calls the outcome in doubt",
    50,
    60_000,
    3_000,
  ),
  uniqueness: choice(
    "how long the venue refuses a client order id it has seen",
    ["open-only", "forever", "none"],
    "none",
  ),
  limits: z.exactOptional(limits),
  deadMansSwitch: z.exactOptional(
    z
      .strictObject({
        policy: choice<SwitchPolicy>(
          "none; arm-on-lead: set while there is a leader, taken back when the last one stops in order; arm-always: never taken back, so that a cluster that stops leaves no order behind",
          ["none", "arm-on-lead", "arm-always"],
          "none",
        ),
        timeoutMs: whole("after how long without a leader the venue cancels every order", 5_000, 300_000, 30_000),
      })
      .describe("the venue's dead man's switch, where it has one; {policy, timeoutMs}; default none"),
  ),
  sla: z.exactOptional(
    z
      .strictObject({
        availabilityPercentMin: z.exactOptional(percent("minutes of a month in which it answers")),
        latencyP99MsMax: z.exactOptional(whole("99 % of answers come within so many milliseconds", 1, 600_000)),
        errorPercentMax: z.exactOptional(percent("requests that fail by its fault")),
      })
      .describe("what the provider promised, to be held against it; {availabilityPercentMin, latencyP99MsMax, …}"),
  ),
  alternate: z.exactOptional(
    named<VenueId>("id of the venue that takes new orders while this one is ill; they are refused then without it"),
  ),
  sharedAddress: flag("true where all nodes reach the exchange from one address, and share what it allows it", false),
});

const feed: z.ZodType<FeedConfig> = z.strictObject({
  id: named("the feed's name"),
  venue: named<VenueId>("id of the venue it comes from"),
  symbols: symbols("what it carries"),
  staleAfterMs: whole("age of the newest data from which a symbol counts as stale", 50, 600_000, 2_000),
  wsUrl: z.exactOptional(text("WebSocket address instead of the venue's", wsUrl, "a ws or wss URL")),
  restUrl: z.exactOptional(
    text("REST address for book snapshots instead of the venue's", httpUrl, "an http or https URL"),
  ),
  lines: z.exactOptional(
    z
      .array(
        z.strictObject({
          wsUrl: z.exactOptional(text("this line's WebSocket address", wsUrl, "a ws or wss URL")),
          localAddress: z.exactOptional(text("this line's uplink", ipAddress, "an IP address of this host")),
        }),
      )
      .min(1)
      .max(2)
      .describe("connections that carry the same data; a list of one or two {wsUrl, localAddress}; default one"),
  ),
  fallback: z.exactOptional(named("id of the feed whose prices stand in while this one is stale, if they are sane")),
});

const symbolRisk = {
  orderQuantityMax: amount("largest quantity of one order, in the base currency"),
  orderNotionalMax: amount("largest value of one order, in the quote currency"),
  collarBps: whole("how far through the far side of a fresh book an order may be priced, in basis points", 1, 10_000),
  positionMax: amount("largest position, long or short, open orders and doubt at worst case, in the base currency"),
  openNotionalMax: z.exactOptional(
    amount("most that open and doubted orders of both sides are worth, in the quote currency; default no limit"),
  ),
  openOrdersMax: z.exactOptional(whole("most orders that are not ended; default no limit", 1, 100_000)),
};

const windowed = (what: string): z.ZodType<RateLimit> =>
  z
    .strictObject({ count: whole("how many", 1, 1_000_000), perMs: whole("in how many milliseconds", 1, 60_000) })
    .describe(`${what}; {count, perMs}, perMs up to 60000; default no limit`);

const risk: z.ZodType<RiskConfig> = z.strictObject({
  defaults: z
    .strictObject(symbolRisk)
    .describe("limits of every symbol that perSymbol does not change") satisfies z.ZodType<SymbolRisk>,
  perSymbol: z
    .record(
      text("a symbol", symbol, 'as ccxt writes it, such as "BTC/USDT"'),
      z.strictObject({
        orderQuantityMax: z.exactOptional(symbolRisk.orderQuantityMax),
        orderNotionalMax: z.exactOptional(symbolRisk.orderNotionalMax),
        collarBps: z.exactOptional(symbolRisk.collarBps),
        positionMax: z.exactOptional(symbolRisk.positionMax),
        openNotionalMax: symbolRisk.openNotionalMax,
        openOrdersMax: symbolRisk.openOrdersMax,
      }),
    )
    .describe("symbol to the limits that differ for it")
    .prefault(allDefaults),
  orderRate: rate("orders this cluster records per interval, all symbols together").prefault({
    count: 100,
    perMs: 1_000,
  }),
  cancelRate: z.exactOptional(windowed("wishes to cancel above which no new order passes (cancels always do)")),
  repeatedExecution: z.exactOptional(
    windowed("how often one principal or strategy may want the very same order; one more switches it off, on record"),
  ),
  dayLossMax: z.exactOptional(
    z
      .record(
        text("a currency", /^[A-Z0-9]{1,20}$/, "such as USDT"),
        amount("most that may be lost in a day of UTC, realised and unrealised, in this currency"),
      )
      .describe(
        "quote currency to the day's loss above which only orders that reduce a position pass; default no limit",
      ),
  ),
  balances: choice(
    "whether an order needs a free balance that covers it beside all open ones; on futures, a wallet that covers what positions could grow to at leverage 1",
    ["check", "ignore"],
    "check",
  ),
  unaskedCancels: choice(
    "a resting order is cancelled at the venue and nobody here took it back: stop kills the account, on record, since somebody else acts on it; warn only says so",
    ["stop", "warn"],
    "stop",
  ),
  clockErrorMaxMs: whole("bound on the clock error to the venue above which no new order is sent", 10, 5_000, 250),
});

const strategy: z.ZodType<Opened<StrategyConfig, "venue">> = z.strictObject({
  id: named("the strategy's name"),
  module: path("TypeScript or JavaScript module of pure handlers"),
  venue: z.exactOptional(named<VenueId>("id of the venue it trades on; may be left out when there is one")),
  symbols: symbols("what it sees and trades"),
  budgetMs: whole("time one handler call may take; over it the strategy is switched off, on record", 1, 10_000, 50),
  params: z.record(z.string(), z.unknown()).describe("what the strategy is given, as it is").default({}),
});

/** The whole file. Its keys, in this order, are those of the configuration reference. */
export const configFileSchema: z.ZodType<ConfigFile> = z.strictObject({
  cluster: z
    .strictObject({
      name: named("the cluster's name; its keys in etcd start with /baton/<name>/"),
      nodes: z
        .array(named<NodeId>("a node id"))
        .min(1)
        .max(7)
        .describe("ids of every engine node of the cluster; a list of 1 to 7, the same on each"),
    })
    .describe("which cluster this node belongs to; {name, nodes}"),
  node: z
    .strictObject({
      id: named<NodeId>("this node's name, one of cluster.nodes"),
      site: named("where it stands; nodes that can fail together share a site"),
      dataDir: path("folder of the journal; made when it is missing"),
      tags: z
        .array(choice<NodeTag>("a tag", ["no-failover"]))
        .describe("a list of: no-failover (never promoted by itself); default none")
        .default([]),
      priority: whole("of several promotable nodes the one with the higher number goes first", 0, 1_000, 100),
      metro: z.exactOptional(named("the metro that the site is in, for leadership.siteRule; default: site")),
    })
    .describe("this node; {id, site, dataDir, tags, priority, metro}"),
  api: z
    .strictObject({
      listen: address("where this node listens, for the API and the other nodes"),
      advertise: z.exactOptional(address("where the others and the clients reach it; default: listen")),
      tokensFile: z.exactOptional(path("file of bearer tokens, one line each: principal role token")),
      tls: z.exactOptional(
        z
          .strictObject({
            certFile: path("this node's certificate, for both ends: CN its node id, OU node, names what others dial"),
            keyFile: path("key of that certificate"),
            caFile: path(
              "authority that signs the nodes' certificates and those of clients (CN: the principal, OU: viewer, trader or operator)",
            ),
          })
          .describe(
            "TLS on the API and between the nodes, on every node or on none; read again when renewed; {certFile, keyFile, caFile}; default plain HTTP",
          ),
      ),
      allowLoopbackWithoutToken: flag(
        "let anyone on this machine write without a token; for demonstrations only",
        false,
      ),
    })
    .describe("the HTTP API; {listen, advertise, tokensFile, tls, allowLoopbackWithoutToken}"),
  replication: z
    .strictObject({
      heartbeatMs: whole("how often the leader speaks to its standbys when it has nothing to ship", 10, 5_000, 50),
      silenceMs: whole(
        "silence of the leader after which an in-sync standby takes over on an even link: the least that the detector allows",
        100,
        60_000,
        1_000,
      ),
      silenceMaxMs: whole(
        "the most silence that the detector allows on an uneven link; the same as silenceMs makes it a constant",
        100,
        120_000,
        3_000,
      ),
      shrinkMs: whole("silence of a standby after which the leader removes it from the in-sync set", 50, 30_000, 300),
      peers: z
        .record(named("a node id"), address("address used for that node"))
        .describe("node id to host:port, where a node is not reached at the address it publishes; default none")
        .default({}),
    })
    .describe("the journal's way to the standbys")
    .prefault(allDefaults),
  etcd: z
    .strictObject({
      endpoints: z
        .array(text("an etcd endpoint", httpUrl, "an http or https URL, such as http://10.0.0.1:2379"))
        .min(1)
        .max(9)
        .describe("every member of the etcd cluster; a list of http or https URLs"),
      callTimeoutMs: whole("how long one etcd call may take", 50, 10_000, 1_000),
      tls: z.exactOptional(
        z
          .strictObject({
            caFile: path("certificate authority of etcd"),
            certFile: z.exactOptional(path("this node's certificate")),
            keyFile: z.exactOptional(path("key of that certificate")),
          })
          .describe("{caFile, certFile, keyFile}; needs https endpoints"),
      ),
      auth: z.exactOptional(
        z
          .strictObject({
            username: text("etcd user", /^\S{1,64}$/, "1 to 64 characters, no spaces"),
            passwordFile: path("file that holds the password"),
          })
          .describe("{username, passwordFile}"),
      ),
    })
    .describe("where etcd is; {endpoints, callTimeoutMs, tls, auth}"),
  leadership: z
    .strictObject({
      profile: choice(
        "the distance between the etcd members; sets the three timings below",
        ["lan", "metro", "wan"],
        "metro",
      ),
      leaseTtlSeconds: z.exactOptional(whole("life of the leader's lease; default 2 (lan), 4 (metro), 8 (wan)", 2, 60)),
      keepaliveMs: z.exactOptional(whole("how often the lease is renewed; default 250, 500, 1000", 50, 10_000)),
      marginMs: z.exactOptional(
        whole("how long before the lease ends the leader stops; default 300, 500, 1000", 250, 10_000),
      ),
      preempt: flag("let an in-sync standby take over from a silent leader before its lease ends", true),
      yieldMs: whole("how long a leader may be without the venue while a standby reaches it", 100, 600_000, 2_000),
      autofailover: choice(
        "what cluster init writes: on acts, observe only says what it would do, off does nothing",
        ["on", "observe", "off"],
        "on",
      ),
      siteRule: choice(
        "any: the best candidate takes over wherever it stands; same-metro: to cross metros needs an operator",
        ["any", "same-metro"],
        "any",
      ),
      failsafe: choice(
        "on: with etcd away a leader goes on while every in-sync standby promises, durably, not to take over",
        ["on", "off"],
        "off",
      ),
      onQuorumLoss: choice(
        "open orders when etcd has been away for half of what the lease leaves: left at the venue, or cancelled while it is allowed",
        ["leave", "cancel"],
        "leave",
      ),
      loop: z
        .strictObject({
          takeovers: whole(
            "takeovers for one reason after which the next leader takes no new risk; 0: never",
            0,
            20,
            3,
          ),
          deaths: whole("deaths of one node after which it is not promoted by itself; 0: never", 0, 8, 3),
          withinMs: whole("how far back both count", 1_000, 86_400_000, 600_000),
        })
        .describe("when losses are a loop, until baton acknowledge; {takeovers, deaths, withinMs}")
        .prefault(allDefaults),
    })
    .describe("who leads, and how fast another takes over")
    .prefault(allDefaults),
  durability: z.exactOptional(
    choice("strict: no new order without a second durable copy; available: a lone leader goes on, loudly", [
      "strict",
      "available",
    ]),
  ),
  doubt: z
    .strictObject({
      block: choice("what an order in doubt blocks besides itself", ["intent", "instrument", "account"], "intent"),
      processingBoundMs: whole("longest time the venue takes to act on a request it has received", 0, 600_000, 10_000),
      queryLagMs: whole("longest time until a query shows what the venue has accepted", 0, 600_000, 2_000),
      orphans: choice(
        "what becomes of an open order of ours that the journal does not know",
        ["cancel", "leave"],
        "cancel",
      ),
    })
    .describe("when an unanswered request is proved not to have been accepted")
    .prefault(allDefaults),
  objectives: objectives({ switchover: 250, processCrash: 500, hostLost: 1_500, standbyLost: 350 }),
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
  archive: z
    .strictObject({
      to: z.exactOptional(
        text(
          "where the journal is copied to, off site",
          /^(?:file:\/\/\/\S+|s3:\/\/[a-z0-9.-]{3,63}(?:\/\S*)?)$/,
          "file:///folder or s3://bucket/prefix; without it there is no copy",
        ),
      ),
      endpoint: z.exactOptional(text("address of an S3-compatible service", httpUrl, "an http or https URL")),
      region: z.exactOptional(text("region of the bucket", /^[a-z0-9-]{2,32}$/, "such as eu-central-1")),
      accessKeyFile: z.exactOptional(path("file that holds the id of the access key to the bucket")),
      secretFile: z.exactOptional(path("file that holds the secret of that key")),
      segmentMs: whole("the leader copies what was committed at most so often", 100, 600_000, 1_000),
      snapshotHours: whole("a whole copy is made so often", 1, 720, 24),
      retainDays: whole(
        "records of ended orders are kept on every node for so long; with a copy, no less than it was proved to hold",
        2,
        3_650,
        30,
      ),
      reserveMiB: whole(
        "space held back on each node so that cancels and outcomes can be recorded on a full disk; 0: none",
        0,
        4_096,
        16,
      ),
    })
    .describe("the journal over months; {to, endpoint, region, accessKeyFile, secretFile, segmentMs, …}")
    .prefault(allDefaults),
  log: z
    .strictObject({
      level: choice("least severe level that is logged", ["fatal", "error", "warn", "info", "debug", "trace"], "info"),
    })
    .describe("{level}")
    .prefault(allDefaults),
});

function objectives(rtoMs: Readonly<Record<keyof ObjectivesConfig, number>>): z.ZodType<ObjectivesConfig> {
  const objective = (what: string, fallback: number): z.ZodType<{ readonly rtoMs: number }> =>
    z.strictObject({ rtoMs: whole(what, 1, 3_600_000, fallback) }).prefault(allDefaults);
  return z
    .strictObject({
      switchover: objective("longest gap in trading of a planned switchover", rtoMs.switchover),
      processCrash: objective("longest gap after the leader's process died", rtoMs.processCrash),
      hostLost: objective("longest gap after the leader's host was lost or cut off", rtoMs.hostLost),
      standbyLost: objective("longest pause of orders when a standby is lost", rtoMs.standbyLost),
    })
    .describe("recovery times that drills and alerts compare with; scenario to {rtoMs}")
    .prefault(allDefaults);
}

// The pieces. Each puts what is allowed and the default into its description, so that the two cannot drift apart.

function whole(what: string, minimum: number, maximum: number, fallback?: number): z.ZodType<number> {
  const range = `${what}; a whole number from ${minimum} to ${maximum}`;
  const schema = z.int().min(minimum).max(maximum);
  return fallback === undefined
    ? schema.describe(range)
    : schema.default(fallback).describe(`${range}; default ${fallback}`);
}

function percent(what: string): z.ZodType<number> {
  return z.number().min(0).max(100).describe(`${what}; percent, from 0 to 100`);
}

function text<T extends string = string>(what: string, form: RegExp, allowed: string): z.ZodType<T> {
  return z.string().regex(form).describe(`${what}; ${allowed}`) as unknown as z.ZodType<T>;
}

function choice<const T extends string>(what: string, values: readonly T[], fallback?: NoInfer<T>): z.ZodType<T> {
  const allowed = `${what}; one of ${values.join(", ")}`;
  const schema: z.ZodType<T> = z.enum(values);
  if (fallback === undefined) return schema.describe(allowed);
  return schema.default(fallback as never).describe(`${allowed}; default ${fallback}`);
}

function flag(what: string, fallback: boolean): z.ZodType<boolean> {
  return z.boolean().default(fallback).describe(`${what}; true or false; default ${fallback}`);
}

function amount(what: string): z.ZodType<Decimal> {
  const isAmount = (value: string): boolean => {
    const parsed = parseDecimal(value);
    return parsed !== undefined && parsed !== "0" && !parsed.startsWith("-");
  };
  return z
    .string()
    .refine(isAmount)
    .overwrite((value) => parseDecimal(value) ?? value)
    .describe(`${what}; a decimal above zero in quotes, such as "0.5"`) as unknown as z.ZodType<Decimal>;
}
