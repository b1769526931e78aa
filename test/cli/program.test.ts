/**
 * `baton` as a process: what a shell and a service manager see. Here the program itself is started; what each command
 * prints for each answer is tried in this folder's other tests.
 */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { baton, clusterView, json, ok, scriptedNode, temporaryFolder } from "./scripted-node.ts";
import type { Run } from "./scripted-node.ts";

const program = fileURLToPath(new URL("../../packages/cli/src/baton.ts", import.meta.url));
const laptop = fileURLToPath(new URL("../../infra/config/laptop.yaml", import.meta.url));

async function start(args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const status = await new Promise<number>((ended) => child.on("close", (code) => ended(code ?? -1)));
  return { status, out: out.trimEnd(), err: err.trimEnd() };
}

/** The example for a laptop with one line changed. */
function changed(folder: string, line: RegExp, to: string): { readonly file: string; readonly line: number } {
  const file = join(folder, "node.yaml");
  const lines = readFileSync(laptop, "utf8").split("\n");
  const at = lines.findIndex((each) => line.test(each));
  lines[at] = to;
  writeFileSync(file, lines.join("\n"));
  return { file, line: at + 1 };
}

describe("the program baton", () => {
  test("prints data on stdout and ends with its status", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView({ leader: null })) });
    const run = await start(["status", "--json"], { BATON_ENDPOINT: node.url });
    expect(run.status).toBe(4);
    expect(JSON.parse(run.out.split("\n")[0] ?? "")).toMatchObject({ version: 1, leader: null });
    expect(run.err).toBe("baton: nobody leads.");
  });

  test("lists the exit statuses in its help, and ends with 2 for what it does not know", async () => {
    const help = await start(["--help"]);
    expect([help.status, help.out]).toEqual([0, expect.stringContaining("78  configuration error")]);
    expect((await start(["statsu"])).err).toContain("Did you mean status?");
    expect((await start(["status", "--nope"])).status).toBe(2);
    expect((await start([])).status).toBe(2);
    const version = await start(["--version"]);
    expect([version.status, version.out]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });
});

