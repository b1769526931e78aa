/**
 * Proves that the checks bite: each forbidden import, global, property and layer edge fails the check, by name.
 *
 * A small checkout is laid out in a temporary folder with the real configuration (.oxlintrc.json, the layer rule, the
 * compiler's options) and one file for each offence. Each tool runs once over all of them; every file must get the
 * finding that names its offence, and the clean files must get none.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

interface Offence {
  readonly file: string;
  readonly source: string;
  /** What the finding must say, so that its reader knows which word is meant. */
  readonly names: string;
}

/** Lint in core: the word is a global. Most are also compile errors there; lint holds in editors and under any types. */
const GLOBALS = [
  ...["Date", "performance", "Intl", "setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval"],
  ...["clearImmediate", "queueMicrotask", "process", "Buffer", "require", "fetch", "crypto", "structuredClone"],
  ...["console", "globalThis", "global", "self", "window", "WebSocket", "EventSource", "XMLHttpRequest", "Request"],
  ...["Response", "Headers", "AbortController", "AbortSignal", "navigator", "localStorage", "sessionStorage", "Worker"],
  ...["MessageChannel", "BroadcastChannel", "eval", "Function", "WeakRef", "FinalizationRegistry", "Atomics"],
  ...["SharedArrayBuffer", "WebAssembly", "module", "__dirname", "__filename"],
  ...["parseFloat"],
];

/** Lint in core: the word is a property, on any receiver. */
const PROPERTIES = [
  ...["toLocaleString", "toLocaleDateString", "toLocaleTimeString", "toLocaleLowerCase", "toLocaleUpperCase"],
  ...["localeCompare", "normalize", "constructor", "parseFloat"],
];

const CORE_CODE: readonly Offence[] = [
  ...GLOBALS.map((word) => core(`global-${word}`, `export const it: unknown = ${word};`, `'${word}'`)),
  ...PROPERTIES.flatMap((word) => [
    core(`property-${word}`, `export const it = (x: { ${word}: unknown }): unknown => x.${word};`, `'${word}'`),
    core(`index-${word}`, `export const it = (x: { ${word}: unknown }): unknown => x["${word}"];`, `'${word}'`),
    core(`taken-${word}`, `export const it = ({ ${word}: y }: { ${word}: unknown }): unknown => y;`, `'${word}'`),
  ]),
  core("math-random", `export const it: number = Math.random();`, "'Math.random'"),
  core("math-random-index", `export const it: number = Math["random"]();`, "'Math.random'"),
  core("math-random-taken", `const { random } = Math;\nexport const it: number = random();`, "'Math.random'"),
  core("new-date", `export const it: unknown = new Date();`, "'Date'"),
  core("new-function", `export const it: unknown = new Function("return 1");`, "'Function'"),
  core("dynamic-import", `export const it: unknown = import("zod");`, "dynamic import()"),
  core("import-meta", `export const it: unknown = import.meta;`, "import.meta"),
  core("async-function", `export async function it(): Promise<void> {}`, "async, await"),
  core("async-arrow", `export const it = async (): Promise<void> => {};`, "async, await"),
  core("await", `await null;\nexport {};`, "async, await"),
];

/** Lint anywhere. */
const ANY_CODE: readonly Offence[] = [
  any("retry", `export const it = { maxRetriesOnFailure: 3 };`, "maxRetriesOnFailure"),
  any("limiter", `export const it = { enableRateLimit: true };`, "enableRateLimit"),
  any(
    "limiter-set",
    `export const it = (x: { enableRateLimit: boolean }): void => void (x.enableRateLimit = true);`,
    "enableRateLimit",
  ),
  any("floating-promise", `export function it(): void {\n  Promise.resolve(1);\n}`, "no-floating-promises"),
  any("misused-promise", `export const it = (): void => [1].forEach(async () => {});`, "no-misused-promises"),
  any("await-plain-value", `export const it = async (): Promise<number> => await 1;`, "await-thenable"),
  any("thrown-text", `export function it(): never {\n  throw "text";\n}`, "only-throw-error"),
  any(
    "half-switch",
    `export function it(x: "a" | "b"): number {\n  switch (x) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}`,
    "switch-exhaustiveness-check",
  ),
  any("console", `console.log(1);\nexport {};`, "no-console"),
  any("any", `export const it = (x: any): unknown => x;`, "no-explicit-any"),
  {
    ...any("only", `import { it } from "vitest";\nit.only("x", () => {});`, "no-focused-tests"),
    file: "packages/engine/src/only.test.ts",
  },
  {
    ...any("skip", `import { it } from "vitest";\nit.skip("x", () => {});`, "no-disabled-tests"),
    file: "packages/engine/src/skip.test.ts",
  },
];

