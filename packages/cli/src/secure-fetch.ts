/**
 * Requests to nodes that speak TLS: whom to believe and whom to be. Only commands that are given certificates load what it
 * takes; a public authority needs none of it.
 */
import { readFileSync } from "node:fs";
import { CliEnd } from "./exit.ts";

/** PEM texts. Without `ca` the machine's own authorities count; `cert` and `key` come together. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Paths of these texts, as they were given. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** `fetch`, believing and showing what `tls` says. */
export async function fetchWith(tls: ClientTls | undefined): Promise<typeof fetch> {
  if (tls === undefined) return fetch;
  const undici = await import("undici");
  const dispatcher = new undici.Agent({ connect: { ...tls } });
  // The same function as the built-in one, which takes no dispatcher of another copy.
  return ((url: string, options: object) => undici.fetch(url, { ...options, dispatcher })) as unknown as typeof fetch;
}

/** Reads the files that were given; undefined where none was. A certificate without its key (or the other way) is no use. */
export function readTls(files: TlsFiles): ClientTls | undefined {
  const { ca, cert, key } = files;
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "cert" : "key";
    throw new CliEnd("usage", `--${missing} is missing: a client certificate is a certificate and its key.`, {
      field: missing,
    });
  }
  const given = Object.entries({ ca, cert, key }).filter((each): each is [string, string] => each[1] !== undefined);
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.map(([name, file]) => [name, read(name, file)]));
}

/**
 * Why a TLS connection was refused and what to do about it, in a sentence; undefined where TLS is not at fault. `code` is
 * Node's.
 */
export function tlsAdvice(code: string): string | undefined {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired: renew it on the node, which takes it up without a restart";
    case "CERT_NOT_YET_VALID":
      return "its certificate is not valid yet: look at the clocks of both machines";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "its certificate is for another host: use the name or address that it names";
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
    case "EPROTO":
      return "it speaks no TLS: use http:// there";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_SIGNATURE_FAILURE":
    case "CERT_UNTRUSTED":
      return "its certificate is of an authority that is not known here: give --ca FILE";
    default:
      return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? `no TLS connection (${code})` : undefined;
  }
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliEnd("usage", `the file of --${name} cannot be read: ${(error as Error).message}.`, { field: name });
  }
}
