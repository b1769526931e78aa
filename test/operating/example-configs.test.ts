import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "@baton/core";
import { loadConfig, parseConfig } from "@baton/engine";
import { describe, expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../infra/config/", import.meta.url));
const files = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => entry.name);

describe("every example configuration", () => {
  test("is a YAML file", () => {
    expect(files.filter((name) => !name.endsWith(".yaml"))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["laptop.yaml", "metro.yaml", "two-metros.yaml"]));
  });

  test.each(files)("%s is accepted as it is, and starts on the test network", (name) => {
    const config = loadConfig(join(folder, name), {});
    expect(config.venues.map((venue) => venue.mode)).toEqual(config.venues.map(() => "sandbox"));
    expect(`${config.cluster.name}.yaml`).toBe(name);
  });

  test.each([
    ["laptop.yaml", /^ +# (?:rest|ws)Url:/, (config: Config) => config.venues[0]?.restUrl, "http://127.0.0.1:9000"],
    ["metro.yaml", /^ +# realtime:/, (config: Config) => config.node.realtime, true],
    ["metro.yaml", /^# (?:strategies:|alerts:| {2})/, (config: Config) => config.strategies[0]?.id, "maker"],
  ])("%s is still accepted with its commented keys switched on", (name, commented, read, value) => {
    const lines = readFileSync(join(folder, name), "utf8").split("\n");
    const text = lines.map((line) => (commented.test(line) ? line.replace("# ", "") : line)).join("\n");
    expect(read(parseConfig(text, join(folder, name), {}))).toBe(value);
  });

  test.each(["metro", "two-metros"])("of the unit baton@%s keeps its secrets in the credentials of systemd", (name) => {
    const directory = `/run/credentials/baton@${name}.service`;
    const config = loadConfig(join(folder, `${name}.yaml`), { CREDENTIALS_DIRECTORY: directory });
    const secrets = [config.api.tokensFile, config.etcd.tls?.keyFile, config.venues[0]?.secretFile];
    expect(secrets.every((path) => path?.startsWith(`${directory}/secret_`))).toBe(true);
    expect(config.node.dataDir).toBe(`/var/lib/baton/${name}`);
  });

  test("of two metros survives the loss of either: most of etcd stands outside it, and no takeover crosses by itself", () => {
    const { etcd, leadership, node } = loadConfig(join(folder, "two-metros.yaml"), {});
    const inMetro = (prefix: string): number =>
      etcd.endpoints.filter((endpoint) => endpoint.startsWith(`https://${prefix}`)).length;
    for (const metro of ["10.20.", "10.40."]) expect(inMetro(metro) * 2).toBeLessThan(etcd.endpoints.length);
    expect([leadership.siteRule, node.metro]).toEqual(["same-metro", "london"]);
  });
});
