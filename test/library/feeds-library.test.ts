/** `@baton/feeds` as others get it: a tarball, in a folder that has nothing else. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { startExchange } from "@baton/exchange";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "baton-library-"));
const installed = join(folder, "node_modules/@baton/feeds");
const run = promisify(execFile);

beforeAll(() => {
  const library = execFileSync(process.execPath, [join(root, "scripts/library.ts"), folder], {
    encoding: "utf8",
  }).trim();
  // Nothing is asked of a registry: what the library needs besides is packed from here.
  const [npm, ...program] = npmProgram();
  const pack = [...program, "pack", join(root, "node_modules/ws"), "--pack-destination", folder, "--silent"];
  const ws = execFileSync(npm, pack, { encoding: "utf8" }).trim();
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
  execFileSync(npm, [...program, "install", "--offline", "--no-audit", "--no-fund", library, join(folder, ws)], {
    cwd: folder,
    stdio: "pipe",
  });
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

test("its tarball brings no source that Node would have to strip, and needs nothing but ws", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  expect(manifest).toMatchObject({ name: "@baton/feeds", license: "Apache-2.0" });
  expect(manifest).not.toHaveProperty("private");
  expect(Object.keys(manifest["dependencies"] as object)).toEqual(["ws"]);
  const files = execFileSync("find", [installed, "-name", "*.ts", "-not", "-name", "*.d.ts"], { encoding: "utf8" });
  expect(files).toBe("");
});

test("the example of its README runs on it as it stands", async () => {
  const exchange = await startExchange({ port: 0, seed: 3, keys: [], flow: { rate: 60 } });
  try {
    const readme = readFileSync(join(installed, "README.md"), "utf8");
    const example = /```ts\n([\s\S]*?)```/u.exec(readme)?.[1] ?? "";
    expect(example.trimEnd().split("\n").length).toBeLessThanOrEqual(12);
    const here = `wsUrl: "ws://127.0.0.1:${exchange.port}", restUrl: "${exchange.url}"`;
    const ours = example.replace('mode: "live"', here);
    expect(ours).toContain(here);
    // It runs until Ctrl-C, and ends by itself then: no socket and no timer is left.
    const end = `
      let [told, isLive, isOver] = [0, false, false];
      const look = () => {
        if (isOver || told < 5 || !isLive) return;
        isOver = true;
        process.kill(process.pid, "SIGINT");
      };
      feed.onTrade(() => look((told += 1)));
      feed.onTop((top) => look((isLive ||= top.quality === "live")));`;
    writeFileSync(join(folder, "example.js"), `${ours}\n${end}`);
    const { stdout } = await run(process.execPath, ["example.js"], { cwd: folder, timeout: 150_000 });
    expect(stdout).toMatch(/^\d+ \d+(?:\.\d+)? \d+(?:\.\d+)?$/mu);
    expect(stdout).toMatch(/^live \d/mu);
  } finally {
    await exchange.close();
  }
});

test("its declarations hold for a strict compiler that checks them too", async () => {
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  writeFileSync(join(folder, "typed.ts"), `${/```ts\n([\s\S]*?)```/u.exec(readme)?.[1] ?? ""}\n${misuse}`);
  const compilerOptions = {
    ...{ target: "ES2024", lib: ["ES2024", "ESNext.Disposable"], module: "NodeNext", noEmit: true, strict: true },
    ...{ exactOptionalPropertyTypes: true, skipLibCheck: false, types: ["node"] },
    typeRoots: [join(root, "node_modules/@types")],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  // What it complains of comes on stdout, with an exit status that is no error of ours.
  const told = await run("bash", ["-c", '"$0" -p "$1" || true', join(root, "node_modules/.bin/tsc"), folder]);
  expect(told.stdout).toBe("");
});

/** What must not compile does not. */
const misuse = `
// @ts-expect-error a text that nobody has checked is no symbol
feed.top("BTC/USDT");
// @ts-expect-error a price is a decimal text, no number
const price: number | undefined = feed.top(symbols[0]!)?.bid;
void price;
`;

/** npm by this Node, as the scripts run it. */
function npmProgram(): readonly [string, ...string[]] {
  const npm = execFileSync("bash", ["-c", 'readlink -f "$(command -v npm)"'], { encoding: "utf8" }).trim();
  return npm.endsWith("npm-cli.js") ? [process.execPath, npm] : [npm];
}