/** The layer rule. Every pair of rooms that the table in packages/README.md does not allow, and every owned package. */
const ROOMS = ["core", "cluster", "journal", "feeds", "venues", "exchange", "engine", "cli", "drills"];
const EDGES: Readonly<Record<string, readonly string[]>> = {
  engine: ["core", "cluster", "journal", "feeds", "venues"],
  cli: ["core", "engine"],
  drills: ["core", "cli"],
};
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "better-sqlite3": ["journal"],
  ccxt: ["venues"],
  etcd3: ["cluster", "drills"],
  ws: ["feeds", "journal", "venues", "exchange"],
};

function mayImport(from: string, to: string): boolean {
  return from !== "core" && (EDGES[from] ?? ["core"]).includes(to);
}

const EDGE_OFFENCES: readonly Offence[] = [
  ...ROOMS.flatMap((from) =>
    ROOMS.filter((to) => !mayImport(from, to)).map((to) =>
      edge(from, `room-${to}`, `import "@baton/${to}";`, `${from} may not import @baton/${to}`),
    ),
  ),
  ...Object.entries(OWNERS).flatMap(([name, owners]) =>
    ROOMS.filter((room) => !owners.includes(room)).map((room) =>
      edge(room, `outside-${name}`, `import x from "${name}";\nexport { x };`, `${room} may not import ${name}`),
    ),
  ),
  ...["node:fs", "fs", "node:crypto", "undici", "fastify", "pino", "vitest", "fast-check"].map((name) =>
    edge(
      "core",
      `impure-${name.replace(":", "-")}`,
      `import x from "${name}";\nexport { x };`,
      `core may not import ${name}`,
    ),
  ),
  edge(
    "journal",
    "dynamic",
    `export const it: unknown = import("@baton/cluster");`,
    "journal may not import @baton/cluster",
  ),
  edge(
    "journal",
    "type",
    `import type { x } from "@baton/cluster";\nexport type { x };`,
    "journal may not import @baton/cluster",
  ),
  edge(
    "journal",
    "inline-type",
    `export type X = import("@baton/cluster").X;`,
    "journal may not import @baton/cluster",
  ),
  edge("journal", "re-export", `export { x } from "@baton/feeds";`, "journal may not import @baton/feeds"),
  edge("journal", "re-export-all", `export * from "@baton/feeds";`, "journal may not import @baton/feeds"),
  edge(
    "journal",
    "by-path",
    `import "../../cluster/src/index.ts";`,
    "journal may not import packages/cluster/src/index.ts",
  ),
  edge(
    "journal",
    "worker",
    `export const it = new Worker(new URL("../../feeds/src/w.ts", import.meta.url));`,
    "packages/feeds/src/w.ts",
  ),
  edge("engine", "past-the-door", `import "@baton/core/src/time.ts";`, "@baton/core/src/time.ts goes past the door"),
  edge("engine", "of-test", `import "./x.test.ts";`, "may not import the test"),
  { file: "packages/unknown/src/x.ts", source: `import "@baton/core";`, names: "packages/unknown has no row" },
  {
    file: "packages/core/src/x.test.ts",
    source: `import "@baton/exchange";`,
    names: "core may not import @baton/exchange",
  },
  {
    file: "packages/feeds/src/y.test.ts",
    source: `import "@baton/venues";`,
    names: "feeds may not import @baton/venues",
  },
  { file: "test/cluster/x.ts", source: `import "../../packages/core/src/time.ts";`, names: "through its door" },
  {
    file: "test/simulation/x.ts",
    source: `import "@baton/engine";`,
    names: "test/simulation may not import @baton/engine",
  },
  {
    file: "packages/engine/src/circle-a.ts",
    source: `import { b } from "./circle-b.ts";\nexport const a: unknown = () => b;`,
    names: "no-cycle",
  },
  {
    file: "packages/engine/src/circle-b.ts",
    source: `import { a } from "./circle-a.ts";\nexport const b: unknown = () => a;`,
    names: "no-cycle",
  },
];

