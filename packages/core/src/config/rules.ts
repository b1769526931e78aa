/**
 * Rules between keys of the configuration: what each key allows alone and forbids together. Most important is the timing
 * rule (design: leadership): a lease must outlive an election among the etcd members, or each of those would stop
 * trading; and a standby's suspicion must come after the leader's own shrink, or every lost standby would cost an epoch.
 */
import { switchRefusal } from "../risk/dead-mans-switch.ts";
import { whyNoWindow } from "../risk/maintenance.ts";
import { venueProfiles } from "../venues/profiles/index.ts";
import type { Config, LeadershipProfile, VenueConfig } from "./config.ts";
import { issueAt } from "./issues.ts";
import type { ConfigIssue, ConfigPath } from "./issues.ts";

/** How a member of etcd is set, in ms. */
export interface EtcdTiming {
  readonly heartbeatMs: number;
  readonly electionMs: number;
}

/** Timings of a profile: lease, renewal, margin; how etcd's members are to be set and their outage then; one round trip to etcd. */
export interface ProfileTimings {
  readonly leaseTtlSeconds: number;
  readonly keepaliveMs: number;
  readonly marginMs: number;
  /** `--heartbeat-interval` and `--election-timeout` of every member of etcd. */
  readonly etcd: EtcdTiming;
  /** The longest that etcd takes no write after the loss of its leader, with one vote split. */
  readonly electionOutageMs: number;
  readonly roundTripMs: number;
}

/** So that a lease rides out two rounds of an election, and a slow answer after them. */
const etcdTimings: Readonly<Record<LeadershipProfile, EtcdTiming>> = {
  lan: { heartbeatMs: 30, electionMs: 300 },
  metro: { heartbeatMs: 60, electionMs: 600 },
  wan: { heartbeatMs: 130, electionMs: 1_300 },
};

/** What each profile assumes and sets where the configuration says nothing (decision 39). */
export const profileTimings: Readonly<Record<LeadershipProfile, ProfileTimings>> = {
  lan: { leaseTtlSeconds: 2, keepaliveMs: 250, marginMs: 300, ...electing(etcdTimings.lan), roundTripMs: 50 },
  metro: { leaseTtlSeconds: 4, keepaliveMs: 500, marginMs: 500, ...electing(etcdTimings.metro), roundTripMs: 100 },
  wan: { leaseTtlSeconds: 8, keepaliveMs: 1_000, marginMs: 1_000, ...electing(etcdTimings.wan), roundTripMs: 400 },
};

/**
 * A member waits one to two election timeouts, in steps of a heartbeat, before it asks for votes. Two that ask at the same
 * moment split them, and both wait once more: of 350 killed leaders of a three-member etcd, that were two or three.
 */
function electing(etcd: EtcdTiming): Pick<ProfileTimings, "etcd" | "electionOutageMs"> {
  return { etcd, electionOutageMs: 2 * (2 * etcd.electionMs - etcd.heartbeatMs) };
}

/** Everything in a complete configuration that contradicts something else in it. */
export function ruleIssues(config: Config): readonly ConfigIssue[] {
  return [
    ...clusterIssues(config),
    ...apiIssues(config),
    ...tlsIssues(config),
    ...etcdIssues(config),
    ...timingIssues(config),
    ...venueIssues(config),
    ...symbolIssues(config),
    ...archiveIssues(config),
  ];
}

/** What is allowed and should be known, one sentence each: told at start and by `baton config check`. */
export function configWarnings({ api }: Config): readonly ConfigWarning[] {
  if (api.tls !== undefined || isLoopback(api.listen)) return [];
  return [
    {
      event: "api.no-tls",
      sentence:
        `api.listen ${api.listen} is not a loopback address and api.tls is not set: tokens, orders and the journal cross ` +
        "the network in the clear, and whoever reaches the port may pose as a node. Set api.tls.",
    },
  ];
}

/** A warning, and the name of the event that the log has it under. */
export interface ConfigWarning {
  readonly event: string;
  readonly sentence: string;
}

function archiveIssues({ archive }: Config): ConfigIssue[] {
  const { to, endpoint, accessKeyFile, secretFile } = archive;
  const issues: ConfigIssue[] = [];
  const isBucket = to?.startsWith("s3://") === true;
  for (const [key, value] of Object.entries({ endpoint, accessKeyFile, secretFile })) {
    if (value === undefined || isBucket) continue;
    issues.push(issueAt(["archive", key], `archive.${key} is of a bucket, and archive.to is none.`, "only with s3://"));
  }
  if ((accessKeyFile === undefined) !== (secretFile === undefined)) {
    const missing = accessKeyFile === undefined ? "accessKeyFile" : "secretFile";
    issues.push(issueAt(["archive"], `archive.${missing} is missing: a key has an id and a secret.`, "both or none"));
  }
  return issues;
}

