import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, loadConfig, parseConfig, problemText } from "./load.ts";
import type { ConfigProblem } from "./load.ts";
import { readSecret, readTokens } from "./secrets.ts";

const good = `cluster:
  name: demo
  nodes: [a, b, c]
node:
  id: a
  site: laptop
  dataDir: data
api:
  listen: 127.0.0.1:7001
  allowLoopbackWithoutToken: true
etcd:
  endpoints:
    - http://127.0.0.1:2379
venues:
  - id: binance
    exchange: binance
    account: main
    apiKeyFile: key
    secretFile: /etc/secret
    symbols: [BTC/USDT]
feeds:
  - id: binance
    venue: binance
    symbols: [BTC/USDT]
risk:
  defaults:
    orderQuantityMax: "1"
    orderNotionalMax: "100000"
    collarBps: 100
    positionMax: "5"
strategies:
  - {id: s, module: strategy.ts, symbols: [BTC/USDT]}
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-config-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function problemsOf(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The good file with one line changed, and the line number (1-based) it had. */
function changed(line: string, to: string): { readonly text: string; readonly line: number } {
  const lines = good.split("\n");
  const at = lines.indexOf(line);
  lines[at] = to;
  return { text: lines.join("\n"), line: at + 1 };
}

describe("loading a configuration file", () => {
  test("makes its paths absolute: from its own folder, secrets from the credentials of systemd", () => {
    const file = join(folder, "node.yaml");
    writeFileSync(file, good);
    const config = loadConfig(file, {});
    expect(config.node.dataDir).toBe(join(folder, "data"));
    expect(config.strategies[0]?.module).toBe(join(folder, "strategy.ts"));
    expect(config.venues[0]).toMatchObject({ apiKeyFile: join(folder, "key"), secretFile: "/etc/secret" });
    const underSystemd = loadConfig(file, { CREDENTIALS_DIRECTORY: "/run/credentials/baton@demo" });
    expect(underSystemd.venues[0]?.apiKeyFile).toBe("/run/credentials/baton@demo/key");
  });

  test.each([
    ["an unknown key", "  site: laptop", "  sites: laptop", "node.sites"],
    ["a wrong value", "    collarBps: 100", "    collarBps: many", "risk.defaults.collarBps"],
    ["a wrong entry of a list", "    - http://127.0.0.1:2379", "    - 127.0.0.1:2379", "etcd.endpoints[0]"],
    ["a contradiction", "  allowLoopbackWithoutToken: true", "  allowLoopbackWithoutToken: false", "api.tokensFile"],
    [
      "a key without its certificate",
      "  allowLoopbackWithoutToken: true",
      "  tls: {keyFile: k, caFile: c}",
      "api.tls.certFile",
    ],
    ["a venue that is not there", "    venue: binance", "    venue: other", "feeds[0].venue"],
    ["a bare decimal", '    positionMax: "5"', "    positionMax: 5", "risk.defaults.positionMax"],
  ])("names the line of %s", (_what, line, to, key) => {
    const { text, line: number } = changed(line, to);
    const problem = problemsOf(() => parseConfig(text, "node.yaml", {})).find((each) => each.key === key);
    // A missing key is told at the group it belongs in.
    const expected = key === "api.tokensFile" ? good.split("\n").indexOf("api:") + 1 : number;
    expect(problem).toMatchObject({ file: "node.yaml", line: expected });
    expect(problem?.allowed).not.toBe("");
  });

  test("names the line where the YAML itself breaks, and a key that is written twice", () => {
    const broken = changed("  nodes: [a, b, c]", "  nodes: [a, b, c");
    expect(problemsOf(() => parseConfig(broken.text, "x.yaml", {}))[0]?.line).toBeGreaterThanOrEqual(broken.line);
    const twice = changed("  site: laptop", "  id: b");
    const problem = problemsOf(() => parseConfig(twice.text, "x.yaml", {}))[0];
    expect(problem).toMatchObject({ line: twice.line });
    expect(problem?.sentence).toContain("unique");
  });

  test("prints each fault as file, line, sentence and what is allowed", () => {
    const { text, line } = changed("  site: laptop", "  sites: laptop");
    const problem = problemsOf(() => parseConfig(text, "node.yaml", {})).find((each) => each.key === "node.sites");
    expect(problem && problemText(problem)).toBe(
      `node.yaml:${line}: node.sites is not a key that Baton knows. Did you mean site? Allowed: one of id, site, dataDir, tags, priority, realtime, metro.`,
    );
  });

  test("says that a file is missing", () => {
    expect(problemsOf(() => loadConfig(join(folder, "none.yaml")))[0]?.sentence).toContain("ENOENT");
  });
});

describe("secrets", () => {
  test("come without the line end, with a warning when others may read them", () => {
    const file = join(folder, "key");
    writeFileSync(file, "abc\n");
    chmodSync(file, 0o600);
    expect(readSecret(file)).toEqual({ value: "abc" });
    chmodSync(file, 0o644);
    expect(readSecret(file).warning).toContain("chmod 600");
  });

  test("that are missing or empty are refused by the name of their file", () => {
    const file = join(folder, "key");
    expect(problemsOf(() => readSecret(file))[0]).toMatchObject({ file, sentence: "this cannot be read (ENOENT)." });
    writeFileSync(file, "\n");
    expect(problemsOf(() => readSecret(file))[0]).toMatchObject({ file, sentence: "this is empty." });
  });

  test("a tokens file gives each token its principal and role", () => {
    const file = join(folder, "tokens");
    writeFileSync(file, "# people\nann operator aaaaaaaaaaaaaaaa\nbot trader bbbbbbbbbbbbbbbb # the desk\n");
    const tokens = readTokens(file);
    expect(tokens.principalOf("bbbbbbbbbbbbbbbb")).toEqual({ name: "bot", role: "trader" });
    expect(tokens.principalOf("cccccccccccccccc")).toBeUndefined();
  });

  test("every wrong line of a tokens file is named, and no token is shown", () => {
    const file = join(folder, "tokens");
    writeFileSync(file, "ann boss aaaaaaaaaaaaaaaa\nann\nann viewer short\n");
    const problems = problemsOf(() => readTokens(file));
    expect(problems.map((problem) => problem.line)).toEqual([1, 2, 3]);
    expect(JSON.stringify(problems)).not.toMatch(/aaaa|short/);
  });
});
