/**
 * Packs `@baton/feeds` as a library that stands alone: plain JavaScript with declarations and maps of where each came
 * from, and of core only the files that feeds reach. What it needs besides is `ws`.
 *
 * It is emitted because Node refuses to strip types under `node_modules`. The stage lies inside the checkout, where the
 * compiler finds the types of what is imported; nothing of it stays.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..");
const core = join(root, "packages/core");
const feeds = join(root, "packages/feeds");

const { positionals } = parseArgs({ allowPositionals: true });
const [out = "."] = positionals;
mkdirSync(out, { recursive: true });
mkdirSync(join(root, ".baton"), { recursive: true });
const stage = mkdtempSync(join(root, ".baton/library-"));
try {
  process.stdout.write(`${pack(resolve(out))}\n`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** Writes the tarball into `directory` and returns its path. */
function pack(directory: string): string {
  for (const [from, to] of [
    [core, "core"],
    [feeds, "feeds"],
  ] as const) {
    const isSource = (file: string): boolean => !/\.test\.ts$|\/testing(?:\/|$)|\/corpus(?:\/|$)/u.test(file);
    cpSync(join(from, "src"), join(stage, "src", to), { recursive: true, filter: isSource });
  }
  const sources = filesUnder(join(stage, "src/feeds"));
  const wanted = new Set(sources.flatMap((file) => importsOfCore(readFileSync(file, "utf8"))));
  const door = join(stage, "src/core/market-door.ts");
  writeFileSync(door, doorFor(wanted));
  for (const file of sources) {
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll('from "@baton/core"', `from "${relative(dirname(file), door)}"`));
  }
  writeFileSync(
    join(stage, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: {
        noEmit: false,
        outDir: "lib",
        rootDir: "src",
        rewriteRelativeImportExtensions: true,
        allowImportingTsExtensions: false,
      },
      files: ["src/feeds/index.ts"],
      include: [],
    }),
  );
  run(join(root, "node_modules/.bin/tsc"), ["-p", stage]);
  for (const file of filesUnder(join(stage, "lib")).filter((one) => one.endsWith(".d.ts"))) {
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(/(from |import\()"(\.[^"]*)\.ts"/gu, '$1"$2.js"'));
  }
  const manifest = JSON.parse(readFileSync(join(feeds, "package.json"), "utf8")) as Record<string, unknown>;
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifestOf(manifest), null, 2)}\n`);
  cpSync(join(feeds, "README.md"), join(stage, "README.md"));
  cpSync(join(root, "LICENSE"), join(stage, "LICENSE"));
  const npm = npmProgram();
  const packed = run(npm[0], [...npm.slice(1), "pack", stage, "--pack-destination", directory, "--json", "--silent"]);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  return join(directory, filename.replace("@", "").replace("/", "-"));
}

function manifestOf(manifest: Record<string, unknown>): Record<string, unknown> {
  const { name, version, license, type } = manifest;
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines: unknown };
  const dependencies = Object.fromEntries(externalImports().map((one) => [one, versionOf(one)]));
  return {
    ...{ name, version, license, type, engines },
    description: "Market data over WebSockets that is complete, fresh, or says that it is not.",
    exports: { ".": { types: "./lib/feeds/index.d.ts", default: "./lib/feeds/index.js" } },
    files: ["lib"],
    dependencies,
  };
}

/** What the emitted files import that is neither theirs nor Node's. */
function externalImports(): readonly string[] {
  const texts = filesUnder(join(stage, "lib"))
    .filter((file) => file.endsWith(".js"))
    .map((file) => readFileSync(file, "utf8"));
  const names = texts.flatMap((text) => [...text.matchAll(/from "([^".][^"]*)"/gu)].map((match) => match[1] ?? ""));
  return [...new Set(names)].filter((name) => !name.startsWith("node:")).toSorted();
}

/** The exact version that the packages here are tested with. */
function versionOf(name: string): string {
  for (const at of [feeds, core]) {
    const manifest = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const version = manifest.dependencies[name];
    if (version !== undefined) return version;
  }
  throw new Error(`${name} is imported and is no dependency of feeds or core`);
}

/** The names that a file takes from core. */
function importsOfCore(text: string): readonly string[] {
  return [...text.matchAll(/import (?:type )?\{([^}]*)\} from "@baton\/core"/gu)].flatMap((match) =>
    (match[1] ?? "")
      .split(",")
      .map((name) => name.trim().replace(/^type /u, ""))
      .filter((name) => name !== ""),
  );
}

/** Core's door without the rooms that feeds never enter. */
function doorFor(wanted: ReadonlySet<string>): string {
  const lines = readFileSync(join(core, "src/index.ts"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("export "));
  const missing = new Set(wanted);
  const kept = lines.filter((line) => {
    const file = /from "(\.[^"]+)"/u.exec(line)?.[1];
    if (file === undefined) return false;
    const text = readFileSync(join(core, "src", file), "utf8");
    const given = [...wanted].filter((name) => exportsName(text, name));
    for (const name of given) missing.delete(name);
    return given.length > 0;
  });
  if (missing.size > 0) throw new Error(`core does not give ${[...missing].join(", ")}`);
  return `${kept.join("\n")}\n`;
}

function exportsName(text: string, name: string): boolean {
  if (new RegExp(`^export (?:async )?(?:const|function|class|interface|type) ${name}\\b`, "mu").test(text)) return true;
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gmu)].some((match) =>
    (match[1] ?? "").split(",").some((one) => one.trim().replace(/^type /u, "") === name),
  );
}

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** npm as the scripts run it: its own program, by this Node. */
function npmProgram(): readonly [string, ...string[]] {
  const npm = run("bash", ["-c", 'readlink -f "$(command -v npm)"']).trim();
  return npm.endsWith("npm-cli.js") ? [process.execPath, npm] : [npm];
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", cwd: stage, stdio: ["ignore", "pipe", "inherit"] });
}