function clusterIssues(config: Config): ConfigIssue[] {
  const { nodes } = config.cluster;
  const issues = duplicates(nodes).map((at) =>
    issueAt(["cluster", "nodes", at], `cluster.nodes names ${nodes[at]} twice.`, "each node once"),
  );
  if (!nodes.includes(config.node.id)) {
    issues.push(
      issueAt(["node", "id"], `node.id ${config.node.id} is not in cluster.nodes.`, `one of ${nodes.join(", ")}`),
    );
  }
  for (const peer of Object.keys(config.replication.peers)) {
    if (nodes.some((node) => node === peer)) continue;
    issues.push(
      issueAt(["replication", "peers", peer], `${peer} is not in cluster.nodes.`, `one of ${nodes.join(", ")}`),
    );
  }
  if (nodes.length === 1 && config.durability === "strict") {
    issues.push(
      issueAt(["durability"], "a single node cannot be strict: there is no second copy to wait for.", "available"),
    );
  }
  return issues;
}

function apiIssues(config: Config): ConfigIssue[] {
  const { listen, advertise, tokensFile, tls, allowLoopbackWithoutToken } = config.api;
  const issues: ConfigIssue[] = [];
  for (const [key, address] of Object.entries({ listen, advertise })) {
    if (portOf(address) <= 65_535) continue;
    issues.push(issueAt(["api", key], `api.${key} has port ${portOf(address)}.`, "host:port with a port up to 65535"));
  }
  if (allowLoopbackWithoutToken && !isLoopback(listen)) {
    issues.push(
      issueAt(
        ["api", "allowLoopbackWithoutToken"],
        `api.allowLoopbackWithoutToken needs a loopback api.listen, not ${listen}.`,
        "false, or listen on 127.0.0.1, localhost or [::1]",
      ),
    );
  }
  if (!allowLoopbackWithoutToken && tokensFile === undefined && tls === undefined) {
    issues.push(
      issueAt(
        ["api", "tokensFile"],
        "api.tokensFile is missing: nobody could place an order.",
        "path of a tokens file, or api.tls for client certificates",
      ),
    );
  }
  if (/^(?:0\.0\.0\.0|\[::\]):/.test(advertise)) {
    issues.push(
      issueAt(
        ["api", "advertise"],
        `the other nodes cannot reach ${advertise}: api.advertise must name this host.`,
        "host:port that the others and the clients reach",
      ),
    );
  }
  return issues;
}

/** Files of one group that are one file: a certificate is not its key, and neither is the authority. */
function tlsIssues({ api }: Config): ConfigIssue[] {
  if (api.tls === undefined) return [];
  const { certFile, keyFile, caFile } = api.tls;
  const files = [certFile, keyFile, caFile];
  return duplicates(files).map((at) => {
    const key = at === 1 ? "keyFile" : "caFile";
    return issueAt(["api", "tls", key], `api.tls.${key} is another file of api.tls again.`, "three files");
  });
}