/** Types in core: a compile error that names the word. */
const CORE_TYPES: readonly Offence[] = [
  ...["setTimeout", "setInterval", "queueMicrotask", "process", "Buffer", "fetch", "performance", "console", "crypto"],
  ...["structuredClone", "WebSocket", "AbortController", "require", "URL", "TextEncoder"],
]
  .map((word) => core(`typed-${word}`, `export const it: unknown = ${word};`, `'${word}'`))
  .concat(
    ["node:fs", "node:timers", "node:net", "fs"].map((name) =>
      core(
        `typed-${name.replace(":", "-")}`,
        `import * as x from "${name}";\nexport const it: unknown = x;`,
        `'${name}'`,
      ),
    ),
  );

/** Files that no check may complain about: what the rooms are meant to write. */
const CLEAN: readonly Omit<Offence, "names">[] = [
  {
    file: "packages/core/src/sum.ts",
    source: `/** Adds. */\nexport const sum = (a: number, b: number): number => a + b;\n`,
  },
  {
    file: "packages/core/src/clean.ts",
    source: `import { sha256 } from "@noble/hashes/sha2.js";\nimport Big from "big.js";\nimport { z } from "zod";\nimport { sum } from "./sum.ts";\n\nexport const it: readonly unknown[] = [sha256, Big, z, sum(1, 2), Math.max(1, 2)];\n`,
  },
  {
    file: "packages/core/src/clean.test.ts",
    source: `import { readFileSync } from "node:fs";\nimport { expect, it } from "vitest";\nimport { sum } from "./sum.ts";\n\nit("reads", () => {\n  expect([readFileSync, Date.now, sum]).toHaveLength(3);\n});\n`,
  },
  {
    file: "packages/exchange/src/client.test.ts",
    source: `import ccxt from "ccxt";\n\nexport const it: unknown = ccxt;\n`,
  },
  {
    file: "packages/venues/src/real.test.ts",
    source: `import { x } from "@baton/exchange";\n\nexport const it: unknown = x;\n`,
  },
  {
    file: "packages/cluster/src/etcd.test.ts",
    source: `import { x } from "../../../test/rig/etcd.ts";\n\nexport const it: unknown = x;\n`,
  },
  {
    file: "packages/venues/src/options.ts",
    source: `export const options = { enableRateLimit: false, options: { maxRetriesOnFailure: 0 } } as const;\n`,
  },
  ...ROOMS.flatMap((from) =>
    ROOMS.filter((to) => mayImport(from, to)).map((to) => ({
      file: `packages/${from}/src/allowed-${to}.ts`,
      source: `import { x } from "@baton/${to}";\n\nexport const it: unknown = x;\n`,
    })),
  ),
  ...Object.entries(OWNERS).flatMap(([name, owners]) =>
    owners.map((room) => ({
      file: `packages/${room}/src/owned-${name}.ts`,
      source: `import x from "${name}";\n\nexport const it: unknown = x;\n`,
    })),
  ),
];

function core(name: string, source: string, names: string): Offence {
  return { file: `packages/core/src/${name}.ts`, source, names };
}

function any(name: string, source: string, names: string): Offence {
  return { file: `packages/engine/src/${name}.ts`, source, names };
}

function edge(room: string, name: string, source: string, names: string): Offence {
  return { file: `packages/${room}/src/${name}.ts`, source, names };
}

/** Lays a checkout out that has our configuration and these files, and nothing else. */
function checkoutWith(files: readonly Omit<Offence, "names">[]): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-checks-"));
  for (const name of [
    ".oxlintrc.json",
    ".oxlintrc.layers.json",
    "tsconfig.json",
    "packages/core/tsconfig.json",
    "scripts/lint",
  ]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { file, source } of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }
  return folder;
}