describe("baton completion", () => {
  /** What bash would offer for this command line, the last word being typed. */
  async function offered(script: string, ...words: readonly string[]): Promise<readonly string[]> {
    const typed = ["baton", ...words].map((word) => `'${word}'`).join(" ");
    const source = `${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _baton; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const child = spawn("bash", ["--norc", "-c", source], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    await new Promise((ended) => child.on("close", ended));
    return out.split("\n").filter((word) => word !== "");
  }

  test("lets bash complete commands, those below them, their options and the few words that an argument takes", async () => {
    const { status, out } = await baton(["completion", "bash"]);
    expect(status).toBe(0);
    expect(await offered(out, "sw")).toEqual(["switchover"]);
    expect(await offered(out, "journal", "re")).toEqual(["restore"]);
    expect(await offered(out, "orders", "list", "--pa")).toEqual(["--parent"]);
    expect(await offered(out, "--json", "orders", "--json", "place", "--take")).toEqual(["--take-price"]);
    expect(await offered(out, "autofailover", "o")).toEqual(["on", "observe", "off"]);
    expect(await offered(out, "kill", "ve")).toEqual(["venue"]);
    expect(await offered(out, "status", "--config", "/etc/ba")).toEqual([]);
  });

  test("has a script for each of three shells, and ends with 2 for another", async () => {
    for (const [shell, row] of [
      ["bash", "'cluster') words='init re-anchor --help' ;;"],
      ["zsh", "'cluster') offered=('init' 're-anchor' '--help') ;;"],
      ["fish", `complete -c baton -n "__baton_at 'cluster'" -a 'init re-anchor --help'`],
    ] as const) {
      const { status, out } = await baton(["completion", shell]);
      expect([status, out]).toEqual([0, expect.stringContaining(row)]);
    }
    expect((await baton(["completion", "csh"])).status).toBe(2);
  });
});

describe("a faulty configuration", () => {
  test.each([
    ["node", "--config"],
    ["config", "check"],
    ["config", "show"],
    ["cluster", "init", "--config"],
    ["status", "--config"],
  ])("ends baton %s %s %s with 78, the line, the key and what is allowed", async (...args) => {
    using folder = temporaryFolder();
    const { file, line } = changed(folder.path, /^ {2}site:/, "  sites: laptop");
    const run = await start([...args.filter((each) => each !== undefined), file]);
    expect(run.status).toBe(78);
    expect(run.err).toContain(`${file}:${line}: node.sites is not a key that Baton knows. Did you mean site?`);
    expect(run.err).toContain("one of id, site, dataDir");
  });

  test("is told by config check --json as a list", async () => {
    using folder = temporaryFolder();
    const { file, line } = changed(folder.path, /^ {2}profile:/, "  profile: mars");
    const run = await start(["config", "check", file, "--json"]);
    expect(run.status).toBe(78);
    expect(JSON.parse(run.out.split("\n")[0] ?? "")).toMatchObject({
      version: 1,
      isValid: false,
      problems: [{ file, line, key: "leadership.profile", allowed: expect.stringContaining("lan, metro, wan") }],
    });
  });
});

describe("a good configuration", () => {
  test("passes config check, with a warning for each secret that is not there", async () => {
    const run = await start(["config", "check", laptop, "--json"]);
    expect(run.status).toBe(0);
    expect(json(run)).toMatchObject({ version: 1, isValid: true, problems: [] });
    expect(run.err).toContain("warning:");
    expect(run.err).not.toContain("api.tls");
  });

  test("whose port others reach without TLS passes config check with a warning that says so", async () => {
    using folder = temporaryFolder();
    const { file } = changed(folder.path, /^ {2}allowLoopbackWithoutToken:/, "  tokensFile: tokens");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^ {2}listen: .*$/m, "  listen: 10.0.0.1:7001"));
    const run = await start(["config", "check", file, "--json"]);
    expect(run.status).toBe(0);
    expect(run.err).toContain("warning: api.listen 10.0.0.1:7001 is not a loopback address and api.tls is not set");
    expect(json(run)).toMatchObject({ warnings: expect.arrayContaining([expect.stringContaining("Set api.tls.")]) });
  });

  test("is shown with every default filled in", async () => {
    const run = await start(["config", "show", "-c", laptop]);
    expect(run.out).toMatch(/^leadership\.yieldMs +2000$/m);
  });

  test("leads to the nodes it names", async () => {
    await using node = await scriptedNode({ "GET /cluster": ok(clusterView()) });
    using folder = temporaryFolder();
    const { file } = changed(folder.path, /^ {2}listen:/, `  listen: ${node.url.replace("http://", "")}`);
    expect((await start(["status", "--config", file])).status).toBe(0);
  });
});

describe("baton doctor", () => {
  test("tells one line a check and what to do, ends with 4 for a failure, and prints one object with --json", async () => {
    using folder = temporaryFolder();
    copyFileSync(laptop, join(folder.path, "laptop.yaml"));
    const file = join(folder.path, "laptop.yaml");
    const shown = await baton(["doctor"], { environment: { BATON_CONFIG: file } });
    expect(shown.status).toBe(4);
    expect(shown.out).toMatch(/^ok +machine\.sqlite +better-sqlite3 .* SQLite 3\./m);
    expect(shown.out).toMatch(
      /^failure +etcd\.endpoints +http:\/\/127\.0\.0\.1:\d+: It does not answer.*\n +→ look at/m,
    );
    expect(shown.out).toMatch(/^skipped +journal\.chain .*no journal yet/m);
    expect(shown.err).toMatch(/failed: config\.secrets, etcd\.endpoints/);
    const run = await baton(["doctor", "--config", file, "--json"]);
    expect(run.status).toBe(4);
    expect(run.out.split("\n")).toHaveLength(1);
    expect(json(run)).toMatchObject({
      ...{ version: 1, cluster: "laptop", node: "a", isRunning: null, verdict: "failure" },
      error: { exit: "not-healthy", status: 4 },
    });
  });

  test("of a file with a fault ends with 78 and names the line, in the same object", async () => {
    using folder = temporaryFolder();
    const { file, line } = changed(folder.path, /^ {2}listen:/, "  lissten: 127.0.0.1:1");
    const run = await baton(["doctor", "--config", file, "--json"]);
    expect(run.status).toBe(78);
    const [finding] = json(run)["findings"] as readonly { readonly sentence: string }[];
    expect(finding).toMatchObject({ code: "config.valid", result: "failure" });
    expect(finding?.sentence).toContain(`line ${line}:`);
    expect((await baton(["doctor"])).status).toBe(2);
  });
});

describe("the first live start", () => {
  function live(folder: string): string {
    copyFileSync(laptop, join(folder, "laptop.yaml"));
    const { file } = changed(folder, /^ {4}mode:/, "    mode: live");
    return file;
  }

  test("without a person ends with 78, so that a service manager does not try again", async () => {
    using folder = temporaryFolder();
    const run = await start(["node", "--config", live(folder.path)]);
    expect(run.status).toBe(78);
    expect(run.err).toContain("real money");
    expect(run.err).toContain("--yes --cluster laptop");
    expect(existsSync(join(folder.path, "data-a", "live-confirmed"))).toBe(false);
  });

  test("is refused while the doctor finds a failure, which is named, and is not remembered", async () => {
    using folder = temporaryFolder();
    // Nobody is there, and the keys are not either: nothing leaves for the venue.
    const run = await start(["node", "--config", live(folder.path), "--yes", "--cluster", "laptop"]);
    expect(run.status).toBe(3);
    expect(run.err).toMatch(/^failure +config\.secrets /m);
    expect(run.err).toMatch(/first live start needs a doctor without failures: config\.secrets, etcd\.endpoints/);
    expect(run.err).toMatch(/^warning +config\.live +api\.allowLoopbackWithoutToken: /m);
    expect(existsSync(join(folder.path, "data-a"))).toBe(false);
  });

  test("under the name of another cluster is refused", async () => {
    using folder = temporaryFolder();
    const run = await start(["node", "--config", live(folder.path), "--yes", "--cluster", "metro"]);
    expect(run.status).toBe(3);
    expect(run.err).toContain("this is cluster laptop, not metro");
  });
});

describe("baton cluster init", () => {
  test("says what it would do before it asks, and does nothing unless the name is typed", async () => {
    const run = await start(["cluster", "init", "--config", laptop, "--no-input"]);
    expect(run.status).toBe(2);
    expect(run.err).toContain("epoch 0 and the first in-sync set of cluster laptop");
    expect(run.err).toContain("--yes --cluster laptop");
    const other = await start(["cluster", "init", "--config", laptop, "--yes", "--cluster", "other"]);
    expect(other.status).toBe(3);
    const typed = await baton(["cluster", "init", "--config", laptop], { typed: "other" });
    expect([typed.status, typed.err]).toEqual([3, expect.stringContaining("Type the name of the cluster")]);
  });
});