function etcdIssues(config: Config): ConfigIssue[] {
  const { endpoints, tls } = config.etcd;
  const issues = duplicates(endpoints).map((at) =>
    issueAt(["etcd", "endpoints", at], `etcd.endpoints names ${endpoints[at]} twice.`, "each endpoint once"),
  );
  const schemes = new Set(endpoints.map((endpoint) => endpoint.split(":")[0]));
  if (schemes.size > 1) {
    issues.push(issueAt(["etcd", "endpoints"], "etcd.endpoints mixes http and https.", "all http, or all https"));
  } else if (tls !== undefined && schemes.has("http")) {
    issues.push(issueAt(["etcd", "tls"], "etcd.tls has no effect on http endpoints.", "https endpoints, or no tls"));
  }
  if (tls !== undefined && (tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    issues.push(issueAt(["etcd", "tls"], "etcd.tls has only one of certFile and keyFile.", "both, or neither"));
  }
  return issues;
}

function timingIssues(config: Config): ConfigIssue[] {
  const { heartbeatMs, shrinkMs, silenceMs, silenceMaxMs } = config.replication;
  const { profile, leaseTtlSeconds, keepaliveMs, marginMs } = config.leadership;
  const { electionOutageMs, roundTripMs } = profileTimings[profile];
  const issues: ConfigIssue[] = [];
  const ridesOutMs = leaseTtlSeconds * 1_000 - marginMs - keepaliveMs;
  if (ridesOutMs <= electionOutageMs) {
    const leastSeconds = Math.floor((electionOutageMs + marginMs + keepaliveMs) / 1_000) + 1;
    issues.push(
      issueAt(
        ["leadership", "leaseTtlSeconds"],
        `a lease of ${leaseTtlSeconds} s − ${marginMs} ms margin − ${keepaliveMs} ms keepalive rides out ${ridesOutMs} ms, ` +
          `but an etcd election (profile ${profile}) takes ${electionOutageMs} ms: every one would stop trading.`,
        `leaseTtlSeconds of at least ${leastSeconds}, or a smaller marginMs or keepaliveMs`,
      ),
    );
  }
  if (2 * heartbeatMs > shrinkMs) {
    issues.push(
      issueAt(
        ["replication", "heartbeatMs"],
        `one late heartbeat would cost a standby its place: heartbeatMs ${heartbeatMs} is more than half of shrinkMs ${shrinkMs}.`,
        `at most ${Math.floor(shrinkMs / 2)}, or a larger shrinkMs`,
      ),
    );
  }
  if (shrinkMs + roundTripMs >= silenceMs) {
    issues.push(
      issueAt(
        ["replication", "silenceMs"],
        `shrinkMs ${shrinkMs} + ${roundTripMs} ms to etcd (profile ${profile}) is not less than silenceMs ${silenceMs}: ` +
          "a leader could not remove a lost standby before another one takes over.",
        `silenceMs above ${shrinkMs + roundTripMs}, or a smaller shrinkMs`,
      ),
    );
  }
  if (silenceMaxMs < silenceMs) {
    issues.push(
      issueAt(
        ["replication", "silenceMaxMs"],
        `silenceMaxMs ${silenceMaxMs} is below silenceMs ${silenceMs}, the least that the detector allows.`,
        `at least ${silenceMs}`,
      ),
    );
  }
  return issues;
}

function venueIssues(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const lists = { venues: config.venues, feeds: config.feeds, strategies: config.strategies };
  for (const [list, entries] of Object.entries(lists)) {
    const ids: readonly string[] = entries.map((entry) => entry.id);
    for (const at of duplicates(ids)) {
      issues.push(issueAt([list, at, "id"], `${list} has the id ${ids[at]} twice.`, "each id once"));
    }
  }
  for (const [at, venue] of config.venues.entries()) {
    if (venue.minValidityMs >= venue.validityMs) {
      issues.push(
        issueAt(
          ["venues", at, "minValidityMs"],
          `minValidityMs ${venue.minValidityMs} is not less than validityMs ${venue.validityMs}: nothing could be sent.`,
          `below ${venue.validityMs}`,
        ),
      );
    }
    const others = config.venues.filter((other) => other.id !== venue.id).map((other) => other.id);
    if (venue.alternate !== undefined && !others.includes(venue.alternate)) {
      const sentence = `venue ${venue.id} has the alternate ${venue.alternate}, which is no other venue of this file.`;
      issues.push(
        issueAt(["venues", at, "alternate"], sentence, `one of ${others.join(", ") || "none: there is no other"}`),
      );
    }
    const alternate = config.venues.find((other) => other.id === venue.alternate);
    if (alternate !== undefined && alternate.mode !== venue.mode) {
      const sentence = `venue ${venue.id} trades in mode ${venue.mode}, and its alternate ${alternate.id} in mode ${alternate.mode}: an order would change between real and invented money.`;
      issues.push(issueAt(["venues", at, "alternate"], sentence, `a venue in mode ${venue.mode}`));
    }
    const profile = venueProfiles[venue.exchange];
    if (profile.needsPassphrase !== (venue.passphraseFile !== undefined)) {
      const sentence = profile.needsPassphrase
        ? `keys of ${profile.title} have a passphrase, and passphraseFile is missing.`
        : `keys of ${profile.title} have no passphrase.`;
      issues.push(issueAt(["venues", at, "passphraseFile"], sentence, "with exchanges whose keys have one"));
    }
    if (venue.mode === "sandbox" && venue.restUrl === undefined && !profile.hasSandbox) {
      const sentence = `${profile.title} has no test network for mode sandbox.`;
      issues.push(issueAt(["venues", at, "mode"], sentence, "live, or a restUrl"));
    }
    issues.push(...paperIssues(venue, at), ...contractIssues(venue, at), ...switchIssues(venue, at));
    const { validity } = profile;
    if (validity.kind !== "fixed" && (venue.validityMs < validity.minMs || venue.validityMs > validity.maxMs)) {
      const sentence = `${profile.title} takes no validity of ${venue.validityMs} ms.`;
      issues.push(issueAt(["venues", at, "validityMs"], sentence, `${validity.minMs} to ${validity.maxMs}`));
    }
  }
  return issues;
}

/** Paper orders go to an exchange of our own that mirrors the live venue: nothing may fall back to the venue itself. */
function paperIssues(venue: VenueConfig, at: number): ConfigIssue[] {
  if (venue.mode !== "paper") return [];
  const issues = (["restUrl", "wsUrl"] as const)
    .filter((key) => venue[key] === undefined)
    .map((key) =>
      issueAt(
        ["venues", at, key],
        `${venue.id} trades on paper, and ${key} does not say where.`,
        "the address of the mirroring exchange",
      ),
    );
  if (venue.exchange === "binance") return issues;
  const sentence = `${venue.exchange} cannot be mirrored: paper orders go to an exchange that speaks Binance spot.`;
  return [...issues, issueAt(["venues", at, "mode"], sentence, "sandbox, live, or exchange binance")];
}

/** A countdown that the venue cannot be kept to, and maintenance that is none. */
function switchIssues({ exchange, deadMansSwitch, maintenance, symbols }: VenueConfig, at: number): ConfigIssue[] {
  const issues = (maintenance ?? []).flatMap((window, index) => {
    const why = whyNoWindow(window);
    return why === undefined ? [] : [issueAt(["venues", at, "maintenance", index], why, "an end after a beginning")];
  });
  if (deadMansSwitch === undefined || deadMansSwitch.policy === "none") return issues;
  const { timeoutMs } = deadMansSwitch;
  const why = switchRefusal(venueProfiles[exchange], { timeoutMs, symbols: symbols.length });
  if (why === undefined) return issues;
  return [
    ...issues,
    issueAt(["venues", at, "deadMansSwitch"], `${why}.`, "policy none, or what the venue can be kept to"),
  ];
}

/** A contract is named with what it settles in, a pair without: one for the other would be priced by another market. */
function contractIssues({ exchange, symbols }: VenueConfig, at: number): ConfigIssue[] {
  const { title, market } = venueProfiles[exchange];
  const isContracts = market === "perpetual";
  return symbols.flatMap((symbol, index) => {
    if (symbol.includes(":") === isContracts) return [];
    const allowed = isContracts ? "a contract, as BTC/USDT:USDT" : "a pair, as BTC/USDT";
    return [issueAt(["venues", at, "symbols", index], `${title} has no market ${symbol}.`, allowed)];
  });
}

function symbolIssues(config: Config): ConfigIssue[] {
  const venues: ReadonlyMap<string, VenueConfig> = new Map(config.venues.map((venue) => [venue.id, venue]));
  const issues: ConfigIssue[] = [];
  for (const list of ["feeds", "strategies"] as const) {
    for (const [at, entry] of config[list].entries()) {
      const venue = venues.get(entry.venue);
      if (venue === undefined) {
        const known = [...venues.keys()].join(", ");
        issues.push(
          issueAt(
            [list, at, "venue"],
            `${list}[${at}] names venue ${entry.venue}, which is not in venues.`,
            `one of ${known}`,
          ),
        );
        continue;
      }
      issues.push(...foreignSymbols([list, at, "symbols"], entry.symbols, venue.symbols, `venue ${venue.id}`));
    }
  }
  issues.push(...fallbackIssues(config));
  const traded = config.venues.flatMap((venue) => venue.symbols);
  for (const symbol of Object.keys(config.risk.perSymbol)) {
    if (traded.some((each) => each === symbol)) continue;
    issues.push(
      issueAt(["risk", "perSymbol", symbol], `no venue trades ${symbol}.`, `one of ${[...new Set(traded)].join(", ")}`),
    );
  }
  return issues;
}

function foreignSymbols(
  path: ConfigPath,
  asked: readonly string[],
  known: readonly string[],
  where: string,
): ConfigIssue[] {
  return asked.flatMap((symbol, at) =>
    known.includes(symbol)
      ? []
      : [issueAt([...path, at], `${symbol} is not among the symbols of ${where}.`, `one of ${known.join(", ")}`)],
  );
}

/** Positions of entries that stand earlier in the list already. */
function duplicates(list: readonly string[]): number[] {
  return list.flatMap((entry, at) => (list.indexOf(entry) < at ? [at] : []));
}

function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/.test(address);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

/** A feed stands in only for symbols that it carries, and never for itself. */
function fallbackIssues(config: Config): ConfigIssue[] {
  return config.feeds.flatMap(({ id, fallback, symbols }, at) => {
    if (fallback === undefined) return [];
    const path = ["feeds", at, "fallback"];
    const others = config.feeds.filter((feed) => feed.id !== id);
    const second = others.find((feed) => feed.id === fallback);
    if (second === undefined) {
      const known = others.map((feed) => feed.id).join(", ");
      return [issueAt(path, `feed ${id} falls back on ${fallback}, which is no other feed.`, `one of ${known}`)];
    }
    return foreignSymbols(["feeds", at, "symbols"], symbols, second.symbols, `its fallback ${second.id}`);
  });
}
