import { describe, expect, test } from "vitest";
import { checkConfig, describeKey } from "./check.ts";
import { riskOf, sharedConfigText } from "./config.ts";
import type { Config } from "./config.ts";
import { id } from "../ids.ts";
import type { SymbolId } from "../ids.ts";

function file(): Record<string, any> {
  return {
    cluster: { name: "demo", nodes: ["a", "b", "c"] },
    node: { id: "a", site: "laptop", dataDir: "/tmp/a" },
    api: { listen: "127.0.0.1:7001", allowLoopbackWithoutToken: true },
    etcd: { endpoints: ["http://127.0.0.1:2379"] },
    venues: [
      {
        id: "binance",
        exchange: "binance",
        account: "main",
        apiKeyFile: "key",
        secretFile: "secret",
        symbols: ["BTC/USDT", "ETH/USDT"],
      },
    ],
    feeds: [{ id: "binance", venue: "binance", symbols: ["BTC/USDT"] }],
    risk: {
      defaults: { orderQuantityMax: "1.0", orderNotionalMax: "100000", collarBps: 100, positionMax: "5" },
      perSymbol: { "ETH/USDT": { orderQuantityMax: "20" } },
    },
  };
}

function valid(content: unknown): Config {
  const checked = checkConfig(content);
  if (checked.kind === "invalid") throw new Error(checked.issues.map((issue) => issue.sentence).join("\n"));
  return checked.config;
}

function issuesOf(
  change: (content: Record<string, any>) => void,
): readonly { key: string; allowed: string; sentence: string }[] {
  const content = file();
  change(content);
  const checked = checkConfig(content);
  return checked.kind === "invalid" ? checked.issues : [];
}

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
    const config = valid({ ...file(), leadership: { profile: "lan", marginMs: 400 } });
    expect(config.leadership).toMatchObject({ leaseTtlSeconds: 2, keepaliveMs: 250, marginMs: 400 });
  });

  test("has canonical decimals, and symbol limits over the common ones", () => {
    const config = valid(file());
    expect(riskOf(config.risk, id<SymbolId>("BTC/USDT")).orderQuantityMax).toBe("1");
    expect(riskOf(config.risk, id<SymbolId>("ETH/USDT"))).toMatchObject({ orderQuantityMax: "20", positionMax: "5" });
  });

  test("gives every node of a cluster the same shared text, whatever its own name and files", () => {
    const other = file();
    other["node"] = { id: "b", site: "laptop", dataDir: "/tmp/b" };
    other["api"] = { listen: "127.0.0.1:7002", allowLoopbackWithoutToken: true };
    other["venues"][0].apiKeyFile = "key-b";
    expect(sharedConfigText(valid(other))).toBe(sharedConfigText(valid(file())));
    const differing = file();
    differing["risk"].defaults.collarBps = 200;
    expect(sharedConfigText(valid(differing))).not.toBe(sharedConfigText(valid(file())));
  });

  test("explains every key of the schema", () => {
    expect(describeKey(["replication", "heartbeatMs"])).toContain("default 50");
    expect(describeKey(["venues", 0, "mode"])).toContain("one of paper, sandbox, live; default sandbox");
    expect(describeKey(["nothing"])).toBeUndefined();
  });
});

