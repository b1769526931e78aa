import { describe, expect, test } from "vitest";
import { checkConfig, describeKey } from "./check.ts";
import { riskOf, sharedConfigText } from "./config.ts";
import type { Config } from "./config.ts";
import type { ConfigIssue } from "./issues.ts";
import { configWarnings } from "./rules.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";

const venue = {
  id: "binance",
  exchange: "binance",
  account: "main",
  apiKeyFile: "key",
  secretFile: "secret",
  symbols: ["BTC/USDT", "ETH/USDT"],
};

/** Paths into a file (`venues.0.mode`) and what stands there instead; undefined takes the key away. */
type Changes = Readonly<Record<string, unknown>>;

function file(changes: Changes = {}): unknown {
  const content = {
    cluster: { name: "demo", nodes: ["a", "b", "c"] },
    node: { id: "a", site: "laptop", dataDir: "/tmp/a" },
    api: { listen: "127.0.0.1:7001", allowLoopbackWithoutToken: true },
    etcd: { endpoints: ["http://127.0.0.1:2379"] },
    venues: [{ ...venue }],
    feeds: [{ id: "binance", venue: "binance", symbols: ["BTC/USDT"] }],
    risk: {
      defaults: { orderQuantityMax: "1.0", orderNotionalMax: "100000", collarBps: 100, positionMax: "5" },
      perSymbol: { "ETH/USDT": { orderQuantityMax: "20" } },
    },
  };
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    let place = content as unknown as Record<string, unknown>;
    for (const step of steps) place = place[step] as Record<string, unknown>;
    place[last] = value;
    if (value === undefined) delete place[last];
  }
  return JSON.parse(JSON.stringify(content));
}

function valid(content: unknown): Config {
  const checked = checkConfig(content);
  if (checked.kind === "invalid") throw new Error(checked.issues.map((issue) => issue.sentence).join("\n"));
  return checked.config;
}

function issuesOf(changes: Changes): readonly ConfigIssue[] {
  const checked = checkConfig(file(changes));
  return checked.kind === "invalid" ? checked.issues : [];
}

test("a port that others reach without TLS is warned of, once, with what to set", () => {
  const told = (changes: Changes): readonly string[] => configWarnings(valid(file(changes))).map((one) => one.event);
  const api = { listen: "10.0.0.1:7001", tokensFile: "t" };
  expect(told({})).toEqual([]);
  expect(told({ api: { ...api, tls: { certFile: "c", keyFile: "k", caFile: "ca" } } })).toEqual([]);
  expect(told({ api })).toEqual(["api.no-tls"]);
  expect(told({ api: { ...api, listen: "0.0.0.0:7001", advertise: "a.example:7001" } })).toEqual(["api.no-tls"]);
  expect(configWarnings(valid(file({ api })))[0]?.sentence).toContain("Set api.tls.");
});

