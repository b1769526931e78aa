/**
 * Who may do what: bearer tokens with a role. Reads are open to every role, orders need trader, operations need operator.
 * Without a token only loopback may write, and only where the configuration says so (demonstrations). Tokens are compared
 * by hash in constant time and never logged.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

export type Right = "viewer" | "trader" | "operator";

/** The asker of a request. */
export interface Principal {
  readonly name: string;
  readonly role: Right;
}

const ranks: Readonly<Record<Right, number>> = { viewer: 0, trader: 1, operator: 2 };

/** True when the role covers the right; an operator may trade, a trader may look. */
export function isAllowed(principal: Principal, right: Right): boolean {
  return ranks[principal.role] >= ranks[right];
}

export interface Principals {
  /** The asker of a request, undefined when it may not even look. */
  of(request: { readonly authorization: string | undefined; readonly address: string }): Principal | undefined;
}

/** A line of the tokens file is not `principal role token`. */
export class TokensFileError extends Error {
  override readonly name = "TokensFileError";
  readonly code = "tokens-file";
}

/** Reads the tokens file (one `principal role token` a line, `#` comments). */
export function openPrincipals(o: {
  readonly tokensFile?: string;
  readonly allowLoopbackWithoutToken: boolean;
}): Principals {
  const known = o.tokensFile === undefined ? [] : readTokens(o.tokensFile);
  return {
    of({ authorization, address }) {
      const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
      if (token !== undefined) {
        const digest = digestOf(token);
        return known.find((each) => timingSafeEqual(each.digest, digest))?.principal;
      }
      if (!isLoopback(address)) return undefined;
      return { name: "local", role: o.allowLoopbackWithoutToken ? "operator" : "viewer" };
    },
  };
}

function readTokens(file: string): { principal: Principal; digest: Buffer }[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line.trim() === "" || line.trim().startsWith("#")) return [];
    const [name, role, token, rest] = line.trim().split(/\s+/);
    const isRole = role === "viewer" || role === "trader" || role === "operator";
    if (name === undefined || !isRole || token === undefined || rest !== undefined) {
      throw new TokensFileError(`${file}:${index + 1}: expected "principal viewer|trader|operator token"`);
    }
    return [{ principal: { name, role }, digest: digestOf(token) }];
  });
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
