/** What of a configuration the doctor warns of before real money, and of what a first live start is the first. */
import { expect, test } from "vitest";
import { checkConfig } from "../config/check.ts";
import type { Config } from "../config/config.ts";
import { configRefused, judgeConfig, liveSubject } from "./config.ts";

const venue = {
  id: "binance",
  exchange: "binance",
  account: "main",
  apiKeyFile: "key",
  secretFile: "secret",
  symbols: ["BTC/USDT"],
};

function config(changes: object = {}, mode = "live"): Config {
  const checked = checkConfig({
    cluster: { name: "metro", nodes: ["a", "b", "c"] },
    node: { id: "a", site: "fra1", dataDir: "/var/lib/baton" },
    api: { listen: "127.0.0.1:7001", tokensFile: "tokens" },
    etcd: { endpoints: ["http://127.0.0.1:2379"] },
    venues: [{ ...venue, mode }],
    feeds: [{ id: "binance", venue: "binance", symbols: ["BTC/USDT"] }],
    risk: {
      defaults: { orderQuantityMax: "1", orderNotionalMax: "100000", collarBps: 100, positionMax: "5" },
      dayLossMax: { USDT: "1000" },
      repeatedExecution: { count: 10, perMs: 60_000 },
    },
    archive: { to: "file:///mnt/elsewhere" },
    alerts: { alertmanagerUrl: "http://127.0.0.1:9093" },
    ...changes,
  });
  if (checked.kind === "invalid") throw new Error(checked.issues.map((issue) => issue.sentence).join("\n"));
  return checked.config;
}

const readable = { files: 3, unreadable: [], warnings: [] };
const live = (of: Config): readonly (string | undefined)[] =>
  judgeConfig(of, readable)
    .filter((each) => each.code === "config.live" && each.result === "warning")
    .map((each) => each.about);

test("a configuration with everything that real money wants is ok", () => {
  expect(judgeConfig(config(), readable).map((each) => each.result)).toEqual(["ok", "ok", "ok"]);
});

test("each protection that is left out, and each default for trials, is a warning once a venue is live", () => {
  expect(live(config({ api: { listen: "127.0.0.1:7001", allowLoopbackWithoutToken: true } }))).toEqual([
    "api.allowLoopbackWithoutToken",
  ]);
  expect(live(config({ api: { listen: "10.0.0.1:7001", tokensFile: "tokens" } }))).toEqual(["api.tls"]);
  expect(live(config({ etcd: { endpoints: ["http://10.0.0.1:2379"] } }))).toEqual(["etcd.tls"]);
  const two = { cluster: { name: "metro", nodes: ["a", "b"] }, durability: "available" };
  expect(live(config(two))).toEqual(["cluster.nodes", "durability"]);
  expect(live(config({ leadership: { autofailover: "observe" } }))).toEqual(["leadership.autofailover"]);
  const { risk } = config();
  expect(live(config({ risk: { defaults: risk.defaults, balances: "ignore" } }))).toEqual([
    ...["risk.dayLossMax", "risk.repeatedExecution", "risk.balances"],
  ]);
  expect(live(config({ archive: {}, alerts: {}, log: { level: "trace" } }))).toEqual([
    ...["archive.to", "alerts.alertmanagerUrl", "log.level"],
  ]);
});

test("before a venue is live the same keys are named in one line, and nothing is a warning", () => {
  const [, , last, ...more] = judgeConfig(config({ archive: {}, alerts: {} }, "sandbox"), readable);
  expect(more).toEqual([]);
  expect(last).toMatchObject({ code: "config.live", result: "ok" });
  expect(last?.sentence).toContain("2 keys want a look: archive.to, alerts.alertmanagerUrl.");
});

test("a secret that cannot be read fails, one that others can read is a warning, and a file with faults fails", () => {
  const secrets = { files: 2, unreadable: ["a.key cannot be read."], warnings: ["chmod 600 it."] };
  const results = judgeConfig(config(), secrets).filter((each) => each.code === "config.secrets");
  expect(results.map((each) => each.result)).toEqual(["failure", "warning"]);
  expect(configRefused("metro.yaml", ["line 3: no such key."])).toMatchObject({
    ...{ code: "config.valid", about: "metro.yaml", result: "failure" },
    sentence: "It has 1 fault(s): line 3: no such key.",
  });
});

test("a first live start is of a node, its accounts, their addresses and keys; of nothing else", () => {
  const subject = liveSubject(config());
  expect(liveSubject(config({}, "sandbox"))).toBeUndefined();
  expect(liveSubject(config({ log: { level: "warn" }, archive: {} }))).toBe(subject);
  const of = (changes: object): string | undefined =>
    liveSubject(config({ venues: [{ ...venue, mode: "live", ...changes }] }));
  expect(of({ uniqueness: "none", validityMs: 3_000 })).toBe(subject);
  const others = [{ account: "desk2" }, { apiKeyFile: "key2" }, { restUrl: "https://api1.binance.com" }];
  expect(new Set([subject, ...others.map(of)]).size).toBe(4);
  const twice = (first: number): string | undefined => {
    const both = [
      { ...venue, mode: "live" },
      { ...venue, id: "other", account: "desk2", mode: "live" },
    ];
    return liveSubject(config({ venues: first === 0 ? both : both.toReversed() }));
  };
  expect(twice(0)).toBe(twice(1));
});