describe("a configuration", () => {
  test("with only what has no default gets the documented defaults of its profile", () => {
    const config = valid(file());
    expect(config.leadership).toMatchObject({
      profile: "metro",
      leaseTtlSeconds: 4,
      keepaliveMs: 500,
      marginMs: 500,
      preempt: true,
    });
    expect(config.replication).toMatchObject({ heartbeatMs: 50, silenceMs: 1000, shrinkMs: 300, peers: {} });
    expect(config.durability).toBe("strict");
    expect(config.api.advertise).toBe("127.0.0.1:7001");
    expect(config.venues[0]).toMatchObject({ mode: "sandbox", uniqueness: "none" });
    expect(config.objectives.hostLost.rtoMs).toBe(1500);
  });

  test("takes the timings of the profile it names, and what it says itself before those", () => {
    const config = valid(file({ leadership: { profile: "lan", marginMs: 400 } }));
    expect(config.leadership).toMatchObject({ leaseTtlSeconds: 2, keepaliveMs: 250, marginMs: 400 });
  });

  test("has canonical decimals, and symbol limits over the common ones", () => {
    const config = valid(file());
    expect(riskOf(config.risk, id<SymbolId>("BTC/USDT")).orderQuantityMax).toBe("1");
    expect(riskOf(config.risk, id<SymbolId>("ETH/USDT"))).toMatchObject({ orderQuantityMax: "20", positionMax: "5" });
  });

  test("gives every node of a cluster the same shared text, whatever its own name and files", () => {
    const other = file({
      node: { id: "b", site: "laptop", dataDir: "/tmp/b" },
      "api.listen": "127.0.0.1:7002",
      "venues.0.apiKeyFile": "key-b",
    });
    expect(sharedConfigText(valid(other))).toBe(sharedConfigText(valid(file())));
    const differing = file({ "risk.defaults.collarBps": 200 });
    expect(sharedConfigText(valid(differing))).not.toBe(sharedConfigText(valid(file())));
  });

  test.each([
    ["cluster", "name", "nodes"],
    ["node", "id", "site", "dataDir"],
    ["api", "listen", "tokensFile"],
    ["replication", "heartbeatMs", "silenceMs", "shrinkMs"],
    ["etcd", "endpoints", "tls", "auth"],
    ["leadership", "leaseTtlSeconds", "keepaliveMs", "marginMs", "preempt", "yieldMs", "failsafe", "siteRule"],
    ["leadership", "autofailover", "onQuorumLoss"],
    ["durability"],
    ["doubt", "block"],
    ["objectives", "switchover.rtoMs", "processCrash.rtoMs", "hostLost.rtoMs", "standbyLost.rtoMs"],
    ["venues", "mode", "driver", "exchange", "account", "restUrl", "wsUrl", "validityMs", "uniqueness", "limits"],
    ["venues", "maintenance", "alternate", "sla"],
    ["feeds", "symbols", "staleAfterMs", "lines", "fallback"],
    ["risk", "defaults"],
    ["strategies", "module"],
    ["archive", "to"],
    ["alerts", "alertmanagerUrl"],
    ["log", "level"],
  ])("has the keys under %s by which files of the field and their scripts know it", (top, ...keys) => {
    const isList = top === "venues" || top === "feeds" || top === "strategies";
    expect(describeKey([top]), top).toBeDefined();
    for (const key of keys) expect(describeKey([top, ...(isList ? [0] : []), ...key.split(".")]), key).toBeDefined();
  });

  test("may say by which driver a venue is spoken to, and names the one that there is", () => {
    expect(valid(file({ "venues.0.driver": "ccxt" })).venues[0]?.driver).toBe("ccxt");
    // Nodes are restarted one by one with a changed file: those that say it and those that do not are alike.
    expect(sharedConfigText(valid(file({ "venues.0.driver": "ccxt" })))).toBe(sharedConfigText(valid(file())));
    expect(issuesOf({ "venues.0.driver": "own" })[0]?.allowed).toContain("ccxt");
  });

  test("explains every key of the schema", () => {
    expect(describeKey(["replication", "heartbeatMs"])).toContain("default 50");
    expect(describeKey(["venues", 0, "mode"])).toContain("one of paper, sandbox, live; default sandbox");
    expect(describeKey(["nothing"])).toBeUndefined();
  });
});

