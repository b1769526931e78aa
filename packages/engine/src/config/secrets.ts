/**
 * Reads what a configuration only points at: keys, passwords and the tokens of the API. A secret's text never enters the
 * configuration, a log line or an error; errors name the file.
 */
import { readFileSync, statSync } from "node:fs";
import { createHash, timingSafeEqual } from "node:crypto";
import { isRole } from "@baton/core";
import type { Principal } from "@baton/core";
import { ConfigError } from "./load.ts";

/** A secret and what an operator should know about its file. */
export interface Secret {
  readonly value: string;
  /** One sentence where others on this machine may read the file; undefined when it is private. */
  readonly warning?: string;
}

/** The content of a secret's file without the line end. Throws `ConfigError` when it is missing, unreadable or empty. */
export function readSecret(file: string): Secret {
  const value = read(file).replace(/\r?\n$/, "");
  if (value.trim() === "") throw refused(file, 1, "is empty", "a file that holds the secret and nothing else");
  const mode = statSync(file).mode & 0o077;
  if (mode === 0) return { value };
  return { value, warning: `${file} can be read or written by others on this machine: chmod 600 it.` };
}

/** The tokens of the API: gives the principal of a presented token, or undefined. */
export interface Tokens {
  readonly principals: readonly Principal[];
  principalOf(token: string): Principal | undefined;
}

/**
 * Reads a tokens file: one `principal role token` a line, `#` starts a comment. Throws `ConfigError` with every line
 * that is wrong; a principal may have several tokens (so that they can be rotated), a token has one principal.
 */
export function readTokens(file: string): Tokens {
  const entries: { readonly principal: Principal; readonly digest: Buffer }[] = [];
  const problems: ConfigError[] = [];
  for (const [at, line] of read(file).split("\n").entries()) {
    const text = line.replace(/\s+#.*$|^#.*$/, "").trim();
    if (text === "") continue;
    const [name, role, token, ...rest] = text.split(/\s+/);
    const form =
      "principal role token, with role one of viewer, trader, operator and a token of at least 16 characters";
    if (name === undefined || role === undefined || token === undefined || rest.length > 0) {
      problems.push(refused(file, at + 1, "does not hold three words", form));
    } else if (!isRole(role)) {
      problems.push(refused(file, at + 1, `gives ${name} the role ${role}`, form));
    } else if (token.length < 16) {
      problems.push(refused(file, at + 1, `gives ${name} a token that can be guessed`, form));
    } else if (entries.some((entry) => timingSafeEqual(entry.digest, digestOf(token)))) {
      problems.push(refused(file, at + 1, `gives ${name} a token that stands above already`, "each token once"));
    } else {
      entries.push({ principal: { name, role }, digest: digestOf(token) });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.flatMap((problem) => problem.problems));
  if (entries.length === 0) throw refused(file, 1, "holds no token", "at least one line: principal role token");
  return {
    principals: entries.map((entry) => entry.principal),
    principalOf: (token) => {
      const digest = digestOf(token);
      return entries.find((entry) => timingSafeEqual(entry.digest, digest))?.principal;
    },
  };
}

// Digests have one length, so that comparing takes the same time for every token that is presented.
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw refused(file, 1, `cannot be read (${code})`, "a file that this user can read");
  }
}

function refused(file: string, line: number, what: string, allowed: string): ConfigError {
  return new ConfigError([{ file, line, key: "(file)", allowed, sentence: `this ${what}.` }]);
}