/** Runs oxlint over the folder as `npm run` does; the findings of each file, one text each. */
function lint(folder: string, options: readonly string[]): Map<string, string[]> {
  const run = spawnSync(bin("oxlint"), [...options, "--deny-warnings", "--format", "json", "packages", "test"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  const report = JSON.parse(run.stdout) as {
    diagnostics: { filename: string; code: string; message: string; help?: string }[];
  };
  const findings = new Map<string, string[]>();
  for (const { filename, code, message } of report.diagnostics) {
    findings.set(filename, [...(findings.get(filename) ?? []), `${code} ${message}`]);
  }
  expect(run.status).toBe(findings.size === 0 ? 0 : 1);
  return findings;
}

function compile(folder: string): Map<string, string[]> {
  const run = spawnSync(bin("tsc"), ["--noEmit", "--pretty", "false", "-p", "packages/core/tsconfig.json"], {
    cwd: folder,
    encoding: "utf8",
  });
  const findings = new Map<string, string[]>();
  for (const line of run.stdout.split("\n")) {
    const [, file, text] = /^(\S+?)\(\d+,\d+\): (.*)$/.exec(line) ?? [];
    if (file === undefined || text === undefined) continue;
    findings.set(file, [...(findings.get(file) ?? []), text]);
  }
  expect(run.status === 0).toBe(findings.size === 0);
  return findings;
}

/** One test for each offence: its file has a finding that names it. */
function eachIsNamed(offences: readonly Offence[], findings: () => Map<string, string[]>): void {
  it.each(offences)("$file: $names", ({ file, names }) => {
    expect(findings().get(file) ?? []).toContainEqual(expect.stringContaining(names));
  });
}

describe("the checks bite", () => {
  const folders: string[] = [];
  let linted = new Map<string, string[]>();
  let layered = new Map<string, string[]>();
  let compiled = new Map<string, string[]>();

  beforeAll(() => {
    const dirty = checkoutWith([...CORE_CODE, ...ANY_CODE, ...EDGE_OFFENCES, ...CLEAN]);
    const typed = checkoutWith([...CORE_TYPES, ...CLEAN.filter(({ file }) => file.startsWith("packages/core/"))]);
    folders.push(dirty, typed);
    linted = lint(dirty, ["--type-aware"]);
    layered = lint(dirty, ["--config", ".oxlintrc.layers.json"]);
    compiled = compile(typed);
  });

  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  describe("lint refuses in core", () => {
    eachIsNamed(CORE_CODE, () => linted);
  });
  describe("lint refuses everywhere", () => {
    eachIsNamed(ANY_CODE, () => linted);
  });
  describe("the layer rule refuses", () => {
    eachIsNamed(EDGE_OFFENCES, () => layered);
  });
  describe("the compiler refuses in core", () => {
    eachIsNamed(CORE_TYPES, () => compiled);
  });

  it.each(CLEAN)("nothing complains about $file", ({ file }) => {
    expect([linted.get(file), layered.get(file), compiled.get(file)]).toEqual([undefined, undefined, undefined]);
  });
});

describe("the checks look at everything", () => {
  const sources = globSync(["packages/**/*.ts", "scripts/**/*.ts", "test/**/*.ts"], {
    cwd: root,
    exclude: (name) => name === "node_modules",
  });

  it.each([".oxlintrc.json", ".oxlintrc.layers.json"])("oxlint with %s reads each source file", (config) => {
    const listed = execFileSync(bin("oxlint"), ["--config", config, "--debug", "files"], {
      cwd: root,
      encoding: "utf8",
    });
    const read = new Set(listed.split("\n").map((file) => file.trim()));
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.filter((file) => !read.has(file))).toEqual([]);
  });

  it("the compiler reads each source file", () => {
    const listed = execFileSync(bin("tsc"), ["--noEmit", "--listFilesOnly", "-p", "tsconfig.json"], {
      cwd: root,
      encoding: "utf8",
    });
    const read = new Set(listed.split("\n"));
    expect(sources.filter((file) => !read.has(join(root, file)))).toEqual([]);
  });
});