describe("a faulty configuration names the key, what is allowed, and why", () => {
  const faults: readonly [string, Changes, string, string, string][] = [
    [
      "an unknown key",
      { replication: { heartbeatMS: 50 } },
      "replication.heartbeatMS",
      "heartbeatMs, silenceMs",
      "Did you mean heartbeatMs?",
    ],
    ["an unknown key at the top", { venue: [] }, "venue", "cluster, node, api", "Did you mean venues?"],
    ["a missing group", { risk: undefined }, "risk", "defaults, perSymbol", "risk is missing"],
    ["a missing key", { "node.id": undefined }, "node.id", "1 to 32 of a-z", "node.id is missing"],
    [
      "a number out of range",
      { replication: { heartbeatMs: 5 } },
      "replication.heartbeatMs",
      "from 10 to 5000",
      "cannot be 5",
    ],
    ["a broken number", { "risk.clockErrorMaxMs": 2.5 }, "risk.clockErrorMaxMs", "a whole number", "2.5"],
    [
      "an alternate in another mode: real orders would end on paper",
      {
        venues: [
          { ...venue, alternate: "other" },
          { ...venue, id: "other", mode: "live" },
        ],
      },
      "venues[0].alternate",
      "a venue in mode sandbox",
      "would change between real and invented money",
    ],
    ["a word that is no choice", { "venues.0.mode": "real" }, "venues[0].mode", "paper, sandbox, live", '"real"'],
    [
      "paper without an exchange of its own",
      { "venues.0.mode": "paper", "venues.0.wsUrl": "ws://127.0.0.1:9000" },
      "venues[0].restUrl",
      "the mirroring exchange",
      "does not say where",
    ],
    [
      "a bare decimal",
      { "risk.defaults.positionMax": 0.1 },
      "risk.defaults.positionMax",
      "in quotes",
      "put it in quotes",
    ],
    [
      "a decimal with an exponent",
      { "risk.defaults.positionMax": "1e3" },
      "risk.defaults.positionMax",
      "decimal above zero",
      "1e3",
    ],
    ["a limit of zero", { "risk.defaults.positionMax": "0" }, "risk.defaults.positionMax", "above zero", '"0"'],
    [
      "an endpoint that is no URL",
      { "etcd.endpoints": ["localhost:2379"] },
      "etcd.endpoints[0]",
      "http or https URL",
      "localhost",
    ],
    ["no endpoint", { "etcd.endpoints": [] }, "etcd.endpoints", "every member", "[]"],
    ["a node outside its cluster", { "node.id": "d" }, "node.id", "one of a, b, c", "not in cluster.nodes"],
    ["a node named twice", { "cluster.nodes": ["a", "b", "b"] }, "cluster.nodes[2]", "once", "twice"],
    [
      "a peer outside the cluster",
      { replication: { peers: { z: "127.0.0.1:1" } } },
      "replication.peers.z",
      "a, b, c",
      "z is not",
    ],
    [
      "two nodes without a choice",
      { "cluster.nodes": ["a", "b"] },
      "durability",
      "strict: no new order",
      "must be chosen with 2",
    ],
    [
      "a strict single node",
      { cluster: { name: "x", nodes: ["a"] }, durability: "strict" },
      "durability",
      "available",
      "no second copy",
    ],
    [
      "a lease shorter than an election",
      { leadership: { leaseTtlSeconds: 2 } },
      "leadership.leaseTtlSeconds",
      "at least 4",
      "rides out 1000 ms",
    ],
    [
      "a shrink slower than suspicion",
      { replication: { shrinkMs: 950 } },
      "replication.silenceMs",
      "above 1050",
      "not less than silenceMs",
    ],
    [
      "a heartbeat slower than the shrink",
      { replication: { heartbeatMs: 200 } },
      "replication.heartbeatMs",
      "at most 150",
      "one late heartbeat",
    ],
    [
      "open writes off loopback",
      { "api.listen": "10.0.0.1:7001" },
      "api.allowLoopbackWithoutToken",
      "127.0.0.1",
      "loopback",
    ],
    ["no way to authenticate", { api: { listen: "10.0.0.1:7001" } }, "api.tokensFile", "tokens file", "nobody"],
    [
      "an address nobody reaches",
      { api: { listen: "0.0.0.0:7001", tokensFile: "t" } },
      "api.advertise",
      "host:port",
      "0.0.0.0",
    ],
    ["a port beyond the last", { "api.listen": "127.0.0.1:70000" }, "api.listen", "65535", "70000"],
    [
      "a certificate that is its own key",
      { "api.tls": { certFile: "c", keyFile: "c", caFile: "ca" } },
      "api.tls.keyFile",
      "three files",
      "another file",
    ],
    ["a key without its certificate", { "api.tls": { keyFile: "k", caFile: "ca" } }, "api.tls.certFile", "", "missing"],
    ["tls on http", { "etcd.tls": { caFile: "ca" } }, "etcd.tls", "https", "no effect"],
    ["a feed of no venue", { "feeds.0.venue": "kraken" }, "feeds[0].venue", "one of binance", "not in venues"],
    [
      "a pair where there are contracts",
      { "venues.0.exchange": "binanceusdm" },
      "venues[0].symbols[0]",
      "a contract, as BTC/USDT:USDT",
      "has no market BTC/USDT",
    ],
    [
      "a feed that falls back on itself",
      { "feeds.0.fallback": "binance" },
      "feeds[0].fallback",
      "one of ",
      "which is no other feed",
    ],
    [
      "a fallback that does not carry the symbols",
      {
        "feeds.0.fallback": "second",
        "feeds.1": { id: "second", venue: "binance", symbols: ["ETH/USDT"] },
      },
      "feeds[0].symbols[0]",
      "ETH/USDT",
      "its fallback second",
    ],
    [
      "an uplink that is no address",
      { "feeds.0.lines": [{ localAddress: "eth0" }] },
      "feeds[0].lines[0].localAddress",
      "IP address",
      "cannot be",
    ],
    [
      "a feed of a foreign symbol",
      { "feeds.0.symbols": ["XRP/USDT"] },
      "feeds[0].symbols[0]",
      "BTC/USDT, ETH/USDT",
      "XRP/USDT",
    ],
    [
      "limits of a foreign symbol",
      { "risk.perSymbol": { "XRP/USDT": {} } },
      'risk.perSymbol."XRP/USDT"',
      "BTC/USDT",
      "no venue trades",
    ],
    [
      "a validity that is used up",
      { "venues.0.minValidityMs": 1500 },
      "venues[0].minValidityMs",
      "below 1500",
      "nothing could be sent",
    ],
    [
      "a countdown at a venue that has none",
      { "venues.0.deadMansSwitch": { policy: "arm-on-lead", timeoutMs: 30_000 } },
      "venues[0].deadMansSwitch",
      "policy none",
      "Binance spot has no dead man's switch",
    ],
    [
      "a countdown shorter than the venue counts",
      {
        venues: [
          {
            ...venue,
            exchange: "okx",
            passphraseFile: "p",
            deadMansSwitch: { policy: "arm-always", timeoutMs: 9_999 },
          },
        ],
      },
      "venues[0].deadMansSwitch",
      "what the venue can be kept to",
      "takes 10000 to 120000 ms, not 9999",
    ],
    [
      "a countdown that would use up the venue's limit",
      {
        venues: [{ ...venue, exchange: "kraken", deadMansSwitch: { policy: "arm-on-lead", timeoutMs: 5_000 } }],
      },
      "venues[0].deadMansSwitch",
      "what the venue can be kept to",
      "over half of its limit",
    ],
    [
      "maintenance that ends before it begins",
      { "venues.0.maintenance": [{ from: "2026-12-01T08:00:00Z", until: "2026-12-01T06:00:00Z" }] },
      "venues[0].maintenance[0]",
      "an end after a beginning",
      "ends before it begins",
    ],
    ["a venue named twice", { venues: [venue, venue] }, "venues[1].id", "once", "twice"],
    [
      "a strategy between two venues",
      {
        venues: [venue, { ...venue, id: "other" }],
        strategies: [{ id: "s", module: "./s.ts", symbols: ["BTC/USDT"] }],
      },
      "strategies[0].venue",
      "one of binance, other",
      "must name its venue",
    ],
  ];

  test.each(faults)("%s", (_what, changes, key, allowed, sentence) => {
    const issues = issuesOf(changes);
    expect(issues.map((issue) => issue.key)).toContain(key);
    const found = issues.find((issue) => issue.key === key);
    expect(found?.allowed).toContain(allowed);
    expect(found?.sentence).toContain(sentence);
  });

  test("and all faults of its shape are told at once", () => {
    const issues = issuesOf({ "node.id": 7, "etcd.endpoints": "x", lgo: {} });
    expect(issues.map((issue) => issue.key)).toEqual(expect.arrayContaining(["node.id", "etcd.endpoints", "lgo"]));
  });

  test("an empty file names what must be there", () => {
    const checked = checkConfig(null);
    expect(checked.kind === "invalid" && checked.issues.map((issue) => issue.key)).toEqual([
      "cluster",
      "node",
      "api",
      "etcd",
      "venues",
      "feeds",
      "risk",
    ]);
  });
});
