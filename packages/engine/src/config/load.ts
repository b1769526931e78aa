/**
 * Reads a configuration file: YAML with positions, checked by core, so that every fault is told with its line, its key
 * and what is allowed there. Paths in the file become absolute here: secrets and tokens that are relative start at
 * systemd's `$CREDENTIALS_DIRECTORY` where there is one, everything else starts at the file's own folder. Secrets are
 * not read here (`secrets.ts`), so that anyone may check a file without being allowed to see them.
 */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { checkConfig } from "@baton/core";
import type { Config, ConfigIssue, ConfigPath } from "@baton/core";
import { LineCounter, isCollection, isMap, isPair, isScalar, parseDocument } from "yaml";
import type { Document, Node } from "yaml";

/** One fault of a configuration file, ready to be printed. */
export interface ConfigProblem {
  readonly file: string;
  /** 1-based; 1 where the fault is of the file as a whole. */
  readonly line: number;
  readonly key: string;
  readonly allowed: string;
  readonly sentence: string;
}

/** The file cannot be used; the process ends with exit status 78. Holds every fault that was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "config-invalid";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join("\n"));
    this.problems = problems;
  }
}

/** `file:line: sentence (allowed: …)` */
export function problemText(problem: ConfigProblem): string {
  const allowed = problem.allowed === "" ? "" : ` Allowed: ${problem.allowed}.`;
  return `${problem.file}:${problem.line}: ${problem.sentence}${allowed}`;
}

/** The checked configuration of `file`, with absolute paths. Throws `ConfigError` with every fault that was found. */
export function loadConfig(file: string, environment: NodeJS.ProcessEnv = process.env): Config {
  return parseConfig(readText(file), file, environment);
}

/** As `loadConfig`, for text that is already there; `file` names it and is where relative paths start. */
export function parseConfig(text: string, file: string, environment: NodeJS.ProcessEnv = process.env): Config {
  const lines = new LineCounter();
  // version 1.2: "no" and "on" are words, not booleans. `uniqueKeys` refuses a key that is written twice.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2", uniqueKeys: true });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    throw new ConfigError(
      broken.map((error) => ({
        file,
        line: Math.max(1, lines.linePos(error.pos[0]).line),
        key: "(file)",
        allowed: "one YAML 1.2 document",
        sentence: `this is not YAML: ${error.message}.`,
      })),
    );
  }
  const checked = checkConfig(document.toJS({ maxAliasCount: 100 }));
  if (checked.kind === "invalid") {
    throw new ConfigError(
      checked.issues
        .map((issue) => ({
          file,
          line: lineOf(document, lines, issue),
          key: issue.key,
          allowed: issue.allowed,
          sentence: issue.sentence,
        }))
        .toSorted((a, b) => a.line - b.line),
    );
  }
  return withAbsolutePaths(checked.config, dirname(resolve(file)), environment["CREDENTIALS_DIRECTORY"]);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const cause = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ConfigError([
      { file, line: 1, key: "(file)", allowed: "a readable YAML file", sentence: `this cannot be read (${cause}).` },
    ]);
  }
}

function withAbsolutePaths(config: Config, folder: string, credentials: string | undefined): Config {
  const secret = (path: string): string => (isAbsolute(path) ? path : resolve(credentials ?? folder, path));
  const { api, archive, etcd } = config;
  return {
    ...config,
    node: { ...config.node, dataDir: resolve(folder, config.node.dataDir) },
    api: {
      ...api,
      ...(api.tokensFile !== undefined && { tokensFile: secret(api.tokensFile) }),
      ...(api.tls && {
        tls: {
          certFile: secret(api.tls.certFile),
          keyFile: secret(api.tls.keyFile),
          caFile: secret(api.tls.caFile),
        },
      }),
    },
    etcd: {
      ...etcd,
      ...(etcd.tls && {
        tls: {
          caFile: secret(etcd.tls.caFile),
          ...(etcd.tls.certFile !== undefined && { certFile: secret(etcd.tls.certFile) }),
          ...(etcd.tls.keyFile !== undefined && { keyFile: secret(etcd.tls.keyFile) }),
        },
      }),
      ...(etcd.auth && { auth: { ...etcd.auth, passwordFile: secret(etcd.auth.passwordFile) } }),
    },
    venues: config.venues.map((venue) => ({
      ...venue,
      apiKeyFile: secret(venue.apiKeyFile),
      secretFile: secret(venue.secretFile),
      ...(venue.passphraseFile !== undefined && { passphraseFile: secret(venue.passphraseFile) }),
    })),
    strategies: config.strategies.map((strategy) => ({ ...strategy, module: resolve(folder, strategy.module) })),
    archive: {
      ...archive,
      ...(archive.accessKeyFile !== undefined && { accessKeyFile: secret(archive.accessKeyFile) }),
      ...(archive.secretFile !== undefined && { secretFile: secret(archive.secretFile) }),
    },
  };
}

/** The line of the key that is at fault, or of the nearest one above it where the key itself is missing. */
function lineOf(document: Document, lines: LineCounter, issue: ConfigIssue): number {
  for (let length = issue.path.length; length > 0; length -= 1) {
    const offset = offsetOf(document, issue.path.slice(0, length));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

function offsetOf(document: Document, path: ConfigPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === step);
      if (pair === undefined) return undefined;
      offset = startOf(pair.key as Node);
      node = pair.value;
    } else if (isCollection(node) && typeof step === "number") {
      node = node.items[step];
      if (node === undefined) return undefined;
      offset = startOf(node as Node);
    } else {
      return undefined;
    }
  }
  return offset;
}

function startOf(node: Node): number | undefined {
  return node.range?.[0];
}
