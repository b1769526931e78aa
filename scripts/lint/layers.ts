/**
 * The layer rule: which room may import which, and which room owns which outside package.
 *
 * Decided here, on the path of a file and the text of its imports: packages meet only through the door
 * (`src/index.ts`, imported as `@baton/NAME`), a package imports only the rooms its row names, the packages that do
 * input and output are each named in one row of `OWNED_OUTSIDE`, and `core` imports nothing but pure code. A worker's
 * entry point (`new Worker(new URL("./x.ts", import.meta.url))`) counts as an import. packages/README.md shows the same
 * table to readers. Cycles inside a package are found by oxlint's `import/no-cycle` in the same run.
 */
import { posix, relative, sep } from "node:path";
import type { Context, ESTree, Rule } from "@oxlint/plugins";

/** The rooms, and the rooms that each may import. A folder under packages/ that has no row may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  cluster: ["core"],
  journal: ["core"],
  feeds: ["core"],
  venues: ["core"],
  exchange: ["core"],
  console: ["core"],
  engine: ["core", "cluster", "journal", "feeds", "venues", "console"],
  cli: ["core", "engine"],
  drills: ["core", "cli"],
};

/** Rooms may be replaced only where they are not smeared over others: the owners of each outside package with I/O. */
const OWNED_OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  "better-sqlite3": ["journal"],
  ccxt: ["venues"],
  etcd3: ["cluster", "drills"],
  ws: ["feeds", "journal", "venues", "exchange"],
};

/** All that `core` may import from outside, and what its tests may use besides. */
const PURE_OUTSIDE: readonly string[] = ["@noble/hashes", "big.js", "zod"];
const PURE_TESTS: readonly string[] = ["vitest", "fast-check"];

/** What threads, the supervisor, the first instant of an engine and the check of the shells need of a room, without the rest. */
const SIDE_DOORS: ReadonlySet<string> = new Set([
  "@baton/core/records",
  "@baton/cluster/prepared-engine",
  "@baton/cluster/prepared-keeper",
  "@baton/cluster/supervisor",
  "@baton/engine/prepared-engine",
  "@baton/engine/shells",
  "@baton/journal/prepared-writer",
]);

/** A test beside the code may talk to a real counterpart: the simulated exchange, and any client that speaks to it. */
const COUNTERPART = "exchange";

/** What tests share: a real etcd on loopback and the like. */
const RIG = "test/rig/";

/** Folders under test/ that promise more than "anything, through the doors". */
const TEST_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  simulation: ["core", "exchange"],
};

interface Importer {
  /** Path from the top of the checkout, with forward slashes. */
  readonly path: string;
  /** The package it is in, or undefined under scripts/ and test/. */
  readonly room: string | undefined;
  readonly isTest: boolean;
}

/** Why `importer` may not import `specifier`, as a sentence; undefined when it may. */
function refusal(importer: Importer, specifier: string): string | undefined {
  const { room } = importer;
  if (room !== undefined && MAY_IMPORT[room] === undefined) {
    return `packages/${room} has no row in the layer table (scripts/lint/layers.ts).`;
  }
  if (specifier.startsWith(".")) return refusalOfFile(importer, specifier);
  const name = packageOf(specifier);
  if (name.startsWith("@baton/")) {
    return refusalOfRoom(importer, SIDE_DOORS.has(specifier) ? name : specifier, name.slice("@baton/".length));
  }
  if (room === undefined) return undefined;
  if (room === "core") return refusalOfImpurity(importer, specifier, name);
  const owners = OWNED_OUTSIDE[name];
  if (owners === undefined || owners.includes(room) || importer.isTest) return undefined;
  return `${room} may not import ${name}: only ${owners.join(", ")} may.`;
}

function refusalOfFile(importer: Importer, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(importer.path), specifier);
  if (importer.isTest && target.startsWith(RIG)) return undefined;
  if (importer.room !== undefined && !target.startsWith(`packages/${importer.room}/`)) {
    return `${importer.room} may not import ${target}: another room is imported by its name, through its door.`;
  }
  if (importer.room === undefined && target.startsWith("packages/")) {
    return `${importer.path} may not import ${target}: a room is imported by its name, through its door.`;
  }
  if (!importer.isTest && target.endsWith(".test.ts")) return `${importer.path} may not import the test ${target}.`;
  return undefined;
}

function refusalOfRoom(importer: Importer, specifier: string, target: string): string | undefined {
  if (target !== specifier.slice("@baton/".length)) {
    return `${specifier} goes past the door: import @baton/${target}.`;
  }
  const { room } = importer;
  if (room === undefined) {
    const folder = importer.path.split("/")[1] ?? "";
    const allowed = importer.path.startsWith("test/") ? TEST_FOLDERS[folder] : undefined;
    if (allowed === undefined || allowed.includes(target)) return undefined;
    return `test/${folder} may not import @baton/${target}: only ${allowed.join(", ")}.`;
  }
  const allowed = MAY_IMPORT[room] ?? [];
  if (allowed.includes(target)) return undefined;
  if (importer.isTest && target === COUNTERPART && room !== "core") return undefined;
  const rooms = allowed.length === 0 ? "no other room" : `only ${allowed.join(", ")}`;
  return `${room} may not import @baton/${target}: it may import ${rooms}.`;
}

function refusalOfImpurity(importer: Importer, specifier: string, name: string): string | undefined {
  if (PURE_OUTSIDE.includes(name)) return undefined;
  if (importer.isTest && (PURE_TESTS.includes(name) || specifier.startsWith("node:"))) return undefined;
  return `core may not import ${specifier}: it decides without input or output (allowed: ${PURE_OUTSIDE.join(", ")}).`;
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}

function importerOf(context: Context): Importer {
  const path = relative(context.cwd, context.filename).split(sep).join("/");
  const [top, room] = path.split("/");
  return { path, room: top === "packages" ? room : undefined, isTest: path.endsWith(".test.ts") };
}

/** The rule as oxlint runs it: every import, re-export, dynamic import and worker of a file against the table. */
export const layers: Rule = {
  create(context) {
    const importer = importerOf(context);
    const check = (node: ESTree.Node, source: ESTree.Node | null): void => {
      if (source?.type !== "Literal" || typeof source.value !== "string") return;
      const message = refusal(importer, source.value);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      ImportExpression: (node) => check(node, node.source),
      TSImportType: (node) => check(node, node.source),
      NewExpression(node) {
        const [entry] = node.arguments;
        if (!isNewOf(node, "Worker") || entry === undefined || !isNewOf(entry, "URL")) return;
        check(node, entry.arguments[0] ?? null);
      },
    };
  },
};

function isNewOf(node: ESTree.Node, name: string): node is ESTree.NewExpression {
  return node.type === "NewExpression" && node.callee.type === "Identifier" && node.callee.name === name;
}