describe("a faulty configuration names the key, what is allowed, and why", () => {
  const faults: readonly [string, (content: Record<string, any>) => void, string, string, string][] = [
    [
      "an unknown key",
      (c) => (c["replication"] = { heartbeatMS: 50 }),
      "replication.heartbeatMS",
      "heartbeatMs, silenceMs",
      "Did you mean heartbeatMs?",
    ],
    ["an unknown key at the top", (c) => (c["venue"] = []), "venue", "cluster, node, api", "Did you mean venues?"],
    ["a missing group", (c) => delete c["risk"], "risk", "defaults, perSymbol", "risk is missing"],
    ["a missing key", (c) => delete c["node"].id, "node.id", "1 to 32 of a-z", "node.id is missing"],
    [
      "a number out of range",
      (c) => (c["replication"] = { heartbeatMs: 5 }),
      "replication.heartbeatMs",
      "from 10 to 5000",
      "cannot be 5",
    ],
    ["a broken number", (c) => (c["risk"].clockErrorMaxMs = 2.5), "risk.clockErrorMaxMs", "a whole number", "2.5"],
    [
      "a word that is no choice",
      (c) => (c["venues"][0].mode = "real"),
      "venues[0].mode",
      "paper, sandbox, live",
      '"real"',
    ],
    [
      "a bare decimal",
      (c) => (c["risk"].defaults.positionMax = 0.1),
      "risk.defaults.positionMax",
      "in quotes",
      "put it in quotes",
    ],
    [
      "a decimal with an exponent",
      (c) => (c["risk"].defaults.positionMax = "1e3"),
      "risk.defaults.positionMax",
      "decimal above zero",
      "1e3",
    ],
    [
      "a limit of zero",
      (c) => (c["risk"].defaults.positionMax = "0"),
      "risk.defaults.positionMax",
      "above zero",
      '"0"',
    ],
    [
      "an endpoint that is no URL",
      (c) => (c["etcd"].endpoints = ["localhost:2379"]),
      "etcd.endpoints[0]",
      "http or https URL",
      "localhost",
    ],
    ["no endpoint", (c) => (c["etcd"].endpoints = []), "etcd.endpoints", "every member", "[]"],
    ["a node outside its cluster", (c) => (c["node"].id = "d"), "node.id", "one of a, b, c", "not in cluster.nodes"],
    ["a node named twice", (c) => (c["cluster"].nodes = ["a", "b", "b"]), "cluster.nodes[2]", "once", "twice"],
    [
      "a peer outside the cluster",
      (c) => (c["replication"] = { peers: { z: "127.0.0.1:1" } }),
      "replication.peers.z",
      "a, b, c",
      "z is not",
    ],
    [
      "two nodes without a choice",
      (c) => (c["cluster"].nodes = ["a", "b"]),
      "durability",
      "strict: no new order",
      "must be chosen with 2",
    ],
    [
      "a strict single node",
      (c) => Object.assign(c, { cluster: { name: "x", nodes: ["a"] }, durability: "strict" }),
      "durability",
      "available",
      "no second copy",
    ],
    [
      "a lease shorter than an election",
      (c) => (c["leadership"] = { leaseTtlSeconds: 2 }),
      "leadership.leaseTtlSeconds",
      "at least 3",
      "rides out 1000 ms",
    ],
    [
      "a shrink slower than suspicion",
      (c) => (c["replication"] = { shrinkMs: 950 }),
      "replication.silenceMs",
      "above 1050",
      "not less than silenceMs",
    ],
    [
      "a heartbeat slower than the shrink",
      (c) => (c["replication"] = { heartbeatMs: 200 }),
      "replication.heartbeatMs",
      "at most 150",
      "one late heartbeat",
    ],
    [
      "open writes off loopback",
      (c) => (c["api"].listen = "10.0.0.1:7001"),
      "api.allowLoopbackWithoutToken",
      "127.0.0.1",
      "loopback",
    ],
    [
      "no way to authenticate",
      (c) => (c["api"] = { listen: "10.0.0.1:7001" }),
      "api.tokensFile",
      "tokens file",
      "nobody",
    ],
    [
      "an address nobody reaches",
      (c) => (c["api"] = { listen: "0.0.0.0:7001", tokensFile: "t" }),
      "api.advertise",
      "host:port",
      "0.0.0.0",
    ],
    ["a port beyond the last", (c) => (c["api"].listen = "127.0.0.1:70000"), "api.listen", "65535", "70000"],
    ["tls on http", (c) => (c["etcd"].tls = { caFile: "ca" }), "etcd.tls", "https", "no effect"],
    [
      "a feed of no venue",
      (c) => (c["feeds"][0].venue = "kraken"),
      "feeds[0].venue",
      "one of binance",
      "not in venues",
    ],
    [
      "a feed of a foreign symbol",
      (c) => (c["feeds"][0].symbols = ["XRP/USDT"]),
      "feeds[0].symbols[0]",
      "BTC/USDT, ETH/USDT",
      "XRP/USDT",
    ],
    [
      "limits of a foreign symbol",
      (c) => (c["risk"].perSymbol = { "XRP/USDT": {} }),
      'risk.perSymbol."XRP/USDT"',
      "BTC/USDT",
      "no venue trades",
    ],
    [
      "a validity that is used up",
      (c) => (c["venues"][0].minValidityMs = 1500),
      "venues[0].minValidityMs",
      "below 1500",
      "nothing could be sent",
    ],
    ["a venue named twice", (c) => c["venues"].push({ ...c["venues"][0] }), "venues[1].id", "once", "twice"],
    [
      "a strategy between two venues",
      (c) => {
        c["venues"].push({ ...c["venues"][0], id: "other" });
        c["strategies"] = [{ id: "s", module: "./s.ts", symbols: ["BTC/USDT"] }];
      },
      "strategies[0].venue",
      "one of binance, other",
      "must name its venue",
    ],
  ];

  test.each(faults)("%s", (_what, change, key, allowed, sentence) => {
    const found = issuesOf(change).find((issue) => issue.key === key);
    expect(found, JSON.stringify(issuesOf(change))).toBeDefined();
    expect(found?.allowed).toContain(allowed);
    expect(found?.sentence).toContain(sentence);
  });

  test("and all faults of its shape are told at once", () => {
    const issues = issuesOf((c) => {
      c["node"].id = 7;
      c["etcd"].endpoints = "x";
      c["lgo"] = {};
    });
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
